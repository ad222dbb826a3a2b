"""Decoding one sequence of ids."""

import array
from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from libraries import library
from strategies import byte_strings, texts

from rwkv_tok import TokenIdError, Tokenizer

pa = library("pyarrow")

# More than the 2**20 ids that the decoder does between two looks at the signals, and no multiple.
LONG = 5 * 2**19 + 3

# None of them may wrap round to an id that has a token.
NO_IDS = [-1, -65438, 65536, 65536 + 97, 2**31, 2**32 + 98, 2**40, 2**63 - 1, 2**63, 2**64 - 1]
NO_IDS += [2**64 + 98, 2**70, -(2**63), -(2**64) + 98, -(2**70)]
UNASSIGNED = list(range(65530, 65536))


def objects(ids: list[Any]) -> np.ndarray:
    return np.array(ids, dtype=object)


def unaligned(ids: list[int]) -> np.ndarray:
    return np.frombuffer(b"." + np.array(ids, np.uint16).tobytes(), np.uint16, offset=1)


def read_only(ids: list[int]) -> np.ndarray:
    return np.broadcast_to(np.array(ids, np.uint16), len(ids))


SEQUENCES: dict[str, Callable[[list[int]], Any]] = {
    "list": list,
    "tuple": tuple,
    "range": lambda ids: range(ids[0], ids[-1] + 1),
    "iterator": iter,
    "generator": lambda ids: (i for i in ids),
    "deque": deque,
    "NumPy scalars": lambda ids: [np.uint16(i) for i in ids],
    "memoryview": lambda ids: memoryview(array.array("H", ids)),
    "memoryview of bytes": lambda ids: memoryview(bytes(ids)),
    "backwards memoryview": lambda ids: memoryview(bytes(ids[::-1]))[::-1],
    "object array": objects,
    "strided": lambda ids: np.repeat(np.array(ids, np.uint16), 3)[::3],
    "backwards": lambda ids: np.array(ids[::-1], np.uint16)[::-1],
    "column": lambda ids: np.array([ids, ids]).T[:, 1],
    "read-only": read_only,
    "unaligned": unaligned,
    "pyarrow array": lambda ids: pa.array(ids),
    "pyarrow chunked array": lambda ids: pa.chunked_array([ids[:1], ids[1:]], pa.uint16()),
}

# NumPy makes float64 of an empty list.
EMPTY: list[Any] = [[], (), range(0), iter([]), np.array([]), np.empty(0, object)]
EMPTY += [np.empty(0, np.uint16), array.array("H")]

NO_INTEGERS: list[Any] = [
    None,
    98,
    98.0,
    "ab",
    b"ab",
    bytearray(b"ab"),
    [98, 99.0],
    (98, None),
    ["a"],
    [[98]],
]
NO_INTEGERS += [[98, True], [np.True_], [np.float32(98)], np.array([98.0]), np.array([True])]
NO_INTEGERS += [np.array([98j]), np.array(["98"]), np.array([98], "M8[s]"), objects([98, True])]
NO_INTEGERS += [objects([98, 99.0]), array.array("d", [98.0]), memoryview(b"a").cast("?")]
if pa:
    EMPTY += [pa.array([], pa.int64())]
    NO_INTEGERS += [pa.array([98.0]), pa.array([True]), pa.array([98, None])]


@pytest.mark.parametrize("form", SEQUENCES)
def test_every_form_of_ids_is_read(tok: Tokenizer, form: str) -> None:
    assert tok.decode(SEQUENCES[form]([98, 99, 100])) == "abc"


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("code", ["i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8"])
def test_every_integer_dtype_is_read(tok: Tokenizer, code: str, order: str) -> None:
    assert tok.decode(np.array([98, 99, 100], order + code)) == "abc"


@pytest.mark.parametrize("code", "bBhHiIlLqQ")
def test_every_integer_type_of_array_is_read(tok: Tokenizer, code: str) -> None:
    assert tok.decode_bytes(array.array(code, [98, 0, 99])) == b"ab"


@pytest.mark.parametrize("empty", EMPTY, ids=lambda empty: type(empty).__name__)
def test_the_empty_sequence_decodes_to_nothing(tok: Tokenizer, empty: Any) -> None:
    assert tok.decode(empty) == ""


@pytest.mark.parametrize("wrong", NO_INTEGERS, ids=lambda wrong: type(wrong).__name__)
def test_what_is_no_sequence_of_integers_is_a_type_error(tok: Tokenizer, wrong: Any) -> None:
    with pytest.raises(TypeError):
        tok.decode_bytes(wrong)


