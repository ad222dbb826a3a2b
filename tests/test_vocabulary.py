"""Vocabularies: where they come from, what they hold, and that saving one loses nothing."""

import hashlib
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import ReferenceTokenizer, fingerprint, format_vocabulary
from strategies import AWKWARD_PIECES, BUNDLED_FILE, small_vocabularies

import rwkv_tok
from rwkv_tok import Tokenizer

# Of the variant with CRLF line ends that is in circulation.
CRLF_SHA256 = "8324476023347dec2964625ccb2075c864d250a9c6d9a74f36daba628de8c008"


@pytest.fixture(scope="module")
def content() -> bytes:
    """The bundled file."""
    return BUNDLED_FILE.read_bytes()


def with_crlf(content: bytes) -> bytes:
    return content.replace(b"\n", b"\r\n")


def without_final_newline(content: bytes) -> bytes:
    return content.removesuffix(b"\n")


def with_crlf_but_the_last(content: bytes) -> bytes:
    return with_crlf(content).removesuffix(b"\r\n")


def with_mixed_line_ends(content: bytes) -> bytes:
    return content.replace(b"\n", b"\r\n", 1000)


def with_lines_in_any_order(content: bytes) -> bytes:
    lines = content.splitlines(keepends=True)
    random.Random(1).shuffle(lines)
    return b"".join(lines)


# The bundled vocabulary


def test_the_bundled_vocabulary_has_the_tokens_of_its_file(
    tok: Tokenizer, tokens: dict[int, bytes]
) -> None:
    assert {token_id: tok.token_bytes(token_id) for token_id in tok} == tokens


def test_iteration_gives_the_assigned_ids_in_ascending_order(tok: Tokenizer) -> None:
    assert list(tok) == list(range(1, 65530))
    assert len(tok) == 65529
    assert all(type(token_id) is int for token_id in tok)


def test_the_bundled_file_is_the_vocabulary_in_circulation(content: bytes) -> None:
    assert hashlib.sha256(with_crlf(content)).hexdigest() == CRLF_SHA256


def test_the_fingerprint_is_the_one_of_the_oracle(tok: Tokenizer, tokens: dict[int, bytes]) -> None:
    assert tok.fingerprint == fingerprint(tokens)


def test_the_constants_of_the_id_space(tok: Tokenizer) -> None:
    assert (tok.vocab_size, tok.eot_token) == (65536, 0)
    smallest = Tokenizer.from_tokens({byte + 1: bytes([byte]) for byte in range(256)})
    assert (smallest.vocab_size, smallest.eot_token, len(smallest)) == (65536, 0, 256)


@pytest.mark.parametrize(
    "change",
    [
        with_crlf,
        without_final_newline,
        with_crlf_but_the_last,
        with_mixed_line_ends,
        with_lines_in_any_order,
    ],
)
def test_line_ends_and_the_order_of_lines_do_not_matter(
    tok: Tokenizer, content: bytes, change: Callable[[bytes], bytes]
) -> None:
    assert change(content) != content
    other = Tokenizer.from_bytes(change(content))
    assert other.fingerprint == tok.fingerprint
    assert other == tok
    assert other.encode(content).tolist() == tok.encode(content).tolist()


# Saving


def test_the_bundled_vocabulary_is_saved_as_its_very_file(
    tok: Tokenizer, content: bytes, tmp_path: Path
) -> None:
    tok.save(tmp_path / "saved.txt")
    assert (tmp_path / "saved.txt").read_bytes() == content


def test_saving_replaces_a_file_and_leaves_nothing_else(tok: Tokenizer, tmp_path: Path) -> None:
    file = tmp_path / "saved.txt"
    file.write_text("something else")
    tok.save(str(file))
    assert Tokenizer.from_file(str(file)) == tok
    assert list(tmp_path.iterdir()) == [file]


