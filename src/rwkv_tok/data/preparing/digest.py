"""The digest of a source, taken while it is read: what was just read is still in memory."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import xxhash

from rwkv_tok.errors import DataError

if TYPE_CHECKING:
    from rwkv_tok.data.reading.source import Source

__all__ = ["SourceDigest"]

_BLOCK = 1 << 20


class SourceDigest:
    """Follows the reading of a file with its XXH3 of 128 bits, as `xxhsum -H128` shows it."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._hash = xxhash.xxh3_128()
        self._size = 0
        try:
            self._file = Path(source.path).open("rb", buffering=0)  # noqa: SIM115 # see close
        except OSError as error:
            raise DataError(f"cannot read {source.name}: {error.strerror}") from error

    def advance(self, position: int) -> None:
        """Take in the file up to `position`, if that is not done already."""
        while self._size < position:
            block = self._file.read(min(_BLOCK, position - self._size))
            if not block:
                break  # the file has become shorter: whoever reads it complains
            self._hash.update(block)
            self._size += len(block)

    def finish(self) -> str:
        """The digest of the whole file in hexadecimal."""
        self.advance(self._source.size)
        self._source.check_unchanged()
        self.close()
        return self._hash.hexdigest()

    def close(self) -> None:
        """Close the file."""
        self._file.close()
