"""Figures as tables on the terminal and as JSON."""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress
from rich.table import Table

from . import machine
from .timing import Result

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

#: Wide enough for a table of six corpora, where nobody knows how wide the output is.
WIDTH = 150


class Report:
    """Collects the results of one run; prints each table when it is complete."""

    def __init__(self, mode: str, settings: Mapping[str, Any]) -> None:
        width = None if sys.stdout.isatty() else WIDTH
        self.console = Console(width=width, highlight=False)
        self.mode = mode
        self.settings = dict(settings)
        self.machine = machine.describe()
        self.results: list[Result] = []
        self.baselines: dict[str, str] = {}
        self._introduce()

    def _introduce(self) -> None:
        where = self.machine
        versions = ", ".join(f"{name} {version}" for name, version in where["packages"].items())
        self.console.print(f"{where['cpu']}, {where['cores']} cores; {where['system']}")
        self.console.print(f"Python {where['python']}; {versions}")
        tags, path = " ".join(where["wheel"]) or "no wheel", where["kernel"]
        self.console.print(f"rwkv_tok: {tags}, {where['compiler']}, path {path}")
        if where["development_install"]:
            self.warn("this rwkv_tok is a development install: measure the installed wheel")

    def warn(self, message: str) -> None:
        """Say on standard error what makes the figures worth less."""
        click.secho(f"Warning: {message}", fg="yellow", err=True)

    def add(self, results: Iterable[Result], baseline: str | None, note: str = "") -> None:
        """Print a table for each size; `baseline` is the contestant whom ratios are to."""
        new = list(results)
        self.results += new
        if not new:
            return
        first = new[0]
        if baseline:
            self.baselines[first.table] = baseline
        for size in dict.fromkeys(result.size for result in new):
            rows = [result for result in new if result.size == size]
            title = (
                f"{first.table}: {size}, {first.unit}" if size else f"{first.table}, {first.unit}"
            )
            self.console.print(f"\n[bold]{title}[/]")
            self.console.print(table(rows, baseline))
        legend = (
            f"best of {len(first.samples)}; ± how much worse the median was"
            if len(first.samples) > 1
            else "",
            f"× {baseline}" if baseline else "",
            note,
        )
        self.console.print("; ".join(filter(None, legend)), style="dim")

    @contextmanager
    def progress(self, what: str, turns: int) -> Iterator[Callable[[], None]]:
        """Show on standard error, if that is a terminal, how far it got."""
        bar = Progress(
            console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()
        )
        # Drawn between turns only: no thread that draws takes part in what is measured.
        bar.live.auto_refresh = False
        with bar:
            task = bar.add_task(what, total=turns)

            def advance() -> None:
                bar.advance(task)
                bar.refresh()

            yield advance

    def write(self, path: Path) -> None:
        """Write everything as JSON."""
        path.write_text(json.dumps(self.to_json(), indent=1) + "\n", encoding="utf-8")

    def to_json(self) -> dict[str, Any]:
        """Everything: settings, machine, and the results with all samples."""
        results = [
            {
                **result.to_json(),
                "ratio": ratio(result, self.results, self.baselines.get(result.table)),
            }
            for result in self.results
        ]
        return {
            "mode": self.mode,
            "settings": self.settings,
            "machine": self.machine,
            "baselines": self.baselines,
            "results": results,
        }


def read(path: Path) -> tuple[dict[str, Any], list[Result]]:
    """What `write` wrote: everything, and the results."""
    data = json.loads(path.read_bytes())
    return data, [Result.from_json(result) for result in data["results"]]


def ratio(result: Result, results: Sequence[Result], baseline: str | None) -> float | None:
    """How many times as good as the baseline in the same table, size and corpus; None without."""
    place = result.table, result.size, result.corpus, baseline
    for other in results:
        if (other.table, other.size, other.corpus, other.contestant) == place:
            return result.ratio(other)
    return None


def table(results: Sequence[Result], baseline: str | None) -> Table:
    """A row for each contestant, a column for each corpus."""
    grid = Table(box=None, pad_edge=False)
    grid.add_column("")
    corpora = list(dict.fromkeys(result.corpus for result in results))
    for corpus in corpora:
        grid.add_column(escape(corpus), justify="right", no_wrap=True)
    cells = {(result.contestant, result.corpus): result for result in results}
    for contestant in dict.fromkeys(result.contestant for result in results):
        row = [cells.get((contestant, corpus)) for corpus in corpora]
        grid.add_row(contestant, *(cell(r, ratio(r, results, baseline)) if r else "" for r in row))
    return grid


def cell(result: Result, times: float | None) -> str:
    """The value, how many times the baseline, and the spread."""
    value = result.value
    shown = f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 1 else f"{value:.2f}"
    parts = [f"[bold]{shown}[/]"]
    if times is not None:
        parts.append(f"{times:5.2f}×")
    if len(result.samples) > 1:
        parts.append(f"[dim]±{result.spread:3.0%}[/]")
    return " ".join(parts)
