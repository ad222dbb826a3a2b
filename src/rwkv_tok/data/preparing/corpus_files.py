"""The tokens of a corpus in its own order, as far as they have been made."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np

from .checkpoints import CheckpointedFiles
from .digest import SourceDigest
from .token_files import TokenFiles

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from rwkv_tok.data.reading.source import Source

    from .appender import Appender
    from .encoding import PartResult

__all__ = ["CorpusFiles", "Progress"]


@dataclass(slots=True)
class Progress:
    """What has been done, always from the beginning of the corpus.

    Attributes
    ----------
    source, part
        What is to be done next: the number of the source, and of the part in it.
    position, records
        How much of this source is done: bytes of the file, and records.
    input_bytes
        The sizes of the sources before it.
    documents, tokens, text_bytes, empty
        Of the documents that are kept: how many, their tokens with the closing zeros, the bytes of
        their texts, and how many have no text.
    blank, bad, too_short, too_long
        Records that have become no documents, by the reason.
    """

    source: int = 0
    part: int = 0
    position: int = 0
    records: int = 0
    input_bytes: int = 0
    documents: int = 0
    tokens: int = 0
    text_bytes: int = 0
    empty: int = 0
    blank: int = 0
    bad: int = 0
    too_short: int = 0
    too_long: int = 0


class CorpusFiles:
    """The tokens of all documents, their sizes, and the records that are none.

    `tokens` are little-endian uint16, a 0 after each document; `sizes`, with these zeros, are
    little-endian int32; of `bad` records each has a line with a JSON object.

    Attributes
    ----------
    progress : Progress
        How far the encoding has come.
    """

    def __init__(self, folder: Path, sources: tuple[Source, ...]) -> None:
        self._sources = sources
        self._files = CheckpointedFiles(folder, ("tokens", "sizes", "bad"), "journal")
        self.progress = Progress(**(self._files.state or {}))
        self._digest: SourceDigest | None = None

    @property
    def tokens(self) -> Appender:
        """Where tokens are written; `commit` takes in what belongs to them."""
        return self._files.files["tokens"]

    @property
    def digests(self) -> list[str | None]:
        """The XXH3 of each source that is done; None for standard input."""
        return [note["xxh128"] for note in self._files.notes]

    @property
    def has_checkpoint(self) -> bool:
        """Whether there is anything to go on with."""
        return self._files.state is not None

    @property
    def bad(self) -> Path:
        """The file of the bad records."""
        return self._files.paths["bad"]

    def token_files(self) -> TokenFiles:
        """All that was encoded, on the disk."""
        self.checkpoint()
        self._files.files["bad"].sync()
        paths = self._files.paths
        return TokenFiles(paths["tokens"], paths["sizes"], self.tokens.sync())

    def commit(self, result: PartResult) -> None:
        """Take in the result of the next part, whose tokens have been written."""
        progress, source = self.progress, self._sources[result.source]
        for record in result.bad:
            number = progress.records + record.number + 1
            entry = {"file": source.name, source.record_name: number, "reason": record.reason}
            self._files.files["bad"].write(json.dumps(entry).encode() + b"\n")
        self._files.files["sizes"].write(result.sizes.astype("<i4", copy=False).data)
        progress.records += result.records
        progress.documents += len(result.sizes)
        progress.tokens += result.tokens
        progress.text_bytes += result.text_bytes
        progress.empty += result.empty
        progress.blank += result.blank
        progress.bad += len(result.bad)
        progress.too_short += result.too_short
        progress.too_long += result.too_long
        progress.part = result.part + 1
        progress.position = max(progress.position, result.position)
        self._follow(source)
        if result.ended:
            self._end_source(source)
        self._files.checkpoint(asdict(progress), now=False)

    def tokens_beyond(self, documents: int) -> NDArray[np.uint16]:
        """The tokens of all documents but the first so many."""
        files = self.token_files()
        return files.tokens()[int(files.sizes()[:documents].sum(dtype=np.int64)) :]

    def cut(self, documents: int, text_bytes: int) -> None:
        """Keep only the first so many documents, whose texts have so many bytes."""
        progress = self.progress
        sizes = self.token_files().sizes()[:documents]
        progress.documents, progress.text_bytes = documents, text_bytes
        progress.tokens = int(sizes.sum(dtype=np.int64))
        progress.empty = int(np.count_nonzero(sizes == 1))
        self._files.cut("tokens", 2 * progress.tokens)
        self._files.cut("sizes", 4 * documents)
        self.checkpoint()

    def checkpoint(self) -> None:
        """Write down how far all has come."""
        self._files.checkpoint(asdict(self.progress))

    def close(self) -> None:
        """Close all files."""
        if self._digest is not None:
            self._digest.close()
        self._files.close()

    def _follow(self, source: Source) -> None:
        if source.is_stdin:
            return
        if self._digest is None:
            self._digest = SourceDigest(source)
        self._digest.advance(min(self.progress.position, source.size))

    def _end_source(self, source: Source) -> None:
        xxh128 = None if self._digest is None else self._digest.finish()
        self._digest = None
        self._files.note({"source": source.name, "xxh128": xxh128})
        progress = self.progress
        progress.input_bytes += source.size
        progress.source += 1
        progress.part = progress.position = progress.records = 0
