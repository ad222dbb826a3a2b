"""What is a text: every kind of str and of byte buffer is read, anything else is refused."""

import array
import ctypes
import mmap
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from reference import ReferenceTokenizer

from rwkv_tok import Tokenizer

# CPython keeps a str as 1, 2 or 4 bytes a character, or as ASCII, whichever its largest needs.
KINDS_OF_STR = {
    "ASCII": "Hello, world\n\n",
    "Latin-1": "Hyvää päivää, señor ÿ",
    "BMP": "Hello, 今天是美好的一天。 ﷺ\uffff",
    "astral": "Hello, 今天 é 🙂\U0010ffff",
}
DATA = "Hello, 今天 é 🙂\x00 ".encode() + b"\xff\xe4"


class Text(str):
    """A subclass, as frameworks have them."""

    __slots__ = ()


def mapped(data: bytes) -> mmap.mmap:
    memory = mmap.mmap(-1, len(data))
    memory[:] = data
    return memory


def read_only(data: bytes) -> np.ndarray:
    memory = np.frombuffer(data, np.uint8)
    assert not memory.flags.writeable
    return memory


BUFFERS: dict[str, Callable[[bytes], Any]] = {
    "bytes": bytes,
    "a subclass of bytes": np.bytes_,
    "bytearray": bytearray,
    "memoryview": memoryview,
    "a slice of a memoryview": lambda data: memoryview(b"<" + data + b">")[1:-1],
    "a memoryview of chars": lambda data: memoryview(data).cast("c"),
    "a memoryview of signed bytes": lambda data: memoryview(data).cast("b"),
    "a NumPy array": lambda data: np.frombuffer(data, np.uint8).copy(),
    "a read-only NumPy array": read_only,
    "a NumPy array of two dimensions": lambda data: np.frombuffer(data, np.uint8).reshape(1, -1),
    "a NumPy array of int8": lambda data: np.frombuffer(data, np.int8),
    "an mmap": mapped,
    "an array": lambda data: array.array("B", data),
    "an array of signed bytes": lambda data: array.array("b", data),
    "a ctypes array": lambda data: (ctypes.c_ubyte * len(data)).from_buffer_copy(data),
}

NO_TEXT = {
    "None": None,
    "an int": 3,
    "a float": 1.5,
    "a list": [1, 2],
    "a list of text": ["a"],
    "a dict": {"a": 1},
    "an object": object(),
    "uint16": np.zeros(4, np.uint16),
    "bool": np.zeros(4, np.bool_),
    "float32": np.zeros(4, np.float32),
    "datetime64": np.zeros(4, "M8[s]"),
    "str of NumPy": np.array(["ab", "cd"]),
    "bytes of NumPy": np.array([b"ab", b"cd"]),
    "objects": np.array(["ab"], object),
    "no dimension": np.array(3, np.uint8),
    "wide items": memoryview(b"abcd").cast("I"),
    "an array of int": array.array("i", [1, 2]),
}

NOT_CONTIGUOUS = {
    "every second byte": np.arange(10, dtype=np.uint8)[::2],
    "backwards": np.arange(10, dtype=np.uint8)[::-1],
    "a column": np.zeros((3, 3), np.uint8)[:, 0],
    "Fortran order": np.asfortranarray(np.zeros((3, 3), np.uint8)),
    "a memoryview": memoryview(b"abcdef")[::2],
}


def encode_into(tok: Tokenizer, text: Any) -> list[int]:
    out = np.zeros(100_000, np.uint16)
    ids: list[int] = out[: tok.encode_into(text, out)].tolist()
    return ids


WAYS: dict[str, Callable[[Tokenizer, Any], list[int]]] = {
    "encode": lambda tok, text: tok.encode(text).tolist(),
    "encode_into": encode_into,
    "encode_batch": lambda tok, text: tok.encode_batch(["one", text])[1].tolist(),
    "encode_ragged": lambda tok, text: tok.encode_ragged(["one", text])[1].tolist(),
}
COUNTS: dict[str, Callable[[Tokenizer, Any], int]] = {
    "count": lambda tok, text: tok.count(text),
    "count_batch": lambda tok, text: int(tok.count_batch(["one", text])[1]),
}


all_calls = pytest.mark.parametrize("call", {**WAYS, **COUNTS}.values(), ids=[*WAYS, *COUNTS])


def expected_of(call: Callable[..., Any], ids: list[int]) -> list[int] | int:
    return len(ids) if call in COUNTS.values() else ids


@all_calls
@pytest.mark.parametrize("make", [str, Text, np.str_])
@pytest.mark.parametrize("text", KINDS_OF_STR.values(), ids=KINDS_OF_STR)
@pytest.mark.parametrize("repeats", [1, 300])
def test_every_kind_of_str_is_a_text(
    tok: Tokenizer,
    reference: ReferenceTokenizer,
    text: str,
    make: Callable[[str], str],
    call: Callable[[Tokenizer, Any], Any],
    repeats: int,
) -> None:
    text *= repeats
    assert call(tok, make(text)) == expected_of(call, reference.encode(text))


