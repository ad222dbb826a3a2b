"""Kill `rwkv-tok prepare` at every single step that changes a file, and compare what comes out.

    python tests/crash/steps.py
    python tests/crash/steps.py --sample 20 --seed 1

Random times hardly ever hit the moments in which files get their names. So the command runs in
forks of this process, in which all that changes files is counted and kills it at the given step:
before or after a call, or when half of a write is done. It works on a small corpus that is cut into
many parts, and writes a checkpoint after each. What is checked is the same as in kill.py.

Exit code 1 if something was different: the folder is kept then.
"""

from __future__ import annotations

import argparse
import functools
import json
import os
import random
import shutil
import signal
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from crash.corpus import make_corpus
from crash.scenarios import Broken, Place, Scenario

import rwkv_tok
from rwkv_tok.cli.app import app
from rwkv_tok.data.binidx.manifest import HashingFile
from rwkv_tok.data.preparing import arrange, checkpoints, preparation  # noqa: F401 # for all forks
from rwkv_tok.data.preparing.appender import Appender
from rwkv_tok.data.preparing.journal import Journal
from rwkv_tok.data.reading import documents

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["STEP_SCENARIOS"]

_CALLS = ("replace", "unlink", "mkdir", "rmdir", "fsync", "open")
_SHUFFLE = ("--shuffle", "--epochs", "2", "--valid-fraction", "0.2")

STEP_SCENARIOS = (
    Scenario("plain", ("plain", "gzipped"), 1),
    Scenario("shuffled", ("plain", "zstandard", "parquet"), 1, _SHUFFLE),
    Scenario("workers", ("plain", "texts", "gzipped"), 2),
    Scenario("replacing", ("plain",), 1, _SHUFFLE, replaces=True),
    Scenario("skipping", ("bad", "plain"), 1, ("--on-error", "skip", "--single-item")),
    Scenario("limited", ("plain", "texts"), 1, ("--limit", "70")),
)


