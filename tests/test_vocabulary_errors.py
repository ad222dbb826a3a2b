"""Vocabularies that cannot be used: each fault is found, and the message says where and what."""

import contextlib
import random
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reference import format_vocabulary, parse_vocabulary

import rwkv_tok
from rwkv_tok import Tokenizer, VocabularyError

BYTE_LINES = format_vocabulary({byte + 1: bytes([byte]) for byte in range(256)})
MORE_LINES = b"1000 'more' 4\n1001 'lines' 5\n"

NOT_A_LINE = "ID LITERAL LENGTH"
AFTER_THE_LITERAL = "length in bytes after the literal"

BAD_LINES = {
    # No id
    "": NOT_A_LINE,
    " ": NOT_A_LINE,
    "\t": NOT_A_LINE,
    "# a comment": NOT_A_LINE,
    "300": NOT_A_LINE,
    " 300 'ab' 2": NOT_A_LINE,
    "300\t'ab' 2": NOT_A_LINE,
    "'ab' 2": NOT_A_LINE,
    "x300 'ab' 2": NOT_A_LINE,
    "0x300 'ab' 2": NOT_A_LINE,
    "-300 'ab' 2": NOT_A_LINE,
    "+300 'ab' 2": NOT_A_LINE,
    "3_00 'ab' 2": NOT_A_LINE,
    "300.0 'ab' 2": NOT_A_LINE,
    "３００ 'ab' 2": NOT_A_LINE,
    "\ufeff300 'ab' 2": NOT_A_LINE,
    # An id that cannot be
    "0 'ab' 2": "outside 1 ... 65535",
    "65536 'ab' 2": "outside 1 ... 65535",
    "1000001 'ab' 2": "outside 1 ... 65535",
    f"{2**32 + 300} 'ab' 2": "outside 1 ... 65535",
    f"{2**64 + 300} 'ab' 2": "outside 1 ... 65535",
    # No literal
    "300 ": "str or bytes literal",
    "300 ab 2": "str or bytes literal",
    "300  'ab' 2": "str or bytes literal",
    "300 2": "str or bytes literal",
    "300 u'ab' 2": "str or bytes literal",
    "300 r'ab' 2": "str or bytes literal",
    "300 f'ab' 2": "str or bytes literal",
    "300 B'ab' 2": "str or bytes literal",
    "300 rb'ab' 2": "str or bytes literal",
    "300 b ab' 2": "str or bytes literal",
    "300 b": "str or bytes literal",
    '300 __import__("os") 2': "str or bytes literal",
    # A literal without an end
    "300 'ab 2": "does not end",
    "300 'ab\" 2": "does not end",
    "300 b'ab 2": "does not end",
    "300 '": "does not end",
    r"300 'ab\' 4": "does not end",
    "300 'ab\\": "does not end",
    # Escape sequences
    r"300 'ab\q' 4": "escape",
    r"300 'ab\N{BULLET}' 5": "escape",
    r"300 'ab\a' 3": "escape",
    r"300 'ab\0' 3": "escape",
    r"300 'ab\x4' 3": "escape",
    r"300 'ab\xg0' 3": "escape",
    r"300 'ab\x+4' 3": "escape",
    r"300 'ab\u004' 3": "escape",
    r"300 'ab\u 041' 3": "escape",
    r"300 'ab\U0000004' 3": "escape",
    r"300 'ab\x": "escape",
    r"300 b'ab\u0041' 8": "escape",
    r"300 b'ab\U00000041' 12": "escape",
    # What has no UTF-8
    r"300 'ab\ud800' 5": "surrogate",
    r"300 'ab\udfff' 5": "surrogate",
    r"300 'ab\U0000dc00' 5": "surrogate",
    r"300 '\ud83d\ude42' 4": "surrogate",
    r"300 'ab\U00110000' 6": r"beyond U\+10FFFF",
    r"300 'ab\Uffffffff' 6": r"beyond U\+10FFFF",
    "300 b'é' 2": "ASCII",
    # The length, and the end of the line
    "300 'ab'": AFTER_THE_LITERAL,
    "300 'ab' ": AFTER_THE_LITERAL,
    "300 'ab'2": AFTER_THE_LITERAL,
    "300 'ab'  2": AFTER_THE_LITERAL,
    "300 'ab' x": AFTER_THE_LITERAL,
    "300 'ab' -2": AFTER_THE_LITERAL,
    "300 'ab' 2 ": AFTER_THE_LITERAL,
    "300 'ab' 2 3": AFTER_THE_LITERAL,
    "300 'ab' 2\r3": AFTER_THE_LITERAL,
    "300 'ab' 'cd' 4": AFTER_THE_LITERAL,
    "300 ('ab') 2": "str or bytes literal",
    "300 'ab'.upper() 2": AFTER_THE_LITERAL,
    "300 'ab' 1": "differs",
    "300 'ab' 3": "differs",
    "300 'é' 1": "differs",
    f"300 'ab' {2**64 + 2}": "differs",
    # Tokens that cannot be
    "300 '' 0": "empty",
    "300 b'' 0": "empty",
    f"300 '{'x' * 1025}' 1025": "longer than 1024 bytes",
    f"300 '{'é' * 513}' 1026": "longer than 1024 bytes",
    # Twice the same
    "97 'ab' 2": "earlier line",
    "300 'a' 1": "ids 98 and 300 are the same token",
    r"300 b'\xff' 1": "ids 256 and 300 are the same token",
}


