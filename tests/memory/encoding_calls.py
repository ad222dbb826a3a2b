"""The calls that encode and count: texts, batches of every form, and text that comes in pieces."""

from __future__ import annotations

import array
import copy
import mmap
import pickle
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from libraries import library
from memory.setting import (
    ASCII,
    LATIN,
    PAIRS,
    QUADS,
    Call,
    Setting,
    Text,
    again,
    breaking_off,
    byte_tokens,
    many_texts,
    new_bytes,
    new_text,
)

from rwkv_tok import StreamEncoder, Tokenizer

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["ENCODING_CALLS"]

pl = library("polars")

_MARK = "<|im_end|>"


def _mapped() -> mmap.mmap:
    data = new_bytes()
    mapped = mmap.mmap(-1, len(data))
    mapped.write(data)
    return mapped


def _with_memo(_: Setting) -> object:
    """Encode the first long text of a tokenizer: then memory for segments is taken."""
    tokenizer = Tokenizer.from_tokens(byte_tokens())
    return tokenizer.encode(new_bytes(ASCII, 5000))


TEXTS: dict[str, Callable[[], object]] = {
    "ASCII": lambda: new_text(ASCII),
    "Latin-1": lambda: new_text(LATIN),
    "2 bytes a character": lambda: new_text(PAIRS),
    "4 bytes a character": lambda: new_text(QUADS),
    "long": lambda: new_text(PAIRS, 2000),
    "subclass of str": lambda: Text(new_text(LATIN)),
    "empty": lambda: "",
    "bytes": new_bytes,
    "bytearray": lambda: bytearray(new_bytes()),
    "memoryview": lambda: memoryview(new_bytes())[5:],
    "array": lambda: array.array("B", new_bytes()),
    "NumPy": lambda: np.frombuffer(new_bytes(), np.uint8).copy(),
    "mmap": _mapped,
}

NO_TEXTS: dict[str, tuple[Callable[[], object], type[Exception]]] = {
    "int": (lambda: 5, TypeError),
    "list": (lambda: [new_text()], TypeError),
    "surrogate": (lambda: new_text() + "\ud800" + new_text(PAIRS), UnicodeEncodeError),
    "surrogate far behind": (lambda: new_text(PAIRS, 5000) + "\udfff", UnicodeEncodeError),
    "strided": (lambda: memoryview(new_bytes())[::2], ValueError),
    "wide items": (lambda: np.zeros(9, np.uint32), TypeError),
    "datetimes": (lambda: np.zeros(9, "M8[s]"), TypeError),
    "scalar": (lambda: np.uint8(5), TypeError),
}


def _arrow(kind: object, offset: int = 0) -> object:
    texts = [new_text(PAIRS, i) for i in range(20)]
    return pa.array(texts).cast(kind)[offset:]


BATCHES: dict[str, Callable[[], object]] = {
    "list": lambda: [new_text(), new_bytes(), "", new_text(QUADS)],
    "tuple": lambda: (new_text(), bytearray(new_bytes())),
    "generator": lambda: (new_text(LATIN, i) for i in range(20)),
    "empty": list,
    "string": lambda: _arrow(pa.string(), 3),
    "large_binary": lambda: _arrow(pa.large_binary()),
    "string_view": lambda: _arrow(pa.string_view()),
    "chunked": lambda: pa.chunked_array([_arrow(pa.string()), _arrow(pa.string(), 7)]),
    "table of one column": lambda: pa.table({"text": _arrow(pa.string())}),
    "many": many_texts,
}
if pl:
    BATCHES["Polars"] = lambda: pl.Series([new_text(PAIRS, i) for i in range(20)])


def _nulls() -> object:
    return pa.array([new_text(), None, new_text(PAIRS)])


def _consumed() -> object:
    stream = pa.chunked_array([_nulls()])
    capsule = stream.__arrow_c_stream__()

    class Consumed:
        def __arrow_c_stream__(self, _: object = None) -> object:
            return capsule

    pa.ChunkedArray._import_from_c_capsule(capsule)
    return Consumed()


