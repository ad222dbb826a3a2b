"""TokenBatch: an immutable sequence of documents over two flat arrays."""

import copy
import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from libraries import library

from rwkv_tok import TokenBatch

pa = library("pyarrow")

DOCUMENTS = [[1, 2, 3], [], [4], [5, 6], []]


def batch_of(documents: list[list[int]]) -> TokenBatch:
    ids = [i for document in documents for i in document]
    offsets = np.cumsum([0, *map(len, documents)], dtype=np.int64)
    return TokenBatch(np.array(ids, np.uint16), offsets)


def ids_of(*ids: int) -> np.ndarray:
    return np.array(ids, np.uint16)


def offsets_of(*offsets: int) -> np.ndarray:
    return np.array(offsets, np.int64)


@pytest.fixture
def batch() -> TokenBatch:
    return batch_of(DOCUMENTS)


# Making one


@pytest.mark.parametrize(
    "offsets",
    [
        offsets_of(),
        offsets_of(0),
        offsets_of(0, 2),
        offsets_of(0, 4),
        offsets_of(1, 3),
        offsets_of(-1, 3),
        offsets_of(0, 2, 1, 3),
        offsets_of(0, 4, 3),
        # The difference of the two overflows.
        offsets_of(0, 2**63 - 1, -(2**63), 3),
    ],
    ids=str,
)
def test_offsets_that_do_not_fit_the_ids_are_refused(offsets: np.ndarray) -> None:
    with pytest.raises(ValueError, match="offsets"):
        TokenBatch(ids_of(1, 2, 3), offsets)


@pytest.mark.parametrize("ids", [[1, 2], np.array([1, 2]), np.array([1, 2], ">u2"), None])
def test_ids_must_be_an_array_of_uint16(ids: Any) -> None:
    with pytest.raises(TypeError, match="ids"):
        TokenBatch(ids, offsets_of(0, 2))


@pytest.mark.parametrize("offsets", [[0, 2], np.array([0, 2], np.int32), np.array([0.0, 2]), None])
def test_offsets_must_be_an_array_of_int64(offsets: Any) -> None:
    with pytest.raises(TypeError, match="offsets"):
        TokenBatch(ids_of(1, 2), offsets)


@pytest.mark.parametrize("ids", [ids_of(1, 2, 3, 4)[::2], np.zeros((2, 1), np.uint16)])
def test_the_ids_must_lie_one_after_the_other(ids: np.ndarray) -> None:
    with pytest.raises(ValueError, match="1-D, contiguous and aligned"):
        TokenBatch(ids, offsets_of(0, 2))


def test_the_arrays_are_not_copied_and_stay_writable_for_their_owner() -> None:
    ids, offsets = ids_of(1, 2), offsets_of(0, 2)
    batch = TokenBatch(ids, offsets)
    assert np.shares_memory(batch.ids, ids)
    assert np.shares_memory(batch.offsets, offsets)
    assert ids.flags.writeable
    assert offsets.flags.writeable


# Immutable


def test_nothing_can_be_written(batch: TokenBatch) -> None:
    views = [batch.ids, batch.offsets, batch[0], batch[1:3].ids, batch[::2].ids, batch[1:].offsets]
    assert not any(view.flags.writeable for view in views)


@pytest.mark.parametrize("name", ["ids", "offsets", "other"])
def test_no_attribute_can_be_set(batch: TokenBatch, name: str) -> None:
    with pytest.raises(AttributeError):
        setattr(batch, name, ids_of(1))


def test_an_item_cannot_be_set(batch: TokenBatch) -> None:
    with pytest.raises(TypeError):
        batch[0] = ids_of(1)  # type: ignore[index]


@pytest.mark.parametrize(
    "again", [copy.copy, copy.deepcopy, lambda b: pickle.loads(pickle.dumps(b))]
)
@pytest.mark.parametrize("part", [slice(None), slice(1, 4), slice(None, None, -1), slice(0, 0)])
def test_a_copy_is_equal_and_read_only_too(batch: TokenBatch, part: slice, again: Any) -> None:
    twin = again(batch[part])
    assert twin == batch[part]
    assert not twin.ids.flags.writeable
    assert not twin.offsets.flags.writeable


