"""Comparing a dataset with the documents that it was made from, one by one."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Any

import numpy as np

from rwkv_tok.data.binidx.index_file import bin_path
from rwkv_tok.data.binidx.manifest import read_manifest
from rwkv_tok.data.binidx.reader import BinIdx
from rwkv_tok.data.preparing.arrange import TRAIN, passes
from rwkv_tok.data.preparing.encoding import LONGEST_ITEM, keep
from rwkv_tok.data.preparing.names import output_paths
from rwkv_tok.data.preparing.plan import Arrangement, Plan
from rwkv_tok.data.reading.discover import discover
from rwkv_tok.data.reading.documents import DEFAULT_FIELD, ReadOptions
from rwkv_tok.data.reading.readers import open_reader
from rwkv_tok.data.reading.source import STDIN
from rwkv_tok.errors import DataError

from .findings import Findings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from rwkv_tok.batch import TokenBatch
    from rwkv_tok.data.reading.source import Format, Source
    from rwkv_tok.tokenizer import Tokenizer

    from .findings import Problem

__all__ = ["Recipe", "compare", "recipe_of"]

# Tokens that are searched for the ends of documents at a time.
_STEP = 1 << 22


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a dataset was made, or is supposed to have been made.

    `plan` is that of the whole corpus, `set` the part of it that the dataset is, and `documents`
    how many the corpus had; None where nobody has written that down.
    """

    plan: Plan
    set: str
    documents: int | None


