"""BinIdxWriter and write_index: the bytes, and when they appear."""

import io
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from data.binidx_files import closed, documents, index_bytes, token_bytes, write_dataset
from hypothesis import given
from hypothesis import strategies as st

from rwkv_tok import TokenBatch, TokenIdError, Tokenizer
from rwkv_tok.data import BinIdx, BinIdxWriter
from rwkv_tok.data.binidx.writer import write_index


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def files_of(prefix: Path) -> tuple[bytes, bytes]:
    return Path(f"{prefix}.bin").read_bytes(), Path(f"{prefix}.idx").read_bytes()


def expected_files(stored: Sequence[Sequence[int]]) -> tuple[bytes, bytes]:
    return token_bytes(stored), index_bytes([*map(len, stored)])


def batch_of(texts: Sequence[Sequence[int]]) -> TokenBatch:
    offsets = np.cumsum([0, *map(len, texts)], dtype=np.int64)
    return TokenBatch(np.array([*chain(*texts)], np.uint16), offsets)


@pytest.mark.usefixtures("small_blocks")
@given(documents(), st.lists(st.tuples(st.booleans(), st.integers(0, 5))))
def test_the_bytes_are_those_of_the_format(
    texts: list[list[int]], steps: list[tuple[bool, int]]
) -> None:
    stored = closed(texts)
    with tempfile.TemporaryDirectory() as folder:
        prefix = Path(folder) / "corpus"
        rest = texts
        with BinIdxWriter(prefix) as writer:
            for as_batch, count in [*steps, (True, len(texts))]:
                taken, rest = rest[:count], rest[count:]
                if as_batch:
                    writer.add_batch(batch_of(taken))
                else:
                    for ids in taken:
                        writer.add(ids)
            assert writer.documents == len(stored)
            assert writer.tokens == sum(map(len, stored))
        assert files_of(prefix) == expected_files(stored)
        assert names(Path(folder)) == ["corpus.bin", "corpus.idx"]


def test_text_goes_in_and_comes_out(tok: Tokenizer, tmp_path: Path) -> None:
    texts = ["Hello world", "", "今天是美好的一天。", "\n\n"] * 100
    with BinIdxWriter(tmp_path / "corpus") as writer:
        writer.add_batch(tok.encode_ragged(texts, append_eot=True))
    assert [tok.decode(ids) for ids in BinIdx(tmp_path / "corpus")] == texts


@pytest.mark.parametrize(
    "ids",
    [
        [1, 65535],
        (1, 65535, 0),
        np.array([1, 65535], np.uint16),
        np.array([1, 65535, 0], np.int64),
        np.array([1, 65535], ">i4"),
        np.array([1, 65535], np.uint64),
        np.array([1, 7, 65535, 7], np.uint16)[::2],
        [np.int8(1), 65535],
    ],
)
def test_any_integers_are_ids(tmp_path: Path, ids: Any) -> None:
    with BinIdxWriter(tmp_path / "corpus") as writer:
        writer.add(ids)
    assert files_of(tmp_path / "corpus") == expected_files([[1, 65535, 0]])


@pytest.mark.parametrize(
    ("ids", "error"),
    [
        ([1, 65536], TokenIdError),
        ([1, -1], TokenIdError),
        ([1, 2**70], TokenIdError),
        (np.array([1, 65536 + 2]), TokenIdError),
        (np.array([1, -1], np.int8), TokenIdError),
        (np.array([1, 2**64 - 1], np.uint64), TokenIdError),
        ([1, True], TypeError),
        ([1, 2.0], TypeError),
        (np.array([1.0, 2.0]), TypeError),
        ("12", TypeError),
        (b"12", TypeError),
        (7, TypeError),
        (np.zeros((2, 2), np.uint16), ValueError),
    ],
)
def test_what_is_no_id_is_not_written(tmp_path: Path, ids: Any, error: type[Exception]) -> None:
    with BinIdxWriter(tmp_path / "corpus") as writer:
        writer.add([5])
        with pytest.raises(error) as caught:
            writer.add(ids)
        writer.add([6])
    if error is TokenIdError:
        assert caught.value.position == 1  # type: ignore[attr-defined]
    assert files_of(tmp_path / "corpus") == expected_files([[5, 0], [6, 0]])


