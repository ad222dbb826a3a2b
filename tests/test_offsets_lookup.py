"""char_to_token and token_to_chars: from positions in a text to tokens and back."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import byte_strings, texts

from rwkv_tok import Tokenizer, char_to_token, token_to_chars

INTEGERS = [int, np.int8, np.uint8, np.int32, np.int64, np.uint64]


def assert_inverse(offsets: np.ndarray, length: int) -> None:
    """Each position has the first token that covers it, found by looking at all of them."""
    ranges = [token_to_chars(offsets, token) for token in range(len(offsets))]
    assert ranges == [tuple(row) for row in offsets.tolist()]
    for position in range(length):
        covering = [t for t, (begin, end) in enumerate(ranges) if begin <= position < end]
        assert char_to_token(offsets, position) == covering[0]
    with pytest.raises(IndexError, match=f"position {length} in a text of {length}"):
        char_to_token(offsets, length)


@given(texts())
def test_they_are_each_others_inverse_in_characters(tok: Tokenizer, text: str) -> None:
    assert_inverse(tok.encode_with_offsets(text)[1], len(text))


@given(st.one_of(texts(max_pieces=8), byte_strings(max_pieces=8)))
def test_they_are_each_others_inverse_in_bytes(tok: Tokenizer, text: Any) -> None:
    data = text.encode() if isinstance(text, str) else text
    assert_inverse(tok.encode_with_offsets(text, unit="byte")[1], len(data))


def test_of_tokens_inside_one_character_the_first_is_found(byte_tokens: dict[int, bytes]) -> None:
    _, offsets = Tokenizer.from_tokens(byte_tokens).encode_with_offsets("a🙂é")
    assert [char_to_token(offsets, position) for position in range(3)] == [0, 1, 5]
    assert_inverse(offsets, 3)


@given(st.lists(texts(), min_size=1, max_size=4))
def test_they_work_on_the_part_of_one_text_of_a_batch(tok: Tokenizer, strings: list[str]) -> None:
    batch, offsets = tok.encode_ragged_with_offsets(strings)
    for number, text in enumerate(strings):
        rows = offsets[batch.offsets[number] : batch.offsets[number + 1]]
        assert_inverse(rows, len(text))


@pytest.mark.parametrize("ids", [[98, 3319, 0, 2417, 99], [3319, 0, 0, 2417], [3319, 0, 2417]])
def test_an_id_without_text_in_a_character_hides_none(tok: Tokenizer, ids: list[int]) -> None:
    text, offsets = tok.decode_with_offsets(ids)
    assert_inverse(offsets, len(text))


@given(st.lists(st.sampled_from([0, 98, 0xC3 + 1, 0xA9 + 1]), max_size=12))
def test_they_are_each_others_inverse_for_what_was_decoded(tok: Tokenizer, ids: list[int]) -> None:
    text, offsets = tok.decode_with_offsets(ids)
    assert_inverse(offsets, len(text))


def test_known_answers(tok: Tokenizer) -> None:
    _, offsets = tok.encode_with_offsets("Hello a🙂")  # Hello, space and a, 🙂 in two
    assert [char_to_token(offsets, position) for position in range(8)] == [0] * 5 + [1, 1, 2]
    assert [token_to_chars(offsets, token) for token in range(4)] == [
        (0, 5),
        (5, 7),
        (7, 8),
        (7, 8),
    ]


@pytest.mark.parametrize("kind", INTEGERS)
def test_numpy_integers_are_positions_and_plain_ones_come_back(tok: Tokenizer, kind: Any) -> None:
    _, offsets = tok.encode_with_offsets("Hello world")
    token = char_to_token(offsets, kind(6))
    begin, end = token_to_chars(offsets, kind(1))
    assert (token, begin, end) == (1, 5, 11)
    assert {type(token), type(begin), type(end)} == {int}


@pytest.mark.parametrize("position", [-1, 11, 12, 2**63, -(2**70)])
def test_a_position_outside_the_text_is_an_index_error(tok: Tokenizer, position: int) -> None:
    with pytest.raises(IndexError, match=f"position {position} in a text of 11"):
        char_to_token(tok.encode_with_offsets("Hello world")[1], position)


@pytest.mark.parametrize("token", [-1, 2, 3, 2**63, -(2**70)])
def test_a_token_that_there_is_not_is_an_index_error(tok: Tokenizer, token: int) -> None:
    with pytest.raises(IndexError, match=f"token {token} of 2"):
        token_to_chars(tok.encode_with_offsets("Hello world")[1], token)


@pytest.mark.parametrize("number", [-1, 0, 1])
def test_the_empty_text_has_neither(tok: Tokenizer, number: int) -> None:
    _, offsets = tok.encode_with_offsets("")
    with pytest.raises(IndexError, match="in a text of 0"):
        char_to_token(offsets, number)
    with pytest.raises(IndexError, match="of 0"):
        token_to_chars(offsets, number)


@pytest.mark.parametrize("lookup", [char_to_token, token_to_chars])
@pytest.mark.parametrize("wrong", [0.0, "0", None, [0], np.float64(1), np.arange(2)], ids=repr)
def test_what_is_no_integer_is_a_type_error(tok: Tokenizer, lookup: Any, wrong: Any) -> None:
    _, offsets = tok.encode_with_offsets("Hello world")
    with pytest.raises(TypeError):
        lookup(offsets, wrong)


@pytest.mark.parametrize("lookup", [char_to_token, token_to_chars])
@pytest.mark.parametrize("wrong", ["ids", "transposed", "list"])
def test_what_are_no_offsets_is_a_value_error(tok: Tokenizer, lookup: Any, wrong: str) -> None:
    ids, offsets = tok.encode_with_offsets("Hello wonderful world")
    given = {"ids": ids, "transposed": offsets.T, "list": offsets.tolist()}[wrong]
    with pytest.raises(ValueError, match=r"must be an array of shape \(n, 2\)"):
        lookup(given, 0)
