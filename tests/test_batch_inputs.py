"""Encoding batches: the ids of each text as `encode` gives them, whatever holds the texts."""

import array
import mmap
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import ReferenceTokenizer
from strategies import byte_strings, small_byte_strings, small_vocabularies, texts

from rwkv_tok import TokenBatch, Tokenizer

TEXTS: list[str | bytes] = [
    "Today is a beautiful day.",
    "",
    "今天是美好的一天。",
    b"\xff\x00",
    "é",
    "\n\n",
    "",
]
METHODS = ["encode_batch", "encode_ragged", "count_batch"]


def assert_encodes(tok: Tokenizer, reference: ReferenceTokenizer, batch: list[Any]) -> None:
    """Encode in each of the ways that take a batch, and compare with the oracle."""
    expected = [reference.encode(text) for text in batch]
    lengths = [len(ids) for ids in expected]
    assert [ids.tolist() for ids in tok.encode_batch(batch)] == expected
    assert tok.count_batch(batch).tolist() == lengths
    ragged = tok.encode_ragged(batch)
    assert ragged.to_list() == expected
    assert ragged.offsets.tolist() == np.cumsum([0, *lengths]).tolist()
    closed = tok.encode_ragged(batch, append_eot=True)
    assert closed.to_list() == [[*ids, 0] for ids in expected]


@given(batch=st.lists(st.one_of(texts(6), byte_strings(max_pieces=4)), max_size=8))
def test_a_batch_encodes_as_the_oracle_says(
    tok: Tokenizer, reference: ReferenceTokenizer, batch: list[str | bytes]
) -> None:
    assert_encodes(tok, reference, batch)


@settings(max_examples=50)
@given(tokens=small_vocabularies(), batch=st.lists(small_byte_strings(), max_size=5))
def test_a_batch_encodes_as_the_oracle_says_with_any_vocabulary(
    tokens: dict[int, bytes], batch: list[bytes]
) -> None:
    assert_encodes(Tokenizer.from_tokens(tokens), ReferenceTokenizer(tokens), batch)


def test_a_batch_of_megabytes_is_encoded_text_by_text(tok: Tokenizer) -> None:
    # Enough for several runs of work; documents longer than one, and many shorter ones.
    batch = [text * repeats for repeats in (1, 30_000, 7, 0, 900) for text in TEXTS] * 2
    expected = [tok.encode(text) for text in batch]
    ragged = tok.encode_ragged(batch)
    closed = tok.encode_ragged(batch, append_eot=True)
    assert np.array_equal(ragged.ids, np.concatenate(expected))
    assert np.array_equal(closed.ids, np.concatenate([np.append(ids, 0) for ids in expected]))
    assert np.diff(ragged.offsets).tolist() == [len(ids) for ids in expected]
    assert np.diff(closed.offsets).tolist() == [len(ids) + 1 for ids in expected]
    assert all(map(np.array_equal, tok.encode_batch(batch), expected))
    assert np.array_equal(tok.count_batch(batch), np.diff(ragged.offsets))


# What holds the texts


class OnlyGetitem:
    """The old protocol of iteration."""

    def __getitem__(self, index: int) -> str | bytes:
        return TEXTS[index]


def generator(items: Iterable[Any]) -> Iterator[Any]:
    yield from items


ITERABLES: dict[str, Callable[[list[Any]], Any]] = {
    "a tuple": tuple,
    "a generator": generator,
    "an iterator": iter,
    "a deque": deque,
    "a dict": lambda items: dict(enumerate(items)).values(),
    "an array of objects": lambda items: np.array(items, object),
    "only __getitem__": lambda _: OnlyGetitem(),
}


@pytest.mark.parametrize("make", ITERABLES.values(), ids=ITERABLES)
def test_any_iterable_of_texts_is_a_batch(
    tok: Tokenizer, reference: ReferenceTokenizer, make: Callable[[list[Any]], Any]
) -> None:
    expected = [reference.encode(text) for text in TEXTS]
    assert tok.encode_ragged(make(TEXTS)).to_list() == expected
    assert [ids.tolist() for ids in tok.encode_batch(make(TEXTS))] == expected
    assert tok.count_batch(make(TEXTS)).tolist() == [len(ids) for ids in expected]


