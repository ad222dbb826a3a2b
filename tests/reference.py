"""The oracle of the test-suite: a tokenizer in plain Python, written to be obviously correct.

It shares no code with the package and is written from the description of the vocabulary alone.
Where the two disagree, one of them misreads that description.

>>> tokens = {byte + 1: bytes([byte]) for byte in range(256)}
>>> tokens |= {257: b"ab", 258: b"bcd", 259: b"abcde"}
>>> reference = ReferenceTokenizer(tokens)
>>> reference.encode("abcdeabcd")
[259, 257, 100, 101]
>>> reference.decode_bytes([259, 0, 257])
b'abcdeab'
"""

import ast
import copy
import hashlib
import itertools
import re
import struct
from collections import ChainMap, defaultdict
from collections.abc import Iterable, Mapping, MutableMapping
from typing import Literal


def parse_vocabulary(data: bytes) -> dict[int, bytes]:
    r"""Read `ID LITERAL LENGTH` lines; only LENGTH is checked.

    >>> parse_vocabulary(b"1 '\\x00' 1\r\n257 ' a' 2\n258 b'\\xe4\\xbb' 2")
    {1: b'\x00', 257: b' a', 258: b'\xe4\xbb'}
    """
    tokens: dict[int, bytes] = {}
    # Not splitlines(): it would also cut at U+2028 and the like, which a literal may contain.
    for line in data.decode().split("\n"):
        line = line.removesuffix("\r")
        if not line:
            continue
        # The literal may contain spaces, so the other two fields are taken off its ends.
        token_id, rest = line.split(" ", 1)
        literal, length = rest.rsplit(" ", 1)
        value = ast.literal_eval(literal)
        token = value.encode() if isinstance(value, str) else bytes(value)
        assert len(token) == int(length), f"{line!r}: the token has {len(token)} bytes"
        tokens[int(token_id)] = token
    return tokens


def format_vocabulary(tokens: Mapping[int, bytes]) -> bytes:
    r"""Write the lines that `parse_vocabulary` reads: ascending ids, each line ended by LF.

    `repr` escapes characters that are newer than the running Python: the bytes of the result may
    differ between Python versions, what is parsed from it may not.

    >>> format_vocabulary({258: b"\xe4\xbb", 257: b" a"})
    b"257 ' a' 2\n258 b'\\xe4\\xbb' 2\n"
    """
    lines: list[str] = []
    for token_id, token in sorted(tokens.items()):
        try:
            literal = repr(token.decode())
        except UnicodeDecodeError:
            literal = repr(token)
        lines.append(f"{token_id} {literal} {len(token)}\n")
    return "".join(lines).encode()


def fingerprint(
    tokens: Mapping[int, bytes], special_tokens: Mapping[str, int] | None = None
) -> str:
    r"""Hex SHA-256 over (id, length, bytes) of all tokens in ascending order of their ids.

    Ids and lengths are little-endian uint32. Special tokens, if there are any, follow an id and a
    length of 0.

    >>> fingerprint({2: b"ab", 1: b"c"}) == hashlib.sha256(
    ...     b"\x01\0\0\0" b"\x01\0\0\0" b"c" b"\x02\0\0\0" b"\x02\0\0\0" b"ab"
    ... ).hexdigest()
    True
    >>> fingerprint({1: b"c"}, {"ab": 2}) == hashlib.sha256(
    ...     b"\x01\0\0\0" b"\x01\0\0\0" b"c" + bytes(8) + b"\x02\0\0\0" b"\x02\0\0\0" b"ab"
    ... ).hexdigest()
    True
    """
    records = sorted(tokens.items())
    if special_tokens:
        records += [(0, b"")]
        records += sorted((token_id, text.encode()) for text, token_id in special_tokens.items())
    digest = hashlib.sha256()
    for token_id, token in records:
        digest.update(struct.pack("<II", token_id, len(token)) + token)
    return digest.hexdigest()


def split_at_special(data: bytes, special_tokens: Mapping[str, int]) -> list[bytes | int]:
    """Cut special tokens out of bytes: their ids, and what lies between them.

    The first place where one begins counts, and there the longest.

    >>> split_at_special(b"ab<a><a><b", {"<": 7, "<a>": 8, "<a><": 9})
    [b'ab', 9, b'a>', 7, b'b']
    """
    if not special_tokens:
        return [data]
    ids = {text.encode(): token_id for text, token_id in special_tokens.items()}
    # A regular expression takes the first of its alternatives that matches.
    longest_first = sorted(ids, key=len, reverse=True)
    pattern = re.compile(b"(%s)" % b"|".join(map(re.escape, longest_first)))
    # Between two parts that are none, each match stands as a part of its own.
    parts = enumerate(pattern.split(data))
    return [ids[part] if number % 2 else part for number, part in parts if part]


