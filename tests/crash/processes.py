"""Starting `rwkv-tok prepare` in a session of its own, and ending it in every way there is."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["Process", "take_interrupts", "wait_until"]

_STATS = Path("/proc")
_LOCKS = Path("/proc/locks")


def take_interrupts() -> None:
    """Let processes take Ctrl-C even if this one runs in the background of a shell."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    """Whether something becomes true in this time."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.001)
    return True


class Process:
    """The command at work.

    Parameters
    ----------
    arguments
        Those of `rwkv-tok`.
    """

    def __init__(self, arguments: Sequence[str | Path]) -> None:
        # Files rather than pipes: a worker that outlives its parent must not keep anybody waiting.
        self._out, self._err = tempfile.TemporaryFile(), tempfile.TemporaryFile()  # noqa: SIM115
        self._process = subprocess.Popen(
            [sys.executable, "-m", "rwkv_tok", *map(str, arguments)],
            stdin=subprocess.DEVNULL,
            stdout=self._out,
            stderr=self._err,
            start_new_session=True,
        )
        self._started = time.monotonic()

    @property
    def pid(self) -> int:
        """Its number, and that of its group and session."""
        return self._process.pid

    @property
    def seconds(self) -> float:
        """For how long it has been there."""
        return time.monotonic() - self._started

    def has_ended(self) -> bool:
        """Whether the command itself has ended."""
        return self._process.poll() is not None

    def wait(self, seconds: float = 300) -> int:
        """Its exit code, negative if a signal has ended it."""
        return self._process.wait(seconds)

    def living(self) -> list[int]:
        """All processes of its session that have not ended, in the order of their numbers."""
        if not (_STATS / "self" / "stat").exists():  # no Linux: it cannot be told which ones
            try:
                os.killpg(self.pid, 0)
            except ProcessLookupError:
                return []
            return [self.pid]
        return sorted(_processes_of(self.pid))

    def workers(self) -> list[int]:
        """The processes that it has started, if there are any."""
        return [pid for pid in self.living() if pid != self.pid]

    def is_at_work(self) -> bool:
        """Whether it has begun, and nobody else can: it holds a lock."""
        if not _LOCKS.exists():
            return self.seconds > 2  # certainly
        lines = _LOCKS.read_text().splitlines()
        return any(str(self.pid) in line.split()[4:5] for line in lines)

    def send(self, number: signal.Signals, pid: int | None = None) -> None:
        """Send a signal to one process, or to all of the session, as a terminal does."""
        with contextlib.suppress(ProcessLookupError):
            if pid is None:
                os.killpg(self.pid, number)
            else:
                os.kill(pid, number)

    def output(self) -> str:
        """What it has written to standard output."""
        return _content(self._out.fileno())

    def errors(self) -> str:
        """What it and its workers have written to standard error."""
        return _content(self._err.fileno())

    def close(self) -> None:
        """End what is left of it."""
        self.send(signal.SIGKILL)
        self._process.wait()
        self._out.close()
        self._err.close()

    def __enter__(self) -> Process:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _content(descriptor: int) -> str:
    size = os.fstat(descriptor).st_size
    return os.pread(descriptor, size, 0).decode(errors="replace")


def _processes_of(session: int) -> list[int]:
    found = []
    for stat in _STATS.glob("[0-9]*/stat"):
        try:
            fields = stat.read_text(errors="replace").rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if fields[0] not in "ZX" and int(fields[3]) == session:
            found.append(int(stat.parent.name))
    return found
