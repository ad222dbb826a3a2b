"""Encoding a text that comes in pieces: ids come out as soon as nothing can change them."""

import copy
import functools
import itertools
import pickle
import sys
import weakref
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import ReferenceTokenizer
from strategies import (
    BUNDLED_FILE,
    WIDE_PIECES,
    byte_strings,
    small_byte_strings,
    small_vocabularies,
    texts,
    wide_byte_strings,
)

from rwkv_tok import Tokenizer, _encode, _kernels
from rwkv_tok._encode import Encoder
from rwkv_tok._stream_encode import StreamEncoder
from rwkv_tok.vocabulary import Vocabulary

Piece = str | bytes

ENOUGH = 1 << 16  # bytes of text that an encoder must have seen to get a memo
LONGEST_REST = 32  # windows

kernels = pytest.mark.parametrize("kernel", _kernels.available())


@functools.cache
def bundled_encoder(kernel: str) -> Encoder:
    return encoder_of(Vocabulary.parse(BUNDLED_FILE.read_bytes(), "streams"), kernel)


def encoder_of(vocabulary: Vocabulary, kernel: str) -> Encoder:
    """With a memo, awake, if the kernel has one."""
    encoder = Encoder(vocabulary.trie, vocabulary.tokens, kernel)
    _encode.encode(encoder, bytes(ENOUGH))
    for _ in range(LONGEST_REST):
        _encode.encode(encoder, "x")
    return encoder


def feed_checked(
    encoder: StreamEncoder, oracle: ReferenceTokenizer, parts: Sequence[Piece]
) -> list[int]:
    """The joined ids of all pieces; at every moment little is held back."""
    ids: list[int] = []
    size = 0
    for part in parts:
        fed = encoder.feed(part)
        assert fed.dtype == np.uint16
        ids += fed.tolist()
        size += len(part.encode() if isinstance(part, str) else part)
        assert 0 <= size - len(oracle.decode_bytes(ids)) < oracle.longest
    ids += encoder.flush().tolist()
    assert encoder.flush().tolist() == []
    return ids


def joined(parts: Sequence[Piece]) -> bytes:
    return b"".join(part.encode() if isinstance(part, str) else part for part in parts)


@kernels
@given(parts=st.lists(st.one_of(texts(8), byte_strings(max_pieces=5))))
def test_pieces_have_the_ids_of_the_whole(
    reference: ReferenceTokenizer, kernel: str, parts: list[Piece]
) -> None:
    encoder = StreamEncoder(bundled_encoder(kernel), None)
    assert feed_checked(encoder, reference, parts) == reference.encode(joined(parts))


@given(data=byte_strings(), places=st.lists(st.integers(0, 200)))
def test_bytes_may_be_cut_anywhere(
    tok: Tokenizer, reference: ReferenceTokenizer, data: bytes, places: list[int]
) -> None:
    bounds = [0, *sorted(places), len(data)]
    parts = [data[start:end] for start, end in itertools.pairwise(bounds)]
    assert feed_checked(tok.stream_encoder(), reference, parts) == reference.encode(joined(parts))


@given(text=texts())
@pytest.mark.parametrize("size", [1, 2, 7])
def test_a_text_may_come_in_single_characters_or_bytes(
    tok: Tokenizer, reference: ReferenceTokenizer, size: int, text: str
) -> None:
    for whole in (text, text.encode()):
        parts = [whole[start : start + size] for start in range(0, len(whole), size)]
        ids = feed_checked(tok.stream_encoder(), reference, parts)
        assert ids == reference.encode(text)


@kernels
@settings(max_examples=20)
@given(tokens=small_vocabularies(), parts=st.lists(small_byte_strings(8), min_size=1, max_size=12))
def test_any_vocabulary_agrees_with_the_oracle(
    kernel: str, tokens: dict[int, bytes], parts: list[bytes]
) -> None:
    compare_small(kernel, tokens, parts)


@kernels
@settings(max_examples=20)
@given(
    tokens=small_vocabularies(WIDE_PIECES),
    parts=st.lists(wide_byte_strings(3), min_size=1, max_size=10),
)
def test_tokens_may_join_characters_of_three_bytes_and_parts_of_them(
    kernel: str, tokens: dict[int, bytes], parts: list[bytes]
) -> None:
    compare_small(kernel, tokens, parts)


def compare_small(kernel: str, tokens: dict[int, bytes], parts: list[bytes]) -> None:
    oracle = ReferenceTokenizer(tokens)
    encoder = StreamEncoder(encoder_of(Vocabulary.from_tokens(tokens), kernel), None)
    for cutting in (parts, [bytes([byte]) for byte in joined(parts)], [joined(parts)]):
        assert feed_checked(encoder, oracle, cutting) == oracle.encode(joined(parts))


# Few letters, so that all that may follow can be tried; a NUL, which an empty slot of a trie
# resembles.
SINGLE_BYTES = {byte + 1: bytes([byte]) for byte in range(256)}
LETTERS = b"\x00ab"
LONGEST = 4
FOLLOWING = [
    bytes(letters)
    for length in range(LONGEST)
    for letters in itertools.product(LETTERS, repeat=length)
]


