"""Sources that are a sequence of records with a delimiter after each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rwkv_tok.data.reading.records import RecordReader, is_self_synchronizing
from rwkv_tok.data.reading.source import ByteStream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import TypeAlias

    from rwkv_tok.data.reading.documents import Block
    from rwkv_tok.data.reading.source import Source

    #: Makes a block of some records, and of where the first begins in its source. None stands for
    #: a record that is too long.
    Parse: TypeAlias = Callable[[list[bytes | None], int], Block]

__all__ = ["DelimitedReader", "part_count"]


def part_count(source: Source, delimiter: bytes, part_size: int) -> int | None:
    """How many parts there are, if they can be found without reading all that goes before."""
    if not _can_be_cut_anywhere(source, delimiter):
        return None
    return max(1, -(-source.size // part_size))


class DelimitedReader:
    """Reads the parts of a source; see `documents.Reader`."""

    def __init__(self, source: Source, delimiter: bytes, part_size: int, parse: Parse) -> None:
        self._size = source.size
        self._part_size = part_size
        self._parse = parse
        self._stream = ByteStream(source)
        self._records = RecordReader(self._stream, delimiter)
        self._seeks = _can_be_cut_anywhere(source, delimiter)
        self._stop = 0

    def read(self, part: int) -> Iterator[Block]:
        """The documents whose records begin in this part."""
        start = part * self._part_size
        stop = self._stop = start + self._part_size
        if self._seeks:
            self._records.seek(start, stop)
        else:
            for _ in self._records.read_until(start):
                pass
        while True:
            offset = self._records.offset
            records = next(self._records.read_until(stop), None)
            if records is None:
                return
            yield self._parse(records, offset)

    @property
    def at_end(self) -> bool:
        """Whether nothing comes after the part that was read last."""
        return self._stop >= self._size if self._seeks else self._records.at_end

    @property
    def position(self) -> int:
        """How many bytes of the file are done with."""
        return min(self._records.offset, self._size) if self._seeks else self._stream.position

    def close(self) -> None:
        """Close the file."""
        self._stream.close()


def _can_be_cut_anywhere(source: Source, delimiter: bytes) -> bool:
    return source.compression is None and not source.is_stdin and is_self_synchronizing(delimiter)
