"""The program: builds, runs, reproduces, measures."""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from .build import FUZZING
from .dictionary import write_dictionary
from .measuring import measure
from .paths import ROOT
from .running import fuzz, minimise, reproduce, shrink_corpus
from .seeds import write_seeds
from .targets import TARGETS

if TYPE_CHECKING:
    from collections.abc import Sequence

_DESCRIPTION = """\
Fuzz rwkv_tok: libFuzzer changes inputs and keeps those that reach new code, in C and in Python, and
each target compares what the package makes of them with an implementation of its own.

Everything that is made lies in build/fuzz: a virtual environment with the package, compiled with
clang, ASan and UBSan (the first command builds it), the corpora, and what was found. Needs clang,
Linux, Python 3.11-3.13, and PyPI. Each module of fuzz/targets says what its target does.
"""

_EXAMPLES = """\
examples:
  python -m fuzz run encode --minutes 10       ten minutes of processor time; goes on where it ended
  python -m fuzz run all --minutes 2           each target in turn
  python -m fuzz run encode -- -max_len=65536  libFuzzer's own options
  python -m fuzz reproduce encode build/fuzz/crashes/encode/crash-...
  python -m fuzz minimise encode build/fuzz/crashes/encode/crash-...
  python -m fuzz shrink encode other/corpus    the fewest inputs that cover the same
  python -m fuzz coverage                      what the corpora cover, by lines and branches

exit codes: 0 nothing was found, 1 something was, 2 it could not be looked for
"""


def main() -> int:
    """Do what the command line says."""
    arguments, engine_options = _split(sys.argv[1:])
    parser = _parser()
    options = parser.parse_args(arguments)
    if missing := [str(path) for path in getattr(options, "paths", []) if not path.exists()]:
        parser.error(f"not there: {', '.join(missing)}")
    try:
        status: int = options.command(options, engine_options)
    except subprocess.CalledProcessError as error:
        print(f"FAILED: {' '.join(error.cmd)}", file=sys.stderr)
        return 2
    return status


def _split(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """What comes before `--`, and what comes after it, for libFuzzer."""
    place = arguments.index("--") if "--" in arguments else len(arguments)
    return [*arguments[:place]], [*arguments[place + 1 :]]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m fuzz",
        description=_DESCRIPTION,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, command: object, what: str) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=what, description=what)
        made.set_defaults(command=command)
        return made

    add("build", _build, "build the instrumented package anew")
    runs = add("run", _run, "fuzz a target, or all of them in turn")
    runs.add_argument("target", choices=[*TARGETS, "all"])
    runs.add_argument(
        "--minutes", type=float, default=10, help="of processor time, for each target (10)"
    )
    for name, command, what in (
        ("reproduce", _reproduce, "run inputs, with all that the sanitizers say"),
        ("minimise", _minimise, "look for a smaller input that crashes, for a minute"),
        ("shrink", _shrink, "keep the fewest inputs of a corpus, and of other folders"),
    ):
        made = add(name, command, what)
        made.add_argument("target", choices=TARGETS)
        few = {"reproduce": "+", "shrink": "*"}.get(name)
        made.add_argument("paths", type=Path, nargs=few if few else 1, metavar="PATH")
    measured = add("coverage", _coverage, "replay the corpora, and measure what they cover")
    measured.add_argument("targets", nargs="*", metavar="TARGET", help=", ".join(TARGETS))
    return parser


def _build(_options: argparse.Namespace, _engine_options: Sequence[str]) -> int:
    FUZZING.update(anyway=True)
    return 0


def _run(options: argparse.Namespace, engine_options: Sequence[str]) -> int:
    FUZZING.update()
    targets = TARGETS if options.target == "all" else (options.target,)
    summaries = []
    for target in targets:
        print(f"Fuzzing {target} for {options.minutes:g} CPU minutes ...", flush=True)
        known = write_seeds(target), write_dictionary(target)
        summaries.append(fuzz(target, options.minutes, *known, engine_options))
        print(summaries[-1], flush=True)
    for summary in summaries:
        for crash in summary.crashes:
            print(f"CRASH: python -m fuzz reproduce {summary.target} {crash.relative_to(ROOT)}")
    statuses = {summary.status for summary in summaries}
    return 1 if 1 in statuses else max(statuses)


def _reproduce(options: argparse.Namespace, engine_options: Sequence[str]) -> int:
    FUZZING.update()
    return reproduce(options.target, options.paths, engine_options)


def _minimise(options: argparse.Namespace, engine_options: Sequence[str]) -> int:
    FUZZING.update()
    return minimise(options.target, options.paths[0], engine_options)


def _shrink(options: argparse.Namespace, engine_options: Sequence[str]) -> int:
    FUZZING.update()
    return shrink_corpus(options.target, options.paths, engine_options)


def _coverage(options: argparse.Namespace, _engine_options: Sequence[str]) -> int:
    unknown = {*options.targets} - {*TARGETS}
    if unknown:
        print(f"no target {', '.join(unknown)}, only {', '.join(TARGETS)}", file=sys.stderr)
        return 2
    measure(options.targets or TARGETS)
    return 0


if __name__ == "__main__":
    sys.exit(main())
