"""Single tokens: from an id to the bytes, from the bytes to the id, and what there is none for."""

import numpy as np
import pytest
from hypothesis import given
from strategies import byte_strings

from rwkv_tok import TokenIdError, Tokenizer

INTEGERS = [int, np.uint16, np.int32, np.int64, np.uint64]
UNASSIGNED = range(65530, 65536)


@pytest.mark.parametrize("integer", INTEGERS)
def test_any_integer_is_an_id(tok: Tokenizer, integer: type) -> None:
    assert tok.token_bytes(integer(33155)) == b"Hello"
    assert integer(33155) in tok


@pytest.mark.parametrize("token", ["今", "今".encode(), bytearray("今".encode())])
def test_a_token_may_be_given_as_text_or_bytes(tok: Tokenizer, token: str | bytes) -> None:
    assert tok.token_id(token) == 10381


def test_half_of_a_utf_16_pair_is_no_token(tok: Tokenizer) -> None:
    with pytest.raises(KeyError, match="ud800"):
        tok.token_id("\ud800")


def test_the_boundary_has_no_bytes_and_is_no_token(tok: Tokenizer) -> None:
    assert tok.token_bytes(0) == b""
    assert 0 not in tok
    with pytest.raises(KeyError):
        tok.token_id(b"")


@pytest.mark.parametrize("token_id", [*UNASSIGNED, 65536, 2**32 + 1, 2**64 + 1, -1, -65535])
def test_an_id_without_a_token_is_an_error_that_names_it(tok: Tokenizer, token_id: int) -> None:
    assert token_id not in tok
    with pytest.raises(TokenIdError, match=f"id {token_id} ") as caught:
        tok.token_bytes(token_id)
    assert caught.value.id == token_id
    assert isinstance(caught.value, ValueError)
    assert isinstance(caught.value, KeyError)


@pytest.mark.parametrize("token_id", [True, False, np.True_, 1.0, np.float32(1), "1", b"a", None])
def test_what_is_no_integer_is_no_id(tok: Tokenizer, token_id: int) -> None:
    assert token_id not in tok
    with pytest.raises(TypeError):
        tok.token_bytes(token_id)


@pytest.mark.parametrize("token", ["", "Hello world and more", b"\xff\xff", "a\x00", "x" * 5000])
def test_what_is_no_token_is_a_key_error(tok: Tokenizer, token: str | bytes) -> None:
    with pytest.raises(KeyError) as caught:
        tok.token_id(token)
    assert caught.value.args == (token,)


# bytes(3) would be three NULs, and bytes([97]) an "a".
@pytest.mark.parametrize("token", [0, 1, 97, True, [97], None, 1.5])
def test_only_text_and_bytes_are_looked_up(tok: Tokenizer, token: object) -> None:
    with pytest.raises(TypeError):
        tok.token_id(token)  # type: ignore[arg-type]


@given(piece=byte_strings(max_pieces=2))
def test_bytes_have_an_id_exactly_if_the_oracle_knows_them(
    tok: Tokenizer, tokens: dict[int, bytes], piece: bytes
) -> None:
    if piece in set(tokens.values()):
        assert tokens[tok.token_id(piece)] == piece
    else:
        with pytest.raises(KeyError):
            tok.token_id(piece)