@pytest.mark.parametrize("dtype", [np.uint16, np.int64, np.float64, object])
def test_a_matrix_is_a_value_error(tok: Tokenizer, dtype: Any) -> None:
    with pytest.raises(ValueError, match="1-D"):
        tok.decode(np.full((2, 2), 98, dtype))


def test_a_list_that_shrinks_while_it_is_read_is_an_error(tok: Tokenizer) -> None:
    class Clears:
        def __index__(self) -> int:
            ids.clear()
            return 98

    ids: list[Any] = [Clears(), 98, 99]
    with pytest.raises(RuntimeError, match="changed"):
        tok.decode(ids)


@given(byte_strings())
def test_encoded_bytes_decode_to_themselves(tok: Tokenizer, data: bytes) -> None:
    assert tok.decode_bytes(tok.encode(data)) == data


@given(texts())
def test_an_encoded_text_decodes_to_itself(tok: Tokenizer, text: str) -> None:
    assert tok.decode(tok.encode(text), errors="strict") == text


@given(st.lists(st.integers(0, 65529)))
def test_ids_decode_to_the_bytes_of_their_tokens(
    tok: Tokenizer, tokens: dict[int, bytes], ids: list[int]
) -> None:
    assert tok.decode_bytes(ids) == b"".join(tokens.get(i, b"") for i in ids)


@pytest.mark.parametrize("errors", ["replace", "ignore"])
@given(st.lists(st.one_of(st.integers(0, 256), st.integers(0, 65529))))
def test_invalid_utf8_becomes_what_python_makes_of_it(
    tok: Tokenizer, errors: Any, ids: list[int]
) -> None:
    assert tok.decode(ids, errors=errors) == tok.decode_bytes(ids).decode(errors=errors)


def test_one_invalid_byte_does_not_spoil_the_text_around_it(tok: Tokenizer) -> None:
    assert tok.decode([33155, 256, 40213]) == "Hello\ufffd world"


def test_strict_raises_for_invalid_utf8(tok: Tokenizer) -> None:
    with pytest.raises(UnicodeDecodeError) as caught:
        tok.decode([98, 256], errors="strict")
    assert (caught.value.object, caught.value.start) == (b"a\xff", 1)


@pytest.mark.parametrize("errors", ["surrogateescape", "", "Strict", None, 1])
def test_another_error_policy_is_refused(tok: Tokenizer, errors: Any) -> None:
    with pytest.raises(ValueError, match="errors"):
        tok.decode([98], errors=errors)


@pytest.mark.parametrize("unknown", ["ignore", "", None, [], True])
def test_another_policy_for_unknown_ids_is_refused(tok: Tokenizer, unknown: Any) -> None:
    with pytest.raises(ValueError, match="unknown"):
        tok.decode([98], unknown=unknown)


@pytest.mark.parametrize("text", ["é", "好", "🙂"])
def test_id_0_resets_nothing_within_a_character(tok: Tokenizer, text: str) -> None:
    ids = [i for byte in text.encode() for i in (byte + 1, 0, 0)]
    assert tok.decode([0, *ids], errors="strict") == text