def test_a_part_pickles_without_the_rest() -> None:
    large = TokenBatch(np.zeros(100_000, np.uint16), offsets_of(0, 10, 100_000))
    assert len(pickle.dumps(large[:1])) < 1000


# A sequence


@pytest.mark.parametrize("index", range(-5, 5))
def test_an_index_gives_a_document_without_a_copy(batch: TokenBatch, index: int) -> None:
    document = batch[index]
    assert document.dtype == np.uint16
    assert document.tolist() == DOCUMENTS[index]
    assert document.size == 0 or np.shares_memory(document, batch.ids)


def test_an_index_may_be_a_numpy_integer(batch: TokenBatch) -> None:
    assert batch[np.int64(-2)].tolist() == [5, 6]


@pytest.mark.parametrize("index", [5, -6, 2**70])
def test_an_index_out_of_range_is_an_error(batch: TokenBatch, index: int) -> None:
    with pytest.raises(IndexError, match=f"document {index} of a batch of 5"):
        batch[index]


@pytest.mark.parametrize("index", ["0", 1.0, None, (0, 1)])
def test_an_index_of_another_type_is_an_error(batch: TokenBatch, index: Any) -> None:
    with pytest.raises(TypeError):
        batch[index]


BOUNDS = st.one_of(st.none(), st.integers(-8, 8))
DOCUMENT_LISTS = st.lists(st.lists(st.integers(0, 65535), max_size=4), max_size=6)


@given(DOCUMENT_LISTS, BOUNDS, BOUNDS, BOUNDS.filter(lambda step: step != 0))
def test_a_slice_is_the_batch_of_the_slice(
    documents: list[list[int]], start: int | None, stop: int | None, step: int | None
) -> None:
    part = slice(start, stop, step)
    assert batch_of(documents)[part] == batch_of(documents[part])
    assert batch_of(documents)[part].to_list() == documents[part]


def test_a_slice_without_a_step_shares_the_ids(batch: TokenBatch) -> None:
    assert np.shares_memory(batch[2:].ids, batch.ids)
    assert batch[2:][:2].offsets.tolist() == [0, 1, 3]


def test_it_is_iterated_over_in_both_directions(batch: TokenBatch) -> None:
    assert [document.tolist() for document in batch] == DOCUMENTS
    assert [document.tolist() for document in reversed(batch)] == DOCUMENTS[::-1]


def test_its_length_is_the_number_of_documents(batch: TokenBatch) -> None:
    assert len(batch) == 5
    assert len(batch_of([])) == 0


def test_a_document_can_be_looked_up_as_in_any_sequence(batch: TokenBatch) -> None:
    assert ids_of(5, 6) in batch
    assert ids_of(5, 7) not in batch
    assert batch.index(ids_of(5, 6)) == 3
    assert batch.count(ids_of()) == 2
    with pytest.raises(ValueError, match="no document of the batch"):
        batch.index(ids_of(5, 7))


# Comparing and showing


@given(DOCUMENT_LISTS, DOCUMENT_LISTS)
def test_batches_are_equal_if_their_documents_are(
    these: list[list[int]], those: list[list[int]]
) -> None:
    assert batch_of(these) == batch_of(these)
    assert (batch_of(these) == batch_of(those)) is (these == those)


def test_the_same_ids_cut_elsewhere_are_not_equal() -> None:
    assert batch_of([[1], [2, 3]]) != batch_of([[1, 2], [3]])


@pytest.mark.parametrize("other", [DOCUMENTS, None, "batch", 5])
def test_what_is_no_batch_is_not_equal(batch: TokenBatch, other: Any) -> None:
    assert batch != other


def test_it_has_no_hash(batch: TokenBatch) -> None:
    with pytest.raises(TypeError, match="unhashable"):
        hash(batch)


def test_its_repr_is_short(batch: TokenBatch) -> None:
    assert repr(batch) == "TokenBatch(5 documents, 6 ids)"


