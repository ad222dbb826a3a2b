"""Checking the tokens of a .bin."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from rwkv_tok.data.binidx.index_file import blocks, map_array
from rwkv_tok.vocabulary import ID_SPACE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from rwkv_tok.tokenizer import Tokenizer

    from .findings import Findings
    from .index_checks import Index

__all__ = ["TokenChecks"]

_NOT_CLOSED = "items that do not end with 0"

# What stands for all ids outside of 0 ... 65535.
_OUTSIDE = -1

# An id that some tokenizers give to "\n\n".
_MISUSED = 65530


class TokenChecks:
    """Looks at the tokens of a .bin block by block, from the first to the last.

    Parameters
    ----------
    path
        The .bin, for messages.
    index
        What the .idx says.
    tokenizer
        Which ids there are.
    findings
        Gets what is wrong.
    """

    def __init__(self, path: Path, index: Index, tokenizer: Tokenizer, findings: Findings) -> None:
        self._path = path
        self._index = index
        self._tokenizer = tokenizer
        self._findings = findings
        self._assigned = np.zeros(ID_SPACE, np.bool_)
        self._assigned[[0, *tokenizer]] = True
        # All ids up to here are assigned: mostly, a look at the largest of a block suffices.
        self._all_up_to = ID_SPACE - 1 if self._assigned.all() else int(self._assigned.argmin()) - 1
        self._unassigned: dict[int, _Tally] = {}
        self._inner_zeros = _Tally()
        self._item_ends = self._read_item_ends() if index.in_order else iter(())
        self._ends = np.empty(0, np.int64)
        self._item = 0

    def check(self, start: int, ids: NDArray[np.integer[Any]]) -> None:
        """Look at the next block, whose first token is that of number `start` in the file."""
        if ids.max() > self._all_up_to or ids.min() < 0:
            self._check_ids(start, ids)
        if self._index.in_order:
            self._check_zeros(start, ids)

    def finish(self) -> None:
        """Report what can be told only when all blocks were seen."""
        if not self._index.in_order:
            self._check_ends_out_of_order()
        for token_id, tally in sorted(self._unassigned.items()):
            what = self._explain(token_id, tally.count)
            self._findings.add("ids without a token", self._place(tally.first), what)
        items = len(self._index.sizes)
        if items and self._findings.count(_NOT_CLOSED) == items:
            what = "no item ends with 0: what wrote it did not mark the end of documents"
            self._findings.add("remarks", str(self._path), what)
        if self._inner_zeros.count:
            self._findings.notes.append(
                f"{self._inner_zeros.count} times id 0 inside of an item, first at "
                f"{self._place(self._inner_zeros.first)}: no text gives it, so documents were "
                "joined to one item"
            )

    def _check_ids(self, start: int, ids: NDArray[np.integer[Any]]) -> None:
        outside = (ids < 0) | (ids >= ID_SPACE)
        wrong = outside | ~self._assigned[np.where(outside, 0, ids)]
        positions = np.flatnonzero(wrong)
        values = ids[positions].astype(np.int64)
        values[outside[positions]] = _OUTSIDE
        found = np.unique(values, return_index=True, return_counts=True)
        for value, first, count in zip(*(array.tolist() for array in found), strict=True):
            tally = self._unassigned.setdefault(value, _Tally(start + int(positions[first])))
            tally.count += count

    def _check_zeros(self, start: int, ids: NDArray[np.integer[Any]]) -> None:
        ends = self._take_ends(start + len(ids)) - start
        closed = ids[ends] == 0
        if not closed.all():
            self._report_open(np.flatnonzero(~closed) + self._item)
        self._item += len(ends)
        inner = len(ids) - np.count_nonzero(ids) - np.count_nonzero(closed)
        if inner and not self._inner_zeros.count:
            places = np.setdiff1d(np.flatnonzero(ids == 0), ends, assume_unique=True)
            self._inner_zeros.first = start + int(places[0])
        self._inner_zeros.count += int(inner)

    def _take_ends(self, stop: int) -> NDArray[np.int64]:
        """Where the last tokens of items are, up to this token; of each item only once."""
        taken = []
        while True:
            count = np.searchsorted(self._ends, stop)
            taken.append(self._ends[:count])
            self._ends = self._ends[count:]
            following = None if len(self._ends) else next(self._item_ends, None)
            if following is None:
                return np.concatenate(taken)
            self._ends = following

    def _read_item_ends(self) -> Iterator[NDArray[np.int64]]:
        """The numbers of the last tokens of all items that are in order."""
        end = -1
        for block in blocks(len(self._index.sizes)):
            ends = end + np.cumsum(self._index.sizes[block], dtype=np.int64)
            yield ends
            end = int(ends[-1])

    def _check_ends_out_of_order(self) -> None:
        """Look up the last token of each item that lies within the file."""
        itemsize = self._index.dtype.itemsize
        with self._path.open("rb") as file:
            count = file.seek(0, 2) // itemsize
            tokens = map_array(file, self._index.dtype, 0, count)
        for block in blocks(len(self._index.sizes)):
            starts = self._index.pointers[block].copy()
            sizes = self._index.sizes[block].astype(np.int64)
            within = (sizes > 0) & (starts >= 0) & (starts <= itemsize * (count - sizes))
            items = np.flatnonzero(within)
            last = tokens[starts[items] // itemsize + sizes[items] - 1]
            self._report_open(items[last != 0] + block.start)

    def _report_open(self, items: NDArray[np.intp]) -> None:
        def describe(item: int) -> tuple[str, str]:
            end = int(self._index.pointers[item])
            end += self._index.dtype.itemsize * (int(self._index.sizes[item]) - 1)
            return (
                f"{self._path}, byte {end} (last token of item {item})",
                f"item {item} does not end with 0",
            )

        self._findings.add_items(_NOT_CLOSED, items, describe)

    def _place(self, position: int) -> str:
        byte = self._index.dtype.itemsize * position
        where = f"{self._path}, byte {byte}"
        item = bisect_right(self._index.pointers, byte) - 1
        if not self._index.in_order or item < 0:
            return where
        within = position - int(self._index.pointers[item]) // self._index.dtype.itemsize
        if within >= self._index.sizes[item]:
            return f"{where} (after the last item)"
        return f"{where} (token {within} of item {item})"

    def _explain(self, token_id: int, count: int) -> str:
        times = f"{count} times, first here" if count > 1 else "once"
        if token_id == _OUTSIDE:
            return f"ids outside 0 ... {ID_SPACE - 1}: {times}"
        what = f"id {token_id} has no token in {self._tokenizer.name}: {times}"
        if token_id == _MISUSED:
            what += (
                r'; some tokenizers write 65530 where "\n\n" was meant, which is '
                f"{self._blank_line()}: an id that the models were never trained on"
            )
        return what

    def _blank_line(self) -> str:
        ids = self._tokenizer.encode("\n\n").tolist()
        return " ".join(map(str, ids))


@dataclass
class _Tally:
    """Where something is first, and how often it is there."""

    first: int = 0
    count: int = 0