def _failing_stream() -> object:
    """One that was cut off. (An exception of a Python producer would leak in pyarrow 26.)"""
    table = pa.table({"text": [new_text(), new_text(PAIRS)]})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table, max_chunksize=1)
    return pa.ipc.open_stream(sink.getvalue()[:-200])


NO_BATCHES: dict[str, tuple[Callable[[], object], type[Exception]]] = {
    "single str": (new_text, TypeError),
    "single bytes": (new_bytes, TypeError),
    "int": (lambda: 5, TypeError),
    "item that is no text": (lambda: [new_text(), 5], TypeError),
    "surrogate": (lambda: [new_text(), "\ud800" + new_text(PAIRS)], UnicodeEncodeError),
    "surrogate in one of many": (lambda: [*many_texts(), "\ud800"], UnicodeEncodeError),
    "broken off": (lambda: breaking_off([new_text(), new_bytes()]), ZeroDivisionError),
    "null": (_nulls, ValueError),
    "null among views": (lambda: _nulls().cast(pa.string_view()), ValueError),
    "no strings": (lambda: pa.array([1, 2]), TypeError),
    "dictionary": (lambda: _nulls().dictionary_encode(), TypeError),
    "two columns": (lambda: pa.table({"a": ["x"], "b": ["y"]}), TypeError),
    "consumed": (_consumed, ValueError),
    "stream that fails": (_failing_stream, RuntimeError),
}


def _of_each(name: str, kinds: dict[str, Callable[[], object]], run: object) -> dict[str, Call]:
    return {
        f"{name}/{what}": Call(lambda s, make=make: run(s, make())) for what, make in kinds.items()
    }


def _of_each_wrong(
    name: str, kinds: dict[str, tuple[Callable[[], object], type[Exception]]], run: object
) -> dict[str, Call]:
    return {
        f"{name}/{what}": Call(lambda s, make=make: run(s, make()), error)
        for what, (make, error) in kinds.items()
    }


def _out(size: int = 5000) -> np.ndarray:
    return np.zeros(size, np.uint16)


def _read_only() -> np.ndarray:
    out = _out()
    out.flags.writeable = False
    return out


def _encode_into(setting: Setting, text: object) -> object:
    out = _out()
    return setting.tok.encode_into(text, out), out


_WRONG_OUTS: dict[str, tuple[Callable[[], object], type[Exception]]] = {
    "too small": (lambda: _out(3), ValueError),
    "read-only": (_read_only, ValueError),
    "strided room": (lambda: _out()[::2], ValueError),
    "other items": (lambda: np.zeros(999, np.int64), TypeError),
    "no buffer": (lambda: [0] * 999, TypeError),
    "odd address": (lambda: np.zeros(999, np.uint8)[1:].data[:998].cast("H"), ValueError),
}


def _stream(encoder: StreamEncoder, pieces: list[object]) -> object:
    return [*(again(encoder.feed, piece) for piece in pieces), again(encoder.flush)]


def _pieces() -> list[object]:
    data = new_bytes(QUADS)
    return [new_text(ASCII), data[:50], data[50:], new_text(PAIRS, 2000), "", "<|im_", "end|>"]


def _copied(setting: Setting) -> object:
    encoder = setting.tok.stream_encoder()
    fed = encoder.feed(new_text())
    copies = [encoder.copy(), copy.copy(encoder), copy.deepcopy(encoder)]
    return fed, [other.flush() for other in [*copies, encoder]]


def _reset(setting: Setting) -> object:
    encoder = setting.tok.stream_encoder()
    fed = encoder.feed(new_text() + "Hel")
    encoder.reset()
    return fed, encoder.feed(new_text(LATIN)), encoder.flush()


def _feed_wrong(setting: Setting, piece: object) -> object:
    encoder = setting.tok.stream_encoder()
    encoder.feed("Hel")
    return encoder.feed(piece)


def _marked() -> str:
    return new_text() + _MARK


