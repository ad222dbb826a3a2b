"""Plain text: a file is a document, or what lies between separators."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rwkv_tok.data.reading.documents import BLOCK_SIZE, LONGEST_DOCUMENT, BadRecord, Block
from rwkv_tok.data.reading.source import ByteStream

from . import delimited

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rwkv_tok.data.reading.documents import Reader, ReadOptions
    from rwkv_tok.data.reading.source import Source

__all__ = ["open_reader", "part_count"]

_TOO_LONG = f"longer than {LONGEST_DOCUMENT >> 30} GiB: split it with --separator"


def open_reader(source: Source, options: ReadOptions) -> Reader:
    """Open a source, to read its parts."""
    if options.separator is None:
        return _WholeReader(source)
    return delimited.DelimitedReader(source, options.separator, options.part_size, _as_they_are)


def part_count(source: Source, options: ReadOptions) -> int | None:
    """How many parts there are, unless the source is a stream."""
    if options.separator is None:
        return 1
    return delimited.part_count(source, options.separator, options.part_size)


def _as_they_are(records: list[bytes | None], _offset: int) -> Block:
    texts = [record for record in records if record is not None]
    bad = [BadRecord(i, _TOO_LONG) for i, record in enumerate(records) if record is None]
    numbers = [i for i, record in enumerate(records) if record is not None] if bad else None
    return Block(texts, len(records), bad=bad, numbers=numbers)


class _WholeReader:
    """Reads a file that is one document, and so one part; see `documents.Reader`."""

    at_end = True

    def __init__(self, source: Source) -> None:
        self._stream = ByteStream(source)

    def read(self, _part: int) -> Iterator[Block]:
        """The only document."""
        pieces: list[bytes] = []
        size = 0
        while piece := self._stream.read(BLOCK_SIZE):
            size += len(piece)
            if size > LONGEST_DOCUMENT:
                yield _as_they_are([None], 0)
                return
            pieces.append(piece)
        yield _as_they_are([b"".join(pieces)], 0)

    @property
    def position(self) -> int:
        """How many bytes of the file are done with."""
        return self._stream.position

    def close(self) -> None:
        """Close the file."""
        self._stream.close()