class Steps:
    """Counts the steps of this process, and kills it at one of them."""

    def __init__(self, last: int) -> None:
        self.names: list[str] = []
        self._last = last

    def step(self, name: str) -> bool:
        """Count a step; return whether it is the last."""
        self.names.append(name)
        return len(self.names) == self._last

    def watch(self) -> None:
        """Count all that changes files from now on."""
        for name in _CALLS:
            setattr(os, name, self._around(f"os.{name}", getattr(os, name)))
        for kind, method in ((Appender, "write"), (HashingFile, "write"), (Journal, "append")):
            name = f"{kind.__name__}.{method}"
            torn = self._torn(name, getattr(kind, method))
            setattr(kind, method, self._around(name, torn))

    def _around(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(call)
        def counted(*args: Any, **options: Any) -> Any:
            if self.step(f"before {name}"):
                _die()
            result = call(*args, **options)
            if self.step(f"after {name}"):
                _die()
            return result

        return counted

    def _torn(self, name: str, write: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(write)
        def counted(writer: Any, data: Any) -> Any:
            if self.step(f"in {name}"):
                content = json.dumps(data).encode() if isinstance(data, dict) else bytes(data)
                writer._file.write(content[: len(content) // 2])
                writer._file.flush()
                _die()
            return write(writer, data)

        return counted


class Fork:
    """Runs the command in a fork of this process."""

    def __init__(self, log: Path) -> None:
        self._log = log

    def run(self, arguments: list[str], last: int = 0) -> int:
        """Run it up to a step, or to its end; its exit code, negative if a signal ended it."""
        pid = os.fork()
        if pid == 0:
            self._be_the_command(arguments, last)
        _, status = os.waitpid(pid, 0)
        return os.waitstatus_to_exitcode(status)

    def errors(self) -> str:
        """What it has written, and after a whole run the names of its steps as JSON."""
        return self._log.read_text(errors="replace")

    def steps(self, arguments: list[str]) -> list[str]:
        """Run it to its end; the names of its steps."""
        if self.run(arguments) != 0:
            raise Broken(f"undisturbed, it fails: {self.errors()}")
        names: list[str] = json.loads(self.errors().splitlines()[-1])
        return names

    def _be_the_command(self, arguments: list[str], last: int) -> None:
        code = 99
        try:
            log = os.open(self._log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(log, 1)
            os.dup2(log, 2)
            _make_small_steps()
            steps = Steps(last)
            steps.watch()
            try:
                app(arguments, prog_name="rwkv-tok")
            except SystemExit as error:
                code = int(error.code or 0)
            sys.stdout.flush()
            os.write(1, b"\n" + json.dumps(steps.names).encode())
        finally:
            os._exit(code)


def _make_small_steps() -> None:
    """Let a small corpus have many parts, chunks and checkpoints."""
    documents.ReadOptions.__init__.__defaults__ = ("text", None, 1 << 15)
    arrange._CHUNK, arrange._CHUNK_DOCUMENTS = 20_000, 32
    checkpoints._SECONDS_BETWEEN = -1.0


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _try_all(
    scenario: Scenario, folder: Path, corpus: Any, rng: random.Random, sample: int
) -> Counter[str]:
    """Kill the command at each step, or some of them, and go on; how often at which."""
    fork = Fork(folder / "log")
    reference = folder / f"expected-{scenario.name}"
    reference.mkdir()
    fork.steps(scenario.command(corpus, reference / "train"))
    expected = {path.name: path for path in reference.iterdir()}
    place = Place(folder / "place", scenario, corpus, expected)
    names = fork.steps(place.command)
    place.check_end()
    numbers = list(range(1, len(names) + 1))
    if sample and sample < len(numbers):
        numbers = _sample(names, sample, rng)
    struck: Counter[str] = Counter()
    for number in numbers:
        place = Place(folder / "place", scenario, corpus, expected)
        last = number
        while (code := fork.run(place.command, last)) == -signal.SIGKILL:
            struck[names[last - 1] if last == number else "a second time"] += 1
            _check(place, scenario, number)
            last = rng.randrange(1, len(names)) if rng.random() < 0.3 else 0
        if code != 0:
            raise Broken(f"{scenario.name}, step {number}: exit code {code}: {fork.errors()}")
        _check(place, scenario, number, at_end=True)
    kept = len(names)
    print(
        f"{scenario.name:10} {kept:5} steps, {struck.total():5} kills at {len(numbers)} of them, "
        "all identical",
        flush=True,
    )
    return struck


def _sample(names: list[str], count: int, rng: random.Random) -> list[int]:
    """Half of them from the last steps, in which files get their names."""
    numbers = list(range(1, len(names) + 1))
    late = numbers[-60:]
    chosen = rng.sample(late, min(len(late), count // 2))
    others = [number for number in numbers if number not in chosen]
    return sorted(chosen + rng.sample(others, min(len(others), count - len(chosen))))


def _check(place: Place, scenario: Scenario, number: int, *, at_end: bool = False) -> None:
    try:
        if at_end:
            place.check_end()
        else:
            place.check()
    except Broken as error:
        raise Broken(f"{scenario.name}, step {number}, {place.phase()}: {error}") from error


def main() -> int:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    names = ", ".join(scenario.name for scenario in STEP_SCENARIOS)
    parser.add_argument("--sample", type=int, default=0, help="so many steps each, instead of all")
    parser.add_argument("--seed", type=int, default=1, metavar="S", help="decides on everything")
    parser.add_argument("--scenario", default="", help=f"only those with this in the name: {names}")
    parser.add_argument("--keep", action="store_true", help="keep the folder in any case")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="rwkv-tok-steps-"))
    rwkv_tok.load()
    corpus = make_corpus(folder / "corpus", options.seed, 0.15)
    rng = random.Random(options.seed)
    struck: Counter[str] = Counter()
    try:
        for scenario in STEP_SCENARIOS:
            if options.scenario in scenario.name:
                struck += _try_all(scenario, folder, corpus, rng, options.sample)
    except Broken as error:
        print(f"FAILED with seed {options.seed}: {error}\neverything is kept in {folder}")
        return 1
    print(", ".join(f"{name} {count}" for name, count in struck.most_common()))
    print(f"{struck.total()} kills, all identical to undisturbed runs")
    if not options.keep:
        shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
