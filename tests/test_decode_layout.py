"""Decoding tokens of every length and kind: short and long, of whole characters and of parts.

The decoder lays short tokens out in tables of fixed steps, copies whole steps as long as there is
room, and treats what does not fit apart: the borders between these are what is tested here.
"""

import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rwkv_tok import TokenIdError, Tokenizer

# One character of each length in UTF-8, and of each size that a str may keep it in.
CHARACTERS = ["a", "é", "ж", "好", "🙂"]

# In characters: around what an entry holds of them (7) and of bytes (15), and what is counted in
# a byte (255); for the longest ones up to 1,024 bytes, the most there may be.
LENGTHS = [1, 2, 3, 4, 5, 6, 7, 8, 9, 14, 15, 16, 17, 31, 32, 127, 128, 129, 255, 256, 257, 1024]

PARTS = [b"\xe5\xa5", b"\xa5\xbd", b"a\xe5", b"\xbda", b"\xc3a", b"\xf0\x9f", b"\x99\x82"]
PARTS += [b"\xf0\x9f\x99", b"\x9f\x99\x82!", b"\xbd" + b"x" * 20 + b"\xe5\xa5", b"\xbd" * 300]
PARTS += ["好".encode() * 300 + b"\xe5", b"\xed\xa0\x80", b"\xc0\x80", b"\xf4\x90\x80\x80"]

# Next to what is longer, mixed kinds.
MIXED = ["aé", "naïve", "aж", "жa好", "“quoted”", "a🙂", "abcdefgé", "жжжжжжжa", "é" * 7 + "🙂"]


def layout_tokens() -> dict[int, bytes]:
    tokens = [(character * n).encode() for character in CHARACTERS for n in LENGTHS]
    tokens += [*PARTS, *(text.encode() for text in MIXED)]
    longer = dict.fromkeys(token for token in tokens if 1 < len(token) <= 1024)
    # Spread over the ids, the last one included.
    ids = range(65535, 300, -401)
    return {byte + 1: bytes([byte]) for byte in range(256)} | dict(zip(ids, longer, strict=False))


TOKENS = layout_tokens()
UNKNOWN = next(i for i in range(300, 65536) if i not in TOKENS)
LONGER = [i for i in TOKENS if i > 256]
SOME = [*LONGER, 0, 1, *(byte + 1 for byte in b"a\x7f\x80\xa5\xbd\xc3\xe5\xf0\xff")]
WHOLE = [i for i in LONGER if TOKENS[i] not in PARTS]


@pytest.fixture(scope="module")
def layout() -> Tokenizer:
    return Tokenizer.from_tokens(TOKENS)


def join(ids: list[int]) -> bytes:
    return b"".join(TOKENS.get(i, b"") for i in ids)


def outcome(call: Callable[[], str]) -> Any:
    """The result, or what tells one error from another."""
    try:
        return call()
    except UnicodeDecodeError as error:
        return error.args


def assert_decodes(tok: Tokenizer, ids: list[int]) -> None:
    """As Python joins the tokens and decodes them, alone and in a batch, from both kinds of ids."""
    joined = join(ids)
    for dtype in (np.uint16, np.int64):
        array = np.array(ids, dtype)
        assert tok.decode_bytes(array) == joined
        assert tok.decode_bytes_batch([array]) == [joined]
        assert_same_text(tok.decode(array), joined.decode(errors="replace"))
        assert_same_text(tok.decode_batch([array])[0], joined.decode(errors="replace"))


def assert_same_text(text: str, expected: str) -> None:
    assert text == expected
    # The smallest kind of str that holds the characters, as everything in CPython relies on.
    if len(expected) > 1:
        assert sys.getsizeof(text) == sys.getsizeof(expected)
    assert text.isascii() == expected.isascii()


def test_the_tokens_are_as_meant() -> None:
    lengths = {len(token) for token in TOKENS.values()}
    assert lengths > {1, 2, 14, 15, 16, 17, 127, 128, 129, 255, 256, 257, 1020, 1024}
    assert {65535, 65535 - 401} < set(TOKENS)


