"""Cutting a stream of bytes into records at a delimiter, part by part."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .documents import BLOCK_SIZE, LONGEST_DOCUMENT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .source import ByteStream

__all__ = ["RecordReader", "is_self_synchronizing"]


def is_self_synchronizing(delimiter: bytes) -> bool:
    r"""Whether occurrences of a delimiter never overlap, so that reading may begin anywhere.

    Otherwise, as for `\n\n` in a run of `\n`, where a record ends depends on all that went before.
    """
    return not any(delimiter.startswith(delimiter[i:]) for i in range(1, len(delimiter)))


class RecordReader:
    """Reads the records of a stream in order, a part of the stream at a time.

    A delimiter ends a record; so does the end of the stream, unless nothing follows the last
    delimiter. A record belongs to the part in which its first byte lies.

    Parameters
    ----------
    stream
        What to read, from its beginning.
    delimiter
        What ends a record; not empty.

    Attributes
    ----------
    offset : int
        Where in the decompressed stream the next record begins.
    """

    def __init__(self, stream: ByteStream, delimiter: bytes) -> None:
        self._stream = stream
        self._delimiter = delimiter
        self._buffer = b""  # what was read and not given out
        self._at_eof = False
        self._dropped = 0  # the length of a record that was too long to keep, with its delimiter
        self.offset = 0

    def seek(self, start: int, stop: int) -> None:
        """Go to the first record that begins in `start ... stop - 1`; if there is none, to `stop`.

        For a stream that can seek, and a self-synchronizing delimiter. Nothing beyond the part is
        looked at, as a record may be longer than many parts.
        """
        self._buffer, self._at_eof = b"", False
        position = max(0, start - len(self._delimiter))
        self._stream.seek(position)
        if start == 0:
            self.offset = 0
            return
        window = b""
        while position < stop - 1:
            block = self._stream.read(min(BLOCK_SIZE, stop - 1 - position))
            if not block:
                break
            window = self._overlap(window) + block
            position += len(block)
            if (found := window.find(self._delimiter)) >= 0:
                self._buffer = window[found + len(self._delimiter) :]
                self.offset = position - len(self._buffer)
                return
        self.offset = stop

    def read_until(self, stop: int) -> Iterator[list[bytes | None]]:
        """The records that begin before `stop`, some at a time, without their delimiters.

        None stands for one that is longer than `LONGEST_DOCUMENT`.
        """
        while self.offset < stop and self._fill():
            if self._dropped:
                self.offset += self._dropped
                self._dropped = 0
                yield [None]
                continue
            records = self._buffer.split(self._delimiter)
            rest = b"" if self._at_eof and records[-1] else records.pop()
            size = len(self._buffer) - len(rest)
            if self.offset + size > stop:
                records, size = self._before(stop, records)
            self._buffer = self._buffer[size:]
            self.offset += size
            yield [*records]

    @property
    def at_end(self) -> bool:
        """Whether there is no further record."""
        return not self._fill()

    def _fill(self) -> bool:
        """Have a whole record in the buffer, or all that is left; False if that is nothing."""
        if self._at_eof or self._dropped or self._delimiter in self._buffer:
            return bool(self._buffer) or bool(self._dropped)
        pieces = [self._buffer]
        size = len(self._buffer)
        window = self._buffer
        found = -1
        while found < 0:
            block = self._stream.read(BLOCK_SIZE)
            if not block:
                self._at_eof = True
                break
            if size >= LONGEST_DOCUMENT + len(self._delimiter):
                pieces = []  # how long it is will be known without them
            else:
                pieces.append(block)
            size += len(block)
            window = self._overlap(window) + block
            found = window.find(self._delimiter)
        length = size if found < 0 else size - len(window) + found
        if length > LONGEST_DOCUMENT:
            self._buffer = b"" if found < 0 else window[found + len(self._delimiter) :]
            self._dropped = size - len(self._buffer)
        else:
            self._buffer = b"".join(pieces)
        return size > 0

    def _overlap(self, window: bytes) -> bytes:
        """The end of what was searched, in which a delimiter may begin."""
        overlap = len(self._delimiter) - 1
        return window[-overlap:] if overlap else b""

    def _before(self, stop: int, records: list[bytes]) -> tuple[list[bytes], int]:
        """Those of the buffered records that begin before `stop`, and their length in all."""
        size = 0
        for number, record in enumerate(records):
            if self.offset + size >= stop:
                return records[:number], size
            size += len(record) + len(self._delimiter)
        return records, min(size, len(self._buffer))
