"""Merging datasets into one."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rwkv_tok._version import __version__
from rwkv_tok.errors import DataError

from .index_file import TOKENS, bin_path, blocks, idx_path
from .manifest import HashingFile, json_path, read_manifest
from .publishing import new_dataset
from .reader import BinIdx
from .writer import SizesFile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .index_file import PathLike

__all__ = ["Merged", "merge"]

# Tokens that are copied together.
_STEP = 1 << 20


@dataclass(frozen=True)
class Merged:
    """What `merge` has written: how many items, and how many tokens."""

    prefix: Path
    items: int
    tokens: int


def merge(
    prefixes: Iterable[PathLike],
    output: PathLike,
    *,
    overwrite: bool = False,
    progress: Callable[[int], None] | None = None,
) -> Merged:
    """Write the items of several datasets, one dataset after the other, into a new one.

    Also writes `OUTPUT.json`, with the hashes that `verify` compares. Needs xxhash.

    Parameters
    ----------
    prefixes
        The datasets; one may be there several times.
    output
        The prefix of the new one, which appears when it is complete.
    overwrite
        Replace an existing dataset.
    progress
        Told how many bytes of the .bin were copied since it was told last.

    Raises
    ------
    FileExistsError
        `output` exists, and `overwrite` is False.
    OSError
        A file cannot be read or written.
    DataError
        A dataset is damaged, or two were made with different vocabularies.
    ValueError
        There are no prefixes, or `output` is one of them.
    ImportError
        xxhash is not installed: `pip install 'rwkv-tok[data]'`.

    Examples
    --------
    >>> import tempfile
    >>> from rwkv_tok.data import BinIdxWriter
    >>> folder = Path(tempfile.mkdtemp())
    >>> with BinIdxWriter(folder / "corpus") as writer:
    ...     writer.add([33155, 40213])
    >>> merged = merge([folder / "corpus"] * 3, folder / "epochs")
    >>> merged.items, merged.tokens
    (3, 9)
    """
    inputs = [BinIdx(prefix) for prefix in prefixes]
    if not inputs:
        raise ValueError("there is nothing to merge")
    for data in inputs:
        if os.path.realpath(bin_path(data.prefix)) == os.path.realpath(bin_path(output)):
            raise ValueError(f"{data.prefix} is an input and cannot be the output as well")
        _check_order(data)
    vocabulary = _common_vocabulary(inputs)
    with new_dataset(output, overwrite=overwrite, with_manifest=True) as dataset:
        bin_file, idx_file = HashingFile(dataset.bin), HashingFile(dataset.idx)
        with SizesFile(bin_path(output).parent) as sizes:
            for data in inputs:
                for start in range(0, len(data.tokens), _STEP):
                    written = bin_file.write(data.tokens[start : start + _STEP].data)
                    if progress is not None:
                        progress(written)
                for block in blocks(len(data)):
                    sizes.append(data.sizes[block])
            sizes.write_index(idx_file)
        result = Merged(
            Path(output), sum(map(len, inputs)), sum(len(data.tokens) for data in inputs)
        )
        dataset.manifest = {
            "made_by": f"rwkv-tok {__version__}",
            "merged_from": [
                {"prefix": str(data.prefix), "items": len(data), "tokens": len(data.tokens)}
                for data in inputs
            ],
            "items": result.items,
            "tokens": result.tokens,
            "bin": bin_file.record(),
            "idx": idx_file.record(),
            **vocabulary,
        }
    return result


def _check_order(data: BinIdx) -> None:
    """Make sure that the items fill the .bin one after the other, so that it can be copied."""
    end = 0
    for block in blocks(len(data)):
        ends = end + TOKENS.itemsize * np.cumsum(data.sizes[block], dtype=np.int64)
        starts = np.concatenate([[end], ends[:-1]])
        wrong = (data.pointers[block] != starts) | (ends == starts)
        if wrong.any():
            item = block.start + int(np.argmax(wrong))
            raise DataError(
                f"{idx_path(data.prefix)}: item {item} is empty or does not begin where the one "
                "before it ends: `rwkv-tok verify` tells more"
            )
        end = int(ends[-1])
    if end != data.tokens.nbytes:
        raise DataError(
            f"{bin_path(data.prefix)} has {data.tokens.nbytes - end} bytes after the last item"
        )


def _common_vocabulary(inputs: list[BinIdx]) -> dict[str, Any]:
    """What the manifest says of the vocabulary: nothing unless all inputs say the same."""
    vocabularies = [_vocabulary(data) for data in inputs]
    known = [
        (data, vocabulary)
        for data, vocabulary in zip(inputs, vocabularies, strict=True)
        if vocabulary is not None
    ]
    for data, vocabulary in known[1:]:
        first, expected = known[0]
        if vocabulary["fingerprint"] != expected["fingerprint"]:
            raise DataError(
                f"{json_path(first.prefix)} and {json_path(data.prefix)} name different "
                "vocabularies: their tokens do not go together"
            )
    return {"vocabulary": known[0][1]} if known and len(known) == len(inputs) else {}


def _vocabulary(data: BinIdx) -> dict[str, Any] | None:
    vocabulary = (read_manifest(data.prefix) or {}).get("vocabulary")
    if not isinstance(vocabulary, dict) or "fingerprint" not in vocabulary:
        return None
    return vocabulary
