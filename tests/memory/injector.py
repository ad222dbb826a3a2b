"""The process that makes calls while an allocation fails; `allocations.py` starts it.

It reads what to do from standard input, and says what it does and finds on standard output: JSON,
a line each.
"""

from __future__ import annotations

import contextlib
import faulthandler
import gc
import json
import sys
import tempfile
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from memory.allocator import FROM_THEN_ON, ONCE, Allocator, fill_caches
from memory.calls import catalogue
from memory.setting import Call, Setting, plain

from rwkv_tok import threads

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["HOW"]

#: How allocations fail.
HOW = {"alone": ONCE, "with all later ones": FROM_THEN_ON}

# A call that leaks does so every time; what the interpreter keeps for later, it keeps once.
_REPETITIONS = 6

# Seconds to wait for threads that have been joined to give back what they are made of.
_PAUSE = 0.001

# From here on only some of the allocations of a call are tried: they are those of a loop.
_MANY = 1500


class Injector:
    """Makes calls while an allocation fails, and looks at what comes of it."""

    def __init__(self, calls: dict[str, Call], setting: Setting, which: int) -> None:
        self._calls = calls
        self._setting = setting
        self._allocator = Allocator()
        self._which = which
        self._uncaught: list[str] = []
        self._allocator.show_crashes()
        _spare_thread_starts(self._allocator)
        sys.unraisablehook = self._note_unraisable
        threading.excepthook = self._note_exception

    def run(self, name: str, how: str, first: int, most: int) -> None:
        """Let the allocations of a call fail, from the `first` on; say what happens."""
        _say(at=[name, how, 0])
        expected = None
        for _ in range(3):  # what is kept for later is there afterwards
            expected = self._outcome(name)
        tried = 0
        for number in _numbers(first, most):
            _say(at=[name, how, number])
            problem, failed = self._try(name, how, number, expected)
            if problem:
                _say(found=[name, how, number, problem, self._allocator.trace()])
            if not failed:
                break
            tried += 1
        _say(done=[name, how, tried])

    def _outcome(self, name: str) -> object:
        """What a call returns, or raises as it should, without a failure."""
        run, raises = self._calls[name]
        try:
            result = run(self._setting)
        except Exception as error:
            if type(error) is not raises:
                raise
            return _told_by(error)
        if raises is not None:
            raise AssertionError(f"{name} does not raise {raises.__name__}")
        return plain(result)

    def _try(self, name: str, how: str, number: int, expected: object) -> tuple[str | None, int]:
        """What is wrong with a call whose `number`-th allocation fails, and how many did."""
        self._uncaught.clear()
        problem = self._fail(name, how, number, expected)
        failed = self._allocator.failed  # before the call is repeated
        if problem is None and self._uncaught:
            problem = "; ".join(self._uncaught)
        if problem is None and failed:
            problem = self._look_afterwards(name, how, number, expected)
        return problem, failed

    def _fail(self, name: str, how: str, number: int, expected: object) -> str | None:
        raises = self._calls[name].raises
        try:
            result = self._call(name, how, number)
        except MemoryError:
            return None
        except Exception as error:
            if type(error) is raises and _told_by(error) == expected:
                return None
            return f"raises {error!r}"
        if raises is None and plain(result) == expected:
            return None
        return f"returns {result!r:.200}"

    def _look_afterwards(self, name: str, how: str, number: int, expected: object) -> str | None:
        if self._leaks(name, how, number):
            return "leaks"
        try:
            if self._outcome(name) != expected:
                return "afterwards the call gives another result"
        except Exception as error:
            return f"afterwards the call raises {error!r}"
        return None

    def _leaks(self, name: str, how: str, number: int) -> bool:
        """Whether more and more memory is in use when a call is repeated."""
        self._allocator.mark()
        if not self._grows(lambda: self._blocks_after(name, how, number), 1):
            return False
        fill_caches()
        return self._grows(lambda: self._blocks_after(name, how, number, settle=True), _REPETITIONS)

    def _grows(self, count: Callable[[], int], times: int) -> bool:
        """Whether a count is larger each time."""
        before = count()
        for _ in range(times):
            after = count()
            if after <= before:
                return False
            before = after
        return True

    def _blocks_after(self, name: str, how: str, number: int, *, settle: bool = False) -> int:
        with contextlib.suppress(Exception):
            self._call(name, how, number)
        if settle:
            time.sleep(_PAUSE)
            gc.collect()
        return self._allocator.gained_blocks

    def _call(self, name: str, how: str, number: int) -> object:
        run, setting = self._calls[name].run, self._setting
        return self._allocator.call(lambda: run(setting), number, HOW[how], self._which)

    def _note_unraisable(self, seen: Any) -> None:
        self._uncaught.append(f"{seen.exc_type.__name__} was ignored in {seen.object!r:.80}")

    def _note_exception(self, seen: Any) -> None:
        if not issubclass(seen.exc_type, MemoryError):
            self._uncaught.append(f"{seen.exc_type.__name__} ended a thread")


def _told_by(error: Exception) -> object:
    """What an exception says, but for the names of temporary files."""
    return error.errno if isinstance(error, OSError) else str(error)


def _spare_thread_starts(allocator: Allocator) -> None:
    """Let no allocation fail where a thread is made and started.

    The threading module is not up to that: it waits for ever for a thread that has ended before it
    could say that it had begun, or keeps what it has noted about one that was never started.
    """

    class Thread(threading.Thread):
        def __init__(self, **options: Any) -> None:
            allocator.spare(True)
            super().__init__(**options)
            allocator.spare(False)

        def start(self) -> None:
            allocator.spare(True)
            super().start()
            allocator.spare(False)

    threads.threading = SimpleNamespace(Thread=Thread)


def _numbers(first: int, most: int) -> Iterator[int]:
    number = first
    while number <= most:
        yield number
        number += 1 + number // _MANY * (number // 20)


def _say(**what: object) -> None:
    print(json.dumps(what), flush=True)


def main() -> None:
    faulthandler.enable()
    task = json.load(sys.stdin)
    with tempfile.TemporaryDirectory() as folder:
        calls = catalogue(task["catalogue"])
        injector = Injector(calls, Setting(Path(folder)), task["which"])
        gc.collect()
        gc.freeze()  # what is there already need not be looked through again and again
        for name, how, first in task["items"]:
            injector.run(name, how, first, task["most"])


if __name__ == "__main__":
    main()
