"""Writing ids in the formats that the command line knows."""

from __future__ import annotations

import functools
import shutil
import tempfile
from typing import IO, TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import TypeAlias

    from numpy.typing import NDArray

    from rwkv_tok.batch import TokenBatch

    Writer: TypeAlias = Callable[[Iterable[TokenBatch], IO[bytes]], None]

__all__ = ["FLAT_FORMATS", "WRITERS"]

#: The formats that are one sequence of ids, in which documents are told apart by id 0 alone.
FLAT_FORMATS = frozenset({"npy", "u16"})

# Pieces of text to put together at once.
_STEP = 1 << 20


class _LineWriter:
    """Writes each document as a line of decimal numbers.

    There is no loop over the ids: what may stand in the output is a table, and the output is its
    rows in the order that the ids ask for. The rows are fixed in width, filled up with NUL, which
    is then taken out.
    """

    # Rows 0 ... 65535 are the first number of a line, these the others with what separates them.
    _FOLLOWING = np.uint32(65536)
    _OPENING = 2 * 65536
    _CLOSING = _OPENING + 1

    def __init__(self, opening: bytes, separator: bytes, closing: bytes) -> None:
        numbers = np.arange(65536).astype("S5")
        following = np.strings.add(separator, numbers)
        self._table = np.concatenate([numbers, following, np.array([opening, closing])])

    def write(self, batch: TokenBatch, out: IO[bytes]) -> None:
        rows = self._rows(batch)
        for start in range(0, len(rows), _STEP):
            text = self._table[rows[start : start + _STEP]].tobytes()
            out.write(text.translate(None, b"\0"))

    def _rows(self, batch: TokenBatch) -> NDArray[np.uint32]:
        starts, ends = batch.offsets[:-1], batch.offsets[1:]
        rows = batch.ids + self._FOLLOWING
        rows[starts[starts < ends]] -= self._FOLLOWING
        around = np.tile(np.array([self._OPENING, self._CLOSING], np.uint32), len(batch))
        return np.insert(rows, np.column_stack([starts, ends]).ravel(), around)


def _write_lines(
    batches: Iterable[TokenBatch], out: IO[bytes], *, opening: bytes, separator: bytes, end: bytes
) -> None:
    writer = _LineWriter(opening, separator, end)
    for batch in batches:
        writer.write(batch, out)


def _write_u16(batches: Iterable[TokenBatch], out: IO[bytes]) -> None:
    for batch in batches:
        out.write(batch.ids.astype("<u2", copy=False).data)


def _write_npy(batches: Iterable[TokenBatch], out: IO[bytes]) -> None:
    # The header comes first and has the number of ids, which is known last.
    with tempfile.TemporaryFile() as ids:
        _write_u16(batches, ids)
        np.lib.format.write_array_header_1_0(
            out, {"descr": "<u2", "fortran_order": False, "shape": (ids.tell() // 2,)}
        )
        ids.seek(0)
        shutil.copyfileobj(ids, out, 1 << 20)


#: Each writes documents to a binary stream.
WRITERS: dict[str, Writer] = {
    "text": functools.partial(_write_lines, opening=b"", separator=b" ", end=b"\n"),
    "json": functools.partial(_write_lines, opening=b"[", separator=b", ", end=b"]\n"),
    "npy": _write_npy,
    "u16": _write_u16,
}
