"""Datasets that appear whole or not at all."""

from __future__ import annotations

import errno
import json
import os
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any

from .index_file import bin_path, idx_path
from .manifest import json_path, read_manifest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from .index_file import PathLike

__all__ = ["NewDataset", "new_dataset", "sync_folder"]


@dataclass
class NewDataset:
    """The files of a dataset while it is written.

    Attributes
    ----------
    bin, idx
        To be written to.
    manifest
        What PREFIX.json shall say, if there is to be one.
    """

    bin: IO[bytes]
    idx: IO[bytes]
    manifest: dict[str, Any] = field(default_factory=dict)


@contextmanager
def new_dataset(
    prefix: PathLike, *, overwrite: bool, with_manifest: bool = False
) -> Iterator[NewDataset]:
    """Open the files of a dataset that take their names only when all of them are on disk.

    They are written under temporary names in the same folder, and removed if the block raises.
    The .idx is there last, and the one of a dataset that is replaced goes first: whoever finds an
    .idx finds all that belongs to it.

    A PREFIX.json that is no manifest has nothing to do with the dataset: it is never touched.

    Parameters
    ----------
    prefix
        That of the files; their folder exists.
    overwrite
        Replace a dataset.
    with_manifest
        Write PREFIX.json as well.

    Raises
    ------
    FileExistsError
        A name is taken: by a dataset, and `overwrite` is False, or by something else.
    """
    _check_names(prefix, overwrite, with_manifest)
    final = [bin_path(prefix), json_path(prefix), idx_path(prefix)]
    folder = final[0].parent
    mark = os.urandom(4).hex()
    temporary = [folder / f".rwkv-tok-{mark}{path.suffix}.tmp" for path in final]
    try:
        with temporary[0].open("xb") as bin_file, temporary[2].open("xb") as idx_file:
            dataset = NewDataset(bin_file, idx_file)
            yield dataset
            for file in (bin_file, idx_file):
                _sync(file)
        if with_manifest:
            with temporary[1].open("xb") as json_file:
                json_file.write(json.dumps(dataset.manifest, indent=2).encode() + b"\n")
                _sync(json_file)
        _check_names(prefix, overwrite, with_manifest)
        idx_path(prefix).unlink(missing_ok=True)
        if read_manifest(prefix) is not None:
            json_path(prefix).unlink()
        for source, target in zip(temporary, final, strict=True):
            if source.exists():
                source.replace(target)
        sync_folder(folder)
    finally:
        for path in temporary:
            path.unlink(missing_ok=True)


def _check_names(prefix: PathLike, overwrite: bool, with_manifest: bool) -> None:
    paths = [bin_path(prefix), idx_path(prefix)]
    is_manifest = read_manifest(prefix) is not None
    if is_manifest:
        paths.append(json_path(prefix))
    for path in paths:
        if path.is_dir() or (not overwrite and os.path.lexists(path)):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))
    if with_manifest and not is_manifest and os.path.lexists(json_path(prefix)):
        raise FileExistsError(
            errno.EEXIST, "File exists and is no manifest of a dataset", str(json_path(prefix))
        )


def _sync(file: IO[bytes]) -> None:
    file.flush()
    os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Have the names in a folder on disk, where the system can do that."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
