"""Hypothesis strategies that several test modules share."""

import functools
import random
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import rwkv_tok.vocab
from hypothesis import strategies as st
from reference import parse_vocabulary

BUNDLED_FILE = Path(rwkv_tok.vocab.__path__[0]) / "rwkv_vocab_v20230424.txt"
"""The vocabulary file as the installed package has it."""

ID_SPACE = 65536

# Few, so that random tokens nest and overlap: NUL, which an empty slot of a trie resembles, two
# letters, the two bytes of "é", and one that UTF-8 never has.
SMALL_ALPHABET = b"\x00ab\xc3\xa9\xff"
SMALL_PIECES = [bytes([byte]) for byte in SMALL_ALPHABET]

# Characters of three bytes and parts of them: kana and Han characters, which have rules of their
# own for where a text can be cut, and what else such tokens may begin or end with.
WIDE_PIECES = [
    *(text.encode() for text in ("あ", "い", "ア", "ー", "ヿ", "中", "龘", "한")),
    *(
        b"\xe3",
        b"\xe3\x81",
        b"\x81\x82",
        b"\x82",
        b"\xe4\xb8",
        b"\xb8\xad",
        b"\xad",
        b"\x80",
        b"\xbf",
    ),
    *(b"a", b" ", b"\x00", b"\xc3\xa9"),
]

# What special tokens of a small vocabulary are made of: characters of its alphabet, and wider ones.
SPECIAL_PIECES = ["\x00", "a", "b", "é", "ab", "<", "中", "🙂"]

# What a literal must escape or may not, and what some would take for the end of a line.
AWKWARD_PIECES = [
    *(bytes([byte]) for byte in b"'\"\\\n\r\t\x00\x1b\x7f\x85\xe4 nxu0"),
    *(text.encode() for text in ("\r\n", "\\n", "\\x41", "é", "\u2028", "\xa0", "\ufeff", "🙂")),
]


@functools.cache
def bundled_tokens() -> dict[int, bytes]:
    """The tokens of the bundled vocabulary, as the oracle reads its file."""
    return parse_vocabulary(BUNDLED_FILE.read_bytes())


def texts(max_pieces: int = 20) -> st.SearchStrategy[str]:
    """Strings without surrogates: of anything, of tokens, or of one width of characters."""
    return st.one_of(
        st.text(max_size=2 * max_pieces),
        st.lists(st.one_of(_token_texts(), _characters()), max_size=max_pieces).map("".join),
        st.one_of(*_widths()).flatmap(lambda chars: st.text(chars, max_size=2 * max_pieces)),
    )


def byte_strings(
    tokens: Collection[bytes] | None = None, max_pieces: int = 12
) -> st.SearchStrategy[bytes]:
    """Bytes made of pieces of these tokens (of the bundled vocabulary's if None) and of others."""
    whole = st.sampled_from(list(bundled_tokens().values()) if tokens is None else list(tokens))
    pieces = st.one_of(whole, whole.flatmap(_cut), st.binary(max_size=6))
    return st.lists(pieces, max_size=max_pieces).map(b"".join)


def small_byte_strings(max_size: int = 40) -> st.SearchStrategy[bytes]:
    """Bytes of the alphabet that `small_vocabularies` makes its longer tokens of."""
    return st.lists(st.sampled_from(SMALL_ALPHABET), max_size=max_size).map(bytes)


def wide_byte_strings(max_pieces: int = 14) -> st.SearchStrategy[bytes]:
    """Bytes of the pieces that `small_vocabularies(WIDE_PIECES)` makes its longer tokens of."""
    return st.lists(st.sampled_from(WIDE_PIECES), max_size=max_pieces).map(b"".join)


@st.composite
def small_vocabularies(
    draw: st.DrawFn, pieces: Sequence[bytes] = SMALL_PIECES, max_pieces: int = 7
) -> dict[int, bytes]:
    """All single bytes and a few longer tokens, made of `pieces`, under random ids in no order."""
    long_token = st.lists(st.sampled_from(pieces), min_size=2, max_size=max_pieces).map(b"".join)
    long_tokens = draw(st.lists(long_token, max_size=30, unique=True))
    # Hundreds of ids, drawn one by one, would be slow to make and nothing to shrink.
    numbers = random.Random(draw(st.integers(0, 2**32 - 1)))
    all_tokens = [bytes([byte]) for byte in range(256)] + long_tokens
    ids = numbers.sample(range(1, ID_SPACE), len(all_tokens))
    pairs = list(zip(ids, all_tokens, strict=True))
    numbers.shuffle(pairs)
    return dict(pairs)


@st.composite
def special_sets(draw: st.DrawFn, tokens: Mapping[int, bytes]) -> dict[str, int]:
    """A few special tokens under ids that these tokens leave free, in no order.

    Short ones of few pieces, which nest, overlap and begin each other; some are ordinary tokens.
    """
    ordinary = [token.decode() for token in tokens.values() if _is_text(token)]
    text = st.one_of(
        st.lists(st.sampled_from(SPECIAL_PIECES), min_size=1, max_size=4).map("".join),
        st.sampled_from(ordinary),
    )
    special = draw(st.lists(text, min_size=1, max_size=6, unique=True))
    numbers = random.Random(draw(st.integers(0, 2**32 - 1)))
    free = [token_id for token_id in range(1, ID_SPACE) if token_id not in tokens]
    return dict(zip(special, numbers.sample(free, len(special)), strict=True))


def texts_with(special: Collection[str], max_pieces: int = 12) -> st.SearchStrategy[str]:
    """Strings of these special tokens, of parts of them, and of other texts."""
    whole = st.sampled_from(list(special))
    places = st.integers(0, max(map(len, special)))
    begun = st.builds(lambda text, place: text[:place], whole, places)
    ended = st.builds(lambda text, place: text[place:], whole, places)
    pieces = st.one_of(whole, whole, begun, ended, st.sampled_from(SPECIAL_PIECES), texts(3))
    return st.lists(pieces, max_size=max_pieces).map("".join)


def _is_text(token: bytes) -> bool:
    try:
        return bool(token.decode())
    except UnicodeDecodeError:
        return False


def _cut(token: bytes) -> st.SearchStrategy[bytes]:
    """A prefix or a suffix of a token, so that the text leaves it half way."""
    places = st.integers(0, len(token))
    return st.one_of(places.map(lambda place: token[:place]), places.map(lambda p: token[p:]))


@functools.cache
def _token_texts() -> st.SearchStrategy[str]:
    """The tokens that are valid UTF-8, as strings."""
    return st.sampled_from([text for text in map(_decoded, bundled_tokens().values()) if text])


def _decoded(token: bytes) -> str:
    return token.decode(errors="ignore")


def _characters() -> st.SearchStrategy[str]:
    return st.one_of(*(st.text(chars, min_size=1, max_size=3) for chars in _widths()))


def _widths() -> list[st.SearchStrategy[str]]:
    """Characters of 1, 2, 3 and 4 bytes in UTF-8; Latin-1, which Python keeps as bytes, apart."""
    bounds = [(0, 0x7F), (0x80, 0xFF), (0x100, 0x7FF), (0x800, 0xFFFF), (0x10000, 0x10FFFF)]
    return [
        st.characters(min_codepoint=low, max_codepoint=high, exclude_categories=["Cs"])
        for low, high in bounds
    ]
