"""BinIdx: a dataset of PREFIX.bin and PREFIX.idx, mapped into memory."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rwkv_tok.errors import DataError

from .index_file import (
    DOC_IDX,
    POINTERS,
    SIZES,
    TOKENS,
    Header,
    bin_path,
    blocks,
    idx_path,
    map_array,
)
from .sequences import ArraySequence
from .windows import Windows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .index_file import PathLike

__all__ = ["BinIdx"]


class BinIdx(ArraySequence):
    """A sequence of the items of a dataset, one for each document, read from disk when needed.

    An item is a read-only view of uint16, as it is stored: with its closing 0. A slice is a list
    of them. Views keep the files mapped, also when this object is gone. Pickling keeps the
    absolute path, and unpickling opens the files again; a forked process shares them.

    Parameters
    ----------
    prefix
        The path of the two files without `.bin` and `.idx`.

    Attributes
    ----------
    prefix : pathlib.Path
        As it was given.
    tokens : numpy.ndarray
        uint16: all that is in the .bin, where the items lie.
    sizes : numpy.ndarray
        int32, one for each item: its tokens.
    pointers : numpy.ndarray
        int64, one for each item: where it begins in the .bin, in bytes.
    doc_idx : numpy.ndarray
        int64: the first item of each document, and at the end the number of items.

    Raises
    ------
    OSError
        A file is missing or cannot be read.
    DataError
        The files are damaged, or of a kind that RWKV's trainer cannot use.

    Notes
    -----
    That every item lies within the .bin is checked once, here. `verify` checks all the rest.
    Whoever shortens a file while it is mapped ends the process that reads it.

    Examples
    --------
    >>> import tempfile
    >>> from rwkv_tok.data import BinIdx, BinIdxWriter
    >>> prefix = Path(tempfile.mkdtemp()) / "corpus"
    >>> with BinIdxWriter(prefix) as writer:
    ...     writer.add([33155, 40213])
    ...     writer.add([10464, 11685])
    >>> data = BinIdx(prefix)
    >>> len(data), len(data.tokens)
    (2, 6)
    >>> data[-1]
    array([10464, 11685,     0], dtype=uint16)
    """

    def __init__(self, prefix: PathLike) -> None:
        self.prefix = Path(prefix)
        # The working directory may be another one when it is pickled.
        self._absolute_prefix = self.prefix.absolute()
        header = self._map_index()
        self._map_tokens()
        self._check_items(header)

    def windows(self, ctx_len: int, magic_prime: int | None = None) -> Windows:
        """The windows of `ctx_len + 1` tokens that RWKV's trainer reads, in its order.

        Parameters
        ----------
        ctx_len
            What the trainer gets as `--ctx_len`.
        magic_prime
            What it gets as `--magic_prime`; the largest one if None.

        Returns
        -------
        Windows
            A sequence of as many uint16 views as the magic prime says. Item 0 is the first that
            the trainer reads, its sample `ii = 1`.

        Raises
        ------
        DataError
            There is no magic prime for so few tokens; the message tells what to do.
        ValueError
            The trainer would not accept this magic prime, or would read beyond the end with it.

        Examples
        --------
        >>> import tempfile
        >>> from rwkv_tok.data import BinIdxWriter
        >>> prefix = Path(tempfile.mkdtemp()) / "corpus"
        >>> with BinIdxWriter(prefix) as writer:
        ...     writer.add(range(1, 48))
        >>> windows = BinIdx(prefix).windows(ctx_len=4)
        >>> windows.magic_prime
        11
        >>> windows[:2]
        [array([25, 26, 27, 28, 29], dtype=uint16), array([17, 18, 19, 20, 21], dtype=uint16)]
        """
        return Windows(self, ctx_len, magic_prime)

    def __len__(self) -> int:
        return len(self.sizes)

    def _item(self, position: int) -> NDArray[np.uint16]:
        start = int(self.pointers[position]) // TOKENS.itemsize
        return self.tokens[start : start + int(self.sizes[position])]

    def __repr__(self) -> str:
        return f"<BinIdx {self.prefix}: {len(self)} items, {len(self.tokens)} tokens>"

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._absolute_prefix,)

    def _map_index(self) -> Header:
        path = idx_path(self.prefix)
        with path.open("rb") as file:
            try:
                header = Header.read(file)
            except DataError as error:
                raise DataError(f"{path} {error}") from None
            for offset, what in header.problems():
                raise DataError(f"{path} {what} (at byte {offset})")
            problem = header.size_problem(os.fstat(file.fileno()).st_size)
            if problem is not None:
                raise DataError(f"{path} {problem}")
            self.sizes: NDArray[np.int32] = map_array(file, SIZES, header.sizes_at, header.items)
            self.pointers: NDArray[np.int64] = map_array(
                file, POINTERS, header.pointers_at, header.items
            )
            self.doc_idx: NDArray[np.int64] = map_array(
                file, DOC_IDX, header.doc_idx_at, header.doc_idx_length
            )
        return header

    def _map_tokens(self) -> None:
        path = bin_path(self.prefix)
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size % TOKENS.itemsize:
                raise DataError(f"{path} has {size} bytes, an odd number: a token is cut in two")
            self.tokens: NDArray[np.uint16] = map_array(file, TOKENS, 0, size // TOKENS.itemsize)

    def _check_items(self, header: Header) -> None:
        """Make sure that every item lies within the .bin, and on whole tokens."""
        end = self.tokens.nbytes
        for block in blocks(len(self)):
            # Copied, as numbers that are not aligned, like these, are slow to work with.
            sizes, pointers = self.sizes[block].astype(np.int64), self.pointers[block].copy()
            # Without the sum of both, which may be too large for an int64.
            wrong = (sizes < 0) | (pointers < 0) | (pointers & 1 != 0)
            wrong |= pointers > end - TOKENS.itemsize * sizes
            if wrong.any():
                item = block.start + int(np.argmax(wrong))
                raise DataError(
                    f"{idx_path(self.prefix)}: item {item} has size {self.sizes[item]} (at byte "
                    f"{header.sizes_at + SIZES.itemsize * item}) and pointer "
                    f"{self.pointers[item]} (at byte "
                    f"{header.pointers_at + POINTERS.itemsize * item}), which is not within "
                    f"the {end} bytes of the .bin"
                )
