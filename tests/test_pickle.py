"""Pickling, copying and comparing tokenizers: identity is the fingerprint."""

import copy
import multiprocessing
import os
import pickle
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor

import pytest
from strategies import BUNDLED_FILE

import rwkv_tok
from rwkv_tok import TokenIdError, Tokenizer, VocabularyError

PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)
SINGLE_BYTES = {byte + 1: bytes([byte]) for byte in range(256)}
SMALL = SINGLE_BYTES | {300: b"ab", 65535: b"\xff\xfe", 301: b"abc" * 100, 4000: "é".encode()}


@pytest.fixture(scope="module")
def small() -> Tokenizer:
    return Tokenizer.from_tokens(SMALL)


def hash_of_pickles(hash_seed: str) -> str:
    """What another process pickles the bundled vocabulary and SMALL to, as a hash."""
    code = (
        "import hashlib, pickle, rwkv_tok\n"
        f"tokens = {SMALL!r}\n"
        "toks = rwkv_tok.load(), rwkv_tok.Tokenizer.from_tokens(tokens)\n"
        "print(hashlib.sha256(b''.join(map(pickle.dumps, toks))).hexdigest())\n"
    )
    environment = os.environ | {"PYTHONHASHSEED": hash_seed}
    command = [sys.executable, "-c", code]
    return subprocess.run(command, env=environment, capture_output=True, check=True).stdout.decode()


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_the_bundled_vocabulary_pickles_by_name_and_fingerprint(
    tok: Tokenizer, protocol: int
) -> None:
    data = pickle.dumps(tok, protocol)
    assert len(data) < 1000
    assert tok.name.encode() in data
    assert tok.fingerprint.encode() in data
    assert pickle.loads(data) == tok


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_another_vocabulary_pickles_by_content(small: Tokenizer, protocol: int) -> None:
    twin = pickle.loads(pickle.dumps(small, protocol))
    assert twin is not small
    assert (twin, twin.name, twin.fingerprint) == (small, small.name, small.fingerprint)
    assert {token_id: twin.token_bytes(token_id) for token_id in twin} == SMALL
    assert twin.encode(b"abab\xff\xfe\xff").tolist() == [300, 300, 65535, 256]


def test_a_file_with_the_bundled_content_pickles_by_content(tok: Tokenizer) -> None:
    read = Tokenizer.from_file(BUNDLED_FILE)
    assert len(pickle.dumps(read)) > 100_000
    assert pickle.loads(pickle.dumps(read)) == tok


def test_the_pickle_is_the_same_in_every_process() -> None:
    assert hash_of_pickles("1") == hash_of_pickles("2")


def test_the_pickle_does_not_depend_on_the_order_of_the_tokens(small: Tokenizer) -> None:
    reordered = Tokenizer.from_tokens(dict(reversed(SMALL.items())))
    assert pickle.dumps(reordered) == pickle.dumps(small)


@pytest.mark.parametrize("name", ["tok", "small"])
def test_use_and_a_round_trip_leave_the_pickle_as_it_was(
    name: str, request: pytest.FixtureRequest
) -> None:
    tokenizer = request.getfixturevalue(name)
    before = pickle.dumps(tokenizer)
    tokenizer.encode_ragged(["ab", "é"] * 100)
    hash(tokenizer)
    assert pickle.dumps(tokenizer) == before
    assert pickle.dumps(pickle.loads(before)) == before


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy])
def test_a_copy_is_the_same_object(tok: Tokenizer, small: Tokenizer, again: object) -> None:
    assert callable(again)
    assert again(tok) is tok
    assert again([small])[0] is small


def test_another_fingerprint_under_the_name_is_an_error(tok: Tokenizer) -> None:
    data = pickle.dumps(tok).replace(tok.fingerprint.encode(), b"0" * 64)
    with pytest.raises(VocabularyError, match="0" * 64):
        pickle.loads(data)


def test_a_name_that_is_not_bundled_is_an_error(tok: Tokenizer) -> None:
    data = pickle.dumps(tok).replace(tok.name.encode(), b"x" * len(tok.name))
    with pytest.raises(ValueError, match="no bundled vocabulary 'xxx"):
        pickle.loads(data)


def test_equality_and_hash_rest_on_the_fingerprint(tok: Tokenizer, small: Tokenizer) -> None:
    read = Tokenizer.from_bytes(BUNDLED_FILE.read_bytes())
    assert read == tok
    assert hash(read) == hash(tok)
    assert {read: "found"}[tok] == "found"
    assert small != tok
    assert small != Tokenizer.from_tokens(SMALL | {301: b"abd"})
    # The same tokens under other ids give other ids.
    assert small != Tokenizer.from_tokens(SMALL | {300: SMALL[4000], 4000: SMALL[300]})


@pytest.mark.parametrize("other", [None, "rwkv_vocab_v20230424", 5, SMALL])
def test_nothing_else_is_equal_to_a_tokenizer(tok: Tokenizer, other: object) -> None:
    assert tok != other


def test_an_error_keeps_what_it_names(tok: Tokenizer) -> None:
    with pytest.raises(TokenIdError) as caught:
        tok.decode_batch([[], [98, 65530]])
    twin = pickle.loads(pickle.dumps(caught.value))
    assert (twin.id, twin.position, twin.document) == (65530, 1, 1)
    assert str(twin) == str(caught.value)


def test_spawned_processes_encode_the_same(tok: Tokenizer, small: Tokenizer) -> None:
    texts = ["Hello world", "", "ab\u00e9", "今天"]
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, spawn) as pool:
        ids = pool.submit(tok.encode, "Hello world")
        batch = pool.submit(small.encode_ragged, texts, num_threads=2)
        assert ids.result().tolist() == [33155, 40213]
        assert batch.result() == small.encode_ragged(texts)
        assert pool.submit(rwkv_tok.load).result() == tok
