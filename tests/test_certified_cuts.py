"""Where no token can reach across: a text may be cut there, and its parts encoded alone.

A token that covered both sides of a cut would hold the two bytes next to each other. Where no
token does, greedy matching always stops, whatever stands before and after.
"""

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from reference import ReferenceTokenizer
from strategies import byte_strings, small_byte_strings, small_vocabularies, texts

from rwkv_tok import Tokenizer
from rwkv_tok._cuts import Cuts
from rwkv_tok.typical_text import TYPICAL_TEXT

Pair = tuple[int, int]


@pytest.fixture(scope="module")
def joined(reference: ReferenceTokenizer) -> set[Pair]:
    """The byte pairs that stand next to each other inside some token."""
    return reference.inner_pairs()


@pytest.fixture(scope="module")
def cuts(joined: set[Pair]) -> list[Pair]:
    """All other byte pairs."""
    return [(a, b) for a in range(256) for b in range(256) if (a, b) not in joined]


def test_the_bundled_vocabulary_has_57203_cuts(cuts: list[Pair]) -> None:
    assert len(cuts) == 57203


def test_each_pair_alone_is_two_tokens(tok: Tokenizer, cuts: list[Pair]) -> None:
    batch = tok.encode_ragged(bytes(pair) for pair in cuts)
    assert np.diff(batch.offsets).tolist() == [2] * len(cuts)
    assert [tuple(pair) for pair in batch.to_list()] == [(a + 1, b + 1) for a, b in cuts]


@given(data=st.data(), before=byte_strings(), after=byte_strings())
def test_the_parts_of_a_text_cut_anywhere_certain_encode_alone(
    tok: Tokenizer, cuts: list[Pair], data: st.DataObject, before: bytes, after: bytes
) -> None:
    a, b = data.draw(st.sampled_from(cuts))
    before, after = before + bytes([a]), bytes([b]) + after
    assert tok.encode(before + after).tolist() == [
        *tok.encode(before).tolist(),
        *tok.encode(after).tolist(),
    ]


@given(text=st.one_of(texts().map(str.encode), byte_strings()))
def test_a_text_cut_wherever_it_is_certain_encodes_in_parts(
    tok: Tokenizer, joined: set[Pair], text: bytes
) -> None:
    parts = cut(text, joined)
    assert tok.encode_ragged(parts).ids.tolist() == tok.encode(text).tolist()


@given(tokens=small_vocabularies(), text=small_byte_strings())
def test_any_vocabulary_can_be_cut_so(tokens: dict[int, bytes], text: bytes) -> None:
    tok = Tokenizer.from_tokens(tokens)
    parts = cut(text, ReferenceTokenizer(tokens).inner_pairs())
    assume(len(parts) > 1)
    assert tok.encode_ragged(parts).ids.tolist() == tok.encode(text).tolist()


def test_the_tables_hold_every_cut_between_two_bytes(tok: Tokenizer, joined: set[Pair]) -> None:
    tables = Cuts(tok._tokens)
    between = {(a, b) for a in range(256) for b in range(256) if tables.between(a, b)}
    assert between == {(a, b) for a in range(256) for b in range(256)} - joined


def test_the_boxes_hold_most_of_them_and_nothing_else(tok: Tokenizer, joined: set[Pair]) -> None:
    found = set(Cuts(tok._tokens).found())
    assert not found & joined
    typical = Counter(pairwise(TYPICAL_TEXT.encode()))
    cuts = Counter({pair: count for pair, count in typical.items() if pair not in joined})
    assert sum(count for pair, count in cuts.items() if pair in found) > 0.9 * cuts.total()


@given(tokens=small_vocabularies())
def test_the_tables_are_those_of_the_vocabulary(tokens: dict[int, bytes]) -> None:
    joined = ReferenceTokenizer(tokens).inner_pairs()
    tables = Cuts(Tokenizer.from_tokens(tokens)._tokens)
    assert not set(tables.found()) & joined
    assert all(
        tables.between(a, b) == ((a, b) not in joined) for a in range(256) for b in range(256)
    )


def cut(text: bytes, joined: set[Pair]) -> list[bytes]:
    parts: list[bytes] = []
    start = 0
    for place in range(1, len(text)):
        if (text[place - 1], text[place]) not in joined:
            parts.append(text[start:place])
            start = place
    return [*parts, text[start:]]
