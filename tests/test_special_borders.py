"""Special tokens where the encoder cuts a text: at the ends of its windows, between two threads."""

import functools
from typing import Any, AnyStr

import numpy as np
import pytest
from numpy.typing import NDArray
from reference import ReferenceTokenizer, split_at_special

from rwkv_tok import Tokenizer, _encode, _kernels
from rwkv_tok._encode import Encoder
from rwkv_tok.special import PROFILES
from rwkv_tok.vocabulary import load_bundled

WINDOW = 1 << 13  # bytes that are encoded together
UNIT = 1 << 18  # bytes after which a long document is cut
LONG = 2 * UNIT

LONGEST = "\n<" + "|" * 1020 + ">\n"

# One begins like another, and one could be cut by threads at each of its bytes: see below.
SPECIAL = {
    "<|im_start|>": 65530,
    "<|im_start|><|im_end|>": 65531,
    "<|im_end|>": 65532,
    LONGEST: 65533,
    "\x00\x01\x02\x03\x04": 65534,
    "中\x01🙂": 65535,
}

# Of one, two and four bytes a character in memory; text with cuts everywhere, and with none.
FILLERS = ["some words, ", "ü ö é ", "漢字。かな", "🙂 🙃 a ", "abcdefgh", "中" * 9]

kernels = pytest.mark.parametrize("kernel", _kernels.available())
fillers = pytest.mark.parametrize("filler", FILLERS, ids=ascii)


@pytest.fixture(scope="module")
def special(tok: Tokenizer) -> Tokenizer:
    return tok.with_special_tokens(SPECIAL)


def by_parts(tok: Tokenizer, text: str | bytes, tokens: dict[str, int] = SPECIAL) -> NDArray[Any]:
    """What lies between special tokens encoded alone, which other tests compare with the oracle."""
    data = text.encode() if isinstance(text, str) else text
    parts = split_at_special(data, tokens)
    return np.concatenate([[p] if isinstance(p, int) else tok.encode(p) for p in parts])


