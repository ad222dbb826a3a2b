"""Make every public call again and again, and find what it does not give back.

    python tests/memory/leaks.py
    python tests/memory/leaks.py --rounds 100 --only Tokenizer.encode

Each call of the catalogue (`calls.py`), the failing ones included, is made until all that is kept
for later is there, and then again in several runs of as many rounds. No block of memory may be
there after each run that was not there before; nor a byte, a file or a thread, nor a reference to
what is shared between calls. Blocks are counted by the allocator of `failing_allocations.c`, so one
block lost in a run is found.

Needs Linux with glibc and a C compiler. Exit code 1 if something was found.
"""

from __future__ import annotations

import argparse
import functools
import gc
import operator
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from typing import TYPE_CHECKING

from memory.allocator import Allocator, environment, is_preloaded, why_not
from memory.calls import catalogue, chosen
from memory.progress import progress_bar
from memory.setting import Call, Setting

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["LeakCheck", "main"]

# What the interpreter puts aside for later, it puts aside once; a leak is there in each run.
_RUNS = 6

# Of a call that takes long, fewer rounds are made: so many seconds of them.
_SECONDS = 0.25

# CPython 3.12 keeps every string that was ever interned, and pathlib interns the parts of a path:
# the random names of temporary files stay.
_NAMES_STAY = sys.version_info[:2] == (3, 12)
_WITH_RANDOM_NAMES = ("data.BinIdxWriter", "data.merge")

_WHAT = ("blocks", "bytes", "files", "threads", "references to what is shared")


class LeakCheck:
    """Finds what a function gains with each call.

    Parameters
    ----------
    rounds
        How often the function is called in a run.
    shared
        Objects whose references are counted.
    """

    def __init__(self, rounds: int, shared: list[object]) -> None:
        self._allocator = Allocator()
        self._rounds = rounds
        self._shared = shared

    def gains(self, function: Callable[[], object]) -> dict[str, float]:
        """What a call gains: the least of several runs."""
        rounds = self._rounds_of(function)
        least = [sys.maxsize] * len(_WHAT)
        for _ in range(_RUNS):
            gc.collect()
            others = self._count_others()
            self._allocator.mark()
            for _ in range(rounds):
                function()
            gc.collect()
            gained = [self._allocator.gained_blocks, self._allocator.gained_bytes]
            gained += map(operator.sub, self._count_others(), others)
            least = [*map(min, gained, least)]
            if max(least) <= 0:
                break
        return {what: count / rounds for what, count in zip(_WHAT, least, strict=True) if count > 0}

    def _rounds_of(self, function: Callable[[], object]) -> int:
        started = time.monotonic()
        for _ in range(2):
            function()
        seconds = (time.monotonic() - started) / 2
        return min(self._rounds, 5 + int(_SECONDS / seconds))

    def _count_others(self) -> list[int]:
        return [
            len(os.listdir("/proc/self/fd")),  # noqa: PTH208
            threading.active_count(),
            sum(map(sys.getrefcount, self._shared)),
        ]


def make(call: Call, setting: Setting) -> None:
    """Make a call, and forget what it returns, or raises as it should."""
    run, raises = call
    try:
        run(setting)
    except Exception as error:
        if type(error) is not raises:
            raise


def shared_by(setting: Setting) -> list[object]:
    """What calls refer to beside their arguments."""
    tokenizers = (setting.tok, setting.special, setting.bytes_only)
    parts = [getattr(tok, name) for tok in tokenizers for name in type(tok).__slots__[1:]]
    dtypes = [np.dtype(name) for name in ("u1", "u2", "u4", "i4", "i8")]
    return [*vars(setting).values(), *parts, *dtypes]


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--rounds", type=int, default=20, metavar="N", help="calls in a run (default: 20)"
    )
    parser.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="NAME",
        help="only calls whose names begin so; may be given several times",
    )
    parser.add_argument("--catalogue", default="memory.calls", help=argparse.SUPPRESS)
    options = parser.parse_args()
    calls = catalogue(options.catalogue)
    names = chosen(calls, options.only)
    left_out = [name for name in names if _NAMES_STAY and name.startswith(_WITH_RANDOM_NAMES)]
    names = [name for name in names if name not in left_out]
    if not names:
        parser.error("no call has such a name, or it is not looked at with this Python")
    reason = why_not()
    if reason is not None:
        parser.error(reason)
    if not is_preloaded():
        return subprocess.run(
            [sys.executable, *sys.argv], env=environment(), check=False
        ).returncode
    started = time.monotonic()
    leaking = 0
    with tempfile.TemporaryDirectory() as folder:
        setting = Setting(Path(folder))
        check = LeakCheck(options.rounds, shared_by(setting))
        gc.collect()
        gc.freeze()  # what is there already need not be looked through again and again
        with progress_bar() as bar:
            for name in bar.track(names):
                gains = check.gains(functools.partial(make, calls[name], setting))
                if gains:
                    leaking += 1
                    gained = ", ".join(f"{count:.2f} {what}" for what, count in gains.items())
                    print(f"{name} gains {gained} a call", flush=True)
    if left_out:
        print(f"not looked at, as CPython 3.12 keeps names of files: {', '.join(left_out)}")
    print(f"{len(names)} calls, {leaking} leak, {time.monotonic() - started:.0f} s")
    return 1 if leaking else 0


if __name__ == "__main__":
    sys.exit(main())
