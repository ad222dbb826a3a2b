"""Text → ids, in every form that there is, with each kernel, beside the oracle."""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pyarrow as pa

from fuzz import texts, vocabularies
from fuzz.checks import outcome, same, true
from fuzz.source import Source
from fuzz.vocabularies import KERNELS

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from numpy.typing import NDArray

    from fuzz.vocabularies import Subject
    from rwkv_tok import TokenBatch, Tokenizer

__all__ = ["one_input"]

# Longer texts are compared with the plain walk, which is compared with the oracle like the others:
# the oracle takes a microsecond a byte.
_LONG = 20_000

# Bytes: a batch of so much text is several units of work; a document that long is divided.
_UNITS = 600 << 10
# In documents of so many on average, or more: a hundred thousand of them take too long.
_FEW = 1000

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


def _check_encode_into(tok: Tokenizer, text: bytes | str, expected: list[int]) -> None:
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
        calls: Sequence[Callable[[str], object]] = (
            *(tok.encode, tok.count, tok.encode_with_offsets, tok.stream_encoder().feed),
            lambda text: tok.encode_into(text, np.empty(4 * len(text), np.uint16)),
            lambda text: tok.encode_batch(["a", text]),
            lambda text: tok.encode_ragged([text, "a"]),
            lambda text: tok.count_batch([text]),
        )
        for call in calls:
            found = outcome(call, text, raises=UnicodeEncodeError)
            same(found, data, f"the surrogate of a {what}")
        return
    expected = _expected(subject, data)
    _check_ids(tok.encode(text), expected, what)
    same(tok.count(text), len(expected), f"count, {what}")
    _check_encode_into(tok, text, expected)
    if len(data) < _LONG:
        ids, offsets = tok.encode_with_offsets(text)
        _check_ids(ids, expected, f"offsets, {what}")
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
    what = f"batch, {kernel} with {subject.name}"
    if options.choice(16) == 15:
        _check_units(tok, subject.tokenizer("walk"), options, text, what, {"num_threads": threads})
        return
    pieces: list[Any] = options.cuts(text)
    expected = [_expected(subject, piece) for piece in pieces]
    # Some of them as str.
    pieces = [texts.as_text(piece) if options.flag() else piece for piece in pieces]
    arrays = tok.encode_batch(pieces, num_threads=threads)
    same([ids.tolist() for ids in arrays], expected, what)
    batch = tok.encode_ragged(pieces, num_threads=threads, append_eot=bool(end))
    _check_ragged(batch, [ids + end for ids in expected], what)
    same(tok.count_batch(pieces, num_threads=threads).tolist(), [*map(len, expected)], what)
    begin, stop = options.choice(4), len(pieces) - options.choice(4)
    same(batch[begin:stop].to_list(), batch.to_list()[begin:stop], f"a part of a {what}")
    are_str = all(isinstance(piece, str) for piece in pieces)
    unit: Literal["char", "byte"] = "char" if are_str else "byte"
    batch, offsets = tok.encode_ragged_with_offsets(pieces, unit=unit, num_threads=threads)
    _check_ragged(batch, expected, what)
    if sum(map(len, pieces)) < _LONG:
        ranges = [pair for piece in pieces for pair in subject.oracle.offsets(piece, unit)]
        same(_pairs(offsets), ranges, f"offsets of a {what}")


