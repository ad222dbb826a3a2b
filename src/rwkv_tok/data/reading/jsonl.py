"""JSON Lines: a JSON object on each line, its text in one of the fields."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from rwkv_tok.data.reading.documents import LONGEST_DOCUMENT, BadRecord, Block

from . import delimited

if TYPE_CHECKING:
    from collections.abc import Callable

    from rwkv_tok.data.reading.documents import ReadOptions
    from rwkv_tok.data.reading.source import Source

__all__ = ["open_reader", "part_count"]

# And nothing else: U+2028, for one, may stand in a string.
_LINE_END = b"\n"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_WHITE_SPACE = b" \t\r"


def open_reader(source: Source, options: ReadOptions) -> delimited.DelimitedReader:
    """Open a source, to read its parts."""
    parse = _Parser(options.text_field)
    return delimited.DelimitedReader(source, _LINE_END, options.part_size, parse)


def part_count(source: Source, options: ReadOptions) -> int | None:
    """How many parts there are, unless the source is a stream."""
    return delimited.part_count(source, _LINE_END, options.part_size)


class _Parser:
    """Turns lines into texts."""

    def __init__(self, text_field: str) -> None:
        self._text_of = _text_getter(text_field)

    def __call__(self, lines: list[bytes | None], offset: int) -> Block:
        if offset == 0 and lines[0] is not None:
            lines[0] = lines[0].removeprefix(_BYTE_ORDER_MARK)
        text_of: Callable[[Any], str] = self._text_of
        try:
            return Block([text_of(line) for line in lines], len(lines))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, TypeError):
            return self._parse_each(lines)

    def _parse_each(self, lines: list[bytes | None]) -> Block:
        numbers: list[int] = []
        block = Block([], len(lines), numbers=numbers)
        for number, line in enumerate(lines):
            if line is None:
                reason = f"longer than {LONGEST_DOCUMENT >> 30} GiB"
            elif not line.strip(_WHITE_SPACE):
                block.blank += 1
                continue
            else:
                try:
                    block.texts.append(self._text_of(line))
                    numbers.append(number)
                    continue
                except msgspec.ValidationError as error:
                    reason = str(error)
                except msgspec.DecodeError as error:
                    reason = f"no valid JSON: {error}"
                except UnicodeDecodeError as error:
                    reason = f"no valid UTF-8: {error.reason}"
                except RecursionError:
                    reason = "no usable JSON: nested too deeply"
            block.bad.append(BadRecord(number, reason))
        return block


def _text_getter(text_field: str) -> Callable[[bytes], str]:
    """A function from a line to its text.

    It decodes into a type of one field, so that no objects are made of the others.
    """
    *outer, name = text_field.split(".")
    record = _record(name, str)
    for name in reversed(outer):
        record = _record(name, record)
    decode = msgspec.json.Decoder(record).decode
    if not outer:
        return lambda line: decode(line).value
    depth = len(outer)

    def text_of(line: bytes) -> str:
        value = decode(line)
        for _ in range(depth):
            value = value.value
        text: str = value.value
        return text

    return text_of


def _record(name: str, kind: Any) -> Any:
    return msgspec.defstruct("Record", [("value", kind)], rename={"value": name}, gc=False)
