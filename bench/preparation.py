"""The mode `prepare`: from JSON Lines to binidx, as a whole, in processes of their own."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from . import texts
from .options import load_corpora, run_options
from .report import Report
from .timing import Result

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

BARE_LOOP = "bare loop: msgspec, encode_ragged"
PURE_PYTHON = "pure Python: json, rwkv, struct"
PREPARE = "prepare, {} worker(s)"
VERIFY = "verify"
# The pure-Python loop would take minutes: it gets so much.
SLICE_BYTES = 4_000_000
# Of a process that is gone when it is looked at there is nothing to be counted.
SECONDS_BETWEEN_LOOKS = 0.02


@click.command()
@click.argument("corpora", nargs=-1, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--field", default="text", show_default=True, help="Field that has the text.")
@click.option(
    "--megabytes", type=click.FloatRange(min=0, min_open=True), default=500.0, show_default=True,
    help="Size of the JSON Lines that are made of the corpora.",
)  # fmt: skip
@click.option(
    "--workers", type=click.IntRange(min=1), multiple=True, default=(1, 2), show_default=True,
    help="Numbers of workers. Repeatable.",
)  # fmt: skip
@click.option(
    "--shuffle", is_flag=True, help="Measure `--shuffle --epochs 3` instead of plain runs."
)
@run_options
def prepare(
    corpora: tuple[Path, ...],
    field: str,
    megabytes: float,
    workers: tuple[int, ...],
    shuffle: bool,
    rounds: int,
    json_file: Path | None,
) -> None:
    """Measure `rwkv-tok prepare` and `verify` beside the least that could do the same.

    That is a loop that parses lines and encodes them, without writing or checking anything; and,
    on a part, one as a script in pure Python would do all of it. CORPORA are repeated, each
    document with a prefix of its own, until there are as many megabytes as asked for.
    """
    report = Report(
        "prepare",
        {"megabytes": megabytes, "rounds": rounds, "workers": workers, "shuffle": shuffle},
    )
    everything = load_corpora(corpora, field, megabytes)
    with tempfile.TemporaryDirectory() as folder:
        source, part = Path(folder, "corpus.jsonl"), Path(folder, "part.jsonl")
        write_corpus(source, everything.values(), int(megabytes * 1e6))
        write_corpus(part, everything.values(), SLICE_BYTES)
        measure(report, source, part, workers, shuffle=shuffle, rounds=rounds)
    if json_file:
        report.write(json_file)


def write_corpus(path: Path, corpora: Iterable[Sequence[str]], nbytes: int) -> None:
    """Write JSON Lines of so many bytes: the corpora in turn, every document another one."""
    everything = [*corpora]
    size = 0
    with path.open("wb") as file:
        for lap in itertools.count():
            for number, text in enumerate(itertools.chain.from_iterable(everything)):
                line = json.dumps({"text": f"{lap}.{number} {text}"}, ensure_ascii=False)
                size += file.write(line.encode() + b"\n")
                if size >= nbytes:
                    return


def measure(
    report: Report, source: Path, part: Path, workers: Sequence[int], *, shuffle: bool, rounds: int
) -> None:
    """Let everyone work in turn, `rounds` times, and print how fast that was, and how large."""
    output = source.with_name("prepared")
    calls: dict[str, tuple[str, Path]] = {
        BARE_LOOP: (f"bare_loop({str(source)!r})", source),
        PURE_PYTHON: (f"pure_python({str(part)!r}, {str(output)!r})", part),
    }
    for number in workers:
        call = f"prepare({str(source)!r}, {str(output)!r}, {number}, {shuffle})"
        calls[PREPARE.format(number)] = (call, source)
    calls[VERIFY] = (f"verify({str(output)!r})", source)
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    memory: dict[str, list[float]] = {name: [] for name in calls}
    tokens: dict[str, int] = {}
    with report.progress("prepare", rounds * len(calls)) as advance:
        for _ in range(rounds):
            for name, (call, _) in calls.items():
                answer, most = run(call)
                seconds[name].append(answer["seconds"])
                memory[name].append(most)
                tokens[name] = answer["tokens"]
                advance()
    check(tokens, shuffle=shuffle)
    report.add(
        [
            Result("from JSON Lines to binidx", "", "JSON in", name, "MB/s", file.stat().st_size,
                   tuple(seconds[name]))
            for name, (_, file) in calls.items()
        ],
        baseline=BARE_LOOP,
        note=f"{source.stat().st_size / 1e6:.0f} MB of JSON Lines; verify by the same measure",
    )  # fmt: skip
    if all(itertools.chain.from_iterable(memory.values())):
        report.add(
            [
                Result("most anonymous memory of all processes", "", "", name, "MB", 1,
                       tuple(memory[name]))
                for name in calls
            ],
            baseline=None,
        )  # fmt: skip


def check(tokens: Mapping[str, int], *, shuffle: bool) -> None:
    """Raise ClickException unless everyone who had the same input made as many tokens."""
    epochs = 3 if shuffle else 1
    expected = epochs * tokens[BARE_LOOP]
    for name, number in tokens.items():
        if name not in (BARE_LOOP, PURE_PYTHON) and number != expected:
            raise click.ClickException(f"{name} made {number} tokens, not {expected}")


def run(call: str) -> tuple[dict[str, Any], float]:
    """The answer of a function of `bench.preparing` in a new process, and the memory it had."""
    function = call.partition("(")[0]
    command = [sys.executable, "-c", f"from bench.preparing import {function}; {call}"]
    with subprocess.Popen(command, cwd=texts.ROOT, stdout=subprocess.PIPE) as process:
        most = [0.0]
        done = threading.Event()
        watcher = threading.Thread(target=_watch, args=(process.pid, most, done))
        watcher.start()
        output, _ = process.communicate()
        done.set()
        watcher.join()
    if process.returncode:
        raise click.ClickException(f"{call} ended with exit code {process.returncode}")
    answer: dict[str, Any] = json.loads(output)
    return answer, most[0]


def _watch(pid: int, most: list[float], done: threading.Event) -> None:
    while not done.wait(SECONDS_BETWEEN_LOOKS):
        most[0] = max(most[0], sum(map(_anonymous, [pid, *_descendants(pid)])))


def _descendants(pid: int) -> list[int]:
    found = []
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children = [int(child) for child in path.read_text().split()]
        except OSError:
            continue
        found += children + [each for child in children for each in _descendants(child)]
    return found


def _anonymous(pid: int) -> float:
    """Bytes of memory of a process that are no file's; 0 where that is not known."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return sum(1024 * int(line.split()[1]) for line in lines if line.startswith("RssAnon:"))
