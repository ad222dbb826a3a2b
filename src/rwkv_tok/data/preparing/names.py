"""What the files of a run are called, all of them after its prefix."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from rwkv_tok.data.binidx.index_file import bin_path, idx_path
from rwkv_tok.data.binidx.manifest import json_path
from rwkv_tok.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["dataset_paths", "output_paths", "skipped_path", "valid_prefix", "work_folder"]


def valid_prefix(prefix: Path) -> Path:
    """The prefix of the validation set."""
    return prefix.with_name(f"{prefix.name}-valid")


def work_folder(prefix: Path) -> Path:
    """The folder in which everything is made."""
    return prefix.with_name(f"{prefix.name}.work")


def skipped_path(prefix: Path) -> Path:
    """The list of the records without a usable text."""
    return prefix.with_name(f"{prefix.name}.skipped.jsonl")


def dataset_paths(prefix: Path) -> tuple[Path, Path, Path]:
    """The files of a dataset, the one that makes it complete first."""
    return idx_path(prefix), bin_path(prefix), json_path(prefix)


def output_paths(prefix: Path) -> frozenset[str]:
    """All that a run may leave, as real paths: none of it is an input of the same run.

    Raises DataError if the prefix is no name, as that of a folder.
    """
    if prefix.name in ("", ".."):
        raise DataError(f"{prefix} is a folder: add what the names of the files begin with")
    paths = (
        *dataset_paths(prefix),
        *dataset_paths(valid_prefix(prefix)),
        skipped_path(prefix),
        work_folder(prefix),
    )
    return frozenset(map(os.path.realpath, paths))
