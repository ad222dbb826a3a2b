"""The mode `speed`: rwkv_tok beside other tokenizers."""

from __future__ import annotations

import timeit
from itertools import cycle, islice
from typing import TYPE_CHECKING, Any

import click

from . import contestants, packages, plots, processes, texts
from .options import corpus_options, load_corpora, plot_option, run_options
from .packages import OURS, PEER
from .report import Report
from .timing import Result, interleave, timed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from .texts import Texts

TABLES = ("encode", "batch", "decode", "tweets", "short", "threads", "start", "memory")
# What is decoded is prepared as lists of Python integers for those who want them: 36 bytes an id.
DECODE_BYTES = 1_000_000
SHORT_TEXTS = ("Hello world", "你好，世界")


@click.command()
@corpus_options
@click.option(
    "--size", "sizes", type=click.Choice(texts.SIZES), multiple=True,
    default=texts.SIZES, help="Only documents of this size; may be repeated.",
)  # fmt: skip
@click.option(
    "--table", "tables", type=click.Choice(TABLES), multiple=True, default=TABLES,
    help="Only this table; may be repeated.",
)  # fmt: skip
@click.option("--tweets", default=100_000, show_default=True, help="Texts in the batch of tweets.")
@click.option(
    "--large", default=64.0, show_default=True, help="Megabytes of the batch for two threads."
)
@run_options
@plot_option
def speed(
    corpora: Sequence[Path],
    field: str,
    megabytes: float,
    sizes: Sequence[str],
    tables: Sequence[str],
    tweets: int,
    large: float,
    rounds: int,
    json_file: Path | None,
    plots_folder: Path | None,
) -> None:
    """Compare with other tokenizers: MB/s, short calls, threads, start, memory.

    CORPORA are JSONL (a document a line), Parquet, or text (a file is a document), all but Parquet
    also as .gz. Without any, sources, the manual and a sample in many languages are taken.
    """
    loaded = load_corpora(corpora, field, megabytes)
    report = Report("speed", {"megabytes": megabytes, "rounds": rounds, "tweets": tweets})
    present = packages.installed()
    for name in packages.PACKAGES:
        if name not in present:
            report.warn(f"{name} is not installed: it does not take part")
    if len(loaded) == 1:
        report.warn("with one corpus alone, every contestant meets the same text again and again")
    tokenizers = {name: packages.load_tokenizer(name) for name in present}
    in_sizes = texts.in_sizes(loaded, sizes)
    small = texts.in_sizes(
        {name: list(texts.limit(some, DECODE_BYTES)) for name, some in loaded.items()}, sizes
    )
    everything = [text for some in loaded.values() for text in some]
    many = [
        texts.Texts(name, f"{tweets:,}", list(islice(cycle(texts.resize(some, "tweet")), tweets)))
        for name, some in loaded.items()
    ]
    steps: dict[str, Callable[[], None]] = {
        "encode": lambda: compare(report, contestants.ENCODE, in_sizes, tokenizers, rounds),
        "batch": lambda: compare(report, contestants.BATCH, in_sizes, tokenizers, rounds),
        "decode": lambda: compare(report, contestants.DECODE, small, tokenizers, rounds),
        "tweets": lambda: compare(report, contestants.TWEETS, many, tokenizers, rounds),
        "short": lambda: compare_short_calls(report, tokenizers, rounds),
        "threads": lambda: processes.compare_threads(report, everything, large, rounds),
        "start": lambda: processes.compare_start(report, present, rounds),
        "memory": lambda: processes.measure_memory_at_work(report),
    }
    try:
        for name in tables:
            steps[name]()
    except (ValueError, ChildProcessError) as error:
        raise click.ClickException(str(error)) from error
    if json_file:
        report.write(json_file)
    if plots_folder:
        plots.draw(report.to_json(), report.results, plots_folder)


def compare(
    report: Report,
    table: contestants.Table,
    all_texts: Sequence[Texts],
    tokenizers: dict[str, Any],
    rounds: int,
) -> None:
    """Measure and print one table; the check of all ids is the first, unmeasured round."""
    present = [c for c in table.contestants if c.package in tokenizers]
    calls: dict[tuple[str, str, str], tuple[Callable[[], Any], int]] = {}
    with report.progress(f"{table.title}: check", len(present) * len(all_texts)) as advance:
        for contestant in present:
            for text in all_texts:
                given = contestants.given_to(contestant, text)
                call = contestant.bind(tokenizers[contestant.package], given.texts)
                contestants.check(contestant, call(), given, tokenizers[OURS])
                calls[contestant.name, text.corpus, text.size] = call, given.nbytes
                advance()
    with report.progress(table.title, rounds * len(calls)) as advance:
        samples = interleave(
            all_texts,
            present,
            rounds,
            lambda text, contestant: timed(calls[contestant.name, text.corpus, text.size][0]),
            advance,
        )
    results = (
        Result(table.title, text.size, text.corpus, contestant.name, "MB/s", nbytes, seconds)
        for (i, j), seconds in samples.items()
        for text, contestant in [(all_texts[i], present[j])]
        for nbytes in [calls[contestant.name, text.corpus, text.size][1]]
    )
    report.add(results, baseline=table.baseline, note="MB of UTF-8")


def compare_short_calls(report: Report, tokenizers: dict[str, Any], rounds: int) -> None:
    """Print nanoseconds for a call with little to do."""
    names = list(tokenizers)
    columns = [*(f'encode "{text}"' for text in SHORT_TEXTS), f'decode "{SHORT_TEXTS[0]}"']
    timers: dict[tuple[str, str], tuple[timeit.Timer, int]] = {}
    for name, tokenizer in tokenizers.items():
        encode = getattr(tokenizer, "encode_ordinary", tokenizer.encode)
        arguments = [*SHORT_TEXTS, encode(SHORT_TEXTS[0])]
        for column, argument in zip(columns, arguments, strict=True):
            function = tokenizer.decode if column.startswith("decode") else encode
            timer = timeit.Timer("f(x)", globals={"f": function, "x": argument})
            calls, seconds = timer.autorange()
            timers[column, name] = timer, max(1, round(calls * 0.02 / seconds))
    samples = interleave(
        columns,
        names,
        rounds,
        lambda column, name: timers[column, name][0].timeit(timers[column, name][1]),
    )
    results = (
        Result("short calls", "", column, name, "ns", timers[column, name][1], seconds)
        for (i, j), seconds in samples.items()
        for column, name in [(columns[i], names[j])]
    )
    report.add(results, baseline=PEER)
