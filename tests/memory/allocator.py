"""The allocator of `failing_allocations.c`: built, preloaded, and told what to do.

It is preloaded into a process by `environment()`; there `Allocator` speaks to it.
"""

from __future__ import annotations

import ctypes
import functools
import os
import platform
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

import rwkv_tok

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "ALL",
    "BELOW_OURS",
    "FROM_THEN_ON",
    "ONCE",
    "Allocator",
    "environment",
    "fill_caches",
    "is_preloaded",
    "why_not",
]

#: How to fail: one allocation, or that one and all that follow.
ONCE, FROM_THEN_ON = 1, 2

#: What to count: all allocations of a call, or those below a frame of our extension modules.
ALL, BELOW_OURS = 0, 1

_OURS, _SPARED = 1, 2

# Libraries that hand out Arrow data. They crash where they have no memory for that: pyarrow 26 does
# not look at what malloc returns. What is between them and us is not ours to test.
_PRODUCERS = (b"/pyarrow/", b"/libarrow", b"polars")

# Blocks of fewer bytes are put aside by NumPy.
_NUMPY_SIZES = 1024

_SOURCE = Path(__file__).with_name("failing_allocations.c")
_LIBRARY = Path(__file__).parents[2] / "build" / "memory" / "failing_allocations.so"
_VARIABLE = "RWKV_TOK_ALLOCATOR"


def why_not() -> str | None:
    """Why this machine cannot do that; None if it can."""
    if platform.libc_ver()[0] != "glibc":
        return "needs glibc, whose malloc can be replaced"
    if shutil.which(_compiler()[0]) is None:
        return f"needs the C compiler {_compiler()[0]}"
    if {" ", ":"} & {*str(_LIBRARY)}:
        return f"LD_PRELOAD takes no path with a space or a colon: {_LIBRARY.parent}"
    return None


def is_preloaded() -> bool:
    """Whether this process has the allocator."""
    return _VARIABLE in os.environ


def environment() -> dict[str, str]:
    """The environment of a process that has the allocator."""
    return os.environ | {
        _VARIABLE: str(_built()),
        "LD_PRELOAD": str(_built()),
        # Every object is a block of its own then.
        "PYTHONMALLOC": "malloc",
    }


@functools.cache
def _built() -> Path:
    command = [*_compiler(), "-O2", "-Wall", "-Wextra", "-shared", "-fPIC"]
    _LIBRARY.parent.mkdir(parents=True, exist_ok=True)
    # Under a name of its own first: another process may be using the one that is there.
    made = _LIBRARY.with_suffix(f".{os.getpid()}.so")
    subprocess.run([*command, "-o", str(made), str(_SOURCE), "-ldl"], check=True)
    return made.replace(_LIBRARY)


def _compiler() -> list[str]:
    return shlex.split(os.environ.get("CC", "cc"))


def clear_caches() -> None:
    """Empty the interpreter's cache of attributes, which keeps their names for some time."""
    if sys.version_info >= (3, 13):
        sys._clear_internal_caches()
    else:
        sys._clear_type_cache()


def fill_caches() -> None:
    """Have NumPy put aside as many small blocks as it ever does: 7 of a size."""
    arrays = [np.empty(size, np.uint8) for size in range(_NUMPY_SIZES) for _ in range(8)]
    arrays += [np.empty((0, 0), np.uint8) for _ in range(8)]
    del arrays


class Allocator:
    """The allocator of this process."""

    def __init__(self) -> None:
        library = os.environ.get(_VARIABLE)
        if library is None:
            raise RuntimeError("this process was not started with the allocator")
        self._library = ctypes.PyDLL(library)
        for name in ("get_gained_blocks", "get_gained_bytes", "get_injected"):
            getattr(self._library, name).restype = ctypes.c_long
        self._call = self._library.call_failing
        self._call.restype = ctypes.py_object
        self._call.argtypes = [ctypes.py_object, ctypes.c_long, ctypes.c_int, ctypes.c_int]
        self._library.add_modules.argtypes = [ctypes.c_char_p, ctypes.c_int]
        folder = os.fsencode(Path(rwkv_tok.__file__).parent)
        if not self._library.add_modules(folder + b"/", _OURS):
            raise RuntimeError("the extension modules of rwkv_tok are not loaded")
        for producer in _PRODUCERS:
            self._library.add_modules(producer, _SPARED)
        self.mark()
        if not self._sees([object()]):
            raise RuntimeError(f"the allocations of this process do not go through {library}")

    def _sees(self, _new: object) -> bool:
        return self.gained_blocks > 0

    def show_crashes(self) -> None:
        """Write to standard error where the process crashes, and where the last failure was."""
        self._library.show_crashes()

    def mark(self) -> None:
        """Begin anew to count what is gained."""
        clear_caches()
        self._library.mark()

    @property
    def gained_blocks(self) -> int:
        """How many more blocks are in use than at the last `mark`."""
        clear_caches()
        blocks: int = self._library.get_gained_blocks()
        return blocks

    @property
    def gained_bytes(self) -> int:
        """How many more bytes are in use than at the last `mark`."""
        size: int = self._library.get_gained_bytes()
        return size

    def spare(self, is_spared: bool) -> None:
        """Let no allocation of this thread fail, or again as before."""
        self._library.spare(is_spared)

    @property
    def failed(self) -> int:
        """How many allocations failed in the last call."""
        count: int = self._library.get_injected()
        return count

    def call(self, function: Callable[[], object], number: int, how: int, which: int) -> object:
        """Call a function while its `number`-th allocation fails."""
        return self._call(function, number, how, which)

    def trace(self) -> list[str]:
        """Where the last failure was, innermost first: modules, and functions where known."""
        frames = (ctypes.c_void_p * 64)()
        count = self._library.get_trace(frames, len(frames))
        libc = ctypes.CDLL(None)
        libc.backtrace_symbols.restype = ctypes.POINTER(ctypes.c_char_p)
        names = libc.backtrace_symbols(frames, count)
        return [os.fsdecode(names[i]).rpartition("/")[2] for i in range(count)]