def test_to_list_gives_python_integers(batch: TokenBatch) -> None:
    assert batch.to_list() == DOCUMENTS
    assert type(batch.to_list()[0][0]) is int


# Other forms of it


@pytest.mark.parametrize("part", [slice(None), slice(2, 4), slice(1, 2), slice(0, 0)], ids=str)
def test_to_arrow_gives_the_same_memory(batch: TokenBatch, part: slice) -> None:
    expected_type = pa.large_list(pa.uint16())
    chosen = batch[part]
    array = chosen.to_arrow()
    array.validate(full=True)
    assert array.type == expected_type
    assert array.to_pylist() == DOCUMENTS[part]
    assert array.buffers()[1].address == chosen.offsets.ctypes.data
    assert len(chosen.ids) == 0 or array.values.buffers()[1].address == chosen.ids.ctypes.data


@pytest.mark.parametrize(
    ("options", "rows"),
    [
        ({}, [[1, 2, 3], [0, 0, 0], [4, 0, 0], [5, 6, 0], [0, 0, 0]]),
        ({"side": "left"}, [[1, 2, 3], [0, 0, 0], [0, 0, 4], [0, 5, 6], [0, 0, 0]]),
        ({"value": 9}, [[1, 2, 3], [9, 9, 9], [4, 9, 9], [5, 6, 9], [9, 9, 9]]),
        ({"length": 4}, [[1, 2, 3, 0], [0] * 4, [4, 0, 0, 0], [5, 6, 0, 0], [0] * 4]),
        ({"length": 2, "truncate": True}, [[1, 2], [0, 0], [4, 0], [5, 6], [0, 0]]),
        (
            {"length": 2, "truncate": True, "side": "left", "value": 65535},
            [[1, 2], [65535, 65535], [65535, 4], [5, 6], [65535, 65535]],
        ),
        ({"length": 0, "truncate": True}, [[]] * 5),
        ({"length": 3, "truncate": True}, [[1, 2, 3], [0, 0, 0], [4, 0, 0], [5, 6, 0], [0, 0, 0]]),
    ],
    ids=str,
)
def test_pad_fills_up_or_cuts_the_rows(
    batch: TokenBatch, options: Any, rows: list[list[int]]
) -> None:
    ids, mask = batch.pad(**options)
    assert (ids.dtype, mask.dtype) == (np.uint16, np.bool_)
    assert ids.shape == mask.shape == (5, len(rows[0]))
    assert ids.tolist() == rows
    kept = [document[: len(rows[0])] for document in DOCUMENTS]
    assert [row[real].tolist() for row, real in zip(ids, mask, strict=True)] == kept


def test_the_mask_tells_an_id_0_of_a_document_from_filling() -> None:
    _, mask = batch_of([[5, 0], [0], [6, 0, 0]]).pad()
    assert mask.tolist() == [[True, True, False], [True, False, False], [True, True, True]]


@pytest.mark.parametrize(("length", "shape"), [(None, (0, 0)), (4, (0, 4))])
def test_padding_no_documents_gives_no_rows(length: int | None, shape: tuple[int, int]) -> None:
    ids, mask = batch_of([]).pad(length)
    assert ids.shape == mask.shape == shape


def test_a_row_that_is_too_long_is_an_error_that_names_the_document(batch: TokenBatch) -> None:
    with pytest.raises(ValueError, match=r"document 2 has 2 ids.*truncate=True"):
        batch[1:].pad(1)
    with pytest.raises(ValueError, match="document 0 has 3 ids"):
        batch.pad(0)


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"side": "middle"}, ValueError),
        ({"value": -1}, ValueError),
        ({"value": 65536}, ValueError),
        ({"value": 1.5}, TypeError),
        ({"length": -1}, ValueError),
        ({"length": 2.0}, TypeError),
    ],
    ids=str,
)
def test_an_option_that_makes_no_sense_is_refused(
    batch: TokenBatch, options: Any, error: type[Exception]
) -> None:
    with pytest.raises(error):
        batch.pad(**options)
