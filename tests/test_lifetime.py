"""What a call leaves behind: memory that stays valid, and no hold on its arguments."""

import array
import ctypes
import gc
import mmap
import sys
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from rwkv_tok import TokenBatch, TokenIdError, Tokenizer

CALLS: dict[str, Callable[[Tokenizer, Any], Any]] = {
    "encode": lambda tok, text: tok.encode(text),
    "encode_batch": lambda tok, text: tok.encode_batch([text, text]),
    "encode_ragged": lambda tok, text: tok.encode_ragged([text], append_eot=True),
    "encode_ragged, 2 threads": lambda tok, text: tok.encode_ragged([text] * 99, num_threads=2),
    "encode_into": lambda tok, text: tok.encode_into(text, np.empty(100_000, np.uint16)),
    "encode_with_offsets": lambda tok, text: tok.encode_with_offsets(text, unit="byte"),
    "encode_ragged_with_offsets": lambda tok, text: tok.encode_ragged_with_offsets(
        [text] * 99, unit="byte", num_threads=2
    ),
    "count": lambda tok, text: tok.count(text),
    "count_batch": lambda tok, text: tok.count_batch(iter([text])),
}

FAILING_CALLS: dict[str, Callable[[Tokenizer, Any], Any]] = {
    "encode_batch": lambda tok, text: tok.encode_batch([text, 5]),
    "encode_ragged": lambda tok, text: tok.encode_ragged([text, "\ud800"]),
    "count_batch": lambda tok, text: tok.count_batch([text, None]),
    "encode_into": lambda tok, text: tok.encode_into(text, np.empty(1, np.uint16)),
    "encode_into, read-only": lambda tok, text: tok.encode_into(text, b""),
    "encode_with_offsets": lambda tok, text: tok.encode_with_offsets(text),
    "encode_ragged_with_offsets": lambda tok, text: tok.encode_ragged_with_offsets([text]),
    "decode_batch": lambda tok, text: tok.decode_batch([text]),
    "num_threads": lambda tok, text: tok.encode_batch([text], num_threads=0),
}

PIECES = {"Latin-1": "Grüße ", "two bytes a character": "你好 ", "four bytes a character": "🙂 "}


def new_str(piece: str, times: int) -> str:
    """A str that nobody has asked for its UTF-8 yet."""
    return "".join([piece] * times)


@pytest.mark.parametrize("times", [3, 3000])
@pytest.mark.parametrize("piece", PIECES)
@pytest.mark.parametrize("call", CALLS)
def test_no_utf8_stays_cached_in_the_callers_text(
    tok: Tokenizer, call: str, piece: str, times: int
) -> None:
    text = new_str(PIECES[piece], times)
    size = sys.getsizeof(text)
    CALLS[call](tok, text)
    assert sys.getsizeof(text) == size


def test_getsizeof_would_show_cached_utf8() -> None:
    text = new_str("é", 100)
    size = sys.getsizeof(text)
    ctypes.pythonapi.PyUnicode_AsUTF8(ctypes.py_object(text))
    assert sys.getsizeof(text) > size


@pytest.mark.parametrize("make", [lambda: new_str("é ", 3000), lambda: bytearray(3000)])
@pytest.mark.parametrize("call", CALLS)
def test_a_call_keeps_no_reference_to_its_text(
    tok: Tokenizer, call: str, make: Callable[[], Any]
) -> None:
    text = make()
    references = sys.getrefcount(text)
    result = CALLS[call](tok, text)
    assert sys.getrefcount(text) == references
    assert result is not None


@pytest.mark.parametrize("call", CALLS)
def test_a_buffer_is_released_after_the_call(tok: Tokenizer, call: str) -> None:
    text = bytearray(b"Hello world")
    CALLS[call](tok, text)
    text.append(0)  # a BufferError while anybody holds the buffer
    with mmap.mmap(-1, 4096) as memory:
        CALLS[call](tok, memory)


@pytest.mark.parametrize("call", FAILING_CALLS)
def test_a_buffer_is_released_after_an_error(tok: Tokenizer, call: str) -> None:
    text = bytearray(b"Hello world")
    with pytest.raises((TypeError, ValueError)) as caught:
        FAILING_CALLS[call](tok, text)
    text.append(0)
    assert caught.value.__traceback__ is not None


