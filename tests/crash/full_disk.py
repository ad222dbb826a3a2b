"""Let `rwkv-tok prepare` run out of room at many places, make room, and compare what comes out.

    python tests/crash/full_disk.py

Mounts small file systems in memory, for which it has to be root on Linux; otherwise it says NOT
RUN. The corpus begins with text of few tokens, so that the command expects less than it needs. On
each file system it must end with exit code 2 and one line, without an .idx that was not there
before; the same command must go on when the file system was made larger, and end with the bytes
of an undisturbed run.

Exit code 1 if something was different.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from crash.corpus import Corpus, make_corpus
from crash.processes import Process
from crash.scenarios import Broken, Place, Scenario, expected_of

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["DISK_SCENARIOS"]

_PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096
_LARGE = 1 << 30
_SHUFFLE = ("--shuffle", "--epochs", "2", "--valid-fraction", "0.2")
_REFUSAL = "are needed where the output goes"
_MESSAGES = ("no room left on the device of", "No space left on device", _REFUSAL)

DISK_SCENARIOS = (
    Scenario("plain", ("plain",), 1),
    Scenario("shuffled", ("plain",), 1, _SHUFFLE),
    Scenario("workers", ("plain", "gzipped"), 2),
    Scenario("replacing", ("plain",), 2, replaces=True),
)


class NotRunError(Exception):
    """No file system can be mounted here."""


class Disk:
    """A file system in memory."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def resize(self, size: int) -> None:
        """Let it have so many bytes, which may be fewer than are on it."""
        _mount(f"remount,size={size}", self.folder)

    def used(self) -> int:
        """How many bytes are on it."""
        found = os.statvfs(self.folder)
        return (found.f_blocks - found.f_bfree) * found.f_frsize


@contextlib.contextmanager
def mounted(folder: Path) -> Iterator[Disk]:
    """A new large file system in a folder that is made for it."""
    folder.mkdir()
    if not sys.platform.startswith("linux") or os.geteuid() != 0:
        raise NotRunError("only root can mount a file system in memory, on Linux")
    try:
        _mount(f"size={_LARGE}", folder)
    except (OSError, subprocess.CalledProcessError) as error:
        raise NotRunError(f"no file system can be mounted here: {error}") from error
    try:
        yield Disk(folder)
    finally:
        subprocess.run(["umount", folder], check=True)


def _mount(options: str, folder: Path) -> None:
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    subprocess.run(command, check=True, capture_output=True)


def _misleading_corpus(folder: Path, seed: int, count: int) -> Corpus:
    """A corpus of several parts in which short documents of many tokens follow on text of few."""
    corpus = make_corpus(folder, seed, 0.5)
    rng = random.Random(seed)
    easy = json.dumps({"text": "information international development " * 200})
    hard = [json.dumps({"text": str(rng.getrandbits(160))}) for _ in range(count)]
    corpus.plain.write_text("\n".join([easy] * 200 + hard))
    return corpus


def _peak(place: Place, disk: Disk) -> int:
    """How much room an undisturbed run takes, about."""
    peak = 0
    with Process(place.command) as process:
        while not process.has_ended():
            peak = max(peak, disk.used())
        if process.wait() != 0:
            raise Broken(f"undisturbed, it fails: {process.errors()}")
    place.check_end()
    return peak


def _sizes(peak: int, empty: int, count: int) -> list[int]:
    """Sizes of disks, in bytes: evenly spread, and then page by page to about where all fits."""
    spread = [empty + (peak - empty) * number // (count + 1) for number in range(1, count + 1)]
    pages = [peak - _PAGE * number for number in range(count // 2 + 2, -1, -1)]
    return [size // _PAGE * _PAGE for size in spread + pages]


def _where(place: Place, expected: dict[str, Path], errors: str) -> str:
    """What could not be written."""
    if _REFUSAL in errors:
        return "refused before"
    if not place.work.exists():
        return "encode, nothing kept"
    names = {path.name for path in place.work.iterdir()}
    last = {"publish.json": "publish", "0.json": "publish.json", "0.idx": "0.json"}
    for name, meaning in last.items():
        if name in names:
            return meaning
    is_arranged = "train-valid.bin" in expected
    tokens = place.work / ("train.tokens" if is_arranged else "tokens")
    if tokens.exists() and tokens.stat().st_size == expected["train.bin"].stat().st_size:
        return "0.idx"
    return "arrange" if "arranged" in names else "encode"


def _try(scenario: Scenario, place: Place, disk: Disk, size: int, expected: dict[str, Path]) -> str:
    """Run the command with too little room, then with enough; where it stopped."""
    disk.resize(size)
    with Process(place.command) as process:
        code = process.wait()
        errors = process.errors()
    where = "fits" if code == 0 else _where(place, expected, errors)
    if code != 0:
        if code != 2 or errors.count("\n") != 1 or not any(each in errors for each in _MESSAGES):
            raise Broken(f"exit code {code} where {where} did not fit: {errors}")
        if not scenario.replaces and place.prefix.with_suffix(".idx").exists():
            raise Broken(f"there is an .idx though {where} did not fit")
        place.check()
    disk.resize(_LARGE)
    with Process(place.command) as process:
        if process.wait() != 0:
            raise Broken(f"with enough room it does not go on: {process.errors()}")
    place.check_end()
    return where


def _fill(scenario: Scenario, corpus: Corpus, folder: Path, count: int) -> Counter[str]:
    expected = expected_of(scenario, corpus, folder / f"expected-{scenario.name}")
    stopped: Counter[str] = Counter()
    with mounted(folder / f"disk-{scenario.name}") as disk:
        place = Place(disk.folder / "place", scenario, corpus, expected)
        empty = disk.used()
        for size in _sizes(_peak(place, disk), empty, count):
            place = Place(disk.folder / "place", scenario, corpus, expected)
            try:
                stopped[_try(scenario, place, disk, size, expected)] += 1
            except Broken as error:
                raise Broken(f"{scenario.name}, {size} bytes: {error}") from error
    places = ", ".join(f"{name} {times}" for name, times in stopped.most_common())
    disks = f"{scenario.name:10} {stopped.total():4} disks"
    print(f"{disks}, all identical in the end: {places}", flush=True)
    return stopped


def main() -> int:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    names = ", ".join(scenario.name for scenario in DISK_SCENARIOS)
    parser.add_argument("--disks", type=int, default=16, help="so many sizes, and half as many")
    parser.add_argument("--documents", type=int, default=200_000, help="in the corpus")
    parser.add_argument("--seed", type=int, default=1, metavar="S", help="decides on the corpus")
    parser.add_argument("--scenario", default="", help=f"only those with this in the name: {names}")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="rwkv-tok-disk-"))
    try:
        corpus = _misleading_corpus(folder / "corpus", options.seed, options.documents)
        stopped = [
            _fill(scenario, corpus, folder, options.disks)
            for scenario in DISK_SCENARIOS
            if options.scenario in scenario.name
        ]
    except NotRunError as error:
        print(f"NOT RUN: {error}")
        return 0
    except Broken as error:
        print(f"FAILED with seed {options.seed}: {error}")
        return 1
    finally:
        shutil.rmtree(folder)
    total = Counter(itertools.chain.from_iterable(each.elements() for each in stopped))
    print(", ".join(f"{name} {count}" for name, count in total.most_common()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
