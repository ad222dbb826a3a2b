"""The seeds: small inputs for each target that reach what chance would not.

They are made here rather than kept, since what the bytes of an input mean is up to its target; the
order of the choices in `pack` is that in which the target makes them. Inputs that once failed are
kept in `findings/`, and are seeds, too.
"""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

from .paths import FINDINGS, seeds_of
from .source import pack

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

__all__ = ["seeds", "write_seeds"]

_TEXTS = [
    "Plain English prose, with a comma; and_identifiers = [1, 2.5]\n\n\tif x:",
    "naïve café Ærøskøbing größer ½ §§ àéîõü",
    "Съешь же ещё этих мягких французских булок.",
    "很久以前，有一个国王。他说：“你好！”龘靐齉爩",
    "これはペンです。コンピューター、ヴァイオリン、ㇰㇱ、ｱｲｳ",
    "오늘은 날씨가 좋아서 공원에 산책하러 갑니다.",
    "🙂👩‍👩‍👧‍👦🇪🇺𝕏𠀀𠮷野家 ✨",
    " " * 40 + "-" * 60 + "=" * 17 + "a" * 32,
    "<|im_end|><<|im_end|>é<|im_e<|im_end",
]
_BAD = [b"\xff\xfe\x00\xe3\x81", b"a\xf0\x9f\x99 \xed\xa0\x80", bytes(range(0, 256, 3)), b""]
_WIDTHS = ["é¡ÿ abc" * 9, "あ🙂 é中" * 9, "🙂🙂\ud83d🙂" + "é🙂" * 9]

# Pieces of small vocabularies, by their numbers, that begin and end in the middle of characters.
_TOKENS = [(1, 2), (1, 2, 1), (2, 1, 2, 2), (8, 9), (19, 20), (20, 9, 10), (14, 1)]
_SPECIAL_TOKENS = [(1,), (8, 1), (14,)]


def seeds(target: str) -> Iterator[tuple[str, bytes]]:
    """The name of each seed of a target, and the input."""
    for number, data in enumerate(_SEEDS[target]()):
        yield f"seed-{number:02}", data
    for path in sorted((FINDINGS / target).glob("*")):
        yield path.name, path.read_bytes()


def write_seeds(target: str) -> Path:
    """Write all of them into a folder."""
    folder = seeds_of(target)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name, data in seeds(target):
        (folder / name).write_bytes(data)
    return folder


def _small_vocabulary() -> list[int]:
    """The choices of `vocabularies.chosen` for a vocabulary of these tokens."""
    choices = [3, len(_TOKENS)]
    for token in _TOKENS:
        choices += [len(token) - 2, *token]
    choices.append(len(_SPECIAL_TOKENS))
    for token in _SPECIAL_TOKENS:
        choices += [len(token) - 1, *token]
    return choices


def _text_bytes() -> list[bytes]:
    return [*map(str.encode, _TEXTS), *_BAD]


# What the targets read from the front before the text: choices that go with it, read from the back.
_OPTIONS = bytes(range(200, 216))
_MORE_OPTIONS = bytes(range(100, 124))


def _encode() -> Iterator[bytes]:
    as_it_is, stretched_once = [0, 0], [0, 6]
    for number, text in enumerate(_text_bytes()):
        for form in (number % 6, (number + 2) % 6):
            yield pack(_OPTIONS + text, 0, form, number % 3, *as_it_is)
        # Near a block, a short text, a window, two of them, and where a memo pays.
        border = number % 5
        yield pack(_OPTIONS + text, 0, number % 3, 0, *stretched_once, 0, 50, border, number % 9)
    for form in range(6):
        yield pack(_OPTIONS + bytes(range(40)), *_small_vocabulary(), form, 0, 1, 0)
        yield pack(_OPTIONS + bytes(range(40)), *_small_vocabulary(), form, 0, 2, 6, 3, 30, 2, 4)
    for kind in (1, 2, 3):
        yield pack(_OPTIONS + bytes(range(0, 120, 2)), 0, 0, 1, kind, 0)
    # Batches of several units of work: a document that is divided, and many documents.
    for method in range(4):
        for is_divided in (0, 1):
            units = 15, is_divided, method, 2, *(0, 7), *(0, 20)
            for text in _text_bytes()[3 * is_divided + method :: 9]:
                yield pack(pack(b"", 1, 0, *units).rjust(16, b"\0") + text, 0, 3, 1, *as_it_is)
            # Some of the special tokens allowed, of six and of three; bytes, two threads.
            rest = 0, 1, *units[:4], 0, 7
            options = pack(b"", 1, 0, 1, 1, 0, 1, *rest).rjust(16, b"\0")
            yield pack(options + _TEXTS[-1].encode(), 0, 5, 1, *as_it_is)
            options = pack(b"", 1, 0, 1, *rest).rjust(16, b"\0")
            yield pack(options + bytes(range(40)), *_small_vocabulary(), 5, 0, 1, 0)
    # As a str of each width, also with a lone surrogate, and long.
    for number, codec in enumerate(("utf-8", "latin-1", "utf-16-le", "utf-32-le")):
        as_str = bytes([*range(14), 2, number])
        for characters in _WIDTHS:
            if codec == "latin-1":
                data = as_str + characters.encode(errors="ignore")
            else:
                data = as_str + characters.encode(codec, "surrogatepass")
            for kernel in (0, 1):
                yield pack(data, 0, 1, kernel, *as_it_is)
            yield pack(data, 0, 1, 0, *stretched_once, 0, 47, 2, 4)