@all_calls
@pytest.mark.parametrize("make", BUFFERS.values(), ids=BUFFERS)
@pytest.mark.parametrize("repeats", [1, 300])
def test_every_buffer_of_bytes_is_a_text(
    tok: Tokenizer,
    reference: ReferenceTokenizer,
    make: Callable[[bytes], Any],
    call: Callable[[Tokenizer, Any], Any],
    repeats: int,
) -> None:
    data = DATA * repeats
    assert call(tok, make(data)) == expected_of(call, reference.encode(data))


@all_calls
@pytest.mark.parametrize("text", ["", b"", bytearray(), memoryview(b""), np.empty(0, np.uint8)])
def test_nothing_is_a_text_without_ids(
    tok: Tokenizer, text: object, call: Callable[[Tokenizer, Any], Any]
) -> None:
    assert call(tok, text) == expected_of(call, [])


@all_calls
@pytest.mark.parametrize("value", NO_TEXT.values(), ids=NO_TEXT)
def test_what_is_no_text_is_a_type_error(
    tok: Tokenizer, value: object, call: Callable[[Tokenizer, Any], Any]
) -> None:
    with pytest.raises(TypeError, match="text must be str or a buffer of bytes") as caught:
        call(tok, value)
    assert type(value).__name__ in str(caught.value)


@all_calls
@pytest.mark.parametrize("value", NOT_CONTIGUOUS.values(), ids=NOT_CONTIGUOUS)
def test_a_buffer_that_is_not_contiguous_is_a_value_error(
    tok: Tokenizer, value: object, call: Callable[[Tokenizer, Any], Any]
) -> None:
    with pytest.raises(ValueError, match="contiguous"):
        call(tok, value)


@pytest.mark.parametrize("value", [None, 3, "a\ud800", np.zeros(8, np.uint8)[::2]])
@pytest.mark.parametrize("method", ["encode_batch", "encode_ragged", "count_batch"])
def test_a_bad_text_in_a_batch_is_an_error_with_a_note_that_names_the_document(
    tok: Tokenizer, value: object, method: str
) -> None:
    with pytest.raises((TypeError, ValueError)) as caught:
        getattr(tok, method)(["zero", b"one", value, "three"])
    assert any("document 2 " in note for note in caught.value.__notes__)


# Lone surrogates

SURROGATES = {
    "alone": "\ud800",
    "at the start": "\udfffabc",
    "at the end": "abc\ud83d",
    "a run": "今\ud83d\ude42\udc00天",
    "among wide characters": "🙂\udcff🙂",
    "in a long text": "x" * 70_000 + "\ud900" + "今" * 3000,
    "in a long text of wide characters": "🙂" * 70_000 + "\ud900",
}


@all_calls
@pytest.mark.parametrize("make", [str, Text])
@pytest.mark.parametrize("text", SURROGATES.values(), ids=SURROGATES)
def test_lone_surrogates_are_the_error_of_str_encode(
    tok: Tokenizer, text: str, make: Callable[[str], str], call: Callable[[Tokenizer, Any], Any]
) -> None:
    with pytest.raises(UnicodeEncodeError) as expected:
        text.encode()
    with pytest.raises(UnicodeEncodeError) as caught:
        call(tok, make(text))
    assert caught.value.args == expected.value.args


class TextWithItsOwnEncode(str):
    """It says that its bytes are others than those that its characters have."""

    __slots__ = ()

    def encode(self, *_: object, **__: object) -> bytes:
        return b"something else"


@all_calls
def test_the_characters_of_a_subclass_count_not_what_it_makes_of_them(
    tok: Tokenizer, reference: ReferenceTokenizer, call: Callable[[Tokenizer, Any], Any]
) -> None:
    assert call(tok, TextWithItsOwnEncode("é今")) == expected_of(call, reference.encode("é今"))
    with pytest.raises(UnicodeEncodeError):
        call(tok, TextWithItsOwnEncode("é今\ud800"))


@pytest.mark.parametrize("number", [0xD7FF, 0xE000])
def test_the_neighbours_of_the_surrogates_are_characters(
    tok: Tokenizer, reference: ReferenceTokenizer, number: int
) -> None:
    assert tok.encode(chr(number)).tolist() == reference.encode(chr(number))


# After the call


@all_calls
def test_a_buffer_is_free_again_after_the_call(
    tok: Tokenizer, call: Callable[[Tokenizer, Any], Any]
) -> None:
    data = bytearray(DATA * 100)
    call(tok, data)
    data.clear()  # a BufferError while anybody holds the buffer


@pytest.mark.parametrize("method", ["encode_batch", "encode_ragged", "count_batch"])
def test_buffers_are_free_again_after_an_error(tok: Tokenizer, method: str) -> None:
    data = bytearray(DATA)
    with pytest.raises(TypeError):
        getattr(tok, method)([data, None])
    data.clear()


def test_a_released_memoryview_is_a_value_error(tok: Tokenizer) -> None:
    view = memoryview(DATA)
    view.release()
    with pytest.raises(ValueError, match="released"):
        tok.encode(view)
