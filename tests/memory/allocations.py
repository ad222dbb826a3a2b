"""Let every allocation of every public call fail, one after the other.

    python tests/memory/allocations.py
    python tests/memory/allocations.py --only StreamDecoder --which all

For each call of the catalogue (`calls.py`) and n = 1, 2, 3, ... the n-th allocation fails: alone,
and then together with all that follow it, until the call makes no n-th; of a call that makes more
than 1500, those of a loop, only some of the others do. It must raise MemoryError,
or what it raises anyway, or give the right result; without a crash, a hang, a leak, or anything
that was raised where nobody catches it. Afterwards the same call must do what it always does.

By default an allocation counts if a function of our extension modules is among its callers, in all
threads: of Python, NumPy, and ours alike. With `--which all` those of the interpreter count as well
that runs our Python code.

What NumPy and CPython themselves do wrong is counted apart: where NumPy crashes, or returns neither
a result nor an exception, after an allocation of its own has failed. Allocations of the libraries
that hand out Arrow data never fail.

Needs Linux with glibc and a C compiler. Exit code 1 if something was found.
"""

from __future__ import annotations

import argparse
import json
import os
import select
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from memory.allocator import ALL, BELOW_OURS, environment, why_not
from memory.calls import catalogue, chosen
from memory.injector import HOW
from memory.progress import progress_bar

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Tally", "run_processes"]

_WHICH = {"ours": BELOW_OURS, "all": ALL}

# Seconds without a word from a process, after which it hangs.
_PATIENCE = 180

_NUMPY = "_multiarray_umath"
# Modules whose frames lie between an allocation and whoever wanted it, or above a crash.
_BETWEEN = ("failing_allocations", "libpython", "python(", "libc.so")
# What CPython and Cython make of NULL without an exception.
_NO_EXCEPTION = ("returned NULL without setting an exception", "error return without exception set")

# Where CPython 3.11 does not give all back if there is no memory: list(x), for the items; and the
# first of a function's variables that it shares with an inner function. Leaks of ours that begin
# there are not seen on 3.11, but on later versions.
_IS_3_11 = sys.version_info[:2] == (3, 11)
_LEAKING = ("PySequence_List", "PyCell_New")

#: A call, how allocations fail, and the first that does: 0 stands for the call without a failure.
Item = tuple[str, str, int]


class Tally:
    """What was done and what was found."""

    def __init__(self, *, tells_of_others: bool) -> None:
        self._tells_of_others = tells_of_others
        #: The calls that are done with, and how allocations failed.
        self.done: set[tuple[str, str]] = set()
        self.failures = 0
        self.problems: list[str] = []
        self.of_others: Counter[str] = Counter()
        self._lock = threading.Lock()

    def hear(self, message: dict[str, Any]) -> None:
        """Take note of what a process says."""
        if "done" in message:
            name, how, tried = message["done"]
            with self._lock:
                self.done.add((name, how))
                self.failures += tried
        elif "found" in message:
            name, how, number, problem, trace = message["found"]
            self.note((name, how, number), problem, trace, _culprit(problem, trace))

    def hear_of_end(self, item: Item, status: int, errors: str) -> None:
        """Take note of a process that has crashed or was ended because it hung."""
        _, _, stacks = errors.rpartition("crashed at:\n")
        crash, _, rest = stacks.partition("after a failure at:\n")
        failure = [line for line in rest.splitlines() if line.startswith("/")]
        problem = f"the process ended with {status}"
        with self._lock:
            self.failures += max(0, item[2] - 1)
        both_in_numpy = _begins_in_numpy(failure) and _begins_in_numpy(crash.splitlines())
        self.note(item, problem, [errors[-4000:]], "NumPy" if both_in_numpy else None)

    def note(self, item: Item, problem: str, details: list[str], culprit: str | None) -> None:
        """Take note of a problem; with a culprit it is not ours."""
        name, how, number = item
        where = f"allocation {number} {how}" if number else "without a failure"
        text = f"{name}, {where}: {problem}"
        with self._lock:
            if culprit is None:
                self.problems.append(text)
            else:
                self.of_others[f"{culprit}: {problem.partition('(')[0]}"] += 1
                if not self._tells_of_others:
                    return
                text = f"{culprit}: {text}"
            print(text, *details, sep="\n    ", flush=True)


def _culprit(problem: str, trace: list[str]) -> str | None:
    """Who else does something wrong when an allocation fails, if this is known."""
    if "SystemError" in problem and any(words in problem for words in _NO_EXCEPTION):
        # CPython 3.11 forgets the exception if there is no memory for a frame of its traceback.
        if _IS_3_11 and any("_PyObject_GC_NewVar" in frame for frame in trace[:3]):
            return "CPython"
        return "NumPy" if _begins_in_numpy(trace) else None
    if _IS_3_11 and problem == "leaks":
        return "CPython" if any(name in frame for name in _LEAKING for frame in trace[:4]) else None
    return None