@pytest.mark.parametrize("batch", [[[1, 2]], np.array([1, 2]), None])
def test_a_batch_is_a_token_batch(tmp_path: Path, batch: Any) -> None:
    with BinIdxWriter(tmp_path / "corpus") as writer, pytest.raises(TypeError, match="TokenBatch"):
        writer.add_batch(batch)


def test_nothing_makes_an_empty_dataset(tmp_path: Path) -> None:
    with BinIdxWriter(tmp_path / "corpus"):
        pass
    assert files_of(tmp_path / "corpus") == expected_files([])


def test_a_document_has_a_largest_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rwkv_tok.data.binidx.writer._LARGEST_SIZE", 4)
    with BinIdxWriter(tmp_path / "corpus") as writer:
        writer.add([1, 2, 3])
        for add, ids in ((writer.add, [1, 2, 3, 4]), (writer.add_batch, batch_of([[1] * 4]))):
            with pytest.raises(
                ValueError, match="document 1 has 5 tokens: an index has room for 4"
            ):
                add(ids)
    assert files_of(tmp_path / "corpus") == expected_files([[1, 2, 3, 0]])


def test_the_largest_size_is_that_of_the_format() -> None:
    from rwkv_tok.data.binidx.writer import _LARGEST_SIZE

    assert _LARGEST_SIZE == 2**31 - 1


@pytest.mark.parametrize("when", ["before", "after"])
def test_outside_of_the_block_nothing_can_be_added(tmp_path: Path, when: str) -> None:
    writer = BinIdxWriter(tmp_path / "corpus")
    if when == "after":
        with writer:
            writer.add([5])
    with pytest.raises(ValueError, match="not in use"):
        writer.add([5])


# When the files appear


def test_they_appear_at_the_end(tmp_path: Path) -> None:
    with BinIdxWriter(tmp_path / "corpus") as writer:
        writer.add([5])
        assert not {"corpus.bin", "corpus.idx"} & {*names(tmp_path)}
    assert names(tmp_path) == ["corpus.bin", "corpus.idx"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("overwrite", [False, True])
def test_after_an_error_everything_is_as_before(
    tmp_path: Path, error: type[BaseException], overwrite: bool
) -> None:
    if overwrite:
        write_dataset(tmp_path / "corpus")
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}

    def fail() -> None:
        with BinIdxWriter(tmp_path / "corpus", overwrite=overwrite) as writer:
            writer.add([5])
            raise error

    with pytest.raises(error):
        fail()
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize("name", ["corpus.bin", "corpus.idx"])
def test_an_existing_file_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"old")
    with pytest.raises(FileExistsError) as caught, BinIdxWriter(tmp_path / "corpus"):
        pass
    assert caught.value.filename == str(tmp_path / name)
    assert (tmp_path / name).read_bytes() == b"old"
    assert names(tmp_path) == [name]


def test_a_dataset_that_appears_meanwhile_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileExistsError), BinIdxWriter(tmp_path / "corpus"):
        write_dataset(tmp_path / "corpus", [[7, 0]])
    assert files_of(tmp_path / "corpus") == expected_files([[7, 0]])
    assert names(tmp_path) == ["corpus.bin", "corpus.idx"]


def test_a_missing_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), BinIdxWriter(tmp_path / "nix" / "corpus"):
        pass


def test_a_dataset_can_be_replaced(tmp_path: Path) -> None:
    write_dataset(tmp_path / "corpus")
    (tmp_path / "corpus.json").write_text('{"bin": {}, "idx": {}}')
    with BinIdxWriter(tmp_path / "corpus", overwrite=True) as writer:
        writer.add([5])
    assert files_of(tmp_path / "corpus") == expected_files([[5, 0]])
    # What it said was about the old one.
    assert names(tmp_path) == ["corpus.bin", "corpus.idx"]


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize(
    "content", ['{"text": "bin idx"}', '["bin", "idx"]', "[" * 100_000, "\xff"]
)
def test_a_json_of_another_kind_is_left_alone(
    tmp_path: Path, content: str, overwrite: bool
) -> None:
    (tmp_path / "corpus.json").write_text(content, "utf-8")
    with BinIdxWriter(tmp_path / "corpus", overwrite=overwrite) as writer:
        writer.add([5])
    assert (tmp_path / "corpus.json").read_text("utf-8") == content


