"""Text → ids, in every form that there is, with each kernel, beside the oracle."""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from fuzz import texts, vocabularies
from fuzz.checks import outcome, same, true
from fuzz.source import Source
from fuzz.vocabularies import KERNELS

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from numpy.typing import NDArray

    from fuzz.vocabularies import Subject
    from rwkv_tok import TokenBatch, Tokenizer

__all__ = ["one_input"]

# Longer texts are compared with the plain walk, which is compared with the oracle like the others:
# the oracle takes a microsecond a byte.
_LONG = 20_000

_ARROW_TYPES = (pa.binary(), pa.large_binary(), pa.binary_view())
_ARROW_TEXTS = (pa.string(), pa.large_string(), pa.string_view())


def one_input(data: bytes) -> None:
    """Encode a text that the input makes, with a vocabulary that it chooses or makes."""
    source = Source(data)
    subject = vocabularies.chosen(source)
    form = source.choice(6)
    kernel = KERNELS[source.choice(len(KERNELS))]
    options = Source(source.take(16))  # cuts, and what else there is to choose
    text = texts.chosen(source, subject)
    if form == 0:
        _check_kernels(subject, text, kernel)
    elif form == 1:
        _check_str(subject, texts.as_str(options, text), kernel)
    elif form == 2:
        _check_offsets(subject, text, kernel)
    elif form == 3:
        _check_batch(subject, options, text, kernel)
    elif form == 4:
        _check_arrow(subject, options, text, kernel)
    else:
        _check_special(subject, options, text, kernel)


def _expected(subject: Subject, text: bytes) -> list[int]:
    if len(text) < _LONG:
        return subject.oracle.encode(text)
    ids: list[int] = subject.tokenizer("walk").encode(text).tolist()
    return ids


def _check_ids(found: NDArray[np.uint16], expected: Sequence[int], what: str) -> None:
    """These ids, in an array as the documentation has it."""
    same(found.tolist(), expected, what)
    flags = found.flags
    true(found.dtype == np.uint16 and found.ndim == 1, f"{what}: an array of {found.dtype}")
    true(flags.owndata and flags.writeable and flags.c_contiguous, f"{what}: {flags}")


def _check_kernels(subject: Subject, text: bytes, kernel: str) -> None:
    expected = _expected(subject, text)
    # A small vocabulary takes too long to make for all of them.
    names = KERNELS if subject is vocabularies.bundled() else (kernel,)
    for name in names:
        what = f"{name} with {subject.name}"
        tok = subject.tokenizer(name)
        _check_ids(tok.encode(text), expected, what)
        same(tok.count(text), len(expected), f"count, {what}")
        same(tok.decode_bytes(tok.encode(bytearray(text))), text, f"decode_bytes, {what}")
    _check_encode_into(subject.tokenizer(kernel), text, expected)


def _check_encode_into(tok: Tokenizer, text: bytes, expected: list[int]) -> None:
    """Into room that is just enough, more, and too little: nothing beside it is touched."""
    count = len(expected)
    for room in {count, count + 3, len(text) + 1, count - 1} - {-1}:
        memory = np.full(room + 2, 0xABCD, np.uint16)
        found = outcome(tok.encode_into, text, memory[1:-1], raises=ValueError)
        if room >= count:
            same(found, count, "encode_into")
            same(memory[1 : count + 1].tolist(), expected, "encode_into")
        else:
            true(isinstance(found, tuple), f"encode_into: {count} ids went into {room} places")
        same((memory[0], memory[-1]), (0xABCD, 0xABCD), "encode_into: what lies beside")


def _check_str(subject: Subject, text: str, kernel: str) -> None:
    tok = subject.tokenizer(kernel)
    data = outcome(text.encode, raises=UnicodeEncodeError)
    what = f"str, {kernel} with {subject.name}"
    if isinstance(data, tuple):
        calls = (tok.encode, tok.count, tok.encode_with_offsets, tok.stream_encoder().feed)
        for call in calls:
            found = outcome(call, text, raises=UnicodeEncodeError)
            same(found, data, f"the surrogate of a {what}")
        return
    _check_ids(tok.encode(text), _expected(subject, data), what)
    same(tok.count(text), len(tok.encode(text)), f"count, {what}")
    if len(data) < _LONG:
        ids, offsets = tok.encode_with_offsets(text)
        _check_ids(ids, _expected(subject, data), f"offsets, {what}")
        same(_pairs(offsets), subject.oracle.offsets(text, "char"), f"offsets, {what}")


def _pairs(offsets: NDArray[np.int64]) -> list[tuple[int, int]]:
    return [(begin, end) for begin, end in offsets.tolist()]


def _check_offsets(subject: Subject, text: bytes, kernel: str) -> None:
    tok = subject.tokenizer(kernel)
    text = text[:_LONG]
    expected = subject.oracle.encode(text)
    ids, offsets = tok.encode_with_offsets(text, unit="byte")
    _check_ids(ids, expected, f"offsets, {kernel} with {subject.name}")
    same(_pairs(offsets), subject.oracle.offsets(text, "byte"), f"offsets, {subject.name}")
    if isinstance(decoded := outcome(text.decode, raises=UnicodeDecodeError), str):
        _, offsets = tok.encode_with_offsets(decoded)
        same(_pairs(offsets), subject.oracle.offsets(decoded, "char"), f"offsets, {subject.name}")


