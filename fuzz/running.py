"""Running libFuzzer on a target, and saying what came of it."""

from __future__ import annotations

import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from .build import FUZZING
from .paths import ROOT, corpus_of, crashes_of, log_of

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["DEFAULTS", "Summary", "fuzz", "minimise", "reproduce", "shrink_corpus"]

#: Options of libFuzzer that are not its defaults; those on the command line go before them.
DEFAULTS = (
    "-max_len=1024",
    # From the beginning, inputs may have any length: what a target reads lies at both ends.
    "-len_control=0",
    "-timeout=120",
    "-rss_limit_mb=4096",
    "-print_final_stats=1",
)

# "cov: 12 ft: 34 corp: 5/67b", at the end of the lines that tell about progress.
_PROGRESS = re.compile(r"cov: (\d+) ft: (\d+) corp: (\d+)/")
_EXECUTIONS = re.compile(r"stat::number_of_executed_units:\s+(\d+)")
_CRASH = re.compile(r"Test unit written to (.+)")
_LAST_LINES = 60

# How libFuzzer and the sanitizers end when they have found something: a time-out, memory, all else.
# By any other code but 0, the interpreter has not come so far.
_FOUND = (70, 71, 77)


@dataclass(frozen=True)
class Summary:
    """What a run has done.

    Attributes
    ----------
    seconds
        Of processor time, in the program and in the kernel.
    edges, features, corpus
        What is covered, as libFuzzer counts it, and by how many inputs.
    crashes
        The inputs that this run has failed with.
    status
        0 if nothing was found, 1 if something was, 2 if the run has not come to its end.
    """

    target: str
    seconds: float
    executions: int
    edges: int
    features: int
    corpus: int
    crashes: tuple[Path, ...]
    status: int

    def __str__(self) -> str:
        rate = self.executions / self.seconds if self.seconds else 0
        return (
            f"{self.target}: {self.seconds:.0f} CPU seconds, {self.executions} executions "
            f"({rate:.0f} a second), {self.edges} edges, {self.features} features, "
            f"{self.corpus} inputs, {len(self.crashes)} crashes"
        )


def fuzz(
    target: str, minutes: float, seeds: Path, dictionary: Path, options: Sequence[str]
) -> Summary:
    """Fuzz a target for so many minutes of processor time; stop at the first crash."""
    _make_folders(target)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    with log_of(target).open("wb") as log:
        arguments: list[str | Path] = [f"-dict={dictionary}", *_options(target, options)]
        arguments += [corpus_of(target), seeds]
        status = _engine(target, arguments, minutes=minutes, output=log)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    said = log_of(target).read_text(errors="replace")
    progress = _PROGRESS.findall(said)[-1:]
    edges, features, inputs = map(int, progress[0]) if progress else (0, 0, 0)
    executions = _EXECUTIONS.findall(said)
    summary = Summary(
        target,
        after.ru_utime + after.ru_stime - used.ru_utime - used.ru_stime,
        int(executions[-1]) if executions else 0,
        edges,
        features,
        inputs,
        tuple(map(Path, _CRASH.findall(said))) if status else (),
        status,
    )
    if status:
        print("\n".join(said.splitlines()[-_LAST_LINES:]))
    return summary


def reproduce(target: str, files: Sequence[Path], options: Sequence[str]) -> int:
    """Run inputs, and nothing else; return what `Summary.status` is."""
    return _engine(target, [*_options(target, options), *files])


def minimise(target: str, file: Path, options: Sequence[str]) -> int:
    """Look for a minute for smaller inputs that crash; they go to the crashes of the target.

    Returns 0, or 2 if not even the input crashes.
    """
    own = ["-minimize_crash=1", "-max_total_time=60"]
    return _engine(target, [*_options(target, options), *own, file])


def shrink_corpus(target: str, others: Sequence[Path], options: Sequence[str]) -> int:
    """Keep, of the corpus and of these folders, the fewest inputs that cover the same."""
    _make_folders(target)
    corpus = corpus_of(target)
    fewest = corpus.with_name(f"{target}-fewest")
    shutil.rmtree(fewest, ignore_errors=True)
    fewest.mkdir()
    arguments: list[str | Path] = [*_options(target, options), "-merge=1"]
    status = _engine(target, [*arguments, fewest, corpus, *others])
    if status == 0:
        # The names say what is in the files. At no time is there less than what is kept.
        kept = {file.name for file in fewest.iterdir()}
        for file in fewest.iterdir():
            file.replace(corpus / file.name)
        for file in corpus.iterdir():
            if file.name not in kept:
                file.unlink()
        fewest.rmdir()
    return status


def _options(target: str, options: Sequence[str]) -> list[str]:
    """Those of the user, and the defaults for all others."""
    given = {option.partition("=")[0] for option in options}
    defaults = (*DEFAULTS, f"-artifact_prefix={crashes_of(target)}{os.sep}")
    return [*options, *(each for each in defaults if each.partition("=")[0] not in given)]


def _make_folders(target: str) -> None:
    for folder in (crashes_of(target), corpus_of(target), log_of(target).parent):
        folder.mkdir(parents=True, exist_ok=True)


def _engine(
    target: str,
    arguments: Sequence[str | Path],
    *,
    minutes: float = 0,
    output: IO[bytes] | None = None,
) -> int:
    _make_folders(target)
    command = [FUZZING.python, "-m", "fuzz.engine", target, f"{60 * minutes:.1f}", *arguments]
    preloaded = next((FUZZING.folder / "venv").glob("lib/*/site-packages/asan_with_fuzzer.so"))
    environment = {
        **os.environ,
        "LD_PRELOAD": str(preloaded),
        # Python itself leaks at its end; what cannot be allocated is a MemoryError.
        "ASAN_OPTIONS": "detect_leaks=0:allocator_may_return_null=1:exitcode=77",
        "UBSAN_OPTIONS": "print_stacktrace=1:exitcode=77",
        # So that every object has its red zones; Python's own allocator would hide them.
        "PYTHONMALLOC": "malloc",
    }
    sys.stdout.flush()
    # In memory, where there is such a place. libFuzzer ends without cleaning up.
    memory = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108
    with tempfile.TemporaryDirectory(prefix="rwkv_tok-fuzz-", dir=memory) as folder:
        done = subprocess.run(  # noqa: S603 # the command of this program
            [str(part) for part in command],
            cwd=ROOT,
            env={**environment, "TMPDIR": folder},
            stdout=output,
            stderr=subprocess.STDOUT if output is not None else None,
            check=False,
        )
    if done.returncode == 0:
        return 0
    return 1 if done.returncode in _FOUND or done.returncode < 0 else 2