class ReferenceTokenizer:
    """Greedy longest match from left to right, by looking up slices of the text in a dict."""

    longest: int
    """Length in bytes of the longest token."""

    def __init__(self, tokens: Mapping[int, bytes]) -> None:
        """Take a vocabulary as {id: bytes}; no two ids may share their bytes."""
        self._tokens: MutableMapping[int, bytes] = dict(tokens)
        self._ids = {token: token_id for token_id, token in tokens.items()}
        self._special_tokens: dict[str, int] = {}
        # With a shared token, which of its ids is right would be a matter of taste.
        assert len(self._ids) == len(self._tokens), "two ids have the same bytes"
        self.longest = max(map(len, tokens.values()))

        # Trying every length from `longest` down would be right as well, but far too slow for
        # a corpus; lengths that no token with these first two bytes has can never match.
        lengths: defaultdict[bytes, set[int]] = defaultdict(set)
        for token in tokens.values():
            if len(token) >= 2:
                lengths[token[:2]].add(len(token))
        self._lengths = {start: sorted(found, reverse=True) for start, found in lengths.items()}

    def with_special_tokens(self, special_tokens: Mapping[str, int]) -> "ReferenceTokenizer":
        """Return one that finds these special tokens, and encodes each part between them alone.

        >>> reference = ReferenceTokenizer({1: b"a", 2: b"b", 3: b"ab", 4: b"<", 5: b">"})
        >>> reference.with_special_tokens({"<b>": 9, "b": 8}).encode("ab<a<b>")
        [1, 8, 4, 1, 9]
        """
        other = copy.copy(self)
        other._special_tokens = dict(special_tokens)
        # What decodes knows them; what encodes the parts between them does not.
        texts = {token_id: text.encode() for text, token_id in special_tokens.items()}
        other._tokens = ChainMap(texts, self._tokens)
        return other

    def encode(self, text: str | bytes) -> list[int]:
        r"""Return the ids of the text; a byte where no token matches is a ValueError.

        >>> reference = ReferenceTokenizer({1: b"a", 2: b"b", 3: b"ab", 4: b"abab"})
        >>> reference.encode("abababa"), reference.encode(b"")
        ([4, 3, 1], [])
        >>> reference.encode(b"ab\x00ab")
        Traceback (most recent call last):
        ValueError: no token matches at byte 2
        """
        ids: list[int] = []
        for part in split_at_special(_as_bytes(text), self._special_tokens):
            ids += [part] if isinstance(part, int) else self._encode_part(part)
        return ids

    def _encode_part(self, data: bytes) -> list[int]:
        ids: list[int] = []
        position = 0
        while position < len(data):
            token = self._longest_match(data, position)
            ids.append(self._ids[token])
            position += len(token)
        return ids

    def _longest_match(self, data: bytes, position: int) -> bytes:
        for length in self._lengths.get(data[position : position + 2], ()):
            # At the end of the data a slice may come out shorter than `length`. If it is a
            # token all the same, it reaches the end, and nothing longer can match.
            piece = data[position : position + length]
            if piece in self._ids:
                return piece
        piece = data[position : position + 1]
        if piece in self._ids:
            return piece
        raise ValueError(f"no token matches at byte {position}")

    def decode_bytes(self, ids: Iterable[int]) -> bytes:
        """Return the bytes of the ids; id 0 is nothing, an unknown id is a KeyError.

        >>> ReferenceTokenizer({1: b"a", 2: b"bc"}).decode_bytes([2, 0, 1])
        b'bca'
        """
        return b"".join(self._tokens[token_id] for token_id in ids if token_id != 0)

    def offsets(self, text: str | bytes, unit: Literal["char", "byte"]) -> list[tuple[int, int]]:
        r"""Return the half-open range of the text that each token of `encode(text)` covers.

        In characters, a token covers every character that it touches, so tokens inside one
        character have the same range. Characters of bytes are a ValueError.

        >>> reference = ReferenceTokenizer({1: b"a", 2: b"\xf0\x9f", 3: b"\x99", 4: b"\x82a"})
        >>> reference.encode("a🙂a")
        [1, 2, 3, 4]
        >>> reference.offsets("a🙂a", "byte")
        [(0, 1), (1, 3), (3, 4), (4, 6)]
        >>> reference.offsets("a🙂a", "char")
        [(0, 1), (1, 2), (1, 2), (1, 3)]
        """
        ranges: list[tuple[int, int]] = []
        start = 0
        for token_id in self.encode(text):
            end = start + len(self._tokens[token_id])
            ranges.append((start, end))
            start = end
        if unit == "byte":
            return ranges
        if not isinstance(text, str):
            raise ValueError("only a str has offsets in characters")
        character_of_byte = [index for index, char in enumerate(text) for _ in char.encode()]
        return [(character_of_byte[a], character_of_byte[b - 1] + 1) for a, b in ranges]

    def inner_pairs(self) -> set[tuple[int, int]]:
        """Return the byte pairs that stand next to each other inside some token.

        >>> sorted(ReferenceTokenizer({1: b"a", 2: b"abc", 3: b"ba"}).inner_pairs())
        [(97, 98), (98, 97), (98, 99)]
        """
        return {pair for token in self._tokens.values() for pair in itertools.pairwise(token)}


def characters_of_bytes(
    data: bytes, errors: Literal["replace", "ignore"] = "replace"
) -> list[int | None]:
    r"""Return, for each byte, the index of the character of `data.decode(errors=errors)` it is in.

    Or None, if it is in none of them. What is not valid is cut as Python's own decoder cuts it.

    >>> characters_of_bytes(b"a\xc3\xa9\xe3\x81b"), characters_of_bytes(b"\xe3\x81b", "ignore")
    ([0, 1, 1, 2, 2, 3], [None, None, 0])
    """
    indices: list[int | None] = []
    count = 0
    while len(indices) < len(data):
        begin = len(indices)
        # The first character or invalid sequence is all in here, and ends before another begins.
        window = data[begin : begin + 4]
        try:
            size, valid = len(window.decode()[0].encode()), True
        except UnicodeDecodeError as error:
            valid = error.start > 0
            size = len(window[: error.start].decode()[0].encode()) if valid else error.end
        kept = valid or errors == "replace"
        indices += [count if kept else None] * size
        count += kept
    return indices


def _as_bytes(text: str | bytes) -> bytes:
    return text.encode() if isinstance(text, str) else text
