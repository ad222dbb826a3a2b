"""Reading documents here and there in a file that may be larger than memory."""

from __future__ import annotations

import mmap
import os
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from typing import Self

    from numpy.typing import NDArray

    from .token_files import TokenFiles

__all__ = ["ScatteredReader"]


class ScatteredReader:
    """Gives the tokens of any documents of a corpus, one after the other.

    Attributes
    ----------
    sizes
        int32: the tokens of each document.
    """

    def __init__(self, corpus: TokenFiles) -> None:
        self.sizes = corpus.sizes()
        self._starts = np.cumsum(self.sizes, dtype=np.int64) - self.sizes
        self._file = corpus.tokens_path.open("rb")
        self._tokens = np.empty(0, np.uint16)
        if len(self.sizes):
            tokens = mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ)
            if hasattr(mmap, "MADV_RANDOM"):
                # Otherwise many pages around each document are read, and push others out.
                tokens.madvise(mmap.MADV_RANDOM)
            self._tokens = np.frombuffer(tokens, "<u2")

    def announce(self, documents: NDArray[np.int64]) -> None:
        """Have documents read from the disk, all at once, that `read` will ask for."""
        if not hasattr(os, "posix_fadvise"):
            return
        wanted = np.sort(documents)
        starts, sizes = 2 * self._starts[wanted], 2 * self.sizes[wanted].astype(np.int64)
        descriptor = self._file.fileno()
        for start, size in zip(starts.tolist(), sizes.tolist(), strict=True):
            os.posix_fadvise(descriptor, start, size, os.POSIX_FADV_WILLNEED)

    def read(self, documents: NDArray[np.int64]) -> NDArray[np.uint16]:
        """The tokens of some documents, at least one, in this order: uint16, 1-D."""
        spans = zip(self._starts[documents].tolist(), self.sizes[documents].tolist(), strict=True)
        return np.concatenate([self._tokens[start : start + size] for start, size in spans])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()