def letter_strings(min_size: int, max_size: int) -> st.SearchStrategy[bytes]:
    letters = st.lists(st.sampled_from(LETTERS), min_size=min_size, max_size=max_size)
    return letters.map(bytes)


@settings(max_examples=60)
@given(
    longer=st.sets(letter_strings(2, LONGEST), min_size=1, max_size=10), text=letter_strings(1, 10)
)
def test_an_id_comes_out_as_soon_as_nothing_that_follows_can_change_it(
    longer: set[bytes], text: bytes
) -> None:
    tokens = SINGLE_BYTES | dict(enumerate(sorted(longer), 300))
    oracle = ReferenceTokenizer(tokens)
    encoder = Tokenizer.from_tokens(tokens).stream_encoder()
    ids: list[int] = []
    for end in range(1, len(text) + 1):
        ids += encoder.feed(text[end - 1 : end]).tolist()
        assert ids == common_beginning([oracle.encode(text[:end] + rest) for rest in FOLLOWING])


def common_beginning(sequences: list[list[int]]) -> list[int]:
    columns = itertools.takewhile(lambda ids: len(set(ids)) == 1, zip(*sequences, strict=False))
    return [ids[0] for ids in columns]


def test_a_token_that_nothing_continues_is_not_held_back(byte_tokens: dict[int, bytes]) -> None:
    encoder = Tokenizer.from_tokens(byte_tokens | {300: b"ab", 301: b"abcd"}).stream_encoder()
    fed = [encoder.feed(letter).tolist() for letter in "xababcabcd"]
    assert fed == [[120 + 1], [], [], [300], [], [], [300, 99 + 1], [], [], [301]]


@pytest.mark.parametrize(
    "wrap", [bytes, bytearray, memoryview, lambda data: np.frombuffer(data, np.uint8)]
)
def test_a_piece_may_be_any_buffer(tok: Tokenizer, wrap: Callable[[bytes], Any]) -> None:
    encoder = tok.stream_encoder()
    encoder.feed(wrap(b"Hel"))
    ids = encoder.feed(wrap(b"lo wor"))
    assert ids.tolist() == [33155]
    assert ids.flags.owndata
    assert ids.flags.writeable


def test_a_changed_buffer_changes_nothing_of_what_was_taken(tok: Tokenizer) -> None:
    encoder = tok.stream_encoder()
    piece = bytearray(b"Hel")
    encoder.feed(piece)
    piece[:] = b"xxxx"
    assert [*encoder.feed("lo"), *encoder.flush()] == [33155]


WRONG: list[Any] = [None, 5, ["a"], np.zeros(3, np.int32), np.uint8(97), memoryview(b"abc")[::2]]
WRONG += ["\ud800", "lo\udfff", "龘\udc80" * 5000, "a" * ENOUGH + "\ud800"]


@pytest.mark.parametrize("index", range(len(WRONG)))
def test_after_an_error_nothing_was_taken(tok: Tokenizer, index: int) -> None:
    encoder = tok.stream_encoder()
    assert encoder.feed("Hel").tolist() == []
    with pytest.raises((TypeError, ValueError)) as caught:
        encoder.feed(WRONG[index])
    assert isinstance(caught.value, UnicodeEncodeError) == isinstance(WRONG[index], str)
    assert encoder.feed("lo wor").tolist() == [33155]


def test_nothing_is_nothing(tok: Tokenizer) -> None:
    encoder = tok.stream_encoder()
    assert encoder.flush().shape == (0,)
    encoder.feed("Hel")
    for empty in ("", b"", bytearray(), np.empty(0, np.uint8)):
        assert encoder.feed(empty).shape == (0,)
    assert [*encoder.feed("lo"), *encoder.flush()] == [33155]


def test_flush_and_reset_begin_anew(tok: Tokenizer) -> None:
    encoder = tok.stream_encoder()
    encoder.feed("Hel")
    assert encoder.flush().tolist() == tok.encode("Hel").tolist()
    assert [*encoder.feed("lo"), *encoder.flush()] == tok.encode("lo").tolist()
    encoder.feed("Hel")
    encoder.reset()
    assert [*encoder.feed("lo"), *encoder.flush()] == tok.encode("lo").tolist()


@pytest.mark.parametrize("again", [StreamEncoder.copy, copy.copy, copy.deepcopy])
def test_a_copy_goes_on_by_itself(
    tok: Tokenizer, again: Callable[[StreamEncoder], StreamEncoder]
) -> None:
    encoder = tok.stream_encoder()
    encoder.feed("Hel")
    twin = again(encoder)
    assert [*twin.feed("p"), *twin.flush()] == tok.encode("Help").tolist()
    assert [*encoder.feed("lo"), *encoder.flush()] == [33155]


def test_an_encoder_is_not_pickled(tok: Tokenizer) -> None:
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(TypeError, match="pickle its Tokenizer"):
            pickle.dumps(tok.stream_encoder(), protocol)


def test_an_encoder_is_small_and_outlives_its_tokenizer(byte_tokens: dict[int, bytes]) -> None:
    made = Tokenizer.from_tokens(byte_tokens | {300: b"ab"})
    gone = weakref.ref(made)
    encoder = made.stream_encoder()
    del made
    assert gone() is None
    assert [*encoder.feed("aba"), *encoder.flush()] == [300, 98]
    assert sys.getsizeof(encoder) < 2500
