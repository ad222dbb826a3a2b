"""The dictionaries: what libFuzzer puts into inputs besides what it finds out itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reference import parse_vocabulary

from .paths import BUILD, ROOT

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

__all__ = ["write_dictionary"]

# Tokens in the dictionary, of each kind.
_MOST = 40

_SPECIAL = (b"<|im_end|>", b"<|im_", b"<", "é".encode(), "a🙂".encode(), "中".encode())
_OF_VOCABULARY_FILE = (
    *(b"257 ", b"65535 ", b"65536 ", b"0", b" 1\n", b" 2\n", b" 3\r\n", b"\r\n", b" 1024\n"),
    *(b"'", b'"', b"b'", b'b"', b"' 2\n", b"\\", b"\\\\", b"\\'", b'\\"', b"\\n", b"\\r", b"\\t"),
    *(b"\\x", b"\\x00", b"\\xff", b"\\u", b"\\u3042", b"\\ud800", b"\\U", b"\\U0001f642"),
    *(b"\\U00110000", b"\\N{DIGIT ONE}", b"\\0", b"\\a", "é".encode(), "\u2028".encode(), b"\xff"),
)
_OF_JSON = (
    *(b'{"text": "', b'"}\n', b'{"a": {"b": "', b'"}}', b'"text.text"', b", ", b"\r\n", b"\n"),
    *(b"\xef\xbb\xbf", b"\\ud83d", b"\\ude42", b"\\u0000", b"\\n", b"\\/", b'\\"', b"\\\\"),
    *(b"null", b"true", b"NaN", b"-Infinity", b"1e999", b"-0", b"[[[[[[[[", b"]]]]]]]]"),
    *(b"\xe2\x80\xa8", b"\xed\xa0\xbd", b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd", b"BZh9"),
)
_OF_BINIDX = (
    *(b"MMIDIDX\0\0", b"\x01\0\0\0\0\0\0\0", b"\x08", b"\xff\xff", b"\0\0", b"\x61\0"),
    *(b"\xff\xff\xff\x7f", b"\0\0\0\x80", b"\xff" * 8, b"\0\0\0\0\0\0\0\x80", b"\0" * 8),
    *(b'"xxh128"', b'"size"', b'"vocabulary": {', b'"fingerprint"', b'"items": 1', b"{}", b"null"),
)


def write_dictionary(target: str) -> Path:
    """Write the dictionary of a target."""
    words = _WORDS.get(target)
    path = BUILD / "dictionaries" / f"{target}.dict"
    path.parent.mkdir(parents=True, exist_ok=True)
    found = _of_texts() if words is None else words
    path.write_text("".join(f'"{_escaped(word)}"\n' for word in dict.fromkeys(found)))
    return path


def _of_texts() -> Iterable[bytes]:
    """Tokens: the longest, those that end within a character, those of spaces; special ones."""
    (file,) = (ROOT / "vocab").glob("*.txt")
    tokens = sorted(
        parse_vocabulary(file.read_bytes()).values(), key=lambda token: (-len(token), token)
    )
    broken = [token for token in tokens if len(token) > 1 and not _is_text(token)]
    spaces = [token for token in tokens if token.isspace()]
    # libFuzzer takes words of up to 64 bytes.
    longest = [token for token in tokens if len(token) <= 64]
    between = tokens[:: len(tokens) // _MOST]
    for words in (longest, broken, broken[::-1], spaces, spaces[::-1], _SPECIAL, between):
        yield from words[:_MOST]


def _is_text(token: bytes) -> bool:
    try:
        token.decode()
    except UnicodeDecodeError:
        return False
    return True


def _escaped(word: bytes) -> str:
    return "".join(f"\\x{byte:02x}" for byte in word[:64])


# Targets that are not here take what texts are made of.
_WORDS: dict[str, Iterable[bytes]] = {
    "decode": [bytes([high, low]) for high in (0, 5, 100, 201) for low in (0, 226, 128, 255)],
    "vocabulary": _OF_VOCABULARY_FILE,
    "binidx": _OF_BINIDX,
    "jsonl": _OF_JSON,
}
