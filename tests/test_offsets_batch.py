"""encode_ragged_with_offsets: where each token lies in its text, for all texts of a batch."""

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from libraries import library
from reference import ReferenceTokenizer
from strategies import byte_strings, small_vocabularies, texts

from rwkv_tok import TokenBatch, Tokenizer

pa = library("pyarrow")

Unit = Literal["char", "byte"]

# The units that threads take have so many ids; from four of them on there are several threads.
UNIT = 1 << 16
WIDTHS = {"ASCII": "Hello world ", "Latin-1": "Grüße ", "2 bytes": "你好 ", "4 bytes": "a🙂é你 "}
TEXTS = [*WIDTHS.values(), "", "123456789 12", "今天是美好的一天。", "\x00", "👩‍👩‍👧‍👦", ""]

# Nothing, in all its forms.
EMPTY: list[Any] = [[], (), [""], ["", ""]]
if pa:
    EMPTY += [pa.array([], pa.string())]

both_units = pytest.mark.parametrize("unit", ["char", "byte"])
threads = pytest.mark.parametrize("num_threads", [None, 1, 2])


def assert_offsets(
    tok: Tokenizer,
    reference: ReferenceTokenizer,
    batch: TokenBatch,
    offsets: np.ndarray,
    expected: list[Any],
    unit: Unit,
) -> None:
    """The batch is that of these texts, and the offsets those of the oracle for each of them."""
    assert batch == tok.encode_ragged(expected)
    assert (offsets.dtype, offsets.shape) == (np.int64, (len(batch.ids), 2))
    bounds = batch.offsets.tolist()
    for text, start, end in zip(expected, bounds, bounds[1:], strict=False):
        assert [tuple(row) for row in offsets[start:end].tolist()] == reference.offsets(text, unit)


def one_by_one(tok: Tokenizer, expected: list[Any], unit: Unit) -> np.ndarray:
    """The offsets of each text in a call of its own, one after the other."""
    several = [tok.encode_with_offsets(text, unit=unit)[1] for text in expected]
    return np.concatenate([np.empty((0, 2), np.int64), *several])


@both_units
@given(st.lists(texts(), max_size=6))
def test_offsets_of_a_batch_are_those_of_the_oracle_for_each_text(
    tok: Tokenizer, reference: ReferenceTokenizer, unit: Unit, strings: list[str]
) -> None:
    batch, offsets = tok.encode_ragged_with_offsets(strings, unit=unit)
    assert_offsets(tok, reference, batch, offsets, strings, unit)


@given(st.lists(st.one_of(texts(), byte_strings()), max_size=6))
def test_str_and_bytes_side_by_side_have_byte_offsets(
    tok: Tokenizer, reference: ReferenceTokenizer, mixed: list[Any]
) -> None:
    batch, offsets = tok.encode_ragged_with_offsets(mixed, unit="byte")
    assert_offsets(tok, reference, batch, offsets, mixed, "byte")


@settings(max_examples=40)  # to make a vocabulary takes long
@given(small_vocabularies(), st.lists(texts(), max_size=4))
def test_tokens_of_any_vocabulary_may_begin_and_end_anywhere_in_a_character(
    vocabulary: dict[int, bytes], strings: list[str]
) -> None:
    tok, reference = Tokenizer.from_tokens(vocabulary), ReferenceTokenizer(vocabulary)
    batch, offsets = tok.encode_ragged_with_offsets(strings)
    assert_offsets(tok, reference, batch, offsets, strings, "char")


@both_units
@given(st.lists(texts(), max_size=6))
def test_a_batch_has_the_offsets_of_its_texts_one_by_one(
    tok: Tokenizer, unit: Unit, strings: list[str]
) -> None:
    _, offsets = tok.encode_ragged_with_offsets(strings, unit=unit)
    assert np.array_equal(offsets, one_by_one(tok, strings, unit))


@given(st.lists(texts(), max_size=6))
def test_a_slice_of_a_text_by_its_offsets_holds_the_token(
    tok: Tokenizer, tokens: dict[int, bytes], strings: list[str]
) -> None:
    batch, offsets = tok.encode_ragged_with_offsets(strings)
    for number, (text, ids) in enumerate(zip(strings, batch, strict=True)):
        rows = offsets[batch.offsets[number] : batch.offsets[number + 1]]
        for token_id, (begin, end) in zip(ids.tolist(), rows.tolist(), strict=True):
            assert tokens[token_id] in text[begin:end].encode()


def test_characters_are_the_default_unit(tok: Tokenizer) -> None:
    batch, offsets = tok.encode_ragged_with_offsets(["é", "a🙂"])
    assert offsets.tolist() == [[0, 1], [0, 1], [1, 2], [1, 2]]
    assert batch.to_list() == tok.encode_ragged(["é", "a🙂"]).to_list()


@both_units
@pytest.mark.parametrize("empty", EMPTY, ids=len)
def test_where_there_is_no_token_there_are_no_offsets(
    tok: Tokenizer, unit: Unit, empty: Any
) -> None:
    batch, offsets = tok.encode_ragged_with_offsets(empty, unit=unit)
    assert (len(batch), len(batch.ids)) == (len(empty), 0)
    assert (offsets.shape, offsets.dtype) == ((0, 2), np.int64)


