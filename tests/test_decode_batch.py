"""Decoding batches: as decoding each document, in any form and by any number of threads."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rwkv_tok import TokenBatch, TokenIdError, Tokenizer

THREADS = [None, 1, 2, 8]

DOCUMENTS = [[98, 99], [], [33155, 0, 40213], [0], [256, 98]]
BYTES = [b"ab", b"", b"Hello world", b"", b"\xffa"]


def batch_of(documents: list[list[int]]) -> TokenBatch:
    ids = [i for document in documents for i in document]
    offsets = np.cumsum([0, *map(len, documents)], dtype=np.int64)
    return TokenBatch(np.array(ids, np.uint16), offsets)


def mixed(documents: list[list[int]]) -> list[Any]:
    dtypes: list[Any] = [np.uint16, ">i4", np.uint64, object, np.int16]
    arrays = [np.array(ids, dtypes[i % 5]) for i, ids in enumerate(documents[:-1])]
    return [*arrays, tuple(documents[-1])]


FORMS: dict[str, Callable[[list[list[int]]], Any]] = {
    "TokenBatch": batch_of,
    "Arrow list array": lambda documents: batch_of(documents).to_arrow(),
    "lists": list,
    "iterator": iter,
    "generator of generators": lambda documents: ((i for i in ids) for ids in documents),
    "arrays": lambda documents: tuple(np.array(ids, np.uint16) for ids in documents),
    "mixed dtypes": mixed,
}


def large_batch() -> TokenBatch:
    """Work for many units: one long document among many short and empty ones."""
    rng = np.random.default_rng(7)
    lengths = rng.integers(0, 12, 60_000)
    lengths[1234] = 500_000
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    return TokenBatch(rng.integers(0, 65530, offsets[-1]).astype(np.uint16), offsets)


@pytest.mark.parametrize("num_threads", THREADS)
@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_a_batch_is_read(tok: Tokenizer, form: str, num_threads: int | None) -> None:
    make = FORMS[form]
    assert tok.decode_bytes_batch(make(DOCUMENTS), num_threads=num_threads) == BYTES
    texts = [document.decode(errors="replace") for document in BYTES]
    assert tok.decode_batch(make(DOCUMENTS), num_threads=num_threads) == texts


@pytest.mark.parametrize("dtype", [np.uint16, ">u2", np.int64])
def test_the_rows_of_a_matrix_are_documents(tok: Tokenizer, dtype: Any) -> None:
    assert tok.decode_batch(np.array([[98, 99], [0, 100]], dtype)) == ["ab", "c"]


@pytest.mark.parametrize("num_threads", THREADS)
@pytest.mark.parametrize("form", [form for form in FORMS if form != "mixed dtypes"])
def test_a_batch_of_no_documents_gives_an_empty_list(
    tok: Tokenizer, form: str, num_threads: int | None
) -> None:
    assert tok.decode_batch(FORMS[form]([]), num_threads=num_threads) == []


@pytest.mark.parametrize("num_threads", THREADS)
@pytest.mark.parametrize("form", FORMS)
def test_empty_documents_decode_to_nothing(
    tok: Tokenizer, form: str, num_threads: int | None
) -> None:
    assert tok.decode_bytes_batch(FORMS[form]([[], [], []]), num_threads=num_threads) == [b""] * 3


@given(st.lists(st.lists(st.one_of(st.integers(0, 256), st.integers(0, 65535)), max_size=8)))
@pytest.mark.parametrize("unknown", ["skip", "replace"])
@pytest.mark.parametrize("errors", ["replace", "ignore"])
def test_a_batch_decodes_as_its_documents_do(
    tok: Tokenizer, errors: Any, unknown: Any, documents: list[list[int]]
) -> None:
    expected = [tok.decode(ids, errors=errors, unknown=unknown) for ids in documents]
    assert tok.decode_batch(documents, errors=errors, unknown=unknown) == expected


@pytest.mark.parametrize("num_threads", THREADS)
def test_a_large_batch_decodes_as_its_documents_do(tok: Tokenizer, num_threads: int | None) -> None:
    batch = large_batch()
    expected = [tok.decode_bytes(ids) for ids in batch]
    assert tok.decode_bytes_batch(batch, num_threads=num_threads) == expected


@pytest.mark.parametrize("dtype", [np.uint16, np.int32])
@pytest.mark.parametrize("num_threads", THREADS)
def test_the_first_unknown_id_of_a_large_batch_is_named(
    tok: Tokenizer, num_threads: int | None, dtype: Any
) -> None:
    documents = [np.full(1000, 98, dtype) for _ in range(1500)]
    documents[700][123] = documents[700][124] = documents[1400][0] = 65531
    with pytest.raises(TokenIdError) as caught:
        tok.decode_batch(documents, num_threads=num_threads)
    assert (caught.value.id, caught.value.document, caught.value.position) == (65531, 700, 123)


@pytest.mark.parametrize("wrong", [-1, 65535, 65536 + 97, 2**40, 2**63, 2**64 - 1, 2**70, -(2**70)])
@pytest.mark.parametrize("make", [list, lambda ids: np.array(ids, object)])
def test_an_unknown_id_is_named_with_document_and_position(
    tok: Tokenizer, make: Any, wrong: int
) -> None:
    with pytest.raises(TokenIdError) as caught:
        tok.decode_bytes_batch([make([98]), make([]), make([98, 99, wrong])])
    assert (caught.value.id, caught.value.document, caught.value.position) == (wrong, 2, 2)
    assert f"id {wrong} at position 2 of document 2" in str(caught.value)


def test_the_largest_uint64_in_a_batch_is_named(tok: Tokenizer) -> None:
    with pytest.raises(TokenIdError) as caught:
        tok.decode_batch(np.array([[98], [2**64 - 1]], np.uint64))
    assert (caught.value.id, caught.value.document, caught.value.position) == (2**64 - 1, 1, 0)


def test_of_several_unknown_ids_the_first_is_named(tok: Tokenizer) -> None:
    with pytest.raises(TokenIdError) as caught:
        tok.decode_batch([[98], [98, 65531], [65532], [98]], num_threads=1)
    assert (caught.value.id, caught.value.position, caught.value.document) == (65531, 1, 1)


def test_unknown_ids_can_be_skipped_or_replaced(tok: Tokenizer) -> None:
    documents = [[98, 65535], [2**70], [-1, 99]]
    assert tok.decode_batch(documents, unknown="skip") == ["a", "", "b"]
    assert tok.decode_batch(documents, unknown="replace") == ["a\ufffd", "\ufffd", "\ufffdb"]


def test_strict_names_the_document_of_invalid_utf8(tok: Tokenizer) -> None:
    with pytest.raises(UnicodeDecodeError) as caught:
        tok.decode_batch([[98], [99, 256]], errors="strict")
    assert (caught.value.object, caught.value.start) == (b"b\xff", 1)
    assert any("document 1" in note for note in getattr(caught.value, "__notes__", []))


@pytest.mark.parametrize("wrong", [[98, 99.0], [True], "ab", None, 98])
def test_what_is_no_sequence_of_integers_is_named(tok: Tokenizer, wrong: Any) -> None:
    with pytest.raises(TypeError) as caught:
        tok.decode_batch([[98], wrong])
    assert any("document 1" in note for note in caught.value.__notes__)


@pytest.mark.parametrize("wrong", [None, 98, "ab", b"ab", [98, 99]])
def test_what_is_no_batch_is_a_type_error(tok: Tokenizer, wrong: Any) -> None:
    with pytest.raises(TypeError):
        tok.decode_batch(wrong)


def test_a_document_of_two_dimensions_is_a_value_error(tok: Tokenizer) -> None:
    with pytest.raises(ValueError, match="1-D"):
        tok.decode_batch([np.zeros((2, 2), np.uint16)])


@pytest.mark.parametrize("batch", [[], [[98]]])
@pytest.mark.parametrize("argument", ["errors", "unknown"])
def test_a_policy_that_does_not_exist_is_refused(
    tok: Tokenizer, argument: str, batch: list[list[int]]
) -> None:
    with pytest.raises(ValueError, match=argument):
        tok.decode_batch(batch, **{argument: "drop"})  # type: ignore[arg-type]


def test_an_error_of_the_generator_passes_through(tok: Tokenizer) -> None:
    def documents() -> Any:
        yield [98]
        raise LookupError("no more")

    with pytest.raises(LookupError, match="no more"):
        tok.decode_batch(documents())
