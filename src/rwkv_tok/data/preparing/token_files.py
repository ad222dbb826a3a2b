"""The tokens of a set of documents in a file, and their sizes in another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from .appender import Mark

__all__ = ["TokenFiles"]


@dataclass(frozen=True, slots=True)
class TokenFiles:
    """Tokens as little-endian uint16, all documents one after the other, and sizes as int32.

    `mark` is the size in bytes of the tokens, and their digest; they are on the disk.
    """

    tokens_path: Path
    sizes_path: Path
    mark: Mark

    def tokens(self) -> NDArray[np.uint16]:
        """The tokens, mapped from the file."""
        return _map(self.tokens_path, np.dtype("<u2"))

    def sizes(self) -> NDArray[np.int32]:
        """The sizes, mapped from the file."""
        return _map(self.sizes_path, np.dtype("<i4"))


def _map(path: Path, dtype: np.dtype[Any]) -> NDArray[Any]:
    # An empty file cannot be mapped. A memmap takes ten times as long to slice as an array.
    return np.asarray(np.memmap(path, dtype, "r")) if path.stat().st_size else np.empty(0, dtype)