def test_the_offsets_are_the_callers_own(tok: Tokenizer) -> None:
    batch, offsets = tok.encode_ragged_with_offsets(["Hello world"])
    offsets += 1
    assert offsets.tolist() == [[1, 6], [6, 12]]
    assert not batch.ids.flags.writeable


def test_an_iterator_of_texts_that_nobody_else_keeps(tok: Tokenizer) -> None:
    _, offsets = tok.encode_ragged_with_offsets("é" * (i + 1) for i in range(1000))
    assert np.array_equal(offsets, one_by_one(tok, ["é" * (i + 1) for i in range(1000)], "char"))


# Batches for several threads. Texts of one size, one that is much larger than a unit among small
# and empty ones, and so many empty ones that runs of them lie where a unit could end.

LARGE: dict[str, Callable[[str], list[str]]] = {
    "of texts": lambda piece: [piece * 50] * 3000,
    "with one huge text": lambda piece: [*[piece, ""] * 5000, piece * 150_000, *["", piece] * 5000],
    "of empty texts, mostly": lambda piece: ([""] * 1000 + [piece * 3000] + [""] * 2) * 100,
    "that begins with a huge text": lambda piece: [piece * 150_000, "", piece, ""],
    "that ends with a huge text": lambda piece: ["", piece, "", piece * 150_000],
}


@both_units
@threads
@pytest.mark.parametrize("width", ["Latin-1", "4 bytes"])
@pytest.mark.parametrize("kind", LARGE)
def test_a_large_batch_has_the_offsets_of_its_texts_one_by_one(
    tok: Tokenizer, kind: str, width: str, num_threads: int | None, unit: Unit
) -> None:
    strings = LARGE[kind](WIDTHS[width])
    batch, offsets = tok.encode_ragged_with_offsets(strings, unit=unit, num_threads=num_threads)
    assert len(batch.ids) > 4 * UNIT
    by_text = {text: tok.encode_with_offsets(text, unit=unit)[1] for text in set(strings)}
    assert np.array_equal(offsets, np.concatenate([by_text[text] for text in strings]))


@pytest.mark.parametrize("surplus", [-1, 0, 1])
@pytest.mark.parametrize("units", [1, 4])
def test_documents_may_end_at_or_beside_the_end_of_a_unit(
    byte_tokens: dict[int, bytes], units: int, surplus: int
) -> None:
    # One id a byte: the documents, and the empty ones after them, end just there.
    tok = Tokenizer.from_tokens(byte_tokens)
    strings = ["é" * (UNIT // 2), "", ""] * units + ["a" * (1 + surplus), ""]
    _, offsets = tok.encode_ragged_with_offsets(strings, num_threads=2)
    assert np.array_equal(offsets, one_by_one(tok, strings, "char"))


@pytest.mark.parametrize("shift", range(4))
def test_a_text_longer_than_what_is_done_at_a_time_is_counted_through(
    byte_tokens: dict[int, bytes], shift: int
) -> None:
    # So many ids are done at a time that a character of four of them lies across the end.
    tok = Tokenizer.from_tokens(byte_tokens)
    text = "a" * shift + "🙂" * 140_000
    _, single = tok.encode_with_offsets(text)
    _, batched = tok.encode_ragged_with_offsets([text])
    characters = np.repeat(np.arange(len(text)), [1] * shift + [4] * 140_000)
    expected = np.stack([characters, characters + 1], axis=1)
    assert np.array_equal(single, expected)
    assert np.array_equal(batched, expected)


# Special tokens


@both_units
@pytest.mark.parametrize("allowed", [(), "all", {"<|im_end|>"}], ids=["none", "all", "one"])
def test_special_tokens_lie_where_their_texts_are(tok: Tokenizer, unit: Unit, allowed: Any) -> None:
    special = tok.with_special_tokens({"<|im_end|>": 65531, "🙂é": 65530})
    strings = ["é<|im_end|>🙂é", "", "<|im_end|>" * 3, "🙂<|im_end"]
    batch, offsets = special.encode_ragged_with_offsets(strings, unit=unit, allowed_special=allowed)
    singles = [
        special.encode_with_offsets(text, unit=unit, allowed_special=allowed) for text in strings
    ]
    assert batch.to_list() == [ids.tolist() for ids, _ in singles]
    assert offsets.tolist() == [row for _, rows in singles for row in rows.tolist()]
    assert (65531 in batch.ids) == bool(allowed)


def test_a_special_token_covers_its_characters(tok: Tokenizer) -> None:
    special = tok.with_special_tokens({"🙂é": 65530})
    batch, offsets = special.encode_ragged_with_offsets(["é🙂éa"], allowed_special="all")
    assert batch.ids.tolist()[1:] == [65530, 98]
    assert offsets.tolist() == [[0, 1], [1, 3], [3, 4]]
