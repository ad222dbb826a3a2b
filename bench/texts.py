"""What is encoded: the texts that a user names or a sample of what is there, in several sizes."""

from __future__ import annotations

import codecs
import gzip
import json
import random
import sysconfig
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

ROOT = Path(__file__).resolve().parents[1]

AS_IS = "as is"
TWEET_CHARACTERS = 140
PAGE_BYTES = 3_000
BOOK_BYTES = 1_000_000
SIZES = (AS_IS, "tweet", "page", "book")
# The pure-Python implementation would take most of a run's time: it gets so many bytes of each.
SLICE_BYTES = 50_000


@dataclass(frozen=True)
class Texts:
    """The documents of one corpus in one size."""

    corpus: str
    size: str
    texts: Sequence[str]

    @cached_property
    def nbytes(self) -> int:
        """All documents in UTF-8."""
        return sum(len(text.encode()) for text in self.texts)

    def slice(self, nbytes: int = SLICE_BYTES) -> Texts:
        """The first documents, for whoever is slow."""
        return Texts(self.corpus, self.size, list(limit(self.texts, nbytes)))


def in_sizes(corpora: Mapping[str, Sequence[str]], sizes: Iterable[str]) -> list[Texts]:
    """Each corpus in each size; neighbours are of different corpora, if there are several."""
    return [
        Texts(corpus, size, resize(texts, size))
        for size in sizes
        for corpus, texts in corpora.items()
    ]


def resize(texts: Sequence[str], size: str) -> Sequence[str]:
    """The same text in documents of another size, joined by newlines and cut between characters."""
    if size == AS_IS:
        return texts
    whole = "\n".join(texts)
    if size == "tweet":
        return cut(whole, TWEET_CHARACTERS)
    nbytes = {"page": PAGE_BYTES, "book": BOOK_BYTES}[size]
    bytes_per_character = len(whole.encode()) / max(1, len(whole))
    return cut(whole, max(1, round(nbytes / max(1, bytes_per_character))))


def cut(text: str, characters: int) -> list[str]:
    """Pieces of so many characters; the last one may be shorter."""
    return [text[start : start + characters] for start in range(0, len(text), characters)]


def limit(texts: Iterable[str], nbytes: int) -> Iterator[str]:
    """The first texts, of so many bytes together; the last one is cut between characters."""
    for text in texts:
        data = text.encode()
        if len(data) >= nbytes:
            yield data[:nbytes].decode(errors="ignore")
            return
        nbytes -= len(data)
        yield text


def load(paths: Sequence[Path], field: str, megabytes: float) -> dict[str, list[str]]:
    """At most so much of each file, by name; of the sample if there is no file.

    Raises ValueError for what is no corpus, OSError for what cannot be read.
    """
    nbytes = int(megabytes * 1e6)
    if not paths:
        return {name: list(limit(texts, nbytes)) for name, texts in sample(nbytes).items()}
    corpora: dict[str, list[str]] = {}
    for path in paths:
        name = path.name.split(".")[0]
        if name in corpora:
            raise ValueError(f"two corpora have the name {name}: they share a column of the table")
        corpora[name] = [text for text in limit(read(path, field, nbytes), nbytes) if text]
        if not corpora[name]:
            raise ValueError(f"{path} has no text")
    return corpora


def read(path: Path, field: str, nbytes: int) -> Iterator[str]:
    """The documents of a file: JSONL and Parquet by a field, any other file as one; `.gz` too.

    Of a file that is one document not much more than so many bytes are read.
    """
    compressed = path.suffix == ".gz"
    kind = Path(path.stem).suffix if compressed else path.suffix
    if kind == ".parquet":
        yield from _read_parquet(path, field)
        return
    with gzip.open(path) if compressed else path.open("rb") as file:
        if kind not in (".jsonl", ".ndjson"):
            # Incremental, as the last character may be cut off.
            yield codecs.getincrementaldecoder("utf-8")().decode(file.read(nbytes + 4))
            return
        for number, line in enumerate(file, 1):
            if not line.isspace():
                yield _text_of(json.loads(line), field, f"{path}, line {number}")


def _read_parquet(path: Path, field: str) -> Iterator[str]:
    import pyarrow.parquet as pq

    for batch in pq.ParquetFile(path).iter_batches(columns=[field]):
        for row in batch.to_pylist():
            yield _text_of(row, field, str(path))


def _text_of(row: object, field: str, where: str) -> str:
    text = row.get(field) if isinstance(row, dict) else None
    if not isinstance(text, str):
        raise ValueError(f"{where}: there is no text in the field {field!r}; --field names another")
    return text


def sample(nbytes: int) -> dict[str, Iterable[str]]:
    """Something to measure with where no corpus is named.

    The sources and the manual of this Python, and the lines of `examples/sample.txt` in random
    order again and again. So few different lines are easier than real text.
    """
    corpora: dict[str, Iterable[str]] = {"code": _sources(), "languages": _languages(nbytes)}
    try:
        from pydoc_data.topics import topics
    except ImportError:  # some distributions leave it out
        return corpora
    return {"english": [topics[name] for name in sorted(topics)], **corpora}


def _sources() -> Iterator[str]:
    for path in sorted(Path(sysconfig.get_path("stdlib")).glob("*.py")):
        yield path.read_text(encoding="utf-8", errors="ignore")


def _languages(nbytes: int) -> Iterator[str]:
    lines = sample_lines()
    order = random.Random(0)  # noqa: S311 - no secret
    while nbytes > 0:
        order.shuffle(lines)
        yield from lines
        nbytes -= sum(map(len, lines))


def sample_lines() -> list[str]:
    """The sample in many languages that this repository has."""
    return (ROOT / "examples" / "sample.txt").read_text(encoding="utf-8").splitlines()
