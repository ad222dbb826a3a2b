"""One input of a corpus: a file or standard input, opened and read as bytes."""

from __future__ import annotations

import os
import stat
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Literal

from rwkv_tok.errors import DataError

from .compression import DAMAGE, decompressed

if TYPE_CHECKING:
    from typing import Self, TypeAlias

    #: What documents are kept in. "text" is one document a file, or split at a separator.
    Format: TypeAlias = Literal["jsonl", "text", "parquet", "arrow"]

__all__ = ["STDIN", "ByteStream", "Source", "identity_of"]

#: What stands for standard input among the paths.
STDIN = "-"


@dataclass(frozen=True, slots=True)
class Source:
    """A file that documents are read from, as it was found.

    `size` (bytes) and `mtime_ns` are those of the file, compressed or not; 0 for standard input.
    """

    path: str
    format: Format
    compression: str | None
    size: int
    mtime_ns: int

    @property
    def name(self) -> str:
        """What to call it in a message."""
        return "standard input" if self.path == STDIN else self.path

    @property
    def record_name(self) -> str:
        """What its records are called, which are counted from 1."""
        return {"jsonl": "line", "text": "document", "parquet": "row", "arrow": "row"}[self.format]

    @property
    def is_stdin(self) -> bool:
        """Whether it can be read only once, from its beginning to its end."""
        return self.path == STDIN

    def check_unchanged(self, found: os.stat_result | None = None) -> None:
        """Raise DataError if the file is not the one that was found, by size and time."""
        if found is None:
            try:
                found = Path(self.path).stat()
            except OSError as error:
                raise DataError(f"{self.name}: {error.strerror}; it was there before") from error
        if identity_of(found) != (self.size, self.mtime_ns):
            raise DataError(
                f"{self.name} has changed since it was first read (its size or time): "
                "restore it, or start anew with --force"
            )


def identity_of(found: os.stat_result) -> tuple[int, int]:
    """By what a change of a file is noticed: its size in bytes and its time in nanoseconds."""
    return found.st_size, found.st_mtime_ns


class ByteStream:
    """The bytes of a source, decompressed.

    All that goes wrong is a DataError that names the file.
    """

    def __init__(self, source: Source) -> None:
        self.source = source
        self._raw = _open(source)
        self._data = (
            decompressed(self._raw, source.compression) if source.compression else self._raw
        )

    def read(self, size: int) -> bytes:
        """The next bytes, up to `size` of them; none at the end."""
        try:
            return self._data.read(size)
        except DAMAGE as error:
            raise DataError(self._what_is_wrong(error)) from error

    def seek(self, offset: int) -> None:
        """Go to a byte of a file that is not compressed."""
        self._data.seek(offset)

    @property
    def position(self) -> int:
        """How many bytes of the file have been taken from it: compressed ones, if it is."""
        return 0 if self.source.is_stdin else self._raw.tell()

    def close(self) -> None:
        """Close the file; standard input stays open."""
        if not self.source.is_stdin:
            self._raw.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _what_is_wrong(self, error: Exception) -> str:
        source = self.source
        if isinstance(error, OSError) and error.errno is not None:
            return f"cannot read {source.name}: {os.strerror(error.errno)}"
        if isinstance(error, EOFError):
            return (
                f"{source.name} ends in the middle of its {source.compression} data: it was cut off"
            )
        return f"{source.name}: its {source.compression} data is damaged: {error}"


def _open(source: Source) -> BinaryIO:
    if source.is_stdin:
        return sys.stdin.buffer
    try:
        raw = Path(source.path).open("rb")  # noqa: SIM115 # whoever asked closes it
    except OSError as error:
        raise DataError(f"cannot read {source.name}: {error.strerror}") from error
    try:
        found = os.fstat(raw.fileno())
        if stat.S_ISREG(found.st_mode):
            source.check_unchanged(found)
    except BaseException:
        raw.close()
        raise
    return raw