def test_a_set_is_a_batch_in_its_own_order(tok: Tokenizer) -> None:
    texts = {"one", "two", "three"}
    assert tok.encode_ragged(texts) == tok.encode_ragged(list(texts))


def test_a_numpy_array_of_text_is_a_batch(tok: Tokenizer) -> None:
    words = ["今天", "", "Hello world"]
    assert tok.encode_ragged(np.array(words)) == tok.encode_ragged(words)


def test_the_rows_of_a_matrix_of_bytes_are_a_batch(tok: Tokenizer) -> None:
    rows = np.frombuffer(b"HelloWorld", np.uint8).reshape(2, 5)
    assert tok.encode_ragged(rows) == tok.encode_ragged(["Hello", "World"])


@pytest.mark.parametrize("make", [list, tuple, iter])
def test_an_empty_batch_has_no_documents(tok: Tokenizer, make: Callable[[list[str]], Any]) -> None:
    assert tok.encode_batch(make([])) == []
    counts = tok.count_batch(make([]))
    assert (counts.dtype, counts.shape) == (np.dtype(np.int64), (0,))
    for append_eot in (False, True):
        ragged = tok.encode_ragged(make([]), append_eot=append_eot)
        assert (len(ragged), len(ragged.ids), ragged.offsets.tolist()) == (0, 0, [0])


def test_the_dtypes_of_the_results(tok: Tokenizer) -> None:
    ragged = tok.encode_ragged(TEXTS)
    assert isinstance(ragged, TokenBatch)
    assert (ragged.ids.dtype, ragged.offsets.dtype) == (np.dtype(np.uint16), np.dtype(np.int64))
    assert not ragged.ids.flags.writeable
    assert not ragged.offsets.flags.writeable
    counts = tok.count_batch(TEXTS)
    assert (counts.dtype, counts.shape) == (np.dtype(np.int64), (len(TEXTS),))
    assert type(tok.encode_batch(TEXTS)) is list


SINGLE_TEXTS = {
    "str": "Hello",
    "a subclass of str": np.str_("Hello"),
    "bytes": b"Hello",
    "nothing": b"",
    "bytearray": bytearray(b"Hello"),
    "memoryview": memoryview(b"Hello"),
    "a NumPy array": np.zeros(5, np.uint8),
    "an mmap": mmap.mmap(-1, 5),
    "an array": array.array("B", b"Hello"),
}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("text", SINGLE_TEXTS.values(), ids=SINGLE_TEXTS)
def test_a_single_text_is_no_batch(tok: Tokenizer, text: object, method: str) -> None:
    with pytest.raises(TypeError, match=f"single {type(text).__name__}"):
        getattr(tok, method)(text)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("value", [None, 3, 1.5, object()], ids=lambda value: type(value).__name__)
def test_what_cannot_be_iterated_is_no_batch(tok: Tokenizer, value: object, method: str) -> None:
    with pytest.raises(TypeError, match=f"iterable of texts.*{type(value).__name__}"):
        getattr(tok, method)(value)


@pytest.mark.parametrize("method", METHODS)
def test_an_error_of_the_iterable_passes_through(tok: Tokenizer, method: str) -> None:
    def broken() -> Iterator[str]:
        yield "one"
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        getattr(tok, method)(broken())


@pytest.mark.parametrize("error", [TypeError, ValueError])
def test_a_type_error_of_the_iterable_passes_through_unchanged(
    tok: Tokenizer, error: type[Exception]
) -> None:
    def broken() -> Iterator[str]:
        yield "one"
        raise error("from inside the generator")

    with pytest.raises(error, match=r"^from inside the generator$"):
        tok.encode_ragged(broken())