def recipe_of(
    prefix: Path,
    tokenizer: Tokenizer,
    inputs: Iterable[str] = (),
    *,
    input_format: Format | None = None,
    text_field: str | None = None,
    separator: str | None = None,
) -> Recipe:
    """What PREFIX.json says, but for what is given here.

    Without PREFIX.json, each document is expected once, in its order.

    Raises
    ------
    DataError
        Nothing tells what the inputs are, or they cannot be found.
    """
    manifest = read_manifest(prefix) or {}
    noted: dict[str, Any] = manifest.get("plan", {})
    try:
        inputs = [*inputs]
        if not inputs:
            inputs = [source["path"] for source in noted["sources"]]
            if STDIN in inputs:
                raise DataError(f"{prefix} was made from standard input: name what to compare with")
        if input_format is None:
            input_format = noted.get("input_format")
        reading = noted.get("reading", {})
        noted_separator = reading.get("separator")
        if separator is not None:
            end: bytes | None = separator.encode("utf-8", "surrogateescape")
        else:
            end = None if noted_separator is None else noted_separator.encode("latin-1")
        field = text_field or reading.get("text_field", DEFAULT_FIELD)
        plan = Plan(
            tokenizer.fingerprint,
            discover(inputs, input_format, output_paths(prefix)).sources,
            ReadOptions(field, end),
            noted.get("min_tokens", 0),
            noted.get("max_tokens", LONGEST_ITEM - 1),
            Arrangement(**noted.get("arrangement", {})),
        )
        documents = manifest["corpus"]["documents"] if noted else None
        return Recipe(plan, manifest.get("set", TRAIN), documents)
    except (KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{prefix}.json does not tell what the inputs were: name them") from error


def compare(
    prefix: Path,
    recipe: Recipe,
    tokenizer: Tokenizer,
    progress: Callable[[int], None] | None = None,
) -> tuple[Problem, ...]:
    """Read the inputs once more, and look for each of their documents where it should be.

    Parameters
    ----------
    prefix
        Of a dataset that can be read.
    recipe
        What it should be made from, and how.
    tokenizer
        That of the dataset.
    progress
        Told how many bytes of input were read since it was told last.

    Returns
    -------
    problems
        Documents that are not as they should be, and numbers that do not agree.

    Raises
    ------
    DataError
        An input cannot be read, or the dataset.
    """
    return _Comparison(prefix, recipe, tokenizer, progress).run()


@dataclass(slots=True)
class _Documents:
    """Some documents of the inputs, closed by 0s, and the records that they come from."""

    source: Source
    batch: TokenBatch
    records: NDArray[np.int64]


class _Comparison:
    def __init__(
        self,
        prefix: Path,
        recipe: Recipe,
        tokenizer: Tokenizer,
        progress: Callable[[int], None] | None,
    ) -> None:
        self._plan = recipe.plan
        self._tokenizer = tokenizer
        self._progress = progress
        self._name = str(bin_path(prefix))
        self._tokens = BinIdx(prefix).tokens
        # Text never yields 0, so that documents show also where all are one item.
        self._ends = _ends(self._tokens)
        self._places = _places(recipe)
        self._findings = Findings()

    def run(self) -> tuple[Problem, ...]:
        seen = 0
        limit = self._plan.arrangement.limit
        for documents in self._read():
            for i, record in enumerate(documents.records.tolist()):
                for place in self._places_of(seen):
                    self._compare(place, documents.batch[i], documents.source, record)
                seen += 1
                if seen == limit:
                    break
            if seen == limit:
                break
        self._compare_counts(seen)
        return self._findings.problems()

    def _places_of(self, document: int) -> list[int]:
        """Where in the dataset a document of the corpus should be."""
        if self._places is None:
            return [document]
        if document >= self._places.shape[1]:
            return []
        return [place for place in self._places[:, document].tolist() if place >= 0]

    def _compare(
        self, place: int, expected: NDArray[np.uint16], source: Source, record: int
    ) -> None:
        if place >= len(self._ends):
            return  # their numbers will not agree
        start = self._ends[place - 1] if place else 0
        found = self._tokens[start : self._ends[place]]
        if np.array_equal(found, expected):
            return
        common = min(len(found), len(expected))
        position = int(np.argmax(np.append(found[:common] != expected[:common], True)))
        self._findings.add(
            "documents that differ",
            f"{self._name}, document {place}, token {position}, byte {2 * (start + position)}",
            f"is {_id_at(found, position)}, and {_id_at(expected, position)} in {source.name}, "
            f"{source.record_name} {record + 1}",
        )

    def _compare_counts(self, seen: int) -> None:
        there = len(self._ends)
        if self._places is None:
            expected = seen
        else:
            expected = int(np.count_nonzero(self._places >= 0))
            if seen != self._places.shape[1]:
                self._findings.add(
                    "numbers of documents",
                    self._name,
                    f"is of {self._places.shape[1]} documents, and the inputs have {seen}",
                )
        if expected != there:
            self._findings.add(
                "numbers of documents",
                self._name,
                f"has {there} documents, and by the inputs there should be {expected}",
            )

    def _read(self) -> Iterator[_Documents]:
        """All documents of the inputs that are kept."""
        kept = self._plan.encoding
        for source in self._plan.sources:
            reader = open_reader(source, self._plan.reading)
            try:
                first = position = 0
                for part in count():
                    for block in reader.read(part):
                        batch = self._tokenizer.encode_ragged(block.texts, append_eot=True)
                        numbers = range(block.records) if block.numbers is None else block.numbers
                        records = first + np.array(numbers, np.int64)
                        too_short, too_long = kept.outside(batch)
                        inside = ~(too_short | too_long)
                        yield _Documents(source, keep(batch, inside), records[inside])
                        first += block.records
                    if self._progress is not None:
                        self._progress(max(0, reader.position - position))
                        position = max(position, reader.position)
                    if reader.at_end:
                        break
            finally:
                reader.close()


def _places(recipe: Recipe) -> NDArray[np.int64] | None:
    """Where documents go: a row for each time, -1 for nowhere; None if they stay as they are."""
    arrangement = recipe.plan.arrangement
    if arrangement.is_plain or recipe.documents is None:
        return None
    rows = []
    base = 0
    for name, order in passes(arrangement, recipe.documents):
        if name == recipe.set:
            row = np.full(recipe.documents, -1, np.int64)
            row[order] = np.arange(base, base + len(order))
            rows.append(row)
            base += len(order)
    return np.stack(rows)


def _ends(tokens: NDArray[np.uint16]) -> NDArray[np.int64]:
    """Where the documents end: behind each 0."""
    found = [
        np.flatnonzero(tokens[start : start + _STEP] == 0) + (start + 1)
        for start in range(0, len(tokens), _STEP)
    ]
    return np.concatenate([np.empty(0, np.int64), *found])


def _id_at(ids: NDArray[np.uint16], position: int) -> str:
    return f"id {ids[position]}" if position < len(ids) else "the end"
