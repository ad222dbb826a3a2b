"""Datasets written field by field, right or wrong: the format restated, without the package."""

import struct
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path

from hypothesis import strategies as st

DOCUMENTS = [[33155, 40213, 0], [0], [10464, 11685, 0], [261, 0]]
"""A few documents as they are stored."""


def index_bytes(
    sizes: Sequence[int],
    pointers: Sequence[int] | None = None,
    doc_idx: Sequence[int] | None = None,
    *,
    magic: bytes = b"MMIDIDX\0\0",
    version: int = 1,
    dtype: int = 8,
    width: int = 2,
    items: int | None = None,
    doc_idx_length: int | None = None,
) -> bytes:
    """An .idx; what is not given is as it must be for these sizes."""
    if pointers is None:
        pointers = [0, *accumulate(width * size for size in sizes)][: len(sizes)]
    if doc_idx is None:
        doc_idx = range(len(sizes) + 1)
    return b"".join(
        [
            magic,
            struct.pack("<Q", version),
            struct.pack("<B", dtype),
            struct.pack("<Q", len(sizes) if items is None else items),
            struct.pack("<Q", len(doc_idx) if doc_idx_length is None else doc_idx_length),
            struct.pack(f"<{len(sizes)}i", *sizes),
            struct.pack(f"<{len(pointers)}q", *pointers),
            struct.pack(f"<{len(doc_idx)}q", *doc_idx),
        ]
    )


def token_bytes(documents: Sequence[Sequence[int]], code: str = "H") -> bytes:
    """A .bin of these documents."""
    return b"".join(struct.pack(f"<{len(ids)}{code}", *ids) for ids in documents)


def write_dataset(prefix: Path, documents: Sequence[Sequence[int]] = DOCUMENTS) -> Path:
    """Write a dataset that is right; return its prefix."""
    return write_files(prefix, token_bytes(documents), index_bytes([*map(len, documents)]))


def write_files(prefix: Path, tokens: bytes, index: bytes) -> Path:
    """Write the two files of a dataset; return its prefix."""
    Path(f"{prefix}.bin").write_bytes(tokens)
    Path(f"{prefix}.idx").write_bytes(index)
    return prefix


def documents(max_size: int = 12) -> st.SearchStrategy[list[list[int]]]:
    """Documents of any ids, without their closing 0; some are empty, some have zeros inside."""
    ids = st.one_of(st.sampled_from([0, 1, 65529, 65535]), st.integers(0, 65535))
    return st.lists(st.lists(ids, max_size=8), max_size=max_size)


def closed(documents: Sequence[Sequence[int]]) -> list[list[int]]:
    """Documents as a writer stores them."""
    return [[*ids] if ids and ids[-1] == 0 else [*ids, 0] for ids in documents]