def _check_units(
    tok: Tokenizer, walk: Tokenizer, options: Source, text: bytes, what: str, how: dict[str, Any]
) -> None:
    """A batch of several units of work, beside texts by themselves, which are never divided."""
    is_divided = options.flag()
    method = options.choice(4)
    text *= (_UNITS if is_divided else _FEW) // max(1, len(text)) + 1
    pieces = options.cuts(text)
    special = {name: value for name, value in how.items() if name == "allowed_special"}
    expected = [walk.encode(piece, **special) for piece in pieces]
    if not is_divided:
        times = _UNITS // max(_FEW, len(text)) + 1
        pieces, expected = pieces * times, expected * times
    counts = [*map(len, expected)]
    if method == 0:
        same(tok.count_batch(pieces, **how).tolist(), counts, f"count_batch, {what}")
        return
    if method == 1:
        arrays = tok.encode_batch(pieces, **how)
        same([*map(len, arrays)], counts, f"encode_batch, {what}")
        ids = np.concatenate(arrays)
    else:
        batch = (
            tok.encode_ragged(pieces, **how)
            if method == 2
            else tok.encode_ragged_with_offsets(pieces, unit="byte", **how)[0]
        )
        same(batch.offsets.tolist(), [*accumulate(counts, initial=0)], what)
        ids = batch.ids
    true(np.array_equal(ids, np.concatenate(expected)), f"{len(pieces)} documents, {what}")


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
    unit: Literal["char", "byte"] = "char" if kind in _ARROW_TEXTS else "byte"
    batch, offsets = tok.encode_ragged_with_offsets(array, unit=unit)
    _check_ragged(batch, expected, what)
    if sum(map(len, array.to_pylist())) < _LONG:
        ranges = [pair for each in array.to_pylist() for pair in subject.oracle.offsets(each, unit)]
        same(_pairs(offsets), ranges, f"offsets of {what}")


def _check_special(subject: Subject, options: Source, text: bytes, kernel: str) -> None:
    """Special tokens, of which some are allowed."""
    tok = subject.special_tokenizer(kernel)
    names: Collection[str] = [text for text in subject.special if options.flag()]
    allowed: Any = "all" if len(names) == len(subject.special) and options.flag() else names
    text = text[:_LONG]
    oracle = subject.oracle.with_special_tokens({name: subject.special[name] for name in names})
    given = texts.as_text(text) if options.flag() else text
    unit: Literal["char", "byte"] = "char" if isinstance(given, str) else "byte"
    what = f"{allowed} allowed, {kernel} with {subject.name} and {subject.special}"
    expected = oracle.encode(text)
    _check_ids(tok.encode(given, allowed_special=allowed), expected, what)
    _check_ids(tok.encode(given), subject.oracle.encode(text), f"none of {what}")
    same(tok.count(given, allowed_special=allowed), len(expected), f"count, {what}")
    out = np.empty(len(expected), np.uint16)
    same(tok.encode_into(given, out, allowed_special=allowed), len(expected), what)
    same(out.tolist(), expected, f"encode_into, {what}")
    ids, offsets = tok.encode_with_offsets(given, unit=unit, allowed_special=allowed)
    same(ids.tolist(), expected, what)
    same(_pairs(offsets), oracle.offsets(given, unit), f"offsets, {what}")
    same(tok.decode_bytes(ids), text, f"decode_bytes, {what}")
    _check_special_batch(subject, options, text, kernel, names)


def _check_special_batch(
    subject: Subject, options: Source, text: bytes, kernel: str, allowed: Collection[str]
) -> None:
    tok = subject.special_tokenizer(kernel)
    how: Any = {"allowed_special": allowed, "num_threads": 1 + options.choice(2)}
    what = f"batch, {allowed} allowed, {kernel} with {subject.name} and {subject.special}"
    if options.choice(16) == 15:
        _check_units(tok, subject.special_tokenizer("walk"), options, text, what, how)
        return
    oracle = subject.oracle.with_special_tokens({name: subject.special[name] for name in allowed})
    pieces = options.cuts(text)
    expected = [oracle.encode(piece) for piece in pieces]
    _check_ragged(tok.encode_ragged(pieces, **how), expected, what)
    same([ids.tolist() for ids in tok.encode_batch(pieces, **how)], expected, what)
    same(tok.count_batch(pieces, **how).tolist(), [*map(len, expected)], what)
    batch, offsets = tok.encode_ragged_with_offsets(pieces, unit="byte", **how)
    _check_ragged(batch, expected, what)
    ranges = [pair for piece in pieces for pair in oracle.offsets(piece, "byte")]
    same(_pairs(offsets), ranges, f"offsets of a {what}")