@pytest.mark.parametrize("size", [0, 5])
def test_the_output_buffer_is_released(tok: Tokenizer, size: int) -> None:
    out = array.array("H", bytes(2 * size))
    try:
        written = tok.encode_into("Hello world", out)
    except ValueError:
        written = 0
    out.append(1)
    assert out[:written].tolist() == [33155, 40213][:written]


@pytest.mark.parametrize("ids", [[98, 99], [98, 65535]])
def test_a_buffer_of_ids_is_released(tok: Tokenizer, ids: list[int]) -> None:
    buffer = array.array("H", ids)
    for decode in (tok.decode, tok.decode_bytes, lambda ids: tok.decode_batch([ids])):
        try:
            decode(buffer)
        except TokenIdError:
            assert 65535 in ids
        buffer.append(98)


@pytest.mark.parametrize("call", FAILING_CALLS)
def test_an_error_leaves_no_reference_to_the_text(tok: Tokenizer, call: str) -> None:
    text = bytearray(b"Hello world")
    references = sys.getrefcount(text)
    for _ in range(3):
        with pytest.raises((TypeError, ValueError)):
            FAILING_CALLS[call](tok, text)
    gc.collect()
    assert sys.getrefcount(text) == references


def overwrite_freed_memory() -> None:
    gc.collect()
    for size in (8, 64, 1024, 1 << 16, 1 << 20):
        _ = [b"\xaa" * size for _ in range(50)]


def tokenizer_of_its_own() -> Tokenizer:
    return Tokenizer.from_tokens({byte + 1: bytes([byte]) for byte in range(256)})


def test_the_memory_of_a_vocabulary_does_not_wait_for_the_garbage_collector() -> None:
    gc.collect()
    gc.disable()
    try:
        tokenizer = tokenizer_of_its_own()
        special = tokenizer.with_special_tokens({"<x>": 400})
        special.encode("<x>", allowed_special={"<x>"})
        vocabularies = [weakref.ref(each._vocabulary) for each in (tokenizer, special)]
        del tokenizer, special
        assert [vocabulary() for vocabulary in vocabularies] == [None, None]
    finally:
        gc.enable()


def test_ids_outlive_their_tokenizer() -> None:
    tokenizer = tokenizer_of_its_own()
    ids, offsets = tokenizer.encode_with_offsets("é" * 5000)
    batch = tokenizer.encode_ragged(["ab"] * 1000)
    del tokenizer
    overwrite_freed_memory()
    assert ids.tolist() == [0xC3 + 1, 0xA9 + 1] * 5000
    assert offsets[-1].tolist() == [4999, 5000]
    assert batch.to_list() == [[98, 99]] * 1000


@pytest.mark.parametrize("size", [1, 10_000])
@pytest.mark.parametrize(
    "view",
    [
        lambda batch: batch[1],
        lambda batch: batch[1:].ids[:-1],
        lambda batch: list(batch)[1],
        lambda batch: batch[::2][::-1].ids[1:],
        lambda batch: batch.to_arrow()[1].values.to_numpy(),
        lambda batch: batch[1:].to_arrow()[0].values.to_numpy(),
    ],
)
def test_views_outlive_their_batch(view: Callable[[TokenBatch], Any], size: int) -> None:
    ids = np.concatenate([[7] * size, [98] * size, [9]]).astype(np.uint16)
    batch = TokenBatch(ids, np.array([0, size, 2 * size, 2 * size + 1]))
    document = view(batch)
    expected = document.tolist()
    assert len(expected) == size
    del batch, ids
    overwrite_freed_memory()
    assert document.tolist() == expected


def test_the_arrays_of_encode_batch_share_nothing(tok: Tokenizer) -> None:
    first, second = tok.encode_batch(["Hello world", "Hello world"])
    assert first.flags.owndata
    assert first.flags.writeable
    first[:] = 0
    del first
    overwrite_freed_memory()
    assert second.tolist() == [33155, 40213]


def test_what_encode_returns_belongs_to_the_caller(tok: Tokenizer) -> None:
    text = "Hello world " * 1000
    tok.encode(text)[:] = 0
    assert tok.decode(tok.encode(text)) == text