def _begins_in_numpy(stack: list[str]) -> bool:
    modules = (frame.rpartition("/")[2] for frame in stack)
    return _NUMPY in next((module for module in modules if not module.startswith(_BETWEEN)), "")


class Processes:
    """The processes that are running, which can be ended from another thread."""

    def __init__(self) -> None:
        self._running: set[subprocess.Popen[bytes]] = set()
        self._lock = threading.Lock()
        self.are_ended = False

    def add(self, process: subprocess.Popen[bytes]) -> None:
        """Have another one ended, too."""
        with self._lock:
            self._running.add(process)
            if self.are_ended:
                process.kill()

    def end(self) -> None:
        """End them."""
        with self._lock:
            self.are_ended = True
            for process in self._running:
                process.kill()


def run_processes(
    items: list[Item],
    options: dict[str, Any],
    env: dict[str, str],
    tally: Tally,
    processes: Processes,
) -> None:
    """Have a process do this; and, if a call ends it, another one do the rest."""
    while items and not processes.are_ended:
        task = {"items": items, **options}
        at: Item | None = None
        with tempfile.TemporaryFile("w+") as errors:
            with _process(task, env, errors) as process:
                processes.add(process)
                for message in _messages(process):
                    tally.hear(message)
                    at = tuple(message["at"]) if "at" in message else at
                status = process.wait()
            errors.seek(0)
            if status == 0 or processes.are_ended:
                return
            if at is None:  # before the first call: the next process would end likewise
                tally.note(items[0], f"ended with {status}", [errors.read()[-4000:]], None)
                return
            tally.hear_of_end(at, status, errors.read())
        name, how, number = at
        place = next(i for i, item in enumerate(items) if item[:2] == (name, how))
        items = items[place + 1 :]
        if number:
            items = [(name, how, number + 1), *items]


def _process(task: dict[str, Any], env: dict[str, str], errors: IO[str]) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [sys.executable, Path(__file__).with_name("injector.py")],
        env=env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=errors,
    )
    assert process.stdin is not None
    with process.stdin:
        process.stdin.write(json.dumps(task).encode())
    return process


def _messages(process: subprocess.Popen[bytes]) -> Iterator[dict[str, Any]]:
    """What a process says; it is ended if it says nothing for too long."""
    assert process.stdout is not None
    pending = b""
    while select.select([process.stdout], [], [], _PATIENCE)[0]:
        data = os.read(process.stdout.fileno(), 1 << 16)
        if not data:
            return
        *lines, pending = (pending + data).split(b"\n")
        yield from map(json.loads, lines)
    process.kill()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="NAME",
        help="only calls whose names begin so; may be given several times",
    )
    parser.add_argument(
        "--which", choices=_WHICH, default="ours", help="which allocations fail (default: ours)"
    )
    parser.add_argument(
        "--most", type=int, default=sys.maxsize, metavar="N", help="the first N of a call only"
    )
    parser.add_argument(
        "--others", action="store_true", help="tell of each problem that is not ours as well"
    )
    parser.add_argument(
        "--jobs", type=int, default=1, metavar="N", help="processes at a time (default: 1)"
    )
    parser.add_argument("--catalogue", default="memory.calls", help=argparse.SUPPRESS)
    return parser


def main() -> int:
    parser = _parser()
    options = parser.parse_args()
    reason = why_not()
    if reason is not None:
        parser.error(reason)
    names = chosen(catalogue(options.catalogue), options.only)
    if not names:
        parser.error("no call has such a name")
    items: list[Item] = [(name, how, 1) for name in names for how in HOW]
    task = {
        "catalogue": options.catalogue,
        "which": _WHICH[options.which],
        "most": options.most,
    }
    env = environment()
    tally = Tally(tells_of_others=options.others)
    processes = Processes()
    started = time.monotonic()
    threads = [
        threading.Thread(
            target=run_processes,
            args=(items[i :: options.jobs], task, env, tally, processes),
        )
        for i in range(options.jobs)
    ]
    try:
        for thread in threads:
            thread.start()
        with progress_bar() as bar:
            shown = bar.add_task("", total=len(items))
            for thread in threads:
                while thread.is_alive():
                    thread.join(1)  # a handler of Polars would have it go on waiting after Ctrl-C
                    bar.update(shown, completed=len(tally.done), refresh=True)
    except KeyboardInterrupt:
        processes.end()
        return 130
    for problem, count in tally.of_others.items():
        print(f"not ours, {problem}, {count} times")
    calls = {name for name, _ in tally.done}
    print(
        f"{len(calls)} of {len(names)} calls, {tally.failures} failed allocations, "
        f"{len(tally.problems)} problems, {time.monotonic() - started:.0f} s"
    )
    return 1 if tally.problems or len(tally.done) < len(items) or not tally.failures else 0


if __name__ == "__main__":
    sys.exit(main())
