"""Checking an .idx, whatever wrote it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from rwkv_tok.data.binidx.index_file import (
    DOC_IDX,
    POINTERS,
    SIZES,
    Header,
    bin_path,
    blocks,
    idx_path,
    map_array,
)
from rwkv_tok.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from .findings import Findings

__all__ = ["Index", "check_index"]


@dataclass(frozen=True)
class Index:
    """What an .idx tells about the tokens.

    Attributes
    ----------
    dtype
        That of the tokens, which are integers.
    sizes, pointers
        Tokens of each item, and where it begins in bytes.
    in_order
        Whether the items follow each other from the first byte on, and none is empty.
    """

    dtype: np.dtype[Any]
    sizes: NDArray[np.int32]
    pointers: NDArray[np.int64]
    in_order: bool


def check_index(prefix: Path, bin_size: int, findings: Findings) -> Index | None:
    """Check PREFIX.idx beside a .bin of this size; None if nothing can be made of it."""
    path = idx_path(prefix)
    with path.open("rb") as file:
        try:
            header = Header.read(file)
        except DataError as error:
            findings.add("headers", str(path), str(error))
            return None
        for offset, what in header.problems():
            findings.add("headers", f"{path}, byte {offset}", what)
        if not header.is_index or header.dtype is None or header.dtype.kind == "f":
            return None
        size = os.fstat(file.fileno()).st_size
        problem = header.size_problem(size)
        if problem is not None:
            findings.add("sizes of files", str(path), problem)
        if size < header.doc_idx_at:
            return None
        sizes = map_array(file, SIZES, header.sizes_at, header.items)
        pointers = map_array(file, POINTERS, header.pointers_at, header.items)
        doc_idx_at = header.doc_idx_at
        if size == header.size_with_extra_pointer:
            doc_idx_at += POINTERS.itemsize
        if size >= doc_idx_at + DOC_IDX.itemsize * header.doc_idx_length:
            doc_idx = map_array(file, DOC_IDX, doc_idx_at, header.doc_idx_length)
            _check_doc_idx(doc_idx, f"{path}, byte {doc_idx_at}", header.items, findings)
    layout = _Layout(
        header,
        header.dtype.itemsize,
        path,
        bin_path(prefix),
        bin_size,
        sizes,
        pointers,
        findings,
    )
    return Index(header.dtype, sizes, pointers, in_order=layout.check())


def _check_doc_idx(doc_idx: NDArray[np.int64], where: str, items: int, findings: Findings) -> None:
    """Check that the documents are all items in order, and note if not each of them is one."""
    kind = "errors in doc_idx"
    length = len(doc_idx)
    if length == 0 or doc_idx[0] != 0 or doc_idx[-1] != items:
        ends = f"{doc_idx[0]} ... {doc_idx[-1]}" if length else "nothing"
        findings.add(kind, where, f"doc_idx goes from 0 to {items}, not {ends}")
        return
    previous = -1
    for block in blocks(length):
        numbers = np.concatenate([[previous], doc_idx[block]])
        wrong = np.flatnonzero(numbers[1:] <= numbers[:-1])
        if len(wrong):
            first = block.start + int(wrong[0])
            before, entry = doc_idx[first - 1], doc_idx[first]
            what = f"entry {first} of doc_idx, {entry}, is not larger than the one before, {before}"
            findings.add(kind, where, what)
            return
        previous = int(numbers[-1])
    if length != items + 1:
        findings.notes.append(
            f"{length - 1} documents (doc_idx) of {items} items: RWKV's own tools make one item of "
            "each document; the trainer does not care"
        )


@dataclass(frozen=True)
class _Layout:
    """Where the items lie."""

    header: Header
    itemsize: int
    idx: Path
    bin: Path
    bin_size: int
    sizes: NDArray[np.int32]
    pointers: NDArray[np.int64]
    findings: Findings

    def check(self) -> bool:
        """Check where the items lie; return whether they are in order."""
        in_order = True
        end = np.zeros(1, np.int64)
        last_end = 0
        for block in blocks(len(self.sizes)):
            lengths = self.itemsize * self.sizes[block].astype(np.int64)
            starts = self.pointers[block].copy()
            ends = starts + lengths
            empty = np.flatnonzero(lengths <= 0)
            moved = np.flatnonzero(starts != np.concatenate([end, ends[:-1]]))
            # Without the sum of both, which may be too large for an int64.
            inside = (starts >= 0) & (starts % self.itemsize == 0)
            inside &= starts <= self.bin_size - lengths
            self._report(block.start, empty, moved, np.flatnonzero(~inside))
            in_order &= not len(empty) and not len(moved)
            last_end = max(last_end, int(ends[inside].max(initial=0)))
            end = ends[-1:]
        self._check_bin_size(int(end[0]) if in_order else last_end)
        return in_order

    def _report(
        self,
        first: int,
        empty: NDArray[np.intp],
        moved: NDArray[np.intp],
        outside: NDArray[np.intp],
    ) -> None:
        """Report items; their numbers count from the item `first`."""
        self.findings.add_items("sizes that are not positive", empty + first, self._tell_size)
        self.findings.add_items(
            "items that do not begin where the one before ends", moved + first, self._tell_move
        )
        self.findings.add_items(
            "items that are not within the .bin", outside + first, self._tell_place
        )

    def _check_bin_size(self, end: int) -> None:
        def add(byte: int, what: str) -> None:
            self.findings.add("sizes of files", f"{self.bin}, byte {byte}", what)

        if self.bin_size % self.itemsize:
            what = f"{self.bin_size} bytes are no whole number of tokens of {self.itemsize} bytes"
            add(self.bin_size, what)
        if self.bin_size > end:
            add(end, f"{self.bin_size - end} bytes after the last item belong to no item")
        if self.bin_size < end:
            what = f"{end - self.bin_size} bytes are missing: the last item ends at byte {end}"
            add(self.bin_size, what)

    def _tell_size(self, item: int) -> tuple[str, str]:
        byte = self.header.sizes_at + SIZES.itemsize * item
        where = f"{self.idx}, byte {byte} (size of item {item})"
        return where, f"size {self.sizes[item]} is not positive"

    def _tell_move(self, item: int) -> tuple[str, str]:
        start = int(self.pointers[item])
        what = f"item {item} begins at byte {start} of the .bin, "
        if item == 0:
            return self._pointer_at(item), what + "not at 0"
        before = int(self.pointers[item - 1]) + self.itemsize * int(self.sizes[item - 1])
        what += f"item {item - 1} ends at byte {before}: "
        if start > before:
            what += f"the {start - before} bytes between are left out"
        else:
            what += f"they overlap by {before - start} bytes, or are out of order"
        return self._pointer_at(item), what

    def _tell_place(self, item: int) -> tuple[str, str]:
        return self._pointer_at(item), (
            f"item {item} of {self.sizes[item]} tokens at byte {self.pointers[item]} is not within "
            f"the {self.bin_size} bytes of the .bin"
        )

    def _pointer_at(self, item: int) -> str:
        byte = self.header.pointers_at + POINTERS.itemsize * item
        return f"{self.idx}, byte {byte} (pointer of item {item})"
