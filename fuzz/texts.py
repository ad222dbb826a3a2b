"""Texts that inputs stand for: bytes as they are, tokens, parts of tokens, and repetitions.

What happens only in long texts is reached by few bytes: a piece of the text is repeated until it
ends near one of the places where the encoder changes what it does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .source import Source
    from .vocabularies import Subject

__all__ = ["as_str", "as_text", "chosen"]

# Bytes: a block of a kernel, a short text, a window, some windows, and where a memo pays.
_BORDERS = (64, 256, 1 << 13, 2 << 13, 1 << 16)

_CODECS = ("utf-8", "latin-1", "utf-16-le", "utf-32-le")


def chosen(source: Source, subject: Subject) -> bytes:
    """The text of an input, by the choices that it makes."""
    kind = source.choice(4)
    stretches = [
        (source.choice(256), 1 + source.choice(256), source.choice(5), source.choice(9) - 4)
        for _ in range(max(0, source.choice(8) - 5))
    ]
    data = source.rest()
    if kind == 1:
        data = b"".join(_whole_pieces(data, subject))
    elif kind == 2:
        data = b"".join(piece[:-1] or piece for piece in _whole_pieces(data, subject))
    elif kind == 3:
        data = b"".join(piece[1:] or piece for piece in _whole_pieces(data, subject))
    for begin, length, border, more in stretches:
        data = _stretched(data, begin, length, _BORDERS[border] + more)
    return data


def _whole_pieces(data: bytes, subject: Subject) -> list[bytes]:
    """Two bytes a piece of a large vocabulary, one byte of a small one."""
    pieces = subject.pieces
    if len(pieces) <= 256:
        return [pieces[byte % len(pieces)] for byte in data]
    numbers = [data[i] << 8 | data[i + 1] for i in range(0, len(data) - 1, 2)]
    return [pieces[number % len(pieces)] for number in numbers]


def _stretched(data: bytes, begin: int, length: int, size: int) -> bytes:
    """The text of this size that repeats a part of this one; the same if it is no shorter."""
    begin %= len(data) + 1
    part = data[begin : begin + length]
    if not part or len(data) >= size:
        return data
    missing = size - len(data)
    return data[:begin] + (part * (missing // len(part) + 1))[:missing] + data[begin:]


def as_str(source: Source, data: bytes) -> str:
    """These bytes as a str, of any width of characters, sometimes with lone surrogates."""
    codec = _CODECS[source.choice(4)]
    errors = ("ignore", "replace", "surrogatepass")[source.choice(3)]
    if codec == "latin-1":
        return data.decode(codec)
    if codec != "utf-8":
        data = data[: len(data) // 4 * 4]
    try:
        return data.decode(codec, errors)
    except UnicodeDecodeError:
        return data.decode(codec, "replace")


def as_text(data: bytes) -> str | bytes:
    """The characters that these bytes are, or the bytes if they are none."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data
