"""Corpora to be prepared while it is disturbed: the same seed makes the same files."""

from __future__ import annotations

import gzip
import json
import random
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["Corpus", "documents", "make_corpus"]

_SCRIPTS = (
    "The quick brown fox jumps over the lazy dog while nobody is looking at it, 3.14 times a day. ",
    "for (int i = 0; i < n; ++i) {\n    sum += weights[i] * values[i];  // as before\n}\n",
    "Съешь же ещё этих мягких французских булок, да выпей чаю. ",
    "天地玄黃,宇宙洪荒。日月盈昃,辰宿列張。寒來暑往,秋收冬藏。",
    "いろはにほへと ちりぬるを わかよたれそ つねならむ ",
    "نص حكيم له سر قاطع وذو شأن عظيم مكتوب على ثوب أخضر ",
    "👩‍👩‍👧‍👦 🇺🇦 🏳️‍🌈 e\u0301 \u2028 \u00a0 \ufeff ",
    "\n\n\t\t  \r\n",
    "0123456789abcdef" * 4,
)
_EMPTY = 0.02
_LONG = 0.002


@dataclass(frozen=True)
class Corpus:
    """Files of all kinds that can be prepared.

    `bad` is JSONL with records that are no documents.
    """

    folder: Path
    plain: Path
    gzipped: Path
    zstandard: Path
    texts: Path
    parquet: Path
    bad: Path

    @property
    def inputs(self) -> list[Path]:
        """All files in it."""
        return sorted(path for path in self.folder.rglob("*") if path.is_file())


def make_corpus(folder: Path, seed: int, megabytes: float) -> Corpus:
    """Write a corpus, in which the plain JSONL has so many megabytes, and the rest as many."""
    folder.mkdir()
    corpus = Corpus(
        folder,
        folder / "plain.jsonl",
        folder / "some.jsonl.gz",
        folder / "more.jsonl.zst",
        folder / "texts",
        folder / "table.parquet",
        folder / "bad.jsonl",
    )
    size = int(megabytes * 1e6)
    rng = random.Random(seed)
    corpus.plain.write_bytes(_jsonl(rng, size))
    corpus.gzipped.write_bytes(gzip.compress(_jsonl(rng, size // 3), 1, mtime=0))
    corpus.zstandard.write_bytes(zstd.compress(_jsonl(rng, size // 3)))
    corpus.bad.write_bytes(_with_bad_lines(rng, _jsonl(rng, size // 3)))
    corpus.texts.mkdir()
    for number, text in enumerate(documents(rng, size // 6)):
        # Of one folder there would be too many: most go into a text each, all others are appended.
        with (corpus.texts / f"{number % 300:03}.txt").open("ab") as file:
            file.write(text.encode())
    table = pa.table({"text": list(documents(rng, size // 6))})
    pq.write_table(table, corpus.parquet, row_group_size=500)
    return corpus


def documents(rng: random.Random, size: int) -> Iterator[str]:
    """Texts of very different lengths and scripts, some empty, of so many bytes in all."""
    while size > 0:
        text = _document(rng)
        size -= len(text.encode()) + 1
        yield text


def _document(rng: random.Random) -> str:
    chance = rng.random()
    if chance < _EMPTY:
        return ""
    length = int(rng.expovariate(1 / 1500)) + 1
    if chance < _EMPTY + _LONG:
        length *= 200
    pieces = [str(rng.getrandbits(64))]
    while length > 0:
        piece = rng.choice(_SCRIPTS) * rng.randint(1, 5)
        piece = piece[rng.randrange(len(piece)) :]
        pieces.append(piece)
        length -= len(piece)
    return "".join(pieces)


def _jsonl(rng: random.Random, size: int) -> bytes:
    lines = (
        json.dumps({"id": number, "text": text}, ensure_ascii=rng.random() < 0.2)
        for number, text in enumerate(documents(rng, size))
    )
    return "".join(f"{line}\n" for line in lines).encode()


def _with_bad_lines(rng: random.Random, lines: bytes) -> bytes:
    kept = []
    for line in lines.splitlines(keepends=True):
        if rng.random() < 0.01:
            kept.append(rng.choice([b"{\n", b"\n", b'{"text": null}\n', b'{"text": "\xff"}\n']))
        kept.append(line)
    return b"".join(kept)
