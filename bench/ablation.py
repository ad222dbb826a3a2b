"""The mode `ablation`: what each path through the encoder is worth."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from . import kernels, plots, texts
from .options import corpus_options, load_corpora, plot_option, run_options
from .report import Report
from .server import OPERATIONS
from .timing import Result, interleave

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


@click.command()
@corpus_options
@click.option(
    "--size", "sizes", type=click.Choice(texts.SIZES), multiple=True, default=(texts.AS_IS,),
    show_default=True, help="Documents of this size; may be repeated.",
)  # fmt: skip
@click.option(
    "--operation", "operations", type=click.Choice(list(OPERATIONS)), multiple=True,
    default=("encode_ragged",), show_default=True, help="What to measure; may be repeated.",
)  # fmt: skip
@run_options
@plot_option
def ablation(
    corpora: Sequence[Path],
    field: str,
    megabytes: float,
    sizes: Sequence[str],
    operations: Sequence[str],
    rounds: int,
    json_file: Path | None,
    plots_folder: Path | None,
) -> None:
    """Compare the paths through the encoder, each in a process of its own, in one thread."""
    loaded = load_corpora(corpora, field, megabytes)
    report = Report("ablation", {"megabytes": megabytes, "rounds": rounds})
    in_sizes = texts.in_sizes(loaded, sizes)
    batches = [(text.corpus, text.size, list(text.texts), text.nbytes) for text in in_sizes]
    try:
        for operation in operations:
            compare(report, operation, batches, rounds)
    except (ValueError, ChildProcessError) as error:
        raise click.ClickException(str(error)) from error
    if json_file:
        report.write(json_file)
    if plots_folder:
        plots.draw(report.to_json(), report.results, plots_folder)


def compare(
    report: Report,
    operation: str,
    batches: Sequence[tuple[str, str, Sequence[str] | Sequence[bytes], int]],
    rounds: int,
    paths: Sequence[str] | None = None,
) -> None:
    """Measure and print one table, after a check that all paths give the same ids.

    A batch is its name, the size of its documents, the documents, and how many bytes these have.
    """
    paths = paths or kernels.available()
    if paths == [kernels.WALK]:
        report.warn("this rwkv_tok has one path only: there is nothing to compare it with")
    with (
        kernels.servers(paths, [documents for _, _, documents, _ in batches]) as all_servers,
        report.progress(operation, rounds * len(batches) * len(paths)) as advance,
    ):
        samples = interleave(
            range(len(batches)),
            all_servers,
            rounds,
            lambda batch, server: float(server.ask(operation=operation, batch=batch)),
            advance,
        )
    title = f"{operation} by path, one thread"
    results = [
        Result(title, batches[i][1], batches[i][0], paths[j], "MB/s", batches[i][3], seconds)
        for (i, j), seconds in samples.items()
    ]
    report.add(results, baseline=kernels.WALK, note="MB of UTF-8")
