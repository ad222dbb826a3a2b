"""Decoding ids that come in pieces: whole characters, as soon as they are complete."""

import codecs
import copy
import gc
import pickle
import sys
import weakref
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import ReferenceTokenizer
from strategies import small_vocabularies, texts

from rwkv_tok import Tokenizer
from rwkv_tok._stream_decode import StreamDecoder

SPECIAL = {"<|é🙂|>": 65530, "<|end|>": 65533}
REPLACEMENT = "\ufffd".encode()
UNASSIGNED = [65531, 65532, 65534, 65535]

# What is passed to `feed`, one after the other, for some ids.
FORMS: dict[str, Callable[[list[int]], Iterable[Any]]] = {
    "single ints": list,
    "single NumPy scalars": lambda ids: map(np.uint16, ids),
    "single wide NumPy scalars": lambda ids: map(np.int64, ids),
    "arrays without dimension": lambda ids: map(np.array, ids),
    "list": lambda ids: [ids],
    "tuple": lambda ids: [tuple(ids)],
    "iterator": lambda ids: [iter(ids)],
    "deque": lambda ids: [deque(ids)],
    "uint16": lambda ids: [np.array(ids, np.uint16)],
    "int64": lambda ids: [np.array(ids, np.int64)],
    "int32": lambda ids: [np.array(ids, np.int32)],
    "big-endian": lambda ids: [np.array(ids, ">u2")],
    "uint64": lambda ids: [np.array(ids, np.uint64)],
    "backwards": lambda ids: [np.array(ids[::-1], np.uint16)[::-1]],
    "objects": lambda ids: [np.array(ids, object)],
}

BYTES_OF_CHARACTERS = st.sampled_from("é好🙂a").flatmap(
    lambda character: st.lists(st.sampled_from(character.encode()).map(lambda byte: byte + 1))
)
ANY_IDS = st.one_of(
    st.lists(st.integers(1, 256), max_size=6),
    st.lists(st.integers(0, 65529), max_size=4),
    st.sampled_from("é好🙂").map(lambda character: [byte + 1 for byte in character.encode()]),
    BYTES_OF_CHARACTERS,
    st.lists(st.sampled_from([0, *SPECIAL.values()]), max_size=3),
)
UNKNOWN_IDS = st.lists(st.sampled_from(UNASSIGNED), max_size=2)


def pieces(ids: st.SearchStrategy[list[int]]) -> st.SearchStrategy[list[tuple[str, list[int]]]]:
    """The form in which to pass ids, and the ids."""
    return st.lists(st.tuples(st.sampled_from(sorted(FORMS)), ids), max_size=12)


@pytest.fixture(scope="module")
def special_tok(tok: Tokenizer) -> Tokenizer:
    return tok.with_special_tokens(SPECIAL)


@pytest.fixture(scope="module")
def all_tokens(tokens: dict[int, bytes]) -> dict[int, bytes]:
    return tokens | {token_id: text.encode() for text, token_id in SPECIAL.items()} | {0: b""}


def feed_all(decoder: StreamDecoder, form: str, ids: list[int]) -> str:
    return "".join(map(decoder.feed, FORMS[form](ids)))


@pytest.mark.parametrize("skip", [False, True])
@pytest.mark.parametrize("unknown", ["skip", "replace"])
@pytest.mark.parametrize("errors", ["replace", "ignore"])
@settings(max_examples=50)
@given(parts=pieces(st.one_of(ANY_IDS, UNKNOWN_IDS)))
def test_what_comes_out_is_what_pythons_incremental_decoder_gives(
    special_tok: Tokenizer,
    all_tokens: dict[int, bytes],
    errors: Any,
    unknown: Any,
    skip: bool,
    parts: list[tuple[str, list[int]]],
) -> None:
    options = {"errors": errors, "unknown": unknown, "skip_special_tokens": skip}
    known = all_tokens | (dict.fromkeys(SPECIAL.values(), b"") if skip else {})
    instead = REPLACEMENT if unknown == "replace" else b""
    decoder = special_tok.stream_decoder(**options)
    python = codecs.getincrementaldecoder("utf-8")(errors)
    text = ""
    for form, ids in parts:
        piece = feed_all(decoder, form, ids)
        assert piece == python.decode(b"".join(known.get(i, instead) for i in ids))
        text += piece
    piece = decoder.flush()
    assert piece == python.decode(b"", final=True)
    assert text + piece == special_tok.decode([i for _, ids in parts for i in ids], **options)


