"""BinIdx: what is in the files, and no way out of them."""

import os
import pickle
import subprocess
import sys
import tempfile
from collections.abc import Callable
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from data.binidx_files import DOCUMENTS, documents, index_bytes, token_bytes, write_dataset
from data.binidx_files import write_files as write
from hypothesis import given
from hypothesis import strategies as st

from rwkv_tok.data import BinIdx
from rwkv_tok.errors import DataError

SIZES = [*map(len, DOCUMENTS)]


def lists(items: Any) -> list[list[int]]:
    return [item.tolist() for item in items]


def test_items_are_as_stored(dataset: Path) -> None:
    data = BinIdx(dataset)
    assert len(data) == len(DOCUMENTS)
    assert lists(data) == DOCUMENTS
    assert data[-1].tolist() == DOCUMENTS[-1]
    assert data[np.int64(2)].tolist() == DOCUMENTS[2]
    assert lists(data[1:]) == DOCUMENTS[1:]
    assert lists(data[::-2]) == DOCUMENTS[::-2]
    assert lists(reversed(data)) == DOCUMENTS[::-1]


def test_the_attributes_are_views_of_the_files(dataset: Path) -> None:
    data = BinIdx(str(dataset))
    assert data.prefix == dataset
    assert (data.tokens.dtype, data.tokens.tolist()) == (np.uint16, [*chain(*DOCUMENTS)])
    assert (data.sizes.dtype, data.sizes.tolist()) == (np.int32, SIZES)
    assert (data.pointers.dtype, data.pointers.tolist()) == (np.int64, [0, 6, 8, 14])
    assert (data.doc_idx.dtype, data.doc_idx.tolist()) == (np.int64, [0, 1, 2, 3, 4])
    for array in (data.tokens, data.sizes, data.pointers, data.doc_idx, data[0]):
        assert type(array) is np.ndarray
        assert not array.flags.writeable
        assert not array.flags.owndata


@pytest.mark.parametrize("index", [4, -5, 2**70])
def test_an_index_outside_is_an_error(dataset: Path, index: int) -> None:
    with pytest.raises(IndexError, match=f"item {index} of 4"):
        BinIdx(dataset)[index]


def test_it_is_searched_like_any_sequence(dataset: Path) -> None:
    data = BinIdx(dataset)
    assert [261, 0] in data
    assert [261] not in data
    assert data.index(np.array([261, 0])) == 3
    assert data.count([0]) == 1
    with pytest.raises(ValueError, match="no item"):
        data.index([0], 2)