# The methods with `allowed_special`.
_OF_SPECIAL: dict[str, Callable[[Tokenizer, object], object]] = {
    "Tokenizer.encode": lambda tok, wanted: tok.encode(_marked(), wanted),
    "Tokenizer.encode_batch": lambda tok, wanted: tok.encode_batch(
        [_marked()], allowed_special=wanted
    ),
    "Tokenizer.encode_ragged": lambda tok, wanted: tok.encode_ragged(
        [_marked()], allowed_special=wanted
    ),
    "Tokenizer.encode_into": lambda tok, wanted: tok.encode_into(_marked(), _out(), wanted),
    "Tokenizer.encode_with_offsets": lambda tok, wanted: tok.encode_with_offsets(
        _marked(), allowed_special=wanted
    ),
    "Tokenizer.encode_ragged_with_offsets": lambda tok, wanted: tok.encode_ragged_with_offsets(
        [_marked()], allowed_special=wanted
    ),
    "Tokenizer.count": lambda tok, wanted: tok.count(_marked(), wanted),
    "Tokenizer.count_batch": lambda tok, wanted: tok.count_batch(
        [_marked()], allowed_special=wanted
    ),
}


def _calls_with_special(method: str, run: Callable[[Tokenizer, object], object]) -> dict[str, Call]:
    name = f"{method}/allowed_special"
    return {
        name: Call(lambda s: run(s.special, [_MARK])),
        f"{name} all": Call(lambda s: run(s.special, "all")),
        **_of_each_wrong(name, _WRONG_SPECIAL, lambda s, wanted: run(s.special, wanted)),
    }


def _first_matcher(setting: Setting) -> object:
    """Allow what nobody has allowed before."""
    tok = setting.bytes_only.with_special_tokens({"<a>": 500, "<b>": 501})
    return tok.encode("<a><b>", ["<a>"])


_WRONG_SPECIAL: dict[str, tuple[Callable[[], object], type[Exception]]] = {
    "unknown": (lambda: {"<no>"}, ValueError),
    "str": (lambda: _MARK, ValueError),
    "no texts": (lambda: [5], TypeError),
    "no collection": (lambda: 5, TypeError),
    "unhashable": (lambda: [[]], TypeError),
}

# Methods of a text, and of a batch; the forms that differ in what allocates get all of the inputs.
_OF_TEXTS: dict[str, Callable[[Setting, object], object]] = {
    "Tokenizer.encode": lambda s, text: s.tok.encode(text),
    "Tokenizer.encode_with_offsets": lambda s, text: s.tok.encode_with_offsets(text, unit="byte"),
    "Tokenizer.count": lambda s, text: s.tok.count(text),
}

_OF_BATCHES: dict[str, Callable[[Setting, object], object]] = {
    "Tokenizer.encode_batch": lambda s, texts: s.tok.encode_batch(texts, num_threads=1),
    "Tokenizer.encode_ragged": lambda s, texts: s.tok.encode_ragged(
        texts, append_eot=True, num_threads=2
    ),
    "Tokenizer.encode_ragged_with_offsets": lambda s, texts: s.tok.encode_ragged_with_offsets(
        texts, unit="byte", num_threads=2
    ),
    "Tokenizer.count_batch": lambda s, texts: s.tok.count_batch(texts, num_threads=2),
}

