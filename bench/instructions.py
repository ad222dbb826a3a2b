"""The mode `instructions`: instructions per byte, which no other load of the machine changes."""

from __future__ import annotations

import os
import platform
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.table import Table

from . import callgrind, fixed_sample, kernels, machine
from .records import TOLERANCE_PERCENT, Comparison, Records

if TYPE_CHECKING:
    from collections.abc import Sequence

RECORDS = Path(__file__).with_name("instructions.json")


@click.command()
@click.option(
    "--kernel", "paths", multiple=True, help="Only this path of the encoder; may be repeated."
)
@click.option("--record", is_flag=True, help="Make these figures the record of this compiler.")
@click.option(
    "--records", "file", type=click.Path(dir_okay=False, path_type=Path), default=RECORDS,
    help="The file of records.  [default: bench/instructions.json]",
)  # fmt: skip
def instructions(paths: Sequence[str], record: bool, file: Path) -> None:
    """Count instructions per byte under valgrind and compare with the record.

    Exits with 1 if a figure is more than 5 % above the record of the same compiler, architecture
    and path. Where there is no such record, there is nothing to compare with.
    """
    if not shutil.which("valgrind"):
        raise click.UsageError("this mode needs valgrind: install it (apt-get install valgrind)")
    paths = paths or callgrind.known(kernels.available())
    compiler, architecture = machine.compiler(), platform.machine()
    click.echo(f"counting: {', '.join(paths)} ...", err=True)
    try:
        # What else runs changes no count.
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            measured = dict(zip(paths, pool.map(callgrind.count, paths), strict=True))
    except ChildProcessError as error:
        raise click.ClickException(str(error)) from error
    records = Records(file, fixed_sample.fingerprint())
    comparisons = records.compare(compiler, architecture, measured)
    Console(highlight=False).print(table(comparisons, f"{compiler}, {architecture}"))
    if machine.is_development_install():
        click.secho("Warning: this rwkv_tok is a development install", fg="yellow", err=True)
    if record:
        records.record(compiler, architecture, measured)
        click.echo(f"recorded in {file}")
    else:
        judge(comparisons, compiler, architecture)


def table(comparisons: Sequence[Comparison], title: str) -> Table:
    """A row for each path, a column for each operation."""
    grid = Table(
        title=f"Instructions per byte of UTF-8: {title}", title_justify="left", title_style="bold",
        box=None, pad_edge=False,
    )  # fmt: skip
    grid.add_column("")
    operations = list(dict.fromkeys(comparison.operation for comparison in comparisons))
    for operation in operations:
        grid.add_column(operation, justify="right")
    cells = {(c.kernel, c.operation): c for c in comparisons}
    for kernel in dict.fromkeys(comparison.kernel for comparison in comparisons):
        grid.add_row(kernel, *(cell(cells[kernel, operation]) for operation in operations))
    return grid


def cell(comparison: Comparison) -> str:
    """The figure, and by how much it is above the record."""
    if comparison.change is None:
        return f"{comparison.measured:.3f}"
    style = "bold red" if comparison.too_many else "dim"
    return f"{comparison.measured:.3f} [{style}]{comparison.change:+.1%}[/]"


def judge(comparisons: Sequence[Comparison], compiler: str, architecture: str) -> None:
    """Say what the comparison comes to; raise an error if there are too many instructions."""
    new = sorted({c.kernel for c in comparisons if c.recorded is None})
    if new:
        click.echo(
            f"No record of {compiler} on {architecture} for {', '.join(new)}: nothing to compare "
            "with there."
        )
    if any(c.change is not None and c.change < -TOLERANCE_PERCENT / 100 for c in comparisons):
        click.echo("Fewer instructions than recorded: --record keeps it that way.")
    worse = [c for c in comparisons if c.too_many]
    if worse:
        names = ", ".join(f"{c.kernel} {c.operation} {c.change:+.1%}" for c in worse)
        raise click.ClickException(f"more than {TOLERANCE_PERCENT} % above the record: {names}")
    if any(c.recorded is not None for c in comparisons):
        click.echo(f"No figure is more than {TOLERANCE_PERCENT} % above its record.")
