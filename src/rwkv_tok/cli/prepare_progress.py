"""How `prepare` shows its progress: a bar on a terminal, now and then a line anywhere else."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from .progress import is_terminal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rwkv_tok.data import Status

__all__ = ["show_progress"]

_SECONDS_BETWEEN_LINES = 10.0
_NAMES = {"encode": "encoding", "arrange": "arranging"}


@contextmanager
def show_progress() -> Iterator[Callable[[Status], None]]:
    """Show on stderr how far a run has come; gives the function that takes that."""
    if is_terminal(sys.stderr):
        with _bar() as report:
            yield report
    else:
        yield _lines()


@contextmanager
def _bar() -> Iterator[Callable[[Status], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f}%  {task.fields[figures]}"),
        TimeRemainingColumn(),
    )
    rates = _Rates()
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        tasks: dict[str, TaskID] = {}

        def report(status: Status) -> None:
            if status.step not in tasks:
                for task in tasks.values():
                    bar.remove_task(task)
                total = status.total or None
                tasks[status.step] = bar.add_task(_NAMES[status.step], total=total, figures="")
            figures = rates.figures(status)
            bar.update(tasks[status.step], completed=status.done, figures=figures)

        yield report


def _lines() -> Callable[[Status], None]:
    rates = _Rates()
    last = time.monotonic()

    def report(status: Status) -> None:
        nonlocal last
        rates.figures(status)
        if time.monotonic() - last >= _SECONDS_BETWEEN_LINES:
            last = time.monotonic()
            click.echo(_line_of(status, rates), err=True)

    return report


class _Rates:
    """What happens in a second, since a step has begun in this process."""

    def __init__(self) -> None:
        self._step: str | None = None

    def figures(self, status: Status) -> str:
        """Figures of a step, to be read beside a bar."""
        now = time.monotonic()
        if status.step != self._step:
            self._step, self._started, self._first = status.step, now, status
        seconds = max(now - self._started, 1e-3)
        if status.step == "arrange":
            rate = (status.done - self._first.done) / seconds
            return f"{status.done:,} tokens  {rate / 1e6:.1f} Mtok/s"
        tokens = (status.tokens - self._first.tokens) / seconds
        return (
            f"{status.done / 1e6:,.1f} MB  {status.documents:,} documents  "
            f"{tokens / 1e6:.1f} Mtok/s"
        )

    def seconds_left(self, status: Status) -> float | None:
        """How long the step will take; None if nobody knows."""
        done = status.done - self._first.done
        if not status.total or done <= 0:
            return None
        return (time.monotonic() - self._started) * (status.total - status.done) / done


def _line_of(status: Status, rates: _Rates) -> str:
    """A line that tells all that a bar does."""
    parts = [_NAMES[status.step]]
    if status.total:
        parts.append(f"{100 * status.done / status.total:.1f}%")
    parts.append(rates.figures(status).replace("  ", ", "))
    left = rates.seconds_left(status)
    if left is not None:
        minutes, seconds = divmod(round(left), 60)
        parts.append(f"{minutes // 60}:{minutes % 60:02}:{seconds:02} left")
    return ", ".join(parts)