@given(parts=pieces(ANY_IDS))
def test_strict_raises_where_pythons_does_and_goes_on(
    special_tok: Tokenizer, all_tokens: dict[int, bytes], parts: list[tuple[str, list[int]]]
) -> None:
    decoder = special_tok.stream_decoder(errors="strict")
    python = codecs.getincrementaldecoder("utf-8")("strict")
    for form, ids in parts:
        for fed in FORMS[form](ids):
            piece = [int(fed)] if form in SINGLE_FORMS else ids
            data = b"".join(all_tokens[i] for i in piece)
            assert outcome(decoder.feed, fed) == python_outcome(python, data)
    assert outcome(decoder.flush) == python_outcome(python, b"", final=True)
    assert decoder.flush() == ""


SINGLE_FORMS = {form for form in FORMS if form.startswith(("single", "arrays without"))}


def outcome(call: Callable[..., str], *arguments: Any) -> str | tuple[Any, ...]:
    """What is returned, or the parts of the UnicodeDecodeError."""
    try:
        return call(*arguments)
    except UnicodeDecodeError as error:
        return error.args


def python_outcome(
    python: codecs.IncrementalDecoder, data: bytes, final: bool = False
) -> str | tuple[Any, ...]:
    """The same of Python's decoder, which keeps for the next call what it could not decode."""
    result = outcome(python.decode, data, final)
    if not isinstance(result, str):
        python.reset()
    return result


@given(text=texts(), size=st.integers(1, 5))
def test_a_text_that_was_encoded_comes_back(tok: Tokenizer, text: str, size: int) -> None:
    ids = tok.encode(text)
    decoder = tok.stream_decoder(errors="strict")
    parts = [decoder.feed(ids[start : start + size]) for start in range(0, len(ids), size)]
    assert "".join(parts) == text
    assert decoder.flush() == ""


@settings(max_examples=30)
@given(vocabulary=small_vocabularies(), data=st.data())
def test_tokens_may_be_any_bytes(vocabulary: dict[int, bytes], data: st.DataObject) -> None:
    decoder = Tokenizer.from_tokens(vocabulary).stream_decoder()
    oracle = ReferenceTokenizer(vocabulary)
    python = codecs.getincrementaldecoder("utf-8")("replace")
    for token_id in data.draw(st.lists(st.sampled_from(list(vocabulary)))):
        assert decoder.feed(token_id) == python.decode(oracle.decode_bytes([token_id]))
    assert decoder.flush() == python.decode(b"", final=True)


def test_a_long_sequence_is_decoded_as_the_whole(tok: Tokenizer) -> None:
    ids = np.resize(np.array([33155, 3319, 2417, 0, 256, 13091, 3319], np.uint16), 3_000_001)
    decoder = tok.stream_decoder()
    parts = [decoder.feed(part) for part in np.array_split(ids, 3)]
    assert "".join([*parts, decoder.flush()]) == tok.decode(ids)


@pytest.mark.parametrize("byte", [0x80, 0xC0, 0xF5, 0xFF])
def test_what_no_character_begins_with_is_not_held_back(tok: Tokenizer, byte: int) -> None:
    decoder = tok.stream_decoder()
    assert [decoder.feed(byte + 1) for _ in range(50)] == ["\ufffd"] * 50


@pytest.mark.parametrize("byte", [0xC2, 0xE4, 0xF0])
def test_the_beginnings_of_characters_do_not_pile_up(tok: Tokenizer, byte: int) -> None:
    decoder = tok.stream_decoder()
    assert [decoder.feed(byte + 1) for _ in range(50)] == ["", *["\ufffd"] * 49]