@settings(max_examples=60)
@given(tokens=small_vocabularies(AWKWARD_PIECES))
def test_any_vocabulary_is_the_same_after_saving(
    tokens: dict[int, bytes], tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = tmp_path_factory.mktemp("saved") / "vocabulary.txt"
    before = Tokenizer.from_tokens(tokens)
    before.save(file)
    after = Tokenizer.from_file(file)
    assert after.fingerprint == before.fingerprint == fingerprint(tokens)
    assert {token_id: after.token_bytes(token_id) for token_id in after} == tokens


# Other sources


@settings(max_examples=60)
@given(tokens=small_vocabularies(AWKWARD_PIECES), data=st.data())
def test_tokens_and_a_file_of_them_are_the_same_vocabulary(
    tokens: dict[int, bytes], data: st.DataObject
) -> None:
    tok = Tokenizer.from_tokens(tokens)
    lines = format_vocabulary(tokens).splitlines(keepends=True)
    shuffled = data.draw(st.randoms(use_true_random=False)).sample(lines, len(lines))
    assert Tokenizer.from_bytes(b"".join(shuffled)) == tok
    assert list(tok) == sorted(tokens)
    assert len(tok) == len(tokens)


@pytest.mark.parametrize("buffer", [bytes, bytearray, memoryview])
def test_the_content_may_be_in_any_buffer(
    tok: Tokenizer, content: bytes, buffer: Callable[[bytes], bytes]
) -> None:
    assert Tokenizer.from_bytes(buffer(content)) == tok


def test_load_takes_a_name_or_a_path(tok: Tokenizer) -> None:
    assert rwkv_tok.load("rwkv_vocab_v20230424") == tok
    assert rwkv_tok.load(BUNDLED_FILE) == tok


@pytest.mark.parametrize("name", ["rwkv_vocab_v20990101", "", str(BUNDLED_FILE), "../vocab"])
def test_a_name_that_is_not_bundled_is_an_error_that_names_those_that_are(name: str) -> None:
    with pytest.raises(ValueError, match="rwkv_vocab_v20230424") as caught:
        rwkv_tok.load(name)
    assert repr(name) in str(caught.value)


def test_a_missing_file_is_a_file_not_found_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        rwkv_tok.load(tmp_path / "rwkv_vocab_v20230424.txt")


def test_ids_may_be_numpy_integers(byte_tokens: dict[int, bytes]) -> None:
    numpy_ids: dict[Any, bytes] = {
        np.uint16(token_id): token for token_id, token in byte_tokens.items()
    }
    assert Tokenizer.from_tokens(numpy_ids) == Tokenizer.from_tokens(byte_tokens)


def test_a_later_change_of_the_mapping_changes_nothing(byte_tokens: dict[int, bytes]) -> None:
    tok = Tokenizer.from_tokens(byte_tokens)
    before = tok.fingerprint
    byte_tokens[300] = b"ab"
    assert 300 not in tok
    assert tok.encode("ab").tolist() == [98, 99]
    assert tok.fingerprint == before


def test_the_longest_allowed_token_works(byte_tokens: dict[int, bytes], tmp_path: Path) -> None:
    tokens = byte_tokens | {7000: b"ab" * 512, 7001: "é".encode() * 512, 7002: b"ab" * 511}
    tok = Tokenizer.from_tokens(tokens)
    text = "ab" * 1023 + "é" * 1535
    assert tok.encode(text).tolist() == ReferenceTokenizer(tokens).encode(text)
    tok.save(tmp_path / "long.txt")
    assert Tokenizer.from_file(tmp_path / "long.txt") == tok


# Names and identity


def test_the_name_is_the_bundled_one_or_the_file_s_or_made_of_the_fingerprint(
    tok: Tokenizer, content: bytes, byte_tokens: dict[int, bytes], tmp_path: Path
) -> None:
    assert tok.name == "rwkv_vocab_v20230424"
    tok.save(tmp_path / "mine.v2.txt")
    assert Tokenizer.from_file(tmp_path / "mine.v2.txt").name == "mine.v2"
    for nameless in (Tokenizer.from_bytes(content), Tokenizer.from_tokens(byte_tokens)):
        match = re.fullmatch(r"sha256-([0-9a-f]{12,})", nameless.name)
        assert match is not None
        assert nameless.fingerprint.startswith(match[1])


def test_equality_and_hash_rest_on_the_tokens_alone(
    tok: Tokenizer, content: bytes, byte_tokens: dict[int, bytes]
) -> None:
    same = Tokenizer.from_bytes(content)
    assert (same == tok, hash(same) == hash(tok), same.name == tok.name) == (True, True, False)
    other = Tokenizer.from_tokens(byte_tokens)
    another = Tokenizer.from_tokens(byte_tokens | {300: b"ab"})
    swapped = Tokenizer.from_tokens(byte_tokens | {301: b"ab"})
    assert len({tok, same, other, another, swapped}) == 4
    assert other != Tokenizer.from_tokens(byte_tokens | {1: b"\x01", 2: b"\x00"})


@pytest.mark.parametrize("other", [None, 0, "rwkv_vocab_v20230424", object()])
def test_a_tokenizer_equals_nothing_else(tok: Tokenizer, other: object) -> None:
    assert tok != other
