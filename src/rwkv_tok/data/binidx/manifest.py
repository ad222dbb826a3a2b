"""PREFIX.json: what a dataset was made of, and the hashes that tell whether it has changed."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from .index_file import PathLike

__all__ = ["HashingFile", "json_path", "new_hash", "read_manifest"]

# What a manifest begins with, somewhere. A large file without it is no manifest, but maybe one of
# the texts that the dataset was made from; a manifest may have a million inputs.
_MARK = b'"made_by"'
_HEAD = 256
_SMALL = 1 << 20


class HashingFile:
    """Writes to a binary file, and knows the size and the hash of what was written.

    Parameters
    ----------
    file
        Open for writing, and still empty.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._size = 0
        self._hash = new_hash()

    def write(self, data: bytes | memoryview) -> int:
        """Write all of it; return how many bytes that were."""
        size = memoryview(data).nbytes
        self._file.write(data)
        self._hash.update(data)
        self._size += size
        return size

    def record(self) -> dict[str, Any]:
        """What the manifest says about the file."""
        return {"size": self._size, "xxh128": self._hash.hexdigest()}


def new_hash() -> Any:
    """A hash object of XXH3 with 128 bits.

    Raises
    ------
    ImportError
        xxhash is not installed: `pip install 'rwkv-tok[data]'`.
    """
    try:
        import xxhash
    except ModuleNotFoundError:
        raise ImportError(
            "xxhash is not installed: pip install 'rwkv-tok[data]'", name="xxhash"
        ) from None
    return xxhash.xxh3_128()


def json_path(prefix: PathLike) -> Path:
    """The file of the manifest."""
    return Path(f"{os.fspath(prefix)}.json")


def read_manifest(prefix: PathLike) -> dict[str, Any] | None:
    """What PREFIX.json says; None if there is none, or it is about something else."""
    path = json_path(prefix)
    try:
        if not path.is_file() or (path.stat().st_size > _SMALL and not _has_mark(path)):
            return None
        content = json.loads(path.read_bytes())
    except (FileNotFoundError, ValueError, RecursionError):
        return None
    if not isinstance(content, dict) or not {"bin", "idx"} <= content.keys():
        return None
    return cast("dict[str, Any]", content)


def _has_mark(path: Path) -> bool:
    with path.open("rb") as file:
        return _MARK in file.read(_HEAD)
