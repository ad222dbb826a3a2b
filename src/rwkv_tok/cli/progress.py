"""A progress bar for those who wait at a terminal."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from .inputs import STDIN

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .inputs import Advance

__all__ = ["is_terminal", "progress_bar", "progress_of"]

# Less input than this is done before a bar could be read.
_WORTH_A_BAR = 1 << 25


@contextmanager
def progress_bar(files: Iterable[str], *, hidden: bool = False) -> Iterator[Advance]:
    """Show on stderr how much of the files is done, as `progress_of` does for all their bytes."""
    total = 0 if hidden or not is_terminal(sys.stderr) else sum(map(_size, files))
    with progress_of(total) as advance:
        yield advance


@contextmanager
def progress_of(total: int) -> Iterator[Advance]:
    """Show on stderr how much of so many bytes is done, if that is a terminal and they are many.

    Gives the function that takes the number of bytes done since it was called last.
    """
    if total < _WORTH_A_BAR or not is_terminal(sys.stderr):
        yield _show_nothing
        return
    # Imported here: that takes longer than most commands.
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(
        *columns, console=console, transient=True, redirect_stdout=False, redirect_stderr=False
    ) as bar:
        task = bar.add_task("", total=total)
        yield lambda size: bar.advance(task, size)


def _show_nothing(size: int) -> None:
    """Take the place of a bar that is not shown."""


def is_terminal(stream: TextIO | None) -> bool:
    """Whether somebody reads there at once."""
    return stream is not None and stream.isatty()


def _size(file: str) -> int:
    """Bytes in a file; 0 for a pipe, about which nobody knows."""
    return os.fstat(sys.stdin.fileno()).st_size if file == STDIN else Path(file).stat().st_size
