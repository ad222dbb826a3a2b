r"""The layout of a binidx dataset: PREFIX.bin and PREFIX.idx.

It is version 1 of the indexed dataset of Megatron-LM, as RWKV-LM reads it
(`RWKV-v5/src/binidx.py`). The .bin holds the tokens and nothing else. The .idx, little-endian and
packed:

========  ===========================================================================
offset    content
========  ===========================================================================
0         `MMIDIDX\0\0`
9         uint64: version, 1
17        uint8: the dtype of the tokens, 8 for uint16
18        uint64: N, the number of items
26        uint64: D, the length of doc_idx
34        int32[N]: sizes, the tokens of each item, its closing 0 included
34 + 4N   int64[N]: pointers, where each item begins in the .bin, in bytes
34 + 12N  int64[D]: doc_idx, the first item of each document, and N; one item a document: 0 ... N
========  ===========================================================================
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rwkv_tok.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import IO, TypeAlias

    from numpy.typing import NDArray

    PathLike: TypeAlias = str | os.PathLike[str]

__all__ = [
    "DOC_IDX",
    "POINTERS",
    "SIZES",
    "TOKENS",
    "Header",
    "bin_path",
    "blocks",
    "idx_path",
    "map_array",
]

#: The dtypes of what the files hold.
TOKENS = np.dtype("<u2")
SIZES = np.dtype("<i4")
POINTERS = np.dtype("<i8")
DOC_IDX = np.dtype("<i8")

_MAGIC = b"MMIDIDX\0\0"
_VERSION = 1
_UINT16 = 8
_DTYPES = {1: "u1", 2: "i1", 3: "<i2", 4: "<i4", 5: "<i8", 6: "<f8", 7: "<f8", 8: "<u2"}
_LAYOUT = struct.Struct("<9sQBQQ")
_VERSION_AT = 9
_DTYPE_AT = 17

# Items that are worked on together: a few megabytes.
_BLOCK = 1 << 18


@dataclass(frozen=True)
class Header:
    """The first 34 bytes of an .idx, right or wrong.

    Attributes
    ----------
    items, doc_idx_length
        N and D.
    """

    items: int
    doc_idx_length: int
    magic: bytes = _MAGIC
    version: int = _VERSION
    dtype_code: int = _UINT16

    @classmethod
    def read(cls, file: IO[bytes]) -> Header:
        """Read it from the beginning of an .idx, without judging it.

        Raises
        ------
        DataError
            The file is shorter than a header; the message does not name it.
        """
        data = file.read(_LAYOUT.size)
        if len(data) < _LAYOUT.size:
            raise DataError(
                f"has {len(data)} bytes, fewer than the {_LAYOUT.size} of the header of an index"
            )
        magic, version, dtype_code, items, doc_idx_length = _LAYOUT.unpack(data)
        return cls(items, doc_idx_length, magic, version, dtype_code)

    def to_bytes(self) -> bytes:
        """The bytes of the header."""
        return _LAYOUT.pack(
            self.magic, self.version, self.dtype_code, self.items, self.doc_idx_length
        )

    @property
    def dtype(self) -> np.dtype[Any] | None:
        """The dtype of the tokens; None if the code stands for none."""
        name = _DTYPES.get(self.dtype_code)
        return None if name is None else np.dtype(name)

    @property
    def is_index(self) -> bool:
        """Whether it begins as every index does."""
        return self.magic == _MAGIC

    @property
    def sizes_at(self) -> int:
        """Where the sizes begin in the file."""
        return _LAYOUT.size

    @property
    def pointers_at(self) -> int:
        """Where the pointers begin in the file."""
        return self.sizes_at + SIZES.itemsize * self.items

    @property
    def doc_idx_at(self) -> int:
        """Where doc_idx begins in the file."""
        return self.pointers_at + POINTERS.itemsize * self.items

    @property
    def file_size(self) -> int:
        """How long the file must be."""
        return self.doc_idx_at + DOC_IDX.itemsize * self.doc_idx_length

    @property
    def size_with_extra_pointer(self) -> int:
        """How long the file is if there are N + 1 pointers, the last where the last item ends."""
        return self.file_size + POINTERS.itemsize

    def problems(self) -> Iterator[tuple[int, str]]:
        """What is wrong with it for the trainer: the offset of the field, and what is wrong."""
        if self.magic != _MAGIC:
            yield 0, f"begins with {self.magic!r} instead of {_MAGIC!r}: not a binidx index"
        if self.version != _VERSION:
            yield _VERSION_AT, f"has version {self.version}; there is only {_VERSION}"
        if self.dtype_code != _UINT16:
            yield _DTYPE_AT, self._explain_dtype()

    def size_problem(self, size: int) -> str | None:
        """What is wrong with a file of this header that has so many bytes."""
        if size == self.file_size:
            return None
        named = f"{self.items} items and a doc_idx of {self.doc_idx_length}"
        if size == self.size_with_extra_pointer:
            return (
                f"has 8 bytes too many for {named}: as many as if there were one pointer more than "
                "sizes; whatever wrote it also wrote where the last item ends"
            )
        difference = size - self.file_size
        return (
            f"has {size} bytes, but {named} take {self.file_size}: "
            f"{abs(difference)} {'too many' if difference > 0 else 'are missing'}"
        )

    def _explain_dtype(self) -> str:
        if self.dtype is None:
            named = f"has the unknown dtype code {self.dtype_code}"
        else:
            named = f"has tokens of {self.dtype} (dtype code {self.dtype_code})"
        reason = ""
        if self.dtype == np.int32:
            reason = (
                "; tools derived from Megatron, such as json2binidx_tool, choose int32 for a "
                "vocabulary of 65500 tokens or more"
            )
        return f"{named}, but the trainer needs uint16 (code {_UINT16}){reason}"


def bin_path(prefix: PathLike) -> Path:
    """The file of the tokens."""
    return Path(f"{os.fspath(prefix)}.bin")


def idx_path(prefix: PathLike) -> Path:
    """The file of the index."""
    return Path(f"{os.fspath(prefix)}.idx")


def map_array(file: IO[bytes], dtype: np.dtype[Any], offset: int, length: int) -> NDArray[Any]:
    """A part of a file as a read-only 1-D array, which stays mapped as long as a view of it lives.

    The caller has made sure that the file is long enough.
    """
    if length == 0:  # which cannot be mapped
        array = np.empty(0, dtype)
    else:
        mapped = np.memmap(file, dtype, "r", offset, (length,))
        array = mapped.view(np.ndarray)
    array.flags.writeable = False
    return array


def blocks(length: int) -> Iterator[slice]:
    """The parts of an array of this length that are worked on one after the other."""
    for start in range(0, length, _BLOCK):
        yield slice(start, min(start + _BLOCK, length))
