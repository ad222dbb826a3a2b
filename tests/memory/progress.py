"""A progress bar for those who wait at a terminal."""

from __future__ import annotations

import sys

from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress

__all__ = ["progress_bar"]


def progress_bar() -> Progress:
    """A bar on stderr, if that is a terminal, drawn when it is told to: no thread does."""
    return Progress(
        *Progress.get_default_columns(),
        MofNCompleteColumn(),
        auto_refresh=False,
        console=Console(stderr=True),
        redirect_stdout=sys.stdout.isatty(),
        transient=True,
        disable=not sys.stderr.isatty(),
    )
