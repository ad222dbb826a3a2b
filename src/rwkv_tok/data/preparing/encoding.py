"""Encoding a part of a source: documents in, training tokens and their lengths out."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from rwkv_tok.batch import TokenBatch
from rwkv_tok.data.reading.documents import BadRecord
from rwkv_tok.data.reading.readers import open_reader
from rwkv_tok.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from typing_extensions import Buffer

    from rwkv_tok.data.reading.documents import Block, Reader, ReadOptions
    from rwkv_tok.data.reading.source import Source
    from rwkv_tok.tokenizer import Tokenizer

__all__ = ["LONGEST_ITEM", "EncodeOptions", "PartEncoder", "PartResult", "keep", "token_lengths"]

#: The most tokens of an item: its length is an int32 in the index.
LONGEST_ITEM = 2**31 - 1


class Output(Protocol):
    """What tokens are written to."""

    def write(self, data: Buffer, /) -> object:
        """Append bytes."""


@dataclass(frozen=True, slots=True)
class EncodeOptions:
    """What becomes of documents once they are read.

    Attributes
    ----------
    min_tokens, max_tokens
        Documents with fewer or more tokens, the closing 0 not counted, are dropped.
    check
        Whether each document is decoded again and compared.
    """

    min_tokens: int = 0
    max_tokens: int = LONGEST_ITEM - 1
    check: bool = True

    def outside(self, batch: TokenBatch) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Which documents of a batch, closed by 0s, are too short, and which are too long."""
        tokens = np.diff(batch.offsets) - 1
        return tokens < self.min_tokens, tokens > self.max_tokens


@dataclass(slots=True)
class PartResult:
    """What came of a part.

    Attributes
    ----------
    source, part
        Which one: the number of the source in the corpus, and of the part in it.
    sizes
        int32: the tokens of each document, its closing 0 included.
    ended
        Whether the source has no further part.
    position
        How many bytes of the source are done with.
    records, blank, empty, too_short, too_long, text_bytes
        Counts: of records, blank lines, documents without text, documents dropped for their
        length, and the bytes of the texts that are kept.
    bad
        The records that are no documents, numbered within the part.
    documents_before_bad
        How many documents are kept before the first of these.
    """

    source: int
    part: int
    sizes: NDArray[np.int32] = field(default_factory=lambda: np.empty(0, np.int32))
    ended: bool = False
    position: int = 0
    records: int = 0
    blank: int = 0
    empty: int = 0
    too_short: int = 0
    too_long: int = 0
    text_bytes: int = 0
    bad: list[BadRecord] = field(default_factory=list)
    documents_before_bad: int = 0

    @property
    def tokens(self) -> int:
        """How many tokens were written."""
        return int(self.sizes.sum(dtype=np.int64))


class PartEncoder:
    """Encodes parts of a corpus; the source that was read last stays open for its next part.

    Parameters
    ----------
    tokenizer, sources, reading, encoding
        What to encode with and from, and how.
    num_threads
        How many threads encode.
    """

    def __init__(
        self,
        tokenizer: Tokenizer,
        sources: tuple[Source, ...],
        reading: ReadOptions,
        encoding: EncodeOptions,
        num_threads: int = 1,
    ) -> None:
        self._tokenizer = tokenizer
        self._sources = sources
        self._reading = reading
        self._encoding = encoding
        self._num_threads = num_threads
        self._token_lengths = token_lengths(tokenizer)
        self._reader: Reader | None = None
        self._open = (-1, -1)  # the source that is open, and its next part

    def encode(self, source: int, part: int, output: Output) -> PartResult:
        """Encode a part; its tokens are appended to `output` as little-endian uint16.

        Raises DataError if the source cannot be read.
        """
        result = PartResult(source, part)
        reader = self._reader_at(source, part)
        sizes = []
        documents = 0
        for block in reader.read(part):
            batch, kept = self._encode_block(block, result)
            if block.bad and not result.bad:
                result.documents_before_bad = documents + _count_before(block, kept)
            documents += len(batch)
            sizes.append(np.diff(batch.offsets).astype(np.int32))
            output.write(batch.ids.astype("<u2", copy=False).data)
            result.bad += (BadRecord(result.records + b.number, b.reason) for b in block.bad)
            result.records += block.records
            result.blank += block.blank
        if sizes:
            result.sizes = np.concatenate(sizes)
        result.empty = int(np.count_nonzero(result.sizes == 1))
        result.ended = reader.at_end
        result.position = reader.position
        self._open = (source, part + 1)
        return result

    def close(self) -> None:
        """Close the source that is open."""
        if self._reader is not None:
            self._reader.close()
        self._reader, self._open = None, (-1, -1)

    def _reader_at(self, source: int, part: int) -> Reader:
        number, next_part = self._open
        if self._reader is None or number != source or part < next_part:
            self.close()
            self._reader = open_reader(self._sources[source], self._reading)
        self._open = (-1, -1)  # unless all goes well
        return self._reader

    def _encode_block(
        self, block: Block, result: PartResult
    ) -> tuple[TokenBatch, NDArray[np.bool_]]:
        """The documents that are kept, and which those are of all."""
        batch = self._tokenizer.encode_ragged(
            block.texts, num_threads=self._num_threads, append_eot=True
        )
        if self._encoding.check:
            self._check(block.texts, batch, result)
        too_short, too_long = self._encoding.outside(batch)
        kept = ~(too_short | too_long)
        if not kept.all():
            result.too_short += int(np.count_nonzero(too_short))
            result.too_long += int(np.count_nonzero(too_long))
            batch = keep(batch, kept)
        result.text_bytes += int(self._token_lengths.take(batch.ids).sum(dtype=np.int64))
        return batch, kept

    def _check(self, texts: Any, batch: TokenBatch, result: PartResult) -> None:
        """Raise DataError unless every document decodes to its text."""
        if isinstance(texts, list) and texts and isinstance(texts[0], str):
            decoded: list[Any] = self._tokenizer.decode_batch(
                batch, errors="strict", num_threads=self._num_threads
            )
        else:
            decoded = self._tokenizer.decode_bytes_batch(batch, num_threads=self._num_threads)
            texts = texts if isinstance(texts, list) else texts.to_pylist()
        if decoded != texts:
            # It cannot happen; if it does, the tokens must not be used.
            name = self._sources[result.source].name
            raise DataError(
                f"{name}: a document after record {result.records} does not decode to its text; "
                "this is a bug in rwkv_tok or a fault of this machine"
            )


def _count_before(block: Block, kept: NDArray[np.bool_]) -> int:
    """How many of the documents that are kept come before the first bad record of a block."""
    numbers = [] if block.numbers is None else block.numbers
    return int(np.count_nonzero(kept[: bisect_left(numbers, block.bad[0].number)]))


def keep(batch: TokenBatch, kept: NDArray[np.bool_]) -> TokenBatch:
    """The documents of a batch that are marked."""
    lengths = np.diff(batch.offsets)
    ids = batch.ids[np.repeat(kept, lengths)]
    return TokenBatch(ids, np.cumsum(np.append(0, lengths[kept]), dtype=np.int64))


def token_lengths(tokenizer: Tokenizer) -> NDArray[np.uint16]:
    """The number of bytes of each token, by id, 0 where there is none: uint16, 1-D."""
    ids = np.fromiter(tokenizer, np.uint16)
    tokens = tokenizer.decode_bytes_batch(TokenBatch(ids, np.arange(len(ids) + 1)))
    lengths = np.zeros(tokenizer.vocab_size, np.uint16)
    lengths[ids] = [len(token) for token in tokens]
    return lengths
