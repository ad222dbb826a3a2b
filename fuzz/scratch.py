"""A folder for the files that a target makes."""

from __future__ import annotations

import atexit
import functools
import shutil
import tempfile
from pathlib import Path

__all__ = ["scratch"]


@functools.cache
def scratch() -> Path:
    """The folder of this process, which goes with it."""
    folder = Path(tempfile.mkdtemp(prefix="rwkv_tok-fuzz-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