ENCODING_CALLS: dict[str, Call] = {
    **{
        name: call
        for method, run in _OF_TEXTS.items()
        for name, call in (
            _of_each(method, TEXTS, run) | _of_each_wrong(method, NO_TEXTS, run)
        ).items()
    },
    **{
        name: call
        for method, run in _OF_BATCHES.items()
        for name, call in (
            _of_each(method, BATCHES, run) | _of_each_wrong(method, NO_BATCHES, run)
        ).items()
    },
    "Tokenizer.encode/first long text": Call(_with_memo),
    **{
        name: call
        for method, run in _OF_SPECIAL.items()
        for name, call in _calls_with_special(method, run).items()
    },
    "Tokenizer.encode/allowed_special for the first time": Call(_first_matcher),
    "Tokenizer.encode_batch/many, 2 threads": Call(
        lambda s: s.tok.encode_batch(many_texts(), num_threads=2)
    ),
    "Tokenizer.encode_batch/no threads": Call(
        lambda s: s.tok.encode_batch([new_text()], num_threads=0), ValueError
    ),
    "Tokenizer.encode_ragged/many, 1 thread": Call(
        lambda s: s.tok.encode_ragged(many_texts(), num_threads=1)
    ),
    "Tokenizer.encode_ragged/many, all cores": Call(lambda s: s.tok.encode_ragged(many_texts())),
    "Tokenizer.encode_ragged/first long texts": Call(
        lambda _: Tokenizer.from_tokens(byte_tokens()).encode_ragged(many_texts(), num_threads=2)
    ),
    "Tokenizer.encode_ragged/special tokens in many": Call(
        lambda s: s.special.encode_ragged(
            [*many_texts(), new_text(_MARK, 60_000)], num_threads=2, allowed_special="all"
        )
    ),
    "Tokenizer.encode_ragged/bool for threads": Call(
        lambda s: s.tok.encode_ragged([new_text()], num_threads=True), TypeError
    ),
    "Tokenizer.encode_into/": Call(lambda s: _encode_into(s, new_text(PAIRS))),
    "Tokenizer.encode_into/bytes": Call(lambda s: _encode_into(s, new_bytes())),
    **_of_each_wrong("Tokenizer.encode_into", NO_TEXTS, _encode_into),
    **_of_each_wrong(
        "Tokenizer.encode_into", _WRONG_OUTS, lambda s, out: s.tok.encode_into(new_text(), out)
    ),
    "Tokenizer.encode_with_offsets/characters": Call(
        lambda s: s.tok.encode_with_offsets(new_text(QUADS))
    ),
    "Tokenizer.encode_with_offsets/characters of bytes": Call(
        lambda s: s.tok.encode_with_offsets(new_bytes()), ValueError
    ),
    "Tokenizer.encode_with_offsets/other unit": Call(
        lambda s: s.tok.encode_with_offsets(new_text(), unit="word"), ValueError
    ),
    "Tokenizer.encode_ragged_with_offsets/characters": Call(
        lambda s: s.tok.encode_ragged_with_offsets([new_text(QUADS), "", new_text(PAIRS, 9)])
    ),
    "Tokenizer.encode_ragged_with_offsets/characters of bytes": Call(
        lambda s: s.tok.encode_ragged_with_offsets([new_text(), new_bytes()]), ValueError
    ),
    "Tokenizer.stream_encoder/": Call(
        lambda s: s.special.stream_encoder(allowed_special="all").feed(new_text() + _MARK + "x")
    ),
    "Tokenizer.stream_encoder/unknown special token": Call(
        lambda s: s.special.stream_encoder(allowed_special={"<no>"}), ValueError
    ),
    "StreamEncoder/": Call(
        lambda _: StreamEncoder(5, None),  # the constructor is not for users
        TypeError,
    ),
    "StreamEncoder.feed/": Call(lambda s: _stream(s.tok.stream_encoder(), _pieces())),
    "StreamEncoder.feed/special tokens": Call(
        lambda s: _stream(s.special.stream_encoder(allowed_special="all"), _pieces())
    ),
    **_of_each_wrong("StreamEncoder.feed", NO_TEXTS, _feed_wrong),
    "StreamEncoder.flush/": Call(lambda s: _stream(s.tok.stream_encoder(), ["Hel", b"\xe4"])),
    "StreamEncoder.reset/": Call(_reset),
    "StreamEncoder.copy/": Call(_copied),
    "StreamEncoder.__copy__/": Call(_copied),
    "StreamEncoder.__deepcopy__/": Call(_copied),
    "StreamEncoder.__reduce__/": Call(lambda s: pickle.dumps(s.tok.stream_encoder()), TypeError),
}