@pytest.mark.parametrize("failing", ["corpus.bin", "corpus.idx"])
def test_a_new_bin_never_stands_beside_an_old_index(
    tmp_path: Path, failing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_dataset(tmp_path / "corpus")
    replace = Path.replace

    def fail(self: Path, target: Path) -> Path:
        assert not (tmp_path / "corpus.idx").exists()
        if target.name == failing:
            raise OSError("no")
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", fail)
    with (
        pytest.raises(OSError, match="no"),
        BinIdxWriter(tmp_path / "corpus", overwrite=True) as writer,
    ):
        writer.add([5])
    assert names(tmp_path) == ["corpus.bin"]


class FullDisk(io.BytesIO):
    """Takes half of the first thing that is written to it."""

    def write(self, data: Any) -> int:
        super().write(bytes(data)[:3])
        raise OSError("full")


def test_an_error_that_somebody_catches_is_not_forgotten(tmp_path: Path) -> None:
    def write() -> None:
        with BinIdxWriter(tmp_path / "corpus") as writer:
            writer.add([5])
            assert writer._dataset
            file, writer._dataset.bin = writer._dataset.bin, FullDisk()
            with pytest.raises(OSError, match="full"):
                writer.add([6])
            file.write(writer._dataset.bin.getvalue())  # type: ignore[attr-defined]
            writer._dataset.bin = file
            writer.add([7])

    with pytest.raises(OSError, match="could not be written as a whole"):
        write()
    assert names(tmp_path) == []


@pytest.mark.skipif(os.name != "posix", reason="needs Unix signals")
def test_a_killed_process_leaves_nothing_of_the_name(tmp_path: Path) -> None:
    code = """
import os, signal, sys
from rwkv_tok.data import BinIdxWriter
with BinIdxWriter(sys.argv[1], overwrite=True) as writer:
    for _ in range(1000):
        writer.add(range(1000))
    os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run([sys.executable, "-c", code, tmp_path / "corpus"])
    assert done.returncode == -signal.SIGKILL
    assert not [name for name in names(tmp_path) if name.startswith("corpus")]


# The index alone


@pytest.mark.parametrize("block", [1, 2, 3, 7, 100])
def test_an_index_is_written_in_blocks(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rwkv_tok.data.binidx.index_file._BLOCK", block)
    sizes = [3, 1, 2**31 - 1, 2**31 - 1, 2**31 - 1, 5, 9]
    for count in range(len(sizes) + 1):
        file = io.BytesIO()
        write_index(file, np.array(sizes, np.int32), item_count=count)
        assert file.getvalue() == index_bytes(sizes[:count])


def test_the_sizes_may_be_mapped(tmp_path: Path) -> None:
    sizes = np.arange(1, 100, dtype=np.int32)
    sizes.tofile(tmp_path / "sizes")
    file = io.BytesIO()
    write_index(file, np.memmap(tmp_path / "sizes", np.int32, "r"), item_count=99)
    assert file.getvalue() == index_bytes(sizes.tolist())


def test_too_few_sizes_are_an_error() -> None:
    with pytest.raises(ValueError, match="4 items need as many sizes, not 3"):
        write_index(io.BytesIO(), np.ones(3, np.int32), item_count=4)


@pytest.mark.parametrize("size", [0, -1])
@pytest.mark.usefixtures("small_blocks")
def test_a_size_that_is_not_positive_is_an_error(size: int) -> None:
    with pytest.raises(ValueError, match=f"item 4 has size {size}"):
        write_index(io.BytesIO(), np.array([1, 1, 1, 1, size], np.int32), item_count=5)
