"""Output files that appear whole or not at all."""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["atomic_output"]


@contextmanager
def atomic_output(path: str | os.PathLike[str]) -> Iterator[IO[bytes]]:
    """Open a binary file that takes its name only when it is complete and on disk.

    It is written under a temporary name in the same folder, and removed if the block raises. An
    existing file of the final name is replaced.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> with atomic_output(folder / "out") as file:
    ...     _ = file.write(b"data")
    >>> [p.name for p in folder.iterdir()]
    ['out']
    """
    final = Path(path)
    temporary = final.with_name(f".rwkv-tok-{os.urandom(4).hex()}.tmp")
    file: IO[Any] = temporary.open("xb")
    try:
        with file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(final)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
