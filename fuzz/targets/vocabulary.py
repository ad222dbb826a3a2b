"""The vocabulary file: each line is read as Python would, or refused by its number."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, Any

from reference import ReferenceTokenizer, fingerprint, format_vocabulary, parse_vocabulary

from fuzz.checks import outcome, same, true
from fuzz.source import Source
from rwkv_tok import Tokenizer, VocabularyError
from rwkv_tok._parser import parse
from rwkv_tok.vocabulary import Vocabulary

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["one_input"]

# What a line is by the documentation of the format: what `repr` writes, in any of its spellings.
# The length is judged afterwards.
_SIMPLE = rb"\\[\\'\"nrt]|\\x[0-9a-fA-F]{2}"
_WIDE = _SIMPLE + rb"|\\u[0-9a-fA-F]{4}|\\U[0-9a-fA-F]{8}"
_LINE = re.compile(
    rb"([0-9]+) (?:"
    rb"('(?:[^'\\]|%(wide)s)*'|\"(?:[^\"\\]|%(wide)s)*\")"
    rb"|(b'(?:[^'\\\x80-\xff]|%(simple)s)*'|b\"(?:[^\"\\\x80-\xff]|%(simple)s)*\")"
    rb") ([0-9]+)" % {b"wide": _WIDE, b"simple": _SIMPLE},
    re.DOTALL,
)
_LONGEST = 1024
_IDS = 65536

_BYTE_LINES = format_vocabulary({byte + 1: bytes([byte]) for byte in range(256)})
_MARKS = (b"", b"257 'ab' 2\n", b"257 'ab' 2\r\n", b"257 b'\\xe3\\x81' 2")


def one_input(data: bytes) -> None:
    """Read what an input says as a file, alone or after lines for all bytes."""
    source = Source(data)
    with_bytes = source.choice(4) == 3
    before = _MARKS[source.choice(len(_MARKS))]
    content = before + source.rest()
    if with_bytes:
        _check_tokenizer(_BYTE_LINES + content)
    else:
        _check_parser(content)


def _read(content: bytes) -> dict[int, bytes] | int:
    """The tokens of a file, or the number of the first line that is wrong."""
    tokens: dict[int, bytes] = {}
    lines = content.split(b"\n")
    if not lines[-1]:
        lines.pop()
    for number, line in enumerate(lines, 1):
        read = _read_line(line.removesuffix(b"\r"))
        if read is None or read[0] in tokens:
            return number
        tokens[read[0]] = read[1]
    return tokens


def _read_line(line: bytes) -> tuple[int, bytes] | None:
    found = _LINE.fullmatch(line)
    if found is None:
        return None
    digits, text, raw, length = found.groups()
    # Python refuses to convert thousands of digits.
    token_id, size = (int(number.lstrip(b"0")[:8] or b"0") for number in (digits, length))
    literal = text or raw
    # What Python's parser would take for the end of a line, or of the text.
    literal = literal.replace(b"\r", b"\\r").replace(b"\0", b"\\x00").replace(b"\f", b"\\x0c")
    try:
        value: Any = ast.literal_eval(literal.decode())
        token = value.encode() if isinstance(value, str) else bytes(value)
    except (SyntaxError, UnicodeError):
        return None
    if not (0 < token_id < _IDS and size == len(token) and 0 < size <= _LONGEST):
        return None
    return token_id, token


def _outcome(call: Callable[[bytes], Any], content: bytes) -> Any:
    """What is read; or the error, and the line that it names."""
    found = outcome(call, content, raises=VocabularyError)
    if isinstance(found, tuple) and found[0] is VocabularyError:
        _, (_, line) = found
        return VocabularyError, line
    return found


def _check_parser(content: bytes) -> None:
    expected = _read(content)
    found = _outcome(parse, content)
    if isinstance(expected, int):
        same(found, (VocabularyError, expected), "a line that is wrong")
        return
    true(found[0] is not VocabularyError, f"line {found[1]} is refused")
    table, lines = found
    same(len(table), len(expected), "the number of tokens")
    for number, (token_id, token) in enumerate(expected.items(), 1):
        same((table[token_id], lines[token_id]), (token, number), f"id {token_id}")


def _check_tokenizer(content: bytes) -> None:
    """The same as a vocabulary that is used, and written again."""
    expected = _read(content)
    found = _outcome(Tokenizer.from_bytes, content)
    if isinstance(expected, int):
        same(found, (VocabularyError, expected), "a line that is wrong")
        return
    seen: dict[bytes, int] = {}
    for token_id in expected:
        if expected[token_id] in seen:
            true(isinstance(found, tuple), f"two ids have the token {expected[token_id]!r}")
            return
        seen[expected[token_id]] = token_id
    true(isinstance(found, Tokenizer), f"a good vocabulary is refused: {found}")
    same(found.fingerprint, fingerprint(expected), "the fingerprint")
    same([*found], sorted(expected), "the ids")
    written = Vocabulary.parse(content).to_bytes()
    same(parse_vocabulary(written), dict(sorted(expected.items())), "what is written")
    again = Tokenizer.from_bytes(written)
    same(again.fingerprint, found.fingerprint, "the fingerprint of what is written")
    text = b"".join(expected.values())[-2000:] + content[-100:]
    same(found.encode(text).tolist(), ReferenceTokenizer(expected).encode(text), "ids")