def _stream() -> Iterator[bytes]:
    for number, text in enumerate(_text_bytes()):
        yield pack(_MORE_OPTIONS + text, number % 2, 0, number % 3, 0, 0)
        yield pack(_MORE_OPTIONS + _single(text), 2, 0, number % 3)
    for form in range(3):
        text = bytes(range(50))
        yield pack(_MORE_OPTIONS + text, form, *_small_vocabulary(), 0, 1, 0)
        yield pack(_MORE_OPTIONS + text, form, *_small_vocabulary(), 1, 1, 6, 3, 30, 1, 4)
    for number in range(4):
        text = b"aabaab<ab>" + bytes(range(12)) + b"\x00\x01\x02\x00\x01" * 6
        for wider in range(3):
            yield pack(text, 3, number, *(2, 4, 1, 1)[:number], wider)


def _decode() -> Iterator[bytes]:
    ordinary = bytes(byte for i in range(40) for byte in (130 + 3 * i, 6 * i, 7 * i % 256))
    for number, text in enumerate(_text_bytes()):
        for form in range(4):
            yield pack(_OPTIONS + _single(text), 0, form, number % 3, form % 3, number % 2)
    special = b"".join(bytes([100, 0, number]) for number in range(14))
    for policy in range(3):
        for form in range(4):
            yield pack(_OPTIONS + special + ordinary, 0, form, policy, policy, 0)
            yield pack(_OPTIONS + special, *_small_vocabulary(), form, policy, 1, 1)
        yield pack(_OPTIONS + ordinary, 0, policy, 0, 1, 0, 1 + policy, 3)
    # In each form in which ids may be given: an array of each type, laid out in several ways.
    for form in range(8):
        for number in range(1 if form < 3 else 9):
            options = pack(b"", form, number).rjust(16, b"\0")
            yield pack(options + _single(b"abc\xe3\x81") + ordinary, 0, 0, 0, 1, 0)
    # A batch of several units of work: many documents, or a long one.
    for is_long in (0, 1):
        for ids in (ordinary, _single(_TEXTS[4].encode())):
            options = pack(b"", is_long, 1).rjust(16, b"\0")
            yield pack(options + ids, 0, 3, 0, 1, 0, 15, 0)


def _single(data: bytes) -> bytes:
    """What `Subject.ids_of` makes the ids of single bytes of."""
    return b"".join(bytes([5, 0, byte]) for byte in data)


_LINES = [
    r"300 'abc' 3",
    r'301 "it\'s" 4',
    r"302 b'\xe3\x81' 2",
    r'303 b"\'\"\\" 3',
    r"304 '\x00\t\n\r\\' 5",
    r"305 '\u3042\U0001f642é🙂' 13",
    "306 '\u2028\x85' 5",
    r"65535 '\ud800' 3",
    r"1 '\x41' 1",
    r"00302 ' ' 1",
    r"307 '' 0",
    r"308 b'\u0041' 6",
    r"309 '\q' 2",
    r"310 'open 4",
    "311 'a' 1 ",
    f"312 '{'x' * 1024}' 1024",
    f"313 '{'x' * 1025}' 1025",
    r"70000 'a' 1",
    r"'a' 1",
    r"314 'aa' 18446744073709551618",
]