@pytest.mark.parametrize("bad", [b"\xe0\x80", b"\xf0\x8f", b"\xf4\x90"])
def test_two_bytes_that_no_character_begins_with_are_not_held_back(
    tok: Tokenizer, bad: bytes
) -> None:
    decoder = tok.stream_decoder()
    assert [decoder.feed(byte + 1) for byte in bad] == ["", "\ufffd\ufffd"]


def test_id_0_in_the_middle_of_a_character_changes_nothing(tok: Tokenizer) -> None:
    decoder = tok.stream_decoder(errors="strict")
    assert [decoder.feed(i) for i in [0, 3319, 0, 2417]] == ["", "", "", "🙂"]
    assert decoder.feed([3319, 0, 0]) + decoder.feed([0, 2417, 0]) == "🙂"


def test_nothing_is_nothing(tok: Tokenizer) -> None:
    decoder = tok.stream_decoder(errors="strict")
    decoder.feed(3319)
    for empty in ([], (), range(0), np.array([]), np.empty(0, np.uint16), iter(())):
        assert decoder.feed(empty) == ""
    assert decoder.feed(2417) == "🙂"


def test_flush_gives_what_was_held_back_and_begins_anew(tok: Tokenizer) -> None:
    decoder = tok.stream_decoder()
    assert (decoder.feed([98, 3319]), decoder.flush()) == ("a", "\ufffd")
    assert (decoder.flush(), decoder.feed(98)) == ("", "a")
    ignoring = tok.stream_decoder(errors="ignore")
    assert (ignoring.feed(3319), ignoring.flush()) == ("", "")


def test_strict_flush_raises_once(tok: Tokenizer) -> None:
    decoder = tok.stream_decoder(errors="strict")
    decoder.feed(3319)
    with pytest.raises(UnicodeDecodeError, match="unexpected end of data"):
        decoder.flush()
    assert (decoder.flush(), decoder.feed(98)) == ("", "a")


def test_reset_forgets_what_was_held_back(tok: Tokenizer) -> None:
    decoder = tok.stream_decoder(errors="strict")
    decoder.feed(3319)
    decoder.reset()
    assert (decoder.feed(98), decoder.flush()) == ("a", "")


def test_an_invalid_text_is_lost_and_the_next_one_is_not(tok: Tokenizer) -> None:
    decoder = tok.stream_decoder(errors="strict")
    decoder.feed(3319)
    with pytest.raises(UnicodeDecodeError) as caught:
        decoder.feed([98, 99])
    assert caught.value.object == tok.decode_bytes([3319, 98, 99])
    assert decoder.feed([3319, 2417]) == "🙂"


@pytest.mark.parametrize("again", [StreamDecoder.copy, copy.copy, copy.deepcopy])
def test_a_copy_goes_on_by_itself(
    special_tok: Tokenizer, again: Callable[[StreamDecoder], StreamDecoder]
) -> None:
    decoder = special_tok.stream_decoder(errors="ignore", unknown="skip", skip_special_tokens=True)
    decoder.feed(3319)
    twin = again(decoder)
    assert twin.feed([65530, 65535, 2417, 256]) == "🙂"
    decoder.reset()
    assert (decoder.feed(98), twin.flush()) == ("a", "")


def test_a_decoder_is_not_pickled(tok: Tokenizer) -> None:
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(TypeError, match="pickle its Tokenizer"):
            pickle.dumps(tok.stream_decoder(), protocol)


def test_thousands_of_decoders_are_small_and_outlive_their_tokenizer() -> None:
    made = Tokenizer.from_tokens({byte + 1: bytes([byte]) for byte in range(256)})
    gone = weakref.ref(made)
    decoders = [made.stream_decoder() for _ in range(5000)]
    del made
    gc.collect()
    assert gone() is None
    assert max(map(sys.getsizeof, decoders)) <= 128
    for byte in "好".encode()[:-1]:
        assert {decoder.feed(byte + 1) for decoder in decoders} == {""}
    assert {decoder.feed("好".encode()[-1] + 1) for decoder in decoders} == {"好"}
