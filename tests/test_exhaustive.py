"""What can be tried out in full: every token, every byte, every pair of bytes, every character."""

import itertools

import numpy as np
import pytest
from reference import ReferenceTokenizer

from rwkv_tok import Tokenizer


def test_every_id_and_its_token_lead_to_each_other(tok: Tokenizer) -> None:
    assert [tok.token_id(tok.token_bytes(token_id)) for token_id in tok] == list(tok)


def test_every_token_encodes_as_the_oracle_says(
    tok: Tokenizer, tokens: dict[int, bytes], reference: ReferenceTokenizer
) -> None:
    batch = tok.encode_ragged(tokens.values())
    assert batch.to_list() == [reference.encode(token) for token in tokens.values()]


def test_every_token_followed_by_any_of_a_few_bytes_encodes_as_the_oracle_says(
    tok: Tokenizer, tokens: dict[int, bytes], reference: ReferenceTokenizer
) -> None:
    # NUL looks like an empty slot of the trie; the last bytes are where a longer token may go on.
    bytes_after = itertools.cycle([b"\x00", b" ", b"e", b"\xe4"])
    inputs = [token + next(bytes_after) for token in tokens.values()]
    assert tok.encode_ragged(inputs).to_list() == [reference.encode(text) for text in inputs]


@pytest.mark.parametrize("length", [0, 1, 2])
def test_all_inputs_of_a_few_bytes_encode_as_the_oracle_says(
    tok: Tokenizer, reference: ReferenceTokenizer, length: int
) -> None:
    inputs = [bytes(values) for values in itertools.product(range(256), repeat=length)]
    batch = tok.encode_ragged(inputs)
    assert batch.to_list() == [reference.encode(text) for text in inputs]
    assert tok.decode_bytes(batch.ids) == b"".join(inputs)


def test_every_character_encodes_as_its_bytes_do(tok: Tokenizer) -> None:
    characters = [chr(number) for number in range(0x110000) if not 0xD800 <= number < 0xE000]
    as_text = tok.encode_ragged(characters)
    as_bytes = tok.encode_ragged([character.encode() for character in characters])
    assert as_text == as_bytes
    # In one text, so that characters of all widths pass through the same buffers.
    text = "".join(characters)
    assert np.array_equal(tok.encode(text), tok.encode(text.encode()))