def _vocabulary() -> Iterator[bytes]:
    lines = [line.encode() for line in _LINES]
    for number, line in enumerate(lines):
        yield pack(line + b"\n", 3, 0)
        yield pack(line + b"\r\n" + lines[(number + 1) % len(lines)], 0, number % 4)
    yield pack(b"\n".join(lines[:7]) + b"\n", 3, 0)
    yield pack(b"\n".join(lines[:7]) + b"\n" + lines[1], 3, 2)
    yield pack(b"300 b'\xc3' 1\n\n301 '\xff' 1", 0, 0)


def _binidx() -> Iterator[bytes]:
    # The documents: how many, of each its size and whether it is closed.
    plain = [0, 5, *(3, 1), *(0, 1), *(5, 1), *(1, 0), *(8, 1)]
    ids = bytes(range(128, 160))
    for manifest in range(4):
        for ctx_len in (0, 3):
            yield pack(ids, *plain, 0, manifest, ctx_len, 7)
    for number in range(0, 25, 2):
        for kind in range(4):
            field = number % 5 if kind == 0 else number % 4
            yield pack(ids, *plain, 1, kind, field, number, number % 2, 0, 1, 0)
    for kind in (4, 5, 6, 7):
        for removed in (0, 1, 8):
            yield pack(ids, *plain, 1, kind, 0, 20, removed, 3, 0, 2, 0)
    # 24 tokens: the prime 23 for windows of one of them, the largest or as it is wanted.
    for wanted in (0, 23, 22, 19):
        yield pack(ids, 0, 2, *(11, 1), *(11, 1), 0, 0, 0, 0, wanted)
    yield pack(b"MMIDIDX\0\0" + bytes(40), 7, 49, 0, 1, 0)
    yield pack(ids, 0, 0, 0, 0, 0, 0)


_JSON_LINES = [
    {"text": "a"},
    {"id": 3, "text": "b\n\u2028é🙂"},
    {"a": {"b": "c"}, "text": {"text": "d"}},
    {"text": 3},
    {"\u2028": "e", "text": ""},
]
_OTHER_LINES = [
    rb'{"text": "\ud83d\ude42 \u00e9 \/ \""}',
    rb'{"text": "\ud83d"}',
    b'{"text": "a", "text": "b"}',
    b'{"text": "a", "n": NaN}',
    b'{"text": "a", "n": [1e999, -0, 12345678901234567890]}',
    b'{"text": "a"} {"text": "b"}',
    b'{"text": "a\tb\x00"}',
    b'{"text": "\xff", "more": "\xc3"}',
    b'{"text": "a", "deep": ' + b"[" * 300 + b"]" * 300 + b"}",
    b'[{"text": "a"}]',
    b" \t\r",
    b"",
]


def _jsonl() -> Iterator[bytes]:
    lines = [
        json.dumps(line, ensure_ascii=bool(i % 2)).encode() for i, line in enumerate(_JSON_LINES)
    ]
    everything = lines + _OTHER_LINES
    for number, line in enumerate(everything):
        # Parts, blocks, whether there is a longest record.
        ways = [7 * number, number, 0, number, 1 + number % 7, 1, 20, 2, 0, 0]
        yield pack(line, 0, number % 4, 0, 0, *ways)
        yield pack(b"\r\n".join([line, *everything[::3]]), 0, number % 2, 0, 0, *ways)
    for mark in (b"\xef\xbb\xbf", b"\x1f\x8b", b"\n\n\r\n"):
        yield pack(mark + b"\n".join(lines), 0, 0, 0, 0, 11, 3, 0, 40, 9, 0, 63, 0)
    for separator in range(5):
        text = b"ab\n\n\nabaaba\x00\n" * 3
        yield pack(text, 3, 0, separator, 0, 3, 2, 1, 5, 9, 5, 1, 0, 63, 0)
        yield pack(text + b"a", 3, 0, separator, 0, 9, 1, 0, 1, 4, 0, 30, 2, 1, 3)
    yield pack(b"a\nb\\n\\ud83d\nc", 0, 0, 0, 3, 5, 4, 0, 9, 2, 0, 1, 0)


_SEEDS: dict[str, Callable[[], Iterator[bytes]]] = {
    "encode": _encode,
    "stream": _stream,
    "decode": _decode,
    "vocabulary": _vocabulary,
    "binidx": _binidx,
    "jsonl": _jsonl,
}
