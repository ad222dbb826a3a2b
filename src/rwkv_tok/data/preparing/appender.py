"""A file that only grows, and knows the digest of what it holds."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, BinaryIO

import xxhash

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from typing import TypeAlias

    from typing_extensions import Buffer

    #: A size in bytes, and the digest of as many bytes from the beginning.
    Mark: TypeAlias = tuple[int, str]

__all__ = ["Appender", "count_intact"]

_BLOCK = 1 << 20


class Appender:
    """Appends to a file, in which whatever stood behind `size` is lost.

    The digest is XXH3 with 128 bits, as `xxhsum -H128` shows it. It tells after a crash whether
    what was written got to the disk, and so spares waiting for the disk while writing.
    """

    def __init__(self, path: Path, size: int = 0) -> None:
        self.path = path
        self._file = path.open("r+b" if path.exists() else "w+b")  # see close
        self._hash = xxhash.xxh3_128()
        self.size = 0
        while self.size < size:
            block = self._file.read(min(_BLOCK, size - self.size))
            if not block:
                self._file.close()
                raise EOFError(f"{path} has only {self.size} of {size} bytes")
            self._hash.update(block)
            self.size += len(block)
        self._file.truncate(size)
        self._file.seek(size)

    def write(self, data: Buffer) -> int:
        """Append bytes."""
        self._hash.update(data)
        written = self._file.write(data)
        self.size += written
        return written

    def copy(self, source: BinaryIO, size: int) -> None:
        """Append the next bytes of another file, which has that many."""
        while size > 0:
            block = source.read(min(_BLOCK, size))
            if not block:
                raise EOFError(f"{size} bytes are missing")
            self.write(block)
            size -= len(block)

    def mark(self) -> Mark:
        """Where the file ends now, with all that was written handed over to the system."""
        self._file.flush()
        return self.size, self._hash.hexdigest()

    def sync(self) -> Mark:
        """The same, with all that was written on the disk."""
        mark = self.mark()
        os.fsync(self._file.fileno())
        return mark

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def count_intact(path: Path, marks: Sequence[Mark]) -> int:
    """How many of a file's marks, which ascend, are true, up to the first that is not."""
    digest = xxhash.xxh3_128()
    size = 0
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return 0
    with file:
        for number, (end, expected) in enumerate(marks):
            while size < end:
                block = file.read(min(_BLOCK, end - size))
                if not block:
                    return number
                digest.update(block)
                size += len(block)
            if digest.hexdigest() != expected:
                return number
    return len(marks)
