"""Guessing how large a training set will be, from a sample of its corpus."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from rwkv_tok.data.reading.documents import BLOCK_SIZE
from rwkv_tok.data.reading.readers import open_reader
from rwkv_tok.data.reading.source import ByteStream
from rwkv_tok.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

    from rwkv_tok.data.reading.documents import ReadOptions
    from rwkv_tok.data.reading.source import Source
    from rwkv_tok.tokenizer import Tokenizer

    from .plan import Plan

__all__ = ["Estimate", "check_free_space", "estimate"]

# Sources that are looked into, a block each, evenly spread.
_SAMPLES = 16
# Bytes in the index, and of the sizes while they are collected, for each document.
_INDEX_ENTRY = 4 + 8 + 8
_SIZE_ENTRY = 4


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a run would read and write, about.

    Attributes
    ----------
    input_bytes
        The sizes of all inputs, as they are; not about, but exactly.
    documents, tokens
        In the corpus, once.
    output_bytes
        The size of all files that come out.
    working_bytes
        The room that is needed meanwhile, the output included.
    free_bytes
        The room that there is.
    """

    input_bytes: int
    documents: int
    tokens: int
    output_bytes: int
    working_bytes: int
    free_bytes: int


def estimate(plan: Plan, tokenizer: Tokenizer, folder: Path) -> Estimate:
    """Encode a little of some sources, and scale that up.

    Standard input counts as nothing, and so does what cannot be read.
    """
    sources = [source for source in plan.sources if not source.is_stdin and source.size]
    input_bytes = sum(source.size for source in sources)
    read = tokens = 0
    documents = 0.0
    for source in sources[:: max(1, len(sources) // _SAMPLES)]:
        sample = _sample_of_file if _is_whole(source, plan.reading) else _sample
        try:
            sampled = sample(source, plan.reading, tokenizer)
        except DataError:  # it will be told of in its turn
            continue
        read += sampled.bytes
        documents += sampled.documents
        tokens += sampled.tokens
    scale = input_bytes / read if read else 0.0
    documents, tokens = round(scale * documents), round(scale * tokens)
    if plan.arrangement.limit is not None and documents > plan.arrangement.limit:
        tokens = tokens * plan.arrangement.limit // documents
        documents = plan.arrangement.limit
    copies = plan.arrangement.epochs
    output = copies * (2 * tokens + _INDEX_ENTRY * documents)
    working = output + _SIZE_ENTRY * documents * copies
    if not plan.arrangement.is_plain:
        working += 2 * tokens + _SIZE_ENTRY * documents
    free = shutil.disk_usage(folder).free
    return Estimate(input_bytes, documents, tokens, output, working, free)


class _Sample(NamedTuple):
    """What a beginning of a source holds: bytes of the file, documents, tokens with their 0s."""

    bytes: int
    documents: float
    tokens: int


def _is_whole(source: Source, reading: ReadOptions) -> bool:
    """Whether a file is one document, which may be large."""
    return source.format == "text" and reading.separator is None


def _sample(source: Source, reading: ReadOptions, tokenizer: Tokenizer) -> _Sample:
    reader = open_reader(source, reading)
    try:
        block = next(iter(reader.read(0)), None)
        if block is None:
            return _Sample(0, 0, 0)
        counts = tokenizer.count_batch(block.texts, num_threads=1)
        return _Sample(reader.position, len(counts), int(counts.sum()) + len(counts))
    finally:
        reader.close()


def _sample_of_file(source: Source, _reading: ReadOptions, tokenizer: Tokenizer) -> _Sample:
    with ByteStream(source) as stream:
        tokens = tokenizer.count(stream.read(BLOCK_SIZE))
        size = stream.position
    return _Sample(size, size / source.size, tokens)


def check_free_space(needed: Estimate, written: int) -> None:
    """Raise DataError if there is clearly too little room; `written` bytes are there already.

    An estimate may be wrong by some tens of percent, and then the disk decides.
    """
    if 0.7 * needed.working_bytes > needed.free_bytes + written:
        raise DataError(
            f"about {needed.working_bytes / 1e6:,.1f} MB are needed where the output goes, and "
            f"{needed.free_bytes / 1e6:,.1f} MB are free"
        )
