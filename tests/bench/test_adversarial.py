"""Texts that fast paths could stumble over are what they say they are."""

import pytest

import rwkv_tok
from bench import adversarial

LENGTH = 20_000


@pytest.fixture(scope="module")
def all_tokens(tok: rwkv_tok.Tokenizer) -> list[bytes]:
    return [tok.token_bytes(token_id) for token_id in tok]


def test_all_texts_have_the_length_asked_for(all_tokens: list[bytes]) -> None:
    documents = adversarial.documents(all_tokens, LENGTH)
    assert {len(document) for document in documents.values()} == {LENGTH}
    assert len(set(documents.values())) == len(documents)


def test_they_are_always_the_same(all_tokens: list[bytes]) -> None:
    assert adversarial.documents(all_tokens, 999) == adversarial.documents(all_tokens, 999)


def test_a_token_stands_across_every_place(all_tokens: list[bytes]) -> None:
    text = adversarial.without_cuts(all_tokens, LENGTH)
    known = set(all_tokens)
    covered = 0  # all places before this one are inside a token
    for begin in range(len(text) - 1):
        assert begin <= covered
        for length in range(2, 129):
            if text[begin : begin + length] in known:
                covered = max(covered, min(begin + length, len(text)) - 1)
    assert covered >= len(text) - 128  # the last token may be cut off


def test_a_vocabulary_without_such_a_chain_has_no_such_text() -> None:
    single_bytes = [bytes([byte]) for byte in range(256)]
    assert adversarial.without_cuts([*single_bytes, b"ab", b"bc"], 100) == b""
    assert adversarial.without_cuts([*single_bytes, b"ab", b"ba"], 5) in (b"ababa", b"babab")
