"""encode_with_offsets: where each token lies in its text."""

import mmap
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from reference import ReferenceTokenizer
from strategies import byte_strings, small_vocabularies, texts

from rwkv_tok import Tokenizer


def assert_offsets(offsets: np.ndarray, expected: list[tuple[int, int]]) -> None:
    assert offsets.dtype == np.int64
    assert offsets.shape == (len(expected), 2)
    assert [tuple(row) for row in offsets.tolist()] == expected


@given(texts())
@pytest.mark.parametrize("unit", ["char", "byte"])
def test_offsets_of_a_text_are_those_of_the_oracle(
    tok: Tokenizer, reference: ReferenceTokenizer, unit: Any, text: str
) -> None:
    ids, offsets = tok.encode_with_offsets(text, unit=unit)
    assert ids.tolist() == reference.encode(text)
    assert_offsets(offsets, reference.offsets(text, unit))


@given(byte_strings())
def test_offsets_of_bytes_are_those_of_the_oracle(
    tok: Tokenizer, reference: ReferenceTokenizer, data: bytes
) -> None:
    ids, offsets = tok.encode_with_offsets(data, unit="byte")
    assert ids.tolist() == reference.encode(data)
    assert_offsets(offsets, reference.offsets(data, "byte"))


@given(small_vocabularies(), texts())
def test_tokens_may_begin_and_end_anywhere_in_a_character(
    vocabulary: dict[int, bytes], text: str
) -> None:
    _, offsets = Tokenizer.from_tokens(vocabulary).encode_with_offsets(text)
    assert_offsets(offsets, ReferenceTokenizer(vocabulary).offsets(text, "char"))


@given(texts())
def test_a_token_lies_within_the_characters_it_covers(
    tok: Tokenizer, tokens: dict[int, bytes], text: str
) -> None:
    ids, offsets = tok.encode_with_offsets(text)
    for token_id, (start, end) in zip(ids.tolist(), offsets.tolist(), strict=True):
        assert tokens[token_id] in text[start:end].encode()


def test_tokens_of_whole_characters_are_what_stands_in_their_place(tok: Tokenizer) -> None:
    text = (Path(__file__).parent.parent / "examples" / "sample.txt").read_text("utf-8")
    ids, characters = tok.encode_with_offsets(text)
    _, in_bytes = tok.encode_with_offsets(text, unit="byte")
    starts = np.cumsum([0, *(len(character.encode()) for character in text)])
    within = 0
    for token_id, (a, b), (begin, end) in zip(
        ids.tolist(), characters.tolist(), in_bytes.tolist(), strict=True
    ):
        if (starts[a], starts[b]) == (begin, end):
            assert text[a:b].encode() == tok.token_bytes(token_id)
        else:
            within += 1
            assert starts[a] <= begin < starts[a + 1]
            assert starts[b - 1] < end <= starts[b]
    assert 0 < within < len(ids) // 10


@given(texts())
def test_the_characters_are_covered_without_a_gap(tok: Tokenizer, text: str) -> None:
    _, offsets = tok.encode_with_offsets(text)
    covered = {i for start, end in offsets.tolist() for i in range(start, end)}
    assert covered == set(range(len(text)))


def test_tokens_inside_one_character_have_the_same_offsets() -> None:
    single_bytes = Tokenizer.from_tokens({byte + 1: bytes([byte]) for byte in range(256)})
    _, offsets = single_bytes.encode_with_offsets("a🙂é")
    assert offsets.tolist() == [[0, 1]] + [[1, 2]] * 4 + [[2, 3]] * 2


def test_characters_are_the_default_unit(tok: Tokenizer) -> None:
    ids, offsets = tok.encode_with_offsets("a🙂")
    assert ids.tolist() == [98, 3319, 2417]
    assert offsets.tolist() == [[0, 1], [1, 2], [1, 2]]


@pytest.mark.parametrize("text", ["", b"", bytearray()], ids=repr)
def test_the_empty_text_has_no_offsets(tok: Tokenizer, text: Any) -> None:
    ids, offsets = tok.encode_with_offsets(text, unit="byte")
    assert (ids.shape, ids.dtype) == ((0,), np.uint16)
    assert (offsets.shape, offsets.dtype) == ((0, 2), np.int64)


def test_the_empty_text_has_no_characters(tok: Tokenizer) -> None:
    _, offsets = tok.encode_with_offsets("")
    assert (offsets.shape, offsets.dtype) == ((0, 2), np.int64)


@pytest.mark.parametrize("text", [b"abc", b"", bytearray(b"abc"), np.zeros(3, np.uint8)], ids=repr)
def test_characters_of_bytes_are_a_value_error(tok: Tokenizer, text: Any) -> None:
    with pytest.raises(ValueError, match="unit='byte'"):
        tok.encode_with_offsets(text)


@pytest.mark.parametrize("unit", ["char", "byte"])
@pytest.mark.parametrize("wrong", [None, 5, ["text"], 1.5], ids=repr)
def test_what_is_no_text_is_a_type_error(tok: Tokenizer, wrong: Any, unit: Any) -> None:
    with pytest.raises(TypeError):
        tok.encode_with_offsets(wrong, unit=unit)


@pytest.mark.parametrize("unit", ["char", "byte"])
@pytest.mark.parametrize("dtype", ["f8", "u2", "M8[s]"])
def test_an_array_of_anything_but_bytes_is_a_type_error(
    tok: Tokenizer, dtype: str, unit: Any
) -> None:
    with pytest.raises(TypeError, match="a text must be str or a buffer of bytes"):
        tok.encode_with_offsets(np.zeros(3, dtype), unit=unit)


@pytest.mark.parametrize("unit", ["chars", "", "bytes", None, 1])
@pytest.mark.parametrize("text", ["", "é"])
def test_another_unit_is_refused(tok: Tokenizer, text: str, unit: Any) -> None:
    with pytest.raises(ValueError, match="unit"):
        tok.encode_with_offsets(text, unit=unit)


@pytest.mark.parametrize("unit", ["char", "byte"])
def test_a_lone_surrogate_is_an_error(tok: Tokenizer, unit: Any) -> None:
    with pytest.raises(UnicodeEncodeError) as caught:
        tok.encode_with_offsets("ab\udc80", unit=unit)
    assert (caught.value.start, caught.value.end) == (2, 3)


def test_every_kind_of_buffer_has_byte_offsets(tok: Tokenizer) -> None:
    with mmap.mmap(-1, 11) as memory:
        memory.write("Hello 你好".encode()[:11])
        expected = tok.encode_with_offsets(memory[:], unit="byte")[1].tolist()
        assert tok.encode_with_offsets(memory, unit="byte")[1].tolist() == expected
    assert expected[-1][1] == 11


@pytest.mark.parametrize("piece", ["Hello world ", "Grüße ", "今天是美好的一天。", "a🙂 "])
def test_a_long_text(tok: Tokenizer, reference: ReferenceTokenizer, piece: str) -> None:
    text = piece * 3000
    for unit in ("char", "byte"):
        assert_offsets(tok.encode_with_offsets(text, unit=unit)[1], reference.offsets(text, unit))
