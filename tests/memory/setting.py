"""What the calls of the catalogue are made with.

Each call makes its arguments anew: a reference to one of them that is never given up is memory that
is lost.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from data.binidx_files import DOCUMENTS, index_bytes, token_bytes, write_dataset, write_files

import rwkv_tok
from rwkv_tok.data import BinIdx, merge

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

__all__ = [
    "ASCII",
    "PAIRS",
    "QUADS",
    "Call",
    "Setting",
    "Text",
    "again",
    "breaking_off",
    "byte_tokens",
    "many_texts",
    "new_bytes",
    "new_text",
    "plain",
    "small_batch",
]

#: What texts are made of: characters that CPython keeps in 1, 1, 2 and 4 bytes.
ASCII = "The river was wide. "
LATIN = "Größe und Übermut: "
PAIRS = "很久以前，有一个国王。"
QUADS = "🙂 smiles 𝒳 "


class Call(NamedTuple):
    """A call of the public API.

    Attributes
    ----------
    run
        Makes it, with a Setting.
    raises
        What it must raise; None if it must return.
    """

    run: Callable[[Setting], object]
    raises: type[BaseException] | None = None


class Setting:
    """What may be shared between calls, as it is between those of users.

    Parameters
    ----------
    folder
        For files; empty.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.tok = rwkv_tok.load()
        self.special = self.tok.with_special_tokens("v20260603")
        self.bytes_only = rwkv_tok.Tokenizer.from_tokens(byte_tokens())
        self.vocabulary = folder / "vocabulary.txt"
        self.bytes_only.save(self.vocabulary)
        self.batch = small_batch()
        self._make_datasets()
        self._make_corpora()

    def _make_datasets(self) -> None:
        self.dataset = write_dataset(self.folder / "corpus")
        sizes = [*map(len, DOCUMENTS)]
        tokens, index = token_bytes(DOCUMENTS), index_bytes(sizes)
        damaged = {
            "short header": (tokens, index[:20]),
            "truncated index": (tokens, index[:-4]),
            "other magic": (tokens, index_bytes(sizes, magic=b"TNTIDX\0\0\0")),
            "other version": (tokens, index_bytes(sizes, version=2)),
            "int32": (token_bytes(DOCUMENTS, "i"), index_bytes(sizes, dtype=4, width=4)),
            "odd bin": (tokens[:-1], index),
            "truncated bin": (tokens[:-4], index),
            "pointers beyond": (tokens, index_bytes(sizes, [0, 6, 8, 1 << 40])),
            "longer bin": (tokens + b"\0\0", index),
        }
        self.damaged = {
            name: write_files(self.folder / name.replace(" ", "-"), *files)
            for name, files in damaged.items()
        }
        self.wrong_ids = write_dataset(self.folder / "wrong", [[65531, 0], [1], [0, 0]])
        self.windowed = write_dataset(self.folder / "windowed", [[*range(1, 48), 0]])
        self.merged = merge([self.dataset, self.windowed], self.folder / "merged").prefix
        self.data = BinIdx(self.dataset)
        self.windows = BinIdx(self.windowed).windows(4)

    def _make_corpora(self) -> None:
        lines = ['{"text": "Hello"}', '{"text": 5}', "not JSON", "", '{"text": "日本"}']
        self.jsonl = self.folder / "corpus.jsonl"
        self.jsonl.write_text("\n".join(lines), "utf-8")
        self.text = self.folder / "corpus.txt"
        self.text.write_text("one\n\ntwo\n\n日本", "utf-8")
        self.parquet = self.folder / "corpus.parquet"
        pq.write_table(pa.table({"text": ["Hello", None, "日本"]}), self.parquet)
        self.arrow = self.folder / "corpus.arrow"
        table = pa.table({"text": ["Hello", None, "日本"]})
        with pa.ipc.new_file(self.arrow, table.schema) as file:
            file.write_table(table)


class Text(str):
    """A str that has attributes, and so can be told from one."""


def new_text(piece: str = ASCII, times: int = 20) -> str:
    """A new str."""
    return "".join([piece] * times)


def new_bytes(piece: str = PAIRS, times: int = 20) -> bytes:
    """A new bytes."""
    return b"".join([piece.encode()] * times)


def many_texts(count: int = 40) -> list[str | bytes]:
    """New texts that are work for several threads, some of them long enough to be divided."""
    pieces = [ASCII, LATIN, PAIRS, QUADS]
    texts: list[str | bytes] = [new_text(pieces[i % 4], 10 + i) for i in range(count)]
    return [*texts, new_text(ASCII, 30_000), new_bytes(PAIRS, 20_000)]


def byte_tokens() -> dict[int, bytes]:
    """The tokens of a small vocabulary."""
    singles = {byte + 1: bytes([byte]) for byte in range(256)}
    return singles | {300: b"ab", 301: b"abc", 302: "日本".encode(), 303: b"x" * 40}


def small_batch() -> rwkv_tok.TokenBatch:
    """A new batch of three documents."""
    ids = np.array([33155, 40213, 10464, 11685, 3319], np.uint16)
    return rwkv_tok.TokenBatch(ids, np.array([0, 2, 2, 5]))


def breaking_off(items: list[Any]) -> Iterator[Any]:
    """An iterator that raises after these items."""
    yield from items
    raise ZeroDivisionError("broken off")


def again(function: Callable[..., object], *arguments: object) -> object:
    """Call a function; once more if there was no memory, as after an error nothing was taken."""
    try:
        return function(*arguments)
    except MemoryError:
        return function(*arguments)


def plain(value: object) -> object:
    """A value as one that == compares."""
    if isinstance(value, np.ndarray):
        return value.dtype.str, value.shape, value.tobytes()
    if isinstance(value, rwkv_tok.TokenBatch):
        return plain(value.ids), plain(value.offsets)
    if isinstance(value, rwkv_tok.Tokenizer):
        return value.name, value.fingerprint
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, rwkv_tok.StopStrings):
        return value.strings, value.found
    if isinstance(value, os.PathLike | pa.Array):
        return str(value)
    return value
