"""Damaged datasets: the reader opens what lies within its file, `verify` passes what is right."""

from __future__ import annotations

import functools
import json
import math
import statistics
import struct
from dataclasses import dataclass
from itertools import accumulate, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xxhash

from fuzz.checks import outcome, same, true
from fuzz.scratch import scratch
from fuzz.source import Source
from rwkv_tok import Tokenizer
from rwkv_tok.data import BinIdx, verify
from rwkv_tok.data.binidx.lengths import measure_lengths
from rwkv_tok.data.binidx.windows import Windows
from rwkv_tok.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["one_input"]

# The format restated, without the package.
_MAGIC = b"MMIDIDX\0\0"
_HEADER = struct.Struct("<9sQBQQ")
_FIELDS_OF_HEADER = ((0, "B"), (9, "Q"), (17, "B"), (18, "Q"), (26, "Q"))

# What fields are set to, wrapped to their size.
_NUMBERS = (
    *(0, 1, 2, 3, 4, 5, 6, 7, 8, -1, -2, 255, 256),
    *(2**k + more for k in (15, 16, 31, 32, 60, 61, 62, 63) for more in (-1, 0, 1)),
)

# A small vocabulary, as verify makes a table of all ids; and ids that it looks at twice: the
# boundary, the ends of what is assigned, and what is not.
_LAST_ID = 256
_IDS = (0, 0, 1, 98, _LAST_ID, _LAST_ID + 1, 65530, 65535)


def one_input(data: bytes) -> None:
    """Make a dataset, damage it, and read and verify what is left of it."""
    source = Source(data)
    if source.choice(8) == 7:
        index = source.take(source.choice(200))
        tokens = source.rest()
    else:
        documents = _documents(source)
        index, tokens = _index(documents), _tokens(documents)
        for _ in range(source.choice(5)):
            index, tokens = _damaged(source, index, tokens)
    manifest = source.choice(4)
    ctx_len = 1 + source.choice(6)
    measured = source.choice(8) == 7
    prefix = scratch() / "data"
    Path(f"{prefix}.bin").write_bytes(tokens)
    Path(f"{prefix}.idx").write_bytes(index)
    says = _manifest(source, manifest, index, tokens)
    wanted = source.choice(256) or None
    if says is None:
        Path(f"{prefix}.json").unlink(missing_ok=True)
    else:
        Path(f"{prefix}.json").write_bytes(says)
    layout = _layout(index, len(tokens))
    opened = outcome(BinIdx, prefix, raises=DataError)
    if layout is None:
        true(isinstance(opened, tuple), "a dataset is opened whose items are not in its .bin")
    else:
        true(isinstance(opened, BinIdx), f"a dataset is refused: {opened}")
        _check_items(opened, layout, tokens)
        _check_windows(opened, layout, ctx_len, wanted)
        if measured:
            _check_lengths(opened, layout.sizes)
    _check_verify(prefix, layout, tokens, manifest)


def _documents(source: Source) -> list[list[int]]:
    """A few documents of ids that are of interest, most of them closed."""
    documents = []
    for _ in range(source.choice(8)):
        ids = [
            _IDS[byte % len(_IDS)] if byte < 128 else byte
            for byte in source.take(source.choice(12))
        ]
        documents.append([*ids, 0] if source.choice(8) else ids or [1])
    return documents


def _index(documents: Sequence[Sequence[int]]) -> bytes:
    count = len(documents)
    sizes = [*map(len, documents)]
    pointers = [2 * start for start in accumulate(sizes, initial=0)][:count]
    return (
        _HEADER.pack(_MAGIC, 1, 8, count, count + 1)
        + struct.pack(f"<{count}i{count}q", *sizes, *pointers)
        + struct.pack(f"<{count + 1}q", *range(count + 1))
    )


def _tokens(documents: Sequence[Sequence[int]]) -> bytes:
    ids = [token_id for document in documents for token_id in document]
    return struct.pack(f"<{len(ids)}H", *ids)