def _check_batch(subject: Subject, options: Source, text: bytes, kernel: str) -> None:
    """The pieces of a text as a batch."""
    tok = subject.tokenizer(kernel)
    threads = 1 + options.choice(2)
    end = [0] if options.flag() else []
    pieces: list[Any] = options.cuts(text)
    expected = [_expected(subject, piece) for piece in pieces]
    # Some of them as str.
    pieces = [texts.as_text(piece) if options.flag() else piece for piece in pieces]
    what = f"batch, {kernel} with {subject.name}"
    arrays = tok.encode_batch(pieces, num_threads=threads)
    same([ids.tolist() for ids in arrays], expected, what)
    batch = tok.encode_ragged(pieces, num_threads=threads, append_eot=bool(end))
    _check_ragged(batch, [ids + end for ids in expected], what)
    same(tok.count_batch(pieces, num_threads=threads).tolist(), [*map(len, expected)], what)
    batch, offsets = tok.encode_ragged_with_offsets(pieces, unit="byte", num_threads=threads)
    _check_ragged(batch, expected, what)
    if len(text) < _LONG:
        ranges = [pair for piece in pieces for pair in subject.oracle.offsets(piece, "byte")]
        same(_pairs(offsets), ranges, f"offsets of a {what}")


def _check_ragged(batch: TokenBatch, expected: Sequence[Sequence[int]], what: str) -> None:
    same(batch.to_list(), expected, what)
    same(batch.offsets.tolist(), [*accumulate(map(len, expected), initial=0)], what)
    true(not batch.ids.flags.writeable, f"{what}: ids can be written to")


def _check_arrow(subject: Subject, options: Source, text: bytes, kernel: str) -> None:
    """The pieces of a text as Arrow strings, a slice of them."""
    tok = subject.tokenizer(kernel)
    pieces: list[bytes | None] = [*options.cuts(text)]
    number = options.choice(3)
    is_text = all(isinstance(texts.as_text(piece), str) for piece in pieces if piece is not None)
    kind = (_ARROW_TEXTS if is_text and options.flag() else _ARROW_TYPES)[number]
    if options.choice(8) == 7:
        pieces.insert(options.choice(len(pieces)), None)
    start, stop = options.choice(3), len(pieces) - options.choice(3)
    array = pa.array(pieces, pa.binary()).cast(kind)[start : max(start, stop)]
    texts_of_slice = pieces[start : max(start, stop)]
    if options.flag():
        middle = len(array) // 2
        array = pa.chunked_array([array[:middle], array[middle:]])
    what = f"{kind}, {kernel} with {subject.name}"
    if None in texts_of_slice:
        row = texts_of_slice.index(None)
        _, (message, *_) = outcome(tok.encode_ragged, array, raises=ValueError)
        true(str(row) in message, f"{what}: the null of row {row} is not named: {message}")
        return
    expected = [_expected(subject, piece) for piece in texts_of_slice if piece is not None]
    _check_ragged(tok.encode_ragged(array, num_threads=1), expected, what)
    same(tok.count_batch(array).tolist(), [*map(len, expected)], what)
    same([ids.tolist() for ids in tok.encode_batch(array)], expected, what)


def _check_special(subject: Subject, options: Source, text: bytes, kernel: str) -> None:
    """Special tokens, of which some are allowed."""
    tok = subject.special_tokenizer(kernel)
    allowed: Collection[str] = [text for text in subject.special if options.flag()]
    text = text[:_LONG]
    oracle = subject.oracle.with_special_tokens(
        {special: subject.special[special] for special in allowed}
    )
    what = f"{allowed} allowed, {kernel} with {subject.name} and {subject.special}"
    expected = oracle.encode(text)
    _check_ids(tok.encode(text, allowed_special=allowed), expected, what)
    _check_ids(tok.encode(text), subject.oracle.encode(text), f"none of {what}")
    same(tok.count(text, allowed_special=allowed), len(expected), f"count, {what}")
    out = np.empty(len(expected), np.uint16)
    same(tok.encode_into(text, out, allowed_special=allowed), len(expected), what)
    same(out.tolist(), expected, f"encode_into, {what}")
    ids, offsets = tok.encode_with_offsets(text, unit="byte", allowed_special=allowed)
    same(ids.tolist(), expected, what)
    same(_pairs(offsets), oracle.offsets(text, "byte"), f"offsets, {what}")
    pieces = options.cuts(text)
    batch = tok.encode_ragged(pieces, allowed_special=allowed, num_threads=1)
    same(batch.to_list(), [oracle.encode(piece) for piece in pieces], f"batch, {what}")
    same(tok.decode_bytes(ids), text, f"decode_bytes, {what}")
