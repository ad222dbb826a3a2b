"""Encoding the parts of a corpus in several processes, with the results in order."""

from __future__ import annotations

import contextlib
import pickle
import queue
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from rwkv_tok.errors import DataError

from .worker import Outcome, Setup, Task
from .workspace import PARTS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Self

    from .encoding import PartResult
    from .schedule import PartId, Schedule

__all__ = ["WorkerPool"]

# Not with -m, which would make the worker's classes others than those of this process. -P: a file
# beside the user's data must not be taken for a module.
_COMMAND = [sys.executable, "-P", "-c", "from rwkv_tok.data.preparing.worker import main; main()"]


class WorkerPool:
    """Worker processes, with a thread each that keeps one busy.

    Parameters
    ----------
    setup
        What they work on.
    schedule
        Tells which parts come next.
    workers
        How many.
    folder
        Where tokens wait until it is their turn: results may come in any order.

    Raises
    ------
    OSError
        A process cannot be started, or the folder cannot be written to.
    """

    def __init__(self, setup: Setup, schedule: Schedule, workers: int, folder: Path) -> None:
        self._setup = setup
        self._schedule = schedule
        self._stopping = False
        self._outcomes: queue.SimpleQueue[Outcome | Exception | None] = queue.SimpleQueue()
        self._spools = Path(tempfile.mkdtemp(prefix=PARTS, dir=folder))
        self._processes: list[subprocess.Popen[bytes]] = []
        self._threads: list[threading.Thread] = []
        try:
            for number in range(workers):
                with _interrupts_held_back():
                    process = subprocess.Popen(  # noqa: S603 # this package's own module
                        _COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE
                    )
                    self._processes.append(process)
                thread = threading.Thread(
                    target=self._keep_busy, args=(number, process), name=f"worker {number}"
                )
                thread.start()
                self._threads.append(thread)
        except BaseException:
            self.close()
            raise

    def results(self, start: PartId, source_count: int) -> Iterator[tuple[PartResult, BinaryIO]]:
        """The results of all parts from `start` on, in order, each with its tokens to be read.

        Raises what ended the encoding of a part when it is that part's turn, so that what is raised
        does not depend on the number of workers.
        """
        waiting: dict[PartId, Outcome] = {}
        expected = start
        busy = len(self._threads)
        while expected[0] < source_count:
            while expected not in waiting:
                outcome = self._outcomes.get()
                if isinstance(outcome, Exception):
                    raise outcome
                if outcome is not None:
                    waiting[outcome.first] = outcome
                    continue
                busy -= 1
                if busy == 0 and expected not in waiting:
                    raise RuntimeError(f"no worker has encoded part {expected}")
            outcome = waiting.pop(expected)
            with self._open_spool(outcome) as tokens:
                _check_size(tokens, outcome)
                for result in outcome.results:
                    yield result, tokens
                    expected = (result.source, result.part + 1)
                    if result.ended:
                        expected = (result.source + 1, 0)
            if outcome.failure is not None:
                raise outcome.failure

    @contextlib.contextmanager
    def _open_spool(self, outcome: Outcome) -> Iterator[BinaryIO]:
        try:
            with outcome.spool.open("rb") as tokens:
                yield tokens
        except FileNotFoundError:
            if outcome.failure is None:
                raise
            raise outcome.failure from None
        outcome.spool.unlink()

    def _keep_busy(self, number: int, process: subprocess.Popen[bytes]) -> None:
        """Hand parts to a worker, one task at a time, and pass on what came of them."""
        if sys.platform != "win32":
            # The command line lets SIGPIPE end it; that a worker has gone must be told instead.
            signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGPIPE])
        requests, answers = cast("BinaryIO", process.stdin), cast("BinaryIO", process.stdout)
        task = None
        tasks = 0
        try:
            pickle.dump(self._setup, requests, pickle.HIGHEST_PROTOCOL)
            while not self._stopping and (parts := self._schedule.take(number)):
                task = Task(parts, self._spools / f"{number}-{tasks}")
                tasks += 1
                pickle.dump(task, requests, pickle.HIGHEST_PROTOCOL)
                requests.flush()
                outcome: Outcome = pickle.load(answers)  # noqa: S301 # our own process
                for result in outcome.results:
                    if result.ended:
                        self._schedule.end_stream(result.source)
                self._outcomes.put(outcome)
                if outcome.failure is not None:
                    self._schedule.end_stream(task.parts[-1][0])
        except (EOFError, OSError, pickle.UnpicklingError):
            if not self._stopping:
                self._outcomes.put(self._death(process, task))
        except Exception as error:  # it is raised where results are waited for
            self._outcomes.put(error)
        finally:
            _close_pipes(process)  # here, as it may write what a worker has not taken
            self._outcomes.put(None)

    def _death(self, process: subprocess.Popen[bytes], task: Task | None) -> DataError:
        """Tell that a worker has ended though nobody told it to."""
        code = process.wait()
        how = f"ended with exit code {code}"
        if code < 0:
            how = f"was killed by {signal.Signals(-code).name}"
        if code == -9:
            how += " (did memory run out?)"
        where = ""
        if task is not None:
            where = f" while it read {self._setup.sources[task.parts[0][0]].name}"
        return DataError(f"a worker process {how}{where}: the same command goes on from there")

    def close(self) -> None:
        """End all workers and remove what is left of their tokens."""
        self._stopping = True
        for process in self._processes:
            process.kill()
        for thread in self._threads:
            thread.join()
        for process in self._processes:
            _close_pipes(process)
            process.wait()
        shutil.rmtree(self._spools, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def _check_size(tokens: BinaryIO, outcome: Outcome) -> None:
    """Raise DataError unless a file has the tokens of all results, and maybe more of a failure."""
    expected = 2 * sum(result.tokens for result in outcome.results)
    size = tokens.seek(0, 2)
    tokens.seek(0)
    if size < expected or (size > expected and outcome.failure is None):
        raise DataError(
            f"{outcome.spool} has {size} bytes where a worker wrote {expected}: something is wrong "
            "with this disk"
        )


def _close_pipes(process: subprocess.Popen[bytes]) -> None:
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.close()


@contextlib.contextmanager
def _interrupts_held_back() -> Iterator[None]:
    """Let Ctrl-C wait; a process that is started meanwhile never gets it, not even at once."""
    if sys.platform == "win32":
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