def _damaged(source: Source, index: bytes, tokens: bytes) -> tuple[bytes, bytes]:
    """Both files after one thing was done to one of them."""
    kind = source.choice(8)
    if kind < 4:
        return _with_field(source, index, kind), tokens
    target = index if kind < 6 else tokens
    place = source.wide_choice(len(target) + 1)
    removed = source.choice(12)
    made = target[:place] + source.take(source.choice(12)) + target[place + removed :]
    return (made, tokens) if kind < 6 else (index, made)


def _with_field(source: Source, index: bytes, kind: int) -> bytes:
    """The index with a number of its header, its sizes, its pointers or its doc_idx set."""
    count = max(0, (len(index) - _HEADER.size) // 20)
    item = source.choice(count + 1)
    if kind == 0:
        place, code = _FIELDS_OF_HEADER[source.choice(len(_FIELDS_OF_HEADER))]
    elif kind == 1:
        place, code = _HEADER.size + 4 * item, "I"
    else:
        place, code = _HEADER.size + (4 if kind == 2 else 12) * count + 8 * item, "Q"
    layout = struct.Struct(f"<{code}")
    if place + layout.size > len(index):
        return index
    number = _NUMBERS[source.choice(len(_NUMBERS))]
    if source.flag():
        number += layout.unpack_from(index, place)[0]
    number %= 1 << 8 * layout.size
    return index[:place] + layout.pack(number) + index[place + layout.size :]


def _manifest(source: Source, form: int, index: bytes, tokens: bytes) -> bytes | None:
    """A manifest: none, the right one, one of which an entry is wrong, any bytes."""
    if form == 0:
        return None
    if form == 3:
        return b'{"bin": {"size": 1}, "idx": %s}' % source.rest()
    says: dict[str, Any] = {
        "made_by": "fuzz",
        "bin": {"size": len(tokens), "xxh128": xxhash.xxh3_128_hexdigest(tokens)},
        "idx": {"size": len(index), "xxh128": xxhash.xxh3_128_hexdigest(index)},
        "vocabulary": {"fingerprint": _tokenizer().fingerprint},
    }
    if form == 2:
        entry: dict[str, Any] = says[("bin", "idx", "vocabulary")[source.choice(3)]]
        entry[[*entry][source.choice(len(entry))]] = (-1, "", None, [])[source.choice(4)]
    return json.dumps(says).encode()


@dataclass(frozen=True)
class _Layout:
    """What a readable index says."""

    sizes: tuple[int, ...]
    pointers: tuple[int, ...]
    doc_idx: tuple[int, ...]


def _layout(index: bytes, bin_size: int) -> _Layout | None:
    """What an index says; None if it is no index, or an item is not in the .bin."""
    if len(index) < _HEADER.size:
        return None
    magic, version, dtype, count, documents = _HEADER.unpack_from(index)
    if (magic, version, dtype) != (_MAGIC, 1, 8) or bin_size % 2:
        return None
    if len(index) != _HEADER.size + 12 * count + 8 * documents:
        return None
    numbers = struct.unpack(f"<{count}i{count + documents}q", index[_HEADER.size :])
    layout = _Layout(numbers[:count], numbers[count : 2 * count], numbers[2 * count :])
    for size, pointer in zip(layout.sizes, layout.pointers, strict=True):
        if size < 0 or pointer < 0 or pointer % 2 or pointer + 2 * size > bin_size:
            return None
    return layout


def _check_items(data: BinIdx, layout: _Layout, tokens: bytes) -> None:
    items = [
        list(struct.unpack_from(f"<{size}H", tokens, pointer))
        for size, pointer in zip(layout.sizes, layout.pointers, strict=True)
    ]
    same([item.tolist() for item in data], items, "the items")
    same([item.tolist() for item in data[::-2]], items[::-2], "every other item, backwards")
    same(len(data), len(items), "the number of items")
    same(data.doc_idx.tolist(), [*layout.doc_idx], "doc_idx")
    same(data.tokens.tobytes(), tokens, "the tokens")
    if items:
        same(data[-1].tolist(), items[-1], "the last item")
        true(not data[0].flags.writeable, "an item can be written to")
    beyond = outcome(data.__getitem__, len(items), raises=IndexError)
    true(isinstance(beyond, tuple), "there is one item more")


def _check_lengths(data: BinIdx, sizes: Sequence[int]) -> None:
    lengths = measure_lengths(data.sizes)
    if lengths is None:
        same(sizes, (), "the sizes that have no statistics")
        return
    found = lengths.shortest, lengths.longest, lengths.median
    same(found, (min(sizes), max(sizes), statistics.median(sizes)), "lengths")
    true(math.isclose(lengths.mean, statistics.fmean(sizes)), "the mean length")
    same(sum(lengths.histogram), len(sizes), "the sizes that are counted")


def _check_windows(data: BinIdx, layout: _Layout, ctx_len: int, wanted: int | None) -> None:
    """Windows as RWKV-LM computes them, and as many; refused where it could not train."""
    tokens = len(data.tokens)
    primes = _primes_for(tokens, ctx_len)
    if wanted is None:
        # RWKV-LM's make_data.py begins to look one below the number of slots.
        prime = max((each for each in primes if each < tokens // ctx_len), default=None)
    else:
        prime = wanted if wanted in primes else None
    windows = outcome(data.windows, ctx_len, wanted, raises=(DataError, ValueError))
    if prime is None or layout.pointers[:1] != (0,):
        true(isinstance(windows, tuple), f"windows of {wanted} for {tokens} tokens of {ctx_len}")
        return
    true(isinstance(windows, Windows), f"prime {prime} for {tokens} tokens is refused: {windows}")
    same((windows.magic_prime, len(windows)), (prime, prime), "the number of windows")
    factor = int(prime * ((math.sqrt(5) - 1) / 2))
    for number, window in enumerate(windows, 1):
        start = factor * number**3 % prime * ctx_len
        expected = data.tokens[start : start + ctx_len + 1]
        true(len(window) == ctx_len + 1 and np.array_equal(window, expected), f"window {number}")


def _primes_for(tokens: int, ctx_len: int) -> list[int]:
    """The magic primes that RWKV's trainer accepts, and with which it stays within the data."""
    slots = tokens // ctx_len
    return [
        number
        for number in range(slots * 9 // 10, slots + 1)
        if number > 0.9 * slots and number % 3 == 2 and number * ctx_len < tokens
        if all(number % divisor for divisor in range(2, number))
    ]


def _check_verify(prefix: Path, layout: _Layout | None, tokens: bytes, manifest: int) -> None:
    report = verify(prefix, tokenizer=_tokenizer())
    good = layout is not None and _is_good(layout, tokens) and manifest != 2
    if manifest == 3:  # which may say anything
        true(good or not report.ok, "verify passes what is wrong")
        return
    true(report.ok == good, f"verify says {[str(each) for each in report.problems]}")
    if good and layout is not None:
        same((report.items, report.tokens), (len(layout.sizes), len(tokens) // 2), "verify")


def _is_good(layout: _Layout, tokens: bytes) -> bool:
    """Whether a trainer can use it as it is."""
    ids = struct.unpack(f"<{len(tokens) // 2}H", tokens)
    ends = [*accumulate(layout.sizes, initial=0)]
    return (
        all(size > 0 for size in layout.sizes)
        and [pointer // 2 for pointer in layout.pointers] == ends[:-1]
        and ends[-1] == len(ids)
        and all(ids[end - 1] == 0 for end in ends[1:])
        and all(token_id <= _LAST_ID for token_id in ids)
        and layout.doc_idx[:1] == (0,)
        and layout.doc_idx[-1] == len(layout.sizes)
        and all(a < b for a, b in pairwise(layout.doc_idx))
    )


@functools.cache
def _tokenizer() -> Tokenizer:
    return Tokenizer.from_tokens({byte + 1: bytes([byte]) for byte in range(_LAST_ID)})
