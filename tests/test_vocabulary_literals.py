r"""Literals of a vocabulary file: each means what it means in Python, however it is spelled.

A file says 'é' with an escape sequence or without, and in any of Python's notations: \xe9, \u00e9,
\U000000e9. All of them have to be read, though only what `repr` writes occurs in practice.
"""

import ast

from hypothesis import given
from hypothesis import strategies as st
from reference import format_vocabulary

from rwkv_tok import Tokenizer

BYTE_LINES = format_vocabulary({byte + 1: bytes([byte]) for byte in range(256)})
NAMED = {"\n": r"\n", "\r": r"\r", "\t": r"\t", "\\": r"\\", "'": r"\'", '"': r"\""}
CHARACTERS = st.one_of(
    st.characters(codec="utf-8"),
    st.characters(max_codepoint=0xFF),
    st.sampled_from([*NAMED, "\x00", "\x7f", "\x85", "\u2028", "\uffff", "\U0010ffff", "🙂"]),
)
QUOTES = st.sampled_from(["'", '"'])


def token_of(literal: str, length: int) -> bytes:
    """What the package reads as the token of a literal."""
    line = f"257 {literal} {length}\n".encode()
    return Tokenizer.from_bytes(BYTE_LINES + line).token_bytes(257)


@st.composite
def spelled(draw: st.DrawFn, char: str, quote: str, *, in_bytes: bool) -> str:
    """One of the ways to write a character inside a literal."""
    number = ord(char)
    ways = []
    # What Python's own parser would take as it is; NUL it refuses.
    if char not in (quote, "\\", "\n", "\r", "\x00") and not (in_bytes and number >= 0x80):
        ways.append(char)
    if char in NAMED:
        ways.append(NAMED[char])
    if number <= 0xFF:
        ways += [f"\\x{number:02x}", f"\\x{number:02X}"]
    if number <= 0xFFFF and not in_bytes:
        ways += [f"\\u{number:04x}", f"\\u{number:04X}"]
    if not in_bytes:
        ways += [f"\\U{number:08x}", f"\\U{number:08X}"]
    return draw(st.sampled_from(ways))


@st.composite
def str_literals(draw: st.DrawFn) -> str:
    """A literal of at least two characters: single bytes are tokens already."""
    quote = draw(QUOTES)
    chars = draw(st.lists(CHARACTERS, min_size=2, max_size=20))
    return quote + "".join(draw(spelled(char, quote, in_bytes=False)) for char in chars) + quote


@st.composite
def bytes_literals(draw: st.DrawFn) -> str:
    quote = draw(QUOTES)
    chars = draw(st.lists(st.characters(max_codepoint=0xFF), min_size=2, max_size=20))
    inside = "".join(draw(spelled(char, quote, in_bytes=True)) for char in chars)
    return f"b{quote}{inside}{quote}"


@given(literal=str_literals())
def test_every_spelling_of_a_str_is_read_as_python_reads_it(literal: str) -> None:
    expected = ast.literal_eval(literal).encode()
    assert token_of(literal, len(expected)) == expected


@given(literal=bytes_literals())
def test_every_spelling_of_bytes_is_read_as_python_reads_it(literal: str) -> None:
    expected = ast.literal_eval(literal)
    assert token_of(literal, len(expected)) == expected


@given(text=st.text(CHARACTERS, min_size=2, max_size=40))
def test_the_repr_of_a_str_is_read(text: str) -> None:
    token = text.encode()
    assert token_of(repr(text), len(token)) == token
    assert token_of(ascii(text), len(token)) == token


@given(token=st.binary(min_size=2, max_size=40))
def test_the_repr_of_bytes_is_read(token: bytes) -> None:
    assert token_of(repr(token), len(token)) == token


def test_a_bytes_literal_may_hold_valid_utf_8() -> None:
    assert token_of(r"b'\xc3\xa9'", 2) == "é".encode()


def test_a_character_that_python_would_escape_may_stand_unescaped() -> None:
    token = "\x01\x7f\x85\u2028\u202e\ufeff\ue000\U000e0001\uffff"
    assert token_of(f"'{token}'", len(token.encode())) == token.encode()