@pytest.mark.parametrize("first", SOME)
def test_every_pair_of_tokens_decodes(layout: Tokenizer, first: int) -> None:
    for second in SOME:
        assert_decodes(layout, [first, second])


@pytest.mark.parametrize("count", range(1, 40))
def test_every_token_may_be_the_last_of_several(layout: Tokenizer, count: int) -> None:
    for character in CHARACTERS:
        short = [byte + 1 for byte in character.encode()] * count
        for last in LONGER[:: 1 + count % 3]:
            assert_decodes(layout, [*short, last])


@given(st.lists(st.sampled_from(SOME), max_size=60))
def test_any_sequence_of_them_decodes(layout: Tokenizer, ids: list[int]) -> None:
    assert_decodes(layout, ids)


@given(st.lists(st.sampled_from(WHOLE), max_size=60), st.sampled_from([0, 1, 2]))
def test_what_is_valid_utf8_is_decoded_strictly(
    layout: Tokenizer, ids: list[int], zeros: int
) -> None:
    text = join(ids).decode()
    in_bytes = [i for byte in text.encode() for i in (byte + 1, *[0] * zeros)]
    assert_same_text(layout.decode(np.array(ids, np.uint16), errors="strict"), text)
    assert_same_text(layout.decode(np.array(in_bytes, np.uint16), errors="strict"), text)


@pytest.mark.parametrize("errors", ["strict", "replace", "ignore"])
@given(st.lists(st.sampled_from(SOME), max_size=12))
def test_errors_are_those_of_python(layout: Tokenizer, errors: Any, ids: list[int]) -> None:
    assert outcome(lambda: layout.decode(ids, errors=errors)) == outcome(
        lambda: join(ids).decode(errors=errors)
    )


def neighbours() -> Iterator[list[int]]:
    """Sequences of one kind each, so that each way of filling a str meets an unknown id."""
    for character in CHARACTERS:
        yield [i for i in LONGER if TOKENS[i].startswith(character.encode()) and len(TOKENS[i]) < 9]
        yield [byte + 1 for byte in character.encode()] * 8


@pytest.mark.parametrize("dtype", [np.uint16, np.int64])
@pytest.mark.parametrize("ids", list(neighbours()))
def test_an_unknown_id_is_found_at_every_position(
    layout: Tokenizer, ids: list[int], dtype: Any
) -> None:
    ids = (ids * 40)[:40]
    for position in range(len(ids) + 1):
        array = np.array([*ids[:position], UNKNOWN, *ids[position:]], dtype)
        before, after = join(ids[:position]), join(ids[position:])
        for decode in (layout.decode, layout.decode_bytes):
            with pytest.raises(TokenIdError) as caught:
                decode(array)
            assert (caught.value.id, caught.value.position) == (UNKNOWN, position)
        skipped, replaced = before + after, before + "\ufffd".encode() + after
        assert layout.decode_bytes(array, unknown="skip") == skipped
        assert layout.decode_bytes(array, unknown="replace") == replaced
        for unknown, data in (("skip", skipped), ("replace", replaced)):
            text = layout.decode(array, unknown=unknown)  # type: ignore[arg-type]
            assert_same_text(text, data.decode(errors="replace"))


@pytest.mark.parametrize("wrong", [-1, 65536, 65536 + 98, 2**63 - 1, -(2**63)])
def test_a_number_that_is_no_id_never_passes_for_the_one_it_would_wrap_to(
    layout: Tokenizer, wrong: int
) -> None:
    for ids in neighbours():
        array = np.array([*ids, wrong, *ids], np.int64)
        data = join(ids * 2)
        assert layout.decode_bytes(array, unknown="skip") == data
        assert layout.decode(array, unknown="skip") == data.decode(errors="replace")
        with pytest.raises(TokenIdError) as caught:
            layout.decode(array)
        assert (caught.value.id, caught.value.position) == (wrong, len(ids))