@pytest.mark.usefixtures("small_blocks")
@given(documents())
def test_any_documents_are_read_back(texts: list[list[int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        data = BinIdx(write_dataset(Path(folder) / "corpus", texts))
        assert lists(data) == texts
        assert data.tokens.tolist() == [*chain(*texts)]


def test_without_items_there_is_nothing(tmp_path: Path) -> None:
    data = BinIdx(write_dataset(tmp_path / "empty", []))
    assert (len(data), len(data.tokens), data[:]) == (0, 0, [])
    assert pickle.loads(pickle.dumps(data)).doc_idx.tolist() == [0]


def test_a_prefix_may_have_dots(tmp_path: Path) -> None:
    write_dataset(tmp_path / "corpus.v1", [[5, 0]])
    write_dataset(tmp_path / "corpus", [[6, 0]])
    assert lists(BinIdx(tmp_path / "corpus.v1")) == [[5, 0]]


@pytest.mark.parametrize("suffix", [".bin", ".idx"])
def test_a_missing_file_is_named(dataset: Path, suffix: str) -> None:
    Path(f"{dataset}{suffix}").unlink()
    with pytest.raises(FileNotFoundError) as caught:
        BinIdx(dataset)
    assert caught.value.filename == f"{dataset}{suffix}"


# What is wrong with files


def test_an_index_that_ends_too_soon_is_refused(tmp_path: Path) -> None:
    index = index_bytes(SIZES)
    for size in range(len(index)):
        write(tmp_path / "cut", token_bytes(DOCUMENTS), index[:size])
        with pytest.raises(DataError, match=r"cut\.idx has \d+ bytes, "):
            BinIdx(tmp_path / "cut")


def test_a_bin_that_ends_too_soon_is_refused(tmp_path: Path) -> None:
    tokens = token_bytes(DOCUMENTS)
    for size in range(len(tokens)):
        write(tmp_path / "cut", tokens[:size], index_bytes(SIZES))
        with pytest.raises(DataError, match=r"cut\.bin has .* odd|not within the \d+ bytes"):
            BinIdx(tmp_path / "cut")


WRONG_FIELDS = {
    "magic": ({"magic": b"TNTIDX\0\0\0"}, "begins with b'TNTIDX.* not a binidx index.*byte 0"),
    "version": ({"version": 2}, "version 2; there is only 1 .at byte 9"),
    "int32": ({"dtype": 4}, "int32 .dtype code 4.*needs uint16 .code 8.*json2binidx_tool.*byte 17"),
    "float": ({"dtype": 6}, "float64 .dtype code 6.*uint16"),
    "no dtype": ({"dtype": 0}, "unknown dtype code 0.*uint16"),
    "many items": ({"items": 2**63}, "are missing"),
    "all items": ({"items": 2**64 - 1}, "are missing"),
    "one item less": ({"items": 3}, "12 too many"),
    "long doc_idx": ({"doc_idx_length": 2**63}, "are missing"),
    "longest doc_idx": ({"doc_idx_length": 2**64 - 1}, "are missing"),
    "no doc_idx": ({"doc_idx_length": 0}, "40 too many"),
    "extra pointer": ({"pointers": [0, 6, 8, 14, 18]}, "one pointer more than sizes"),
}


@pytest.mark.parametrize(("fields", "message"), WRONG_FIELDS.values(), ids=WRONG_FIELDS)
def test_a_wrong_field_is_named(tmp_path: Path, fields: dict[str, Any], message: str) -> None:
    prefix = write(tmp_path / "bad", token_bytes(DOCUMENTS), index_bytes(SIZES, **fields))
    with pytest.raises(DataError, match=rf"bad\.idx .*{message}"):
        BinIdx(prefix)


HOSTILE_ITEMS = [
    ([3, 1, -1, 2], [0, 6, 8, 14]),
    ([3, 1, -(2**31), 2], [0, 6, 8, 14]),
    ([3, 1, 2**31 - 1, 2], [0, 6, 8, 14]),
    ([3, 1, 3, 2], [0, 6, 20, 14]),
    ([3, 1, 3, 2], [0, 6, 14, 14]),
    ([3, 1, 3, 2], [0, 6, 7, 14]),
    ([3, 1, 3, 2], [0, 6, -2, 14]),
    ([3, 1, 3, 2], [0, 6, 2**63 - 2, 14]),
    ([3, 1, 2**31 - 1, 2], [0, 6, 2**63 - 2, 14]),
    ([3, 1, 3, 2], [0, 6, -(2**63), 14]),
    ([3, 1, -(2**31), 2], [0, 6, -(2**63), 14]),
]


@pytest.mark.parametrize("block", [1, 2, 100])
@pytest.mark.parametrize(("sizes", "pointers"), HOSTILE_ITEMS)
def test_an_item_outside_of_the_bin_is_named(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    sizes: list[int],
    pointers: list[int],
    block: int,
) -> None:
    monkeypatch.setattr("rwkv_tok.data.binidx.index_file._BLOCK", block)
    prefix = write(tmp_path / "bad", token_bytes(DOCUMENTS), index_bytes(sizes, pointers))
    message = (
        rf"bad\.idx: item 2 has size {sizes[2]} .at byte 42. and pointer {pointers[2]} "
        r".at byte 66., which is not within the 18 bytes of the \.bin"
    )
    with pytest.raises(DataError, match=message):
        BinIdx(prefix)


@given(st.data())
def test_a_damaged_index_never_leads_out_of_the_files(data: st.DataObject) -> None:
    index = bytearray(index_bytes(SIZES))
    for _ in range(data.draw(st.integers(1, 4))):
        index[data.draw(st.integers(0, len(index) - 1))] = data.draw(st.integers(0, 255))
    with tempfile.TemporaryDirectory() as folder:
        prefix = write(Path(folder) / "bad", token_bytes(DOCUMENTS), bytes(index))
        try:
            opened = BinIdx(prefix)
        except DataError:
            return
        assert [*map(len, opened)] == opened.sizes.tolist()


def test_an_odd_number_of_bytes_is_an_error(tmp_path: Path) -> None:
    prefix = write(tmp_path / "odd", token_bytes(DOCUMENTS) + b"\0", index_bytes(SIZES))
    with pytest.raises(DataError, match=r"odd\.bin has 19 bytes, an odd number"):
        BinIdx(prefix)


def test_overlapping_items_can_be_read(tmp_path: Path) -> None:
    index = index_bytes([3, 4], [4, 0])
    data = BinIdx(write(tmp_path / "any", token_bytes([[1, 2, 3, 4, 5]]), index))
    assert lists(data) == [[3, 4, 5], [1, 2, 3, 4]]


# How long it lives, and where


@pytest.mark.parametrize(
    "view",
    [
        lambda data: data[0],
        lambda data: data[0:2][0],
        lambda data: data.tokens[:3],
        lambda data: data[0][1:].base[:3],
    ],
)
def test_views_outlive_the_dataset(dataset: Path, view: Callable[[BinIdx], Any]) -> None:
    kept = view(BinIdx(dataset))
    for suffix in (".bin", ".idx"):
        Path(f"{dataset}{suffix}").unlink()
    assert kept[:3].tolist() == DOCUMENTS[0]


def test_no_file_stays_open(dataset: Path) -> None:
    descriptors = Path("/proc/self/fd")
    if not descriptors.exists():
        pytest.skip("has no /proc")
    before = len([*descriptors.iterdir()])
    for _ in range(20):
        BinIdx(dataset)
    assert len([*descriptors.iterdir()]) <= before + 2


def test_a_pickle_is_the_path_and_survives_a_change_of_folder(
    dataset: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(dataset.parent)
    data = BinIdx(dataset.name)
    monkeypatch.chdir("/")
    pickled = pickle.dumps(data)
    assert len(pickled) < 300
    again = pickle.loads(pickled)
    assert lists(again) == DOCUMENTS
    assert again.prefix == dataset
    assert pickle.dumps(again) == pickled


@pytest.mark.skipif(not hasattr(os, "fork"), reason="has no fork")
def test_a_forked_process_can_read_it(dataset: Path) -> None:
    code = """
import os, sys
from rwkv_tok.data import BinIdx
data = BinIdx(sys.argv[1])
windows = [data[0], data]
child = os.fork()
total = sum(int(item.sum()) for item in data)
if child:
    _, status = os.waitpid(child, 0)
    assert status == 0
print(total)
"""
    done = subprocess.run([sys.executable, "-c", code, dataset], capture_output=True, check=True)
    assert done.stdout.split() == [str(sum(chain(*DOCUMENTS))).encode()] * 2


def test_it_needs_numpy_alone(dataset: Path) -> None:
    code = """
import sys
sys.modules |= dict.fromkeys(["xxhash", "msgspec", "filelock", "pyarrow", "click", "rich"])
from rwkv_tok.data import BinIdx
print(len(BinIdx(sys.argv[1])))
"""
    done = subprocess.run([sys.executable, "-c", code, dataset], capture_output=True, check=True)
    assert done.stdout == b"4\n"