def fill(filler: str, size: int) -> str:
    """A text of so many bytes: of the filler, and then of what is missing in a letter."""
    text = filler * (size // len(filler.encode()))
    return text + "x" * (size - len(text.encode()))


@functools.cache
def _encoder(kernel: str) -> Encoder:
    bundled = load_bundled("rwkv_vocab_v20230424")
    encoder = Encoder(bundled.trie, bundled.tokens, kernel)
    _encode.encode(encoder, "Enough for a memo. " * 4000)
    return encoder


@functools.cache
def _matcher() -> Any:
    bundled = load_bundled("rwkv_vocab_v20230424")
    return bundled.with_special_tokens(SPECIAL).special.matcher("all")


AT_BORDERS = {
    "whole": "<|im_start|>",
    "one that could go on": "<|im_start|><|im_en",
    "one that goes on": "<|im_start|><|im_end|>",
    "begun": "<|im_star",
    "many": "<|im_end|>" * 4 + "<|im_start|>" * 3,
    "many small beginnings": "<<|<|im<|im_<|im_start<|im_start|",
    "longest": LONGEST,
    "the longest without its end": LONGEST[:-1],
    "control characters": "\x00\x01\x02\x03\x04\x00\x01\x02\x03",
    "wide": "中\x01🙂中\x01",
}


@kernels
@pytest.mark.parametrize("name", AT_BORDERS)
@fillers
def test_a_special_token_may_lie_across_the_end_of_a_window(
    tok: Tokenizer, kernel: str, name: str, filler: str
) -> None:
    piece = AT_BORDERS[name]
    size = len(piece.encode())
    for before in range(WINDOW - size - 2, WINDOW + 3, max(1, size // 8)):
        text = fill(filler, before) + piece + filler * 9
        ids = _encode.encode(_encoder(kernel), text, _matcher())
        assert np.array_equal(ids, by_parts(tok, text))


@kernels
@fillers
def test_windows_may_end_anywhere_in_a_text_full_of_them(
    tok: Tokenizer, kernel: str, filler: str
) -> None:
    turn = filler + "<|im_start|>" + filler * 3 + "<|im_end|><|im_start|><|im_end|><|im_"
    text = turn * (2 * WINDOW // len(turn.encode()) + 1)
    for start in range(0, len(turn), 5):
        ids = _encode.encode(_encoder(kernel), text[start:], _matcher())
        assert np.array_equal(ids, by_parts(tok, text[start:]))


@kernels
@pytest.mark.parametrize("size", [1, WINDOW, WINDOW + 1, 3 * WINDOW])
@pytest.mark.parametrize("piece", ["<|im_end|>", "<", "<|", LONGEST, "\x00\x01\x02\x03"], ids=len)
def test_nothing_else_in_a_text(tok: Tokenizer, kernel: str, piece: str, size: int) -> None:
    text = piece * (size // len(piece) + 1)
    ids = _encode.encode(_encoder(kernel), text, _matcher())
    assert np.array_equal(ids, by_parts(tok, text))


def test_threads_could_cut_these_special_tokens_anywhere(reference: ReferenceTokenizer) -> None:
    # What the tests below are about: no ordinary token keeps these bytes together.
    inner = reference.inner_pairs()
    assert not {(0, 1), (1, 2), (2, 3), (3, 4), (0xAD, 1), (1, 0xF0)} & inner


def long_text(filler: str, piece: str, shift: int) -> str:
    """A text that threads share, with this piece where it would be cut, or so far from there."""
    # What is counted is characters, as many as surely have no more than so many bytes.
    unit = UNIT // most_bytes(filler + piece)
    return repeated(filler, unit + shift) + piece + repeated(filler, unit)


def long_bytes(filler: str, piece: str, shift: int) -> bytes:
    """The same in bytes, which are counted as they are."""
    data = filler.encode()
    return repeated(data, UNIT + shift) + piece.encode() + repeated(data, UNIT)


def repeated(filler: AnyStr, length: int) -> AnyStr:
    return (filler * (length // len(filler) + 1))[:length]


def most_bytes(text: str) -> int:
    """The most bytes of UTF-8 that a character may have in a str that is kept as this one is."""
    widest = max(text)
    return 1 + (widest > "\x7f") + (widest > "\xff") + (widest > "\uffff")


LONG_PIECES = [
    "<|im_start|><|im_end|>",
    "\x00\x01\x02\x03\x04" * 2,
    "中\x01🙂",
    LONGEST,
]


@pytest.mark.parametrize("num_threads", [1, 2])
@pytest.mark.parametrize("piece", LONG_PIECES, ids=lambda piece: ascii(piece[:15]))
@pytest.mark.parametrize("filler", ["some words, ", "ü ö é ", "漢字。か", "🙂 a "], ids=ascii)
def test_long_documents_are_not_cut_within_a_special_token(
    tok: Tokenizer, special: Tokenizer, filler: str, piece: str, num_threads: int
) -> None:
    options: Any = {"num_threads": num_threads, "allowed_special": "all"}
    for make, size in ((long_text, len(piece)), (long_bytes, len(piece.encode()))):
        for shift in sorted({-size, 1 - size, -size // 2, -1, 0}):
            text = make(filler, piece, shift)
            batch = special.encode_ragged([text], **options)
            assert np.array_equal(batch.ids, by_parts(tok, text))
            assert special.count_batch([text], **options).tolist() == [len(batch.ids)]


@pytest.mark.parametrize("num_threads", [1, 2])
def test_a_document_of_special_tokens_only_is_cut_between_them(
    special: Tokenizer, num_threads: int
) -> None:
    text = "\x00\x01\x02\x03\x04" * (LONG // 4)
    for form in (text, text.encode()):
        batch = special.encode_ragged([form], num_threads=num_threads, allowed_special="all")
        assert np.array_equal(batch.ids, np.full(LONG // 4, 65534))


@pytest.mark.parametrize("num_threads", [1, 2])
def test_a_long_document_has_plain_text_where_nothing_is_allowed(
    tok: Tokenizer, special: Tokenizer, num_threads: int
) -> None:
    text = long_text("some words, ", "<|im_start|><|im_end|>", -5)
    batch = special.encode_ragged([text], num_threads=num_threads)
    assert np.array_equal(batch.ids, tok.encode(text))


def test_a_long_document_in_the_published_set(tok: Tokenizer) -> None:
    profile = dict(PROFILES["v20260603"])
    turn = "<|im_start|>user\nHello 你好<|im_end|>\n<|im_start|>bot\n<|think|>é<|endoftext|>"
    text = turn * (2 * LONG // len(turn))
    published = tok.with_special_tokens("v20260603")
    expected = by_parts(tok, text, profile)
    assert np.array_equal(published.encode(text, allowed_special="all"), expected)
    for num_threads in (1, 2):
        batch = published.encode_ragged([text], num_threads=num_threads, allowed_special="all")
        assert np.array_equal(batch.ids, expected)