@pytest.mark.parametrize("dtype", [np.uint16, np.int32])
def test_a_long_sequence_is_decoded_whole(tok: Tokenizer, dtype: Any) -> None:
    # 7 ids a turn: the turns and the decoder's steps do not begin at the same places.
    ids = np.resize(np.array([33155, 0, 1, 40213, 13091, 65529, 98], dtype), LONG)
    turn = tok.decode_bytes(ids[:7])
    rest = tok.decode_bytes(ids[: LONG % 7])
    assert tok.decode_bytes(ids) == turn * (LONG // 7) + rest


@pytest.mark.parametrize("position", [2**20 - 1, 2**20, 2**21 + 5, LONG - 1])
def test_positions_are_right_in_a_long_sequence(tok: Tokenizer, position: int) -> None:
    ids = np.full(LONG, 98, np.uint16)
    ids[position] = 65531
    with pytest.raises(TokenIdError) as caught:
        tok.decode_bytes(ids)
    assert (caught.value.id, caught.value.position) == (65531, position)
    assert len(tok.decode_bytes(ids, unknown="skip")) == LONG - 1
    replaced = tok.decode_bytes(ids, unknown="replace")
    assert replaced[position : position + 3] == "\ufffd".encode()
    assert len(replaced) == LONG + 2


def assert_names(error: TokenIdError, token_id: int, position: int) -> None:
    assert (error.id, error.position) == (token_id, position)
    assert f"id {token_id} " in str(error)
    assert f"position {position}" in str(error)


@pytest.mark.parametrize("make", [list, tuple, iter, lambda ids: np.array(ids, object)])
@pytest.mark.parametrize("wrong", NO_IDS + UNASSIGNED)
def test_an_id_without_a_token_is_named_with_its_position(
    tok: Tokenizer, wrong: int, make: Any
) -> None:
    with pytest.raises(TokenIdError) as caught:
        tok.decode(make([98, 0, wrong, 99]))
    assert_names(caught.value, wrong, 2)


@pytest.mark.parametrize("dtype", ["u2", ">u2", "i4", ">i4", "u4", ">u4", "i8", "u8", ">u8"])
@pytest.mark.parametrize("place", [0, 2])
def test_the_largest_number_of_a_type_is_named(tok: Tokenizer, dtype: str, place: int) -> None:
    ids = np.array([98, 99, 100], dtype)
    ids[place] = np.iinfo(dtype).max
    with pytest.raises(TokenIdError) as caught:
        tok.decode(ids)
    assert_names(caught.value, np.iinfo(dtype).max, place)


@pytest.mark.parametrize("dtype", ["i1", "i2", ">i2", "i4", "i8", ">i8"])
def test_the_smallest_number_of_a_type_is_named(tok: Tokenizer, dtype: str) -> None:
    with pytest.raises(TokenIdError) as caught:
        tok.decode(np.array([98, np.iinfo(dtype).min], dtype))
    assert_names(caught.value, np.iinfo(dtype).min, 1)


@pytest.mark.parametrize("dtype", ["i4", "u4", "i8", "u8"])
def test_an_id_in_an_array_is_checked_before_it_is_narrowed(tok: Tokenizer, dtype: str) -> None:
    with pytest.raises(TokenIdError) as caught:
        tok.decode(np.array([98, 65536 + 97], dtype))
    assert_names(caught.value, 65536 + 97, 1)


def test_the_id_is_named_though_a_label_finds_another_one(tok: Tokenizer) -> None:
    class Series:
        """As a pandas Series: what `[]` takes is a label, not a position."""

        def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
            return np.array([98, 65530], dtype)

        def __getitem__(self, label: int) -> int:
            return {0: 65530, 1: 98}[label]

    with pytest.raises(TokenIdError) as caught:
        tok.decode(Series())
    assert_names(caught.value, 65530, 1)


def test_the_first_of_several_is_named(tok: Tokenizer) -> None:
    with pytest.raises(TokenIdError) as caught:
        tok.decode([98, 65531, 65530])
    assert_names(caught.value, 65531, 1)


@pytest.mark.parametrize("kind", [ValueError, KeyError, TokenIdError])
def test_the_error_is_what_callers_expect(tok: Tokenizer, kind: type[Exception]) -> None:
    with pytest.raises(kind) as caught:
        tok.decode([65530])
    # str() of a KeyError would put the message into quotes.
    assert str(caught.value) == "id 65530 at position 0 has no token"


def test_the_message_tells_a_wrong_number_from_an_unassigned_id(tok: Tokenizer) -> None:
    with pytest.raises(TokenIdError, match=r"id 65536 at position 0 is outside 0 \.\.\. 65535"):
        tok.decode([65536])


@pytest.mark.parametrize("wrong", NO_IDS + UNASSIGNED)
def test_an_unknown_id_can_be_skipped(tok: Tokenizer, wrong: int) -> None:
    assert tok.decode([33155, wrong, 40213], unknown="skip") == "Hello world"


@pytest.mark.parametrize("wrong", NO_IDS + UNASSIGNED)
def test_an_unknown_id_can_be_replaced(tok: Tokenizer, wrong: int) -> None:
    assert tok.decode_bytes([98, wrong, 0, 99], unknown="replace") == "a\ufffdb".encode()


@pytest.mark.parametrize("errors", ["strict", "replace", "ignore"])
def test_the_error_policy_is_about_bytes_only(tok: Tokenizer, errors: Any) -> None:
    with pytest.raises(TokenIdError):
        tok.decode([65530], errors=errors)
    # The replacement itself is valid UTF-8: no policy takes it away.
    assert tok.decode([65530], errors=errors, unknown="replace") == "\ufffd"


def test_what_a_small_vocabulary_leaves_out_is_unknown() -> None:
    small = Tokenizer.from_tokens({byte + 1: bytes([byte]) for byte in range(256)} | {300: b"ab"})
    assert small.decode([300, 99]) == "abb"
    assert small.decode([299, 300, 301, 33155], unknown="skip") == "ab"
    with pytest.raises(TokenIdError) as caught:
        small.decode([300, 33155])
    assert_names(caught.value, 33155, 1)
