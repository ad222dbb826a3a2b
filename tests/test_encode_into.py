"""encode_into: ids go into memory that the caller has, and nowhere else."""

import array
import ctypes
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from reference import ReferenceTokenizer
from strategies import byte_strings, texts

from rwkv_tok import Tokenizer

SHORT = "Today is a beautiful day."
LONG = "Today is a beautiful day. " * 400
WIDE = "今天是美好的一天。 " * 1500
GUARD = 54321
SWAPPED = ">u2" if sys.byteorder == "little" else "<u2"


@given(text=st.one_of(texts(), byte_strings()), room=st.integers(0, 3))
def test_the_ids_are_written_and_nothing_behind_them(
    tok: Tokenizer, reference: ReferenceTokenizer, text: str | bytes, room: int
) -> None:
    expected = reference.encode(text)
    memory = np.full(len(expected) + room, GUARD, np.uint16)
    assert tok.encode_into(text, memory) == len(expected)
    assert memory.tolist() == expected + [GUARD] * room


@pytest.mark.parametrize("text", [SHORT, LONG, WIDE, LONG.encode()], ids=len)
def test_an_exactly_fitting_slice_is_filled_and_its_surroundings_are_left_alone(
    tok: Tokenizer, reference: ReferenceTokenizer, text: str | bytes
) -> None:
    expected = reference.encode(text)
    memory = np.full(len(expected) + 20, GUARD, np.uint16)
    assert tok.encode_into(text, memory[10:-10]) == len(expected)
    assert memory.tolist() == [GUARD] * 10 + expected + [GUARD] * 10


@pytest.mark.parametrize("text", [SHORT, LONG, WIDE, LONG.encode(), "\x00"], ids=len)
@pytest.mark.parametrize("missing", [1, 2, 5, 10**9])
def test_too_small_a_buffer_is_an_error_that_tells_the_number_needed(
    tok: Tokenizer, text: str | bytes, missing: int
) -> None:
    needed = tok.count(text)
    size = max(0, needed - missing)
    memory = np.full(size + 20, GUARD, np.uint16)
    with pytest.raises(ValueError, match=rf"\b{size}\b.*\b{needed}\b"):
        tok.encode_into(text, memory[10 : 10 + size])
    assert memory[:10].tolist() == memory[10 + size :].tolist() == [GUARD] * 10


@pytest.mark.parametrize("text", ["", b""])
def test_an_empty_text_needs_no_room(tok: Tokenizer, text: str | bytes) -> None:
    assert tok.encode_into(text, np.empty(0, np.uint16)) == 0


@pytest.mark.parametrize(
    "out",
    [
        np.zeros(20, np.uint16),
        np.zeros(20, "=u2"),
        array.array("H", bytes(40)),
        memoryview(bytearray(40)).cast("H"),
        memoryview(array.array("H", bytes(40)))[2:18],
        (ctypes.c_uint16 * 20)(),
    ],
    ids=lambda out: type(out).__name__,
)
def test_any_writable_buffer_of_uint16_will_do(
    tok: Tokenizer, reference: ReferenceTokenizer, out: Any
) -> None:
    expected = reference.encode(SHORT)
    assert tok.encode_into(SHORT, out) == len(expected)
    assert list(out[: len(expected)]) == expected


READ_ONLY = np.zeros(20, np.uint16)
READ_ONLY.flags.writeable = False


@pytest.mark.parametrize(
    ("out", "reason"),
    [
        (READ_ONLY, "read-only"),
        (memoryview(bytes(40)).cast("H"), "read-only"),
        (np.zeros(40, np.uint16)[::2], "contiguous"),
        (np.zeros(20, np.uint16)[::-1], "contiguous"),
        (memoryview(bytearray(80)).cast("H")[::2], "contiguous"),
    ],
)
def test_a_buffer_that_cannot_be_written_in_one_piece_is_a_value_error(
    tok: Tokenizer, out: Any, reason: str
) -> None:
    with pytest.raises(ValueError, match=reason):
        tok.encode_into(SHORT, out)
    assert not np.any(np.asarray(out))


NO_ROW_OF_UINT16 = {
    "int16": np.zeros(20, np.int16),
    "uint32": np.zeros(20, np.uint32),
    "float16": np.zeros(20, np.float16),
    "foreign byte order": np.zeros(20, SWAPPED),
    "a record": np.zeros(20, [("id", np.uint16)]),
    "datetime64": np.zeros(20, "M8[s]"),
    "a matrix": np.zeros((4, 5), np.uint16),
    "no dimension": np.zeros((), np.uint16),
    "an array of int16": array.array("h", bytes(40)),
    "bytes": bytearray(40),
    "a list": [0] * 20,
    "None": None,
}


@pytest.mark.parametrize("out", NO_ROW_OF_UINT16.values(), ids=NO_ROW_OF_UINT16)
def test_what_is_no_row_of_uint16_is_a_type_error(tok: Tokenizer, out: Any) -> None:
    with pytest.raises(TypeError, match=r"out must be a .*buffer of uint16"):
        tok.encode_into(SHORT, out)


def test_the_buffer_is_free_again_after_the_call(tok: Tokenizer) -> None:
    out = array.array("H", bytes(40))
    tok.encode_into(SHORT, out)
    with pytest.raises(ValueError, match="too small"):
        tok.encode_into(LONG, out)
    out.append(0)  # a BufferError while anybody holds the buffer


def test_ids_may_go_into_one_buffer_text_by_text(
    tok: Tokenizer, reference: ReferenceTokenizer
) -> None:
    texts = [SHORT, "", WIDE, "\n\n"]
    memory = np.zeros(20_000, np.uint16)
    end = 0
    for text in texts:
        end += tok.encode_into(text, memory[end:])
    assert memory[:end].tolist() == [id_ for text in texts for id_ in reference.encode(text)]
    assert not memory[end:].any()
