"""Encoding a long text that comes in pieces: several windows, memos, threads."""

import functools
import random
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from reference import ReferenceTokenizer
from strategies import BUNDLED_FILE

from rwkv_tok import Tokenizer, _kernels
from rwkv_tok._encode import Encoder
from rwkv_tok._stream_encode import StreamEncoder
from rwkv_tok.vocabulary import Vocabulary

WINDOW = 1 << 13  # bytes that are encoded together
ENOUGH = 1 << 16  # bytes of text that an encoder must have seen to get a memo

kernels = pytest.mark.parametrize("kernel", _kernels.available())


@functools.cache
def encoder_with(kernel: str) -> Encoder:
    vocabulary = Vocabulary.parse(BUNDLED_FILE.read_bytes(), "streams")
    return Encoder(vocabulary.trie, vocabulary.tokens, kernel)


LONG = {
    "prose": "The quick brown fox, naïve 很久以前 これはペン 🙂 ещё.\n",
    "newlines": "\n",
    "spaces": " ",
    "one word": "a",
    "Han": "龘",
    "NUL": "\x00",
}


@kernels
@pytest.mark.parametrize("name", LONG)
@pytest.mark.parametrize("size", [100, WINDOW - 1, WINDOW + 1, ENOUGH + 5, 1 << 20])
def test_long_texts_in_large_pieces(kernel: str, tok: Tokenizer, name: str, size: int) -> None:
    data = (LONG[name].encode() * (150_000 // len(LONG[name].encode()) + 1))[:150_000]
    encoder = StreamEncoder(encoder_with(kernel), None)
    assert_equal_in_pieces(encoder, tok, data, size)


@kernels
def test_the_longest_token_again_and_again(
    tok: Tokenizer, tokens: dict[int, bytes], kernel: str
) -> None:
    longest = max(tokens.values(), key=len)
    encoder = StreamEncoder(encoder_with(kernel), None)
    for size in (1, len(longest) - 1, len(longest), len(longest) + 1, WINDOW):
        assert_equal_in_pieces(encoder, tok, longest * (3 * WINDOW // len(longest)), size)


@kernels
def test_noise_and_tokens_that_are_cut_off(
    tok: Tokenizer, tokens: dict[int, bytes], kernel: str
) -> None:
    numbers = random.Random(3)
    cut_off = b"".join(t[:-1] for t in numbers.choices(list(tokens.values()), k=10_000))
    encoder = StreamEncoder(encoder_with(kernel), None)
    for data in (numbers.randbytes(50_000), cut_off):
        for size in (13, 300, WINDOW, 3 * WINDOW + 7):
            assert_equal_in_pieces(encoder, tok, data, size)


def assert_equal_in_pieces(
    encoder: StreamEncoder, tok: Tokenizer, data: bytes, size: int, longest: int = 128
) -> None:
    parts: list[np.ndarray] = []
    held = 0
    for start in range(0, len(data), size):
        piece = data[start : start + size]
        parts.append(encoder.feed(piece))
        held += len(piece) - len(tok.decode_bytes(parts[-1]))
        assert 0 <= held < longest
    parts.append(encoder.flush())
    assert np.array_equal(np.concatenate(parts), tok.encode(data))


@kernels
@pytest.mark.parametrize("repeated", [b"x" * 1024, b"ab" * 512])
def test_a_token_as_long_as_a_token_can_be(
    byte_tokens: dict[int, bytes], kernel: str, repeated: bytes
) -> None:
    tokens = byte_tokens | {300: repeated, 301: repeated[:1000]}
    made = Tokenizer.from_tokens(tokens)
    vocabulary = Vocabulary.from_tokens(tokens)
    encoder = StreamEncoder(Encoder(vocabulary.trie, vocabulary.tokens, kernel), None)
    data = repeated * 12 + repeated[:1023]
    assert made.encode(data).tolist() == ReferenceTokenizer(tokens).encode(data)
    for size in (97, 1023, 1024, WINDOW, len(data)):
        assert_equal_in_pieces(encoder, made, data, size, longest=1024)


def test_encoders_of_several_threads_do_not_disturb_each_other(tok: Tokenizer) -> None:
    def encode(number: int) -> bool:
        encoder = tok.stream_encoder()
        data = (LONG["prose"] * 2000 + str(number)).encode()[number:]
        size = 5000 + 977 * number
        parts = [encoder.feed(data[start : start + size]) for start in range(0, len(data), size)]
        return np.array_equal(np.concatenate([*parts, encoder.flush()]), tok.encode(data))

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(encode, range(12)))
