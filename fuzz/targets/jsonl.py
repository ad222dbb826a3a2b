"""JSON Lines and separated text: the same documents and complaints wherever a file is cut."""

from __future__ import annotations

import json
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, TypeAlias
from unittest.mock import patch

from fuzz.checks import outcome, same, true
from fuzz.scratch import scratch
from fuzz.source import Source as Input
from rwkv_tok.data.reading import records
from rwkv_tok.data.reading.discover import discover
from rwkv_tok.data.reading.documents import ReadOptions
from rwkv_tok.data.reading.readers import open_reader, part_count
from rwkv_tok.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rwkv_tok.data.reading.source import Format, Source

__all__ = ["one_input"]

_FIELDS = ("text", "a.b", "text.text", "\u2028")
_SEPARATORS = (b"\n", b"\n\n", b"ab", b"aba", b"\x00")
_TEMPLATE = b'{"text": "%s"}\n'
_WHITE_SPACE = b" \t\r"
_MOST_PARTS = 40  # of which each is sought and read by itself

#: A record's number, its text or what is wrong with it, and whether it is a document.
Record: TypeAlias = tuple[int, str | bytes, bool]


def one_input(data: bytes) -> None:
    """Read a file that an input makes, in several ways."""
    options = Input(data)
    form = options.choice(4)
    field = _FIELDS[options.choice(len(_FIELDS))]
    separator = _SEPARATORS[options.choice(len(_SEPARATORS))]
    wrapped = options.choice(4)
    ways = [_way(options) for _ in range(3)]
    content = options.rest()
    if wrapped == 3:
        content = b"".join(_TEMPLATE % line for line in content.split(b"\n"))
    if form == 3:
        found = _read(content, "text", ReadOptions(separator=separator), ways)
        if found is not None:
            same(found, _split(content, separator, None), f"split at {separator!r}")
        return
    found = _read(content, "jsonl", ReadOptions(text_field=field), ways)
    if found is not None:
        _check_lines(content, field, found)


def _way(options: Input) -> tuple[int, int, int]:
    """The size of parts, of blocks that are read, and of the longest record; 0: as it is.

    What lies in a block is never too long.
    """
    block = options.choice(16)
    longest = block + options.choice(64) if block and options.flag() else 0
    return 1 + options.choice(64), block, longest


def _read(
    content: bytes, kind: Format, options: ReadOptions, ways: list[tuple[int, int, int]]
) -> list[Record] | None:
    """The records of a file that is read at once; those of other ways must be the same.

    None if it begins as a compressed file does: then it is one, or is refused.
    """
    path = scratch() / f"input.{'jsonl' if kind == 'jsonl' else 'txt'}"
    path.write_bytes(content)
    (source,) = discover([str(path)], kind).sources
    if source.compression is not None:
        outcome(list, _records(source, options), raises=DataError)
        return None
    whole = [*_records(source, options)]
    for part_size, block_size, longest in ways:
        part_size = max(part_size, len(content) // _MOST_PARTS)
        other = ReadOptions(options.text_field, options.separator, part_size)
        with _limits(block_size, longest):
            parts = [*_records(source, other)]
        what = f"{kind}, parts of {part_size}, blocks of {block_size}, up to {longest} bytes"
        same(parts, whole if not longest else _shortened(content, whole, options, longest), what)
    return whole


def _records(source: Source, options: ReadOptions) -> Iterator[Record]:
    """All records but blank lines, part by part."""
    reader = open_reader(source, options)
    count = part_count(source, options)
    first = part = 0
    try:
        while True:
            for block in reader.read(part):
                good = range(block.records) if block.numbers is None else block.numbers
                true(len(good) == len(block.texts), "texts without numbers")
                true(
                    len(good) + len(block.bad) + block.blank == block.records,
                    f"{block.records} records, of which {len(good)} are good, {len(block.bad)} "
                    f"bad, and {block.blank} blank",
                )
                found: list[Record] = [
                    (first + number, text, True)
                    for number, text in zip(good, block.texts, strict=True)
                ]
                found += [(first + each.number, each.reason, False) for each in block.bad]
                yield from sorted(found)
                first += block.records
            part += 1
            true(reader.position <= source.size, f"{reader.position} of {source.size} bytes")
            if reader.at_end:
                break
        same(part if count is None else count, part, "the number of parts")
    finally:
        reader.close()


@contextmanager
def _limits(block_size: int, longest: int) -> Iterator[None]:
    """Read blocks of this size, and no longer records, as if a file of this size were large."""
    with ExitStack() as stack:
        for name, limit in (("BLOCK_SIZE", block_size), ("LONGEST_DOCUMENT", longest)):
            if limit:
                stack.enter_context(patch.object(records, name, limit))
        yield


def _split(content: bytes, separator: bytes, longest: int | None) -> list[Record]:
    pieces = content.split(separator)
    if not pieces[-1]:
        pieces.pop()
    return [
        (number, piece, True) if longest is None or len(piece) <= longest else (number, b"", False)
        for number, piece in enumerate(pieces)
    ]


def _shortened(
    content: bytes, whole: list[Record], options: ReadOptions, longest: int
) -> list[Record]:
    """The records if those that are longer are refused."""
    separator = options.separator or b"\n"
    too_long = {number for number, _, kept in _split(content, separator, longest) if not kept}
    reason = "longer than 1 GiB" + (": split it with --separator" if options.separator else "")
    others = [record for record in whole if record[0] not in too_long]
    return sorted([*others, *((number, reason, False) for number in too_long)])


def _check_lines(content: bytes, field: str, found: list[Record]) -> None:
    """Each line is what Python's own parser makes of it."""
    lines = content.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    records_of = {number: (text, good) for number, text, good in found}
    for number, line in enumerate(lines):
        if not line.strip(_WHITE_SPACE):
            true(number not in records_of, f"the blank line {number}")
            continue
        true(number in records_of, f"line {number} is left out")
        text, good = records_of[number]
        # Strings that are no text are not looked at: they need not be UTF-8.
        handler = "surrogateescape" if good else "strict"
        expected = outcome(_text_of, line, handler, field, raises=(ValueError, RecursionError))
        if good:
            same(text, expected, f"line {number}")
        else:
            true(isinstance(expected, tuple), f"line {number} is refused: {text!r}")
    true(len(records_of) <= len(lines), "records of no line")


class _RefusedError(ValueError):
    """What RFC 8259 does not allow, and Python's parser does; or no text where one should be."""


def _text_of(line: bytes, handler: str, field: str) -> str:
    value = json.loads(line.decode(errors=handler), parse_constant=_refuse)
    for name in field.split("."):
        if not isinstance(value, dict) or name not in value:
            raise _RefusedError(f"no {name}")
        value = value[name]
    if not isinstance(value, str):
        raise _RefusedError("no text")
    value.encode()  # which surrogates fail
    return value


def _refuse(name: str) -> Any:
    raise _RefusedError(name)
