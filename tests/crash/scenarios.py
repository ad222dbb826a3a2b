"""What is disturbed: commands, and the bytes that they have to end with."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from crash.processes import Process

import rwkv_tok
from rwkv_tok.data import prepare, verify

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from crash.corpus import Corpus

__all__ = ["SCENARIOS", "Broken", "Place", "Scenario", "expected_of"]

_BYSTANDERS = {"train.txt": b"mine\n", "trainer.bin": b"\0\1", ".hidden": b""}


class Broken(Exception):  # noqa: N818 # it is no error of this program
    """Something that the command promises does not hold."""


@dataclass(frozen=True)
class Scenario:
    """One way to call the command.

    Attributes
    ----------
    name
        What to call it.
    inputs
        The attributes of a corpus that are read.
    workers
        How many.
    options
        Further options.
    replaces
        Whether another dataset is there that is to be replaced.
    """

    name: str
    inputs: tuple[str, ...]
    workers: int
    options: tuple[str, ...] = ()
    replaces: bool = False

    @property
    def has_validation_set(self) -> bool:
        """Whether two sets come out."""
        return "--valid-fraction" in self.options

    @property
    def is_arranged(self) -> bool:
        """Whether documents do not stay in their order."""
        return self.has_validation_set or "--shuffle" in self.options

    @property
    def key(self) -> str:
        """The same for all that must give the same bytes."""
        return " ".join((*self.inputs, *self.options))

    def command(self, corpus: Corpus, prefix: Path, workers: int | None = None) -> list[str]:
        """The arguments of `rwkv-tok`."""
        inputs = [str(getattr(corpus, name)) for name in self.inputs]
        force = ["--force"] if self.replaces else []
        count = str(workers or self.workers)
        return ["prepare", *inputs, "-o", str(prefix), "-j", count, *force, *self.options]


_ALL = ("plain", "gzipped", "zstandard", "texts", "parquet")
_SHUFFLE = ("--shuffle", "--seed", "7", "--epochs", "3", "--valid-fraction", "0.1")
_SKIP = ("--on-error", "skip", "--min-tokens", "3", "--ctx-len", "512", "--single-item")
_LIMIT = ("--limit", "3000", "--max-tokens", "100000", "--epochs", "2")

SCENARIOS = (
    Scenario("plain-1", ("plain",), 1),
    Scenario("plain-2", ("plain",), 2),
    Scenario("plain-5", ("plain",), 5),
    Scenario("compressed-1", ("gzipped", "zstandard"), 1),
    Scenario("compressed-2", ("gzipped", "zstandard"), 2),
    Scenario("all-kinds-5", _ALL, 5),
    Scenario("shuffled-1", _ALL, 1, _SHUFFLE),
    Scenario("shuffled-2", _ALL, 2, _SHUFFLE),
    Scenario("shuffled-5", ("plain",), 5, _SHUFFLE),
    Scenario("replacing-1", ("plain",), 1, replaces=True),
    Scenario("replacing-2", ("plain", "zstandard"), 2, _SHUFFLE, replaces=True),
    Scenario("skipping-2", ("bad", "gzipped"), 2, _SKIP),
    Scenario("limited-2", ("plain", "zstandard"), 2, _LIMIT),
)


def expected_of(scenario: Scenario, corpus: Corpus, folder: Path) -> dict[str, Path]:
    """The files of an undisturbed run with one worker, by their names; made if they are missing."""
    if not folder.exists():
        folder.mkdir()
        with Process(scenario.command(corpus, folder / "train", workers=1)) as process:
            if process.wait() != 0:
                raise Broken(f"undisturbed, {scenario.name} fails: {process.errors()}")
    return {path.name: path for path in sorted(folder.iterdir())}


class Place:
    """The folder in which a dataset is made, and what must be in it.

    Parameters
    ----------
    folder
        It is emptied, and gets files that are not to be touched.
    scenario
        What is made in it.
    corpus
        Of what.
    expected
        The files that have to come out.
    """

    def __init__(
        self, folder: Path, scenario: Scenario, corpus: Corpus, expected: dict[str, Path]
    ) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        self.folder = folder
        self.prefix = folder / "train"
        self.work = folder / "train.work"
        self._scenario = scenario
        self._corpus = corpus
        self._expected = expected
        self._sources = _identities(corpus.inputs)
        for name, content in _BYSTANDERS.items():
            (folder / name).write_bytes(content)
        if scenario.replaces:
            texts = corpus.folder / "texts" / "000.txt"
            prepare(texts, self.prefix, workers=1)
            if scenario.has_validation_set:
                prepare(texts, folder / "train-valid", workers=1)
        self._replaced = {
            path.name: path.read_bytes() for path in folder.iterdir() if path.suffix != ".json"
        }

    @property
    def command(self) -> list[str]:
        """The arguments of `rwkv-tok`."""
        return self._scenario.command(self._corpus, self.prefix)

    def phase(self) -> str:
        """How far the command had come."""
        if not self.work.exists():
            return "complete" if self._has_new_index() else "before"
        names = {path.name for path in self.work.iterdir()}
        if "publish.json" in names:
            return "publish"
        if self._has_new_index():
            return "clean up"
        if "0.idx" in names:
            return "index"
        if "arranged" in names:
            return "arrange"
        if "journal" not in names or not (self.work / "journal").stat().st_size:
            return "begin"
        return "encode"

    def check(self) -> None:
        """Raise Broken unless everything is as it may be after a kill at any moment."""
        allowed = {*_BYSTANDERS, *self._expected, self.work.name}
        if foreign := sorted({path.name for path in self.folder.iterdir()} - allowed):
            raise Broken(f"there is a file that nobody asked for: {foreign}")
        self._check_bystanders()
        for name in self._sets():
            if self._path(name, "idx").exists():
                self._check_set(name)

    def check_end(self) -> None:
        """Raise Broken unless everything is there, and nothing else."""
        self.check()
        found = {path.name for path in self.folder.iterdir()}
        needed = {*_BYSTANDERS, *self._expected}
        if found != needed:
            raise Broken(f"missing: {sorted(needed - found)}; left over: {sorted(found - needed)}")
        for name, path in self._expected.items():
            if (self.folder / name).read_bytes() != path.read_bytes():
                raise Broken(f"{name} is not what an undisturbed run makes")

    def _check_bystanders(self) -> None:
        for name, content in _BYSTANDERS.items():
            if (self.folder / name).read_bytes() != content:
                raise Broken(f"{name} was touched")
        if _identities(self._corpus.inputs) != self._sources:
            raise Broken("an input was touched")

    def _check_set(self, name: str) -> None:
        """A set with an index is complete: the new one, or the one that is to be replaced."""
        report = verify(self.folder / name, tokenizer=rwkv_tok.load())
        if not report.ok:
            raise Broken(f"{name}.idx is there, but: {report.problems[0]}")
        if not self._path(name, "json").exists():
            raise Broken(f"{name}.idx is there without {name}.json")
        for suffix in ("bin", "idx"):
            path = self._path(name, suffix)
            if path.read_bytes() not in (self._replaced.get(path.name), self._wanted(name, suffix)):
                raise Broken(f"{name}.idx is there, but {name}.{suffix} is neither old nor new")

    def _has_new_index(self) -> bool:
        path = self._path("train", "idx")
        return path.exists() and path.read_bytes() == self._wanted("train", "idx")

    def _wanted(self, name: str, suffix: str) -> bytes:
        return self._expected[f"{name}.{suffix}"].read_bytes()

    def _path(self, name: str, suffix: str) -> Path:
        return self.folder / f"{name}.{suffix}"

    def _sets(self) -> Sequence[str]:
        return ("train", "train-valid") if self._scenario.has_validation_set else ("train",)


def _identities(paths: list[Path]) -> list[tuple[Path, int, int]]:
    return [(path, path.stat().st_size, path.stat().st_mtime_ns) for path in paths]