@pytest.mark.parametrize("line_end", ["\n", "\r\n"], ids=["LF", "CRLF"])
@pytest.mark.parametrize(("line", "reason"), BAD_LINES.items())
def test_a_bad_line_is_named_with_the_reason(line: str, reason: str, line_end: str) -> None:
    content = BYTE_LINES + f"{line}\n".encode() + MORE_LINES
    with pytest.raises(VocabularyError, match=f"^line 257: .*{reason}") as caught:
        Tokenizer.from_bytes(content.replace(b"\n", line_end.encode()))
    assert caught.value.line == 257
    assert isinstance(caught.value, ValueError)


def test_an_expression_is_not_evaluated(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    expression = f'open({str(victim)!r}, "w").close()'
    for literal in (expression, f"'a' if {expression} else 'b'", f"f'{{{expression}}}'"):
        with pytest.raises(VocabularyError):
            Tokenizer.from_bytes(f"300 {literal} 2\n".encode() + BYTE_LINES)
    assert not victim.exists()


def test_the_same_token_twice_is_an_error_that_names_both_ids() -> None:
    content = BYTE_LINES + b"300 'ab' 2\n301 'cd' 2\n302 b'ab' 2\n"
    with pytest.raises(VocabularyError, match="ids 300 and 302 are the same token") as caught:
        Tokenizer.from_bytes(content)
    assert caught.value.line == 259


@pytest.mark.parametrize("byte", [0x00, 0x61, 0x80, 0xFF])
def test_a_byte_without_a_token_is_an_error(byte: int, byte_tokens: dict[int, bytes]) -> None:
    tokens = byte_tokens | {300: bytes([byte]) + b"x"}
    del tokens[byte + 1]
    for make in (Tokenizer.from_tokens, lambda t: Tokenizer.from_bytes(format_vocabulary(t))):
        with pytest.raises(VocabularyError, match=f"0x{byte:02X} has no token") as caught:
            make(tokens)
        assert caught.value.line is None


@pytest.mark.parametrize("content", [b"", b"1 'a' 1", b"1 'a' 1\n"])
def test_too_few_lines_are_an_error(content: bytes) -> None:
    with pytest.raises(VocabularyError, match="0x00 has no token"):
        Tokenizer.from_bytes(content)


@pytest.mark.parametrize("content", [5, [49, 32], "1 'a' 1", None], ids=repr)
def test_content_that_is_not_bytes_is_a_type_error(content: Any) -> None:
    with pytest.raises(TypeError):
        Tokenizer.from_bytes(content)


@given(content=st.binary(max_size=60))
def test_what_is_no_vocabulary_is_an_error(content: bytes) -> None:
    with pytest.raises(VocabularyError):
        Tokenizer.from_bytes(content)


@given(place=st.integers(0, len(BYTE_LINES) - 1), byte=st.integers(0, 255))
def test_a_changed_byte_is_an_error_or_read_as_the_oracle_reads_it(place: int, byte: int) -> None:
    changed = bytearray(BYTE_LINES)
    changed[place] = byte
    content = bytes(changed)
    with contextlib.suppress(VocabularyError):
        tok = Tokenizer.from_bytes(content)
        tokens = {token_id: tok.token_bytes(token_id) for token_id in tok}
        assert tokens == parse_vocabulary(content)


@pytest.mark.parametrize(
    ("bad", "line"),
    [(b"\xff", 257), (b"300 'ab' 2\n301 '\xc3' 1\n\xff", 258), (b"300 '\xed\xa0\x80' 3", 257)],
)
def test_what_is_not_utf_8_is_an_error_at_the_line_of_the_first_bad_byte(
    bad: bytes, line: int
) -> None:
    with pytest.raises(VocabularyError, match="UTF-8") as caught:
        Tokenizer.from_bytes(BYTE_LINES + bad + b"\n" + MORE_LINES)
    assert caught.value.line == line


def test_an_error_in_a_file_names_the_file(tmp_path: Path) -> None:
    file = tmp_path / "broken vocabulary.txt"
    file.write_bytes(BYTE_LINES + b"oops\n")
    for load in (Tokenizer.from_file, rwkv_tok.load):
        with pytest.raises(VocabularyError) as caught:
            load(file)
        assert caught.value.line == 257
        assert any(str(file) in note for note in caught.value.__notes__)


@pytest.mark.parametrize(
    ("added", "reason"),
    [
        ({0: b"ab"}, "id 0 is outside 1 ... 65535"),
        ({-1: b"ab"}, "id -1 is outside 1 ... 65535"),
        ({65536: b"ab"}, "id 65536 is outside 1 ... 65535"),
        ({2**70: b"ab"}, f"id {2**70} is outside 1 ... 65535"),
        ({300: b""}, "the token of id 300 is empty"),
        ({300: b"x" * 1025}, "the token of id 300 is longer than 1024 bytes"),
        ({300: b"a"}, "ids 98 and 300 are the same token"),
        ({301: b"ab", 300: b"ab"}, "ids 300 and 301 are the same token"),
    ],
    ids=str,
)
def test_bad_tokens_are_an_error_that_names_the_id(
    added: dict[int, bytes], reason: str, byte_tokens: dict[int, bytes]
) -> None:
    with pytest.raises(VocabularyError, match=re.escape(reason)) as caught:
        Tokenizer.from_tokens(byte_tokens | added)
    assert caught.value.line is None


@pytest.mark.parametrize(
    "added",
    [{300: "ab"}, {300: bytearray(b"ab")}, {300: None}, {"300": b"ab"}, {300.0: b"ab"},
     {None: b"ab"}, {True: b"ab"}],
    ids=str,
)  # fmt: skip
def test_an_id_or_token_of_another_type_is_a_type_error(
    added: Mapping[Any, Any], byte_tokens: dict[int, bytes]
) -> None:
    # The added ones first: True would otherwise only replace the token of id 1, and keep the key.
    with pytest.raises(TypeError, match=r"must be (an int|bytes), not "):
        Tokenizer.from_tokens({**added, **{k: v for k, v in byte_tokens.items() if k != 1}})


@pytest.mark.parametrize("tokens", [[b"a"], [(98, b"a")], None], ids=["tokens", "pairs", "None"])
def test_what_does_not_map_ids_to_tokens_is_a_type_error(tokens: Any) -> None:
    with pytest.raises(TypeError, match=r"not (list|NoneType)$"):
        Tokenizer.from_tokens(tokens)


def test_a_trie_of_too_many_nodes_is_an_error(byte_tokens: dict[int, bytes]) -> None:
    # Random tokens share hardly more than their first two bytes: about 1022 nodes for each.
    generator = random.Random(0)
    many = {1000 + number: generator.randbytes(1024) for number in range(9000)}
    with pytest.raises(VocabularyError, match="8388608 nodes"):
        Tokenizer.from_tokens(byte_tokens | many)
