"""Tokenizers with special tokens: making them, their identity, looking tokens up, decoding."""

import copy
import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import fingerprint
from strategies import small_vocabularies, special_sets

from rwkv_tok import TokenIdError, Tokenizer, VocabularyError

PROFILE = {
    "<|im_start|>": 65530,
    "<|im_end|>": 65531,
    "<|endoftext|>": 65532,
    "<|think|>": 65533,
    "<|tool_call|>": 65534,
}
SINGLE_BYTES = {byte + 1: bytes([byte]) for byte in range(256)}
SMALL = SINGLE_BYTES | {300: b"ab", 301: "é".encode()}
SMALL_SPECIAL = {"<x>": 400, "ab": 299, "\x00": 65535}


@pytest.fixture(scope="module")
def chat(tok: Tokenizer) -> Tokenizer:
    return tok.with_special_tokens("v20260603")


@pytest.fixture(scope="module")
def small() -> Tokenizer:
    return Tokenizer.from_tokens(SMALL).with_special_tokens(SMALL_SPECIAL)


class Text(str):
    """A str that calls itself by another name."""

    def encode(self, *_: object, **__: object) -> bytes:
        return b"another"


class Other(str):
    """A str that is another key of a dict than its text."""

    __slots__ = ()
    __hash__ = object.__hash__

    def __eq__(self, other: object) -> bool:
        return self is other


class Number(int):
    """An int that converts itself to another one, that of an ordinary token."""

    def __int__(self) -> int:
        return 300


# Making them


def test_a_published_set_has_a_name(tok: Tokenizer, chat: Tokenizer) -> None:
    assert chat.special_tokens == PROFILE
    assert chat == tok.with_special_tokens(PROFILE)


def test_special_tokens_are_listed_in_ascending_order(small: Tokenizer, tok: Tokenizer) -> None:
    assert list(small.special_tokens.items()) == [("ab", 299), ("<x>", 400), ("\x00", 65535)]
    assert dict(tok.special_tokens) == {}


def test_the_list_is_read_only(small: Tokenizer) -> None:
    assert isinstance(small.special_tokens, MappingProxyType)
    with pytest.raises(TypeError):
        small.special_tokens["<y>"] = 401  # type: ignore[index]
    with pytest.raises(AttributeError):
        small.special_tokens = {}  # type: ignore[misc, assignment]


def test_a_mapping_that_changes_later_changes_nothing(tok: Tokenizer) -> None:
    given_ids = {"<x>": 65530}
    made = tok.with_special_tokens(given_ids)
    given_ids["<y>"] = 65531
    assert dict(made.special_tokens) == {"<x>": 65530}


def test_new_ones_replace_those_before(tok: Tokenizer, chat: Tokenizer) -> None:
    again = chat.with_special_tokens({"<y>": 65530})
    assert dict(again.special_tokens) == {"<y>": 65530}
    assert again == tok.with_special_tokens({"<y>": 65530})
    assert 65531 not in again
    assert dict(chat.special_tokens) == PROFILE


def test_none_at_all_removes_them(tok: Tokenizer, chat: Tokenizer) -> None:
    plain = chat.with_special_tokens({})
    assert plain == tok
    assert plain.special_tokens == {}
    assert pickle.dumps(plain) == pickle.dumps(tok)


@pytest.mark.parametrize("token_id", [65530, np.uint16(65530), np.int64(65530)], ids=repr)
def test_an_id_is_any_integer(tok: Tokenizer, token_id: Any) -> None:
    [made] = tok.with_special_tokens({"<x>": token_id}).special_tokens.values()
    assert (made, type(made)) == (65530, int)


WRONG: dict[str, tuple[Any, type[Exception], str]] = {
    "an unknown name": ("v1", ValueError, "no set of special tokens 'v1', only v20260603"),
    "the empty name": ("", ValueError, "no set of special tokens ''"),
    "None": (None, TypeError, "must map texts to ids, not NoneType"),
    "a set": ({"<x>"}, TypeError, "must map texts to ids, not set"),
    "pairs": ([("<x>", 400)], TypeError, "must map texts to ids, not list"),
    "a name in bytes": (b"v20260603", TypeError, "must map texts to ids, not bytes"),
    "bytes": ({b"<x>": 400}, TypeError, "a special token must be a str, not bytes"),
    "turned round": ({400: "<x>"}, TypeError, "a special token must be a str, not int"),
    "a bool": ({"<x>": True}, TypeError, "the id of '<x>' must be an int, not bool"),
    "a NumPy bool": ({"<x>": np.True_}, TypeError, "the id of '<x>' must be an int, not bool"),
    "a float": ({"<x>": 400.0}, TypeError, "the id of '<x>' must be an int, not float"),
    "a digit": ({"<x>": "400"}, TypeError, "the id of '<x>' must be an int, not str"),
    "no id": ({"<x>": None}, TypeError, "the id of '<x>' must be an int, not NoneType"),
    "an array": ({"<x>": np.array(400)}, TypeError, "must be an int, not ndarray"),
    "no text": ({"": 400}, VocabularyError, "a special token must not be empty"),
    "1025 letters": ({"a" * 1025: 400}, VocabularyError, "of id 400 is longer than 1024 bytes"),
    "1026 bytes": ({"é" * 513: 400}, VocabularyError, "of id 400 is longer than 1024 bytes"),
    "a surrogate": ({"a\ud800": 400}, VocabularyError, r"'a\\ud800' has a lone surrogate"),
    "0": ({"<x>": 0}, VocabularyError, "the id 0 of '<x>' is outside 1 ... 65535"),
    "-1": ({"<x>": -1}, VocabularyError, "the id -1 of '<x>' is outside"),
    "65536": ({"<x>": 65536}, VocabularyError, "the id 65536 of '<x>' is outside"),
    "a wrapped id": ({"<x>": 2**64 + 400}, VocabularyError, f"{2**64 + 400} of '<x>' is outside"),
    "taken": ({"<x>": 300}, VocabularyError, "300 of '<x>' is that of the ordinary token b'ab'"),
    "twice": ({"<x>": 400, "y": 400}, VocabularyError, "'<x>' and 'y' have the same id 400"),
    "a text twice": ({"<x>": 400, Other("<x>"): 401}, VocabularyError, "is there twice"),
    "the last is wrong": ({"<x>": 400, "<y>": 401, "z": 0}, VocabularyError, "the id 0 of 'z'"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_can_be_no_special_token_is_refused(small: Tokenizer, wrong: str) -> None:
    special_tokens, error, message = WRONG[wrong]
    before = small.fingerprint
    with pytest.raises(error, match=message) as caught:
        small.with_special_tokens(special_tokens)
    assert type(caught.value) is error
    assert small.fingerprint == before


def test_a_subclass_of_str_is_the_text_that_it_is(tok: Tokenizer) -> None:
    made = tok.with_special_tokens({Text("<x>"): 65530})
    assert made.fingerprint == tok.with_special_tokens({"<x>": 65530}).fingerprint
    assert made.encode("<x>", allowed_special="all").tolist() == [65530]


def test_a_subclass_of_str_can_hide_no_surrogate(tok: Tokenizer) -> None:
    with pytest.raises(VocabularyError, match="lone surrogate"):
        tok.with_special_tokens({Text("\ud800"): 65530})


def test_a_subclass_of_int_is_the_number_that_it_is() -> None:
    made = Tokenizer.from_tokens(SMALL).with_special_tokens({"<x>": Number(400)})
    assert dict(made.special_tokens) == {"<x>": 400}


def test_all_ids_that_are_left_may_be_special() -> None:
    many = {f"<{token_id}>": token_id for token_id in range(257, 65536)}
    made = Tokenizer.from_tokens(SINGLE_BYTES).with_special_tokens(many)
    assert len(made) == 65535
    ids = made.encode("<257>a<65535><65536>", allowed_special="all").tolist()
    assert ids == [257, 98, 65535, *made.encode("<65536>").tolist()]


def test_a_subclass_stays_one() -> None:
    class Mine(Tokenizer):
        pass

    made = Mine.from_tokens(SMALL).with_special_tokens(SMALL_SPECIAL)
    assert type(made) is Mine
    assert made == Tokenizer.from_tokens(SMALL).with_special_tokens(SMALL_SPECIAL)


# Looking tokens up


def test_special_tokens_are_tokens(tok: Tokenizer, chat: Tokenizer) -> None:
    assert (len(chat), chat.vocab_size) == (len(tok) + 5, 65536)
    assert list(chat) == [*tok, *range(65530, 65535)]
    assert 65534 in chat
    assert 65535 not in chat
    assert 65530 not in tok
    assert "5 of them special" in repr(chat)
    for text, token_id in PROFILE.items():
        assert chat.token_bytes(token_id) == text.encode()
        assert chat.token_id(text) == chat.token_id(text.encode()) == token_id
        with pytest.raises(KeyError):
            tok.token_id(text)
        with pytest.raises(TokenIdError):
            tok.token_bytes(token_id)


def test_of_two_tokens_with_the_same_bytes_the_ordinary_one_is_found(small: Tokenizer) -> None:
    assert (small.token_id("ab"), small.token_id("\x00")) == (300, 1)
    assert small.token_bytes(299) == small.token_bytes(300) == b"ab"
    assert small.encode("ab\x00").tolist() == [300, 1]
    assert small.encode("ab\x00", allowed_special="all").tolist() == [299, 65535]


# Identity


@settings(max_examples=15)
@given(st.data())
def test_the_fingerprint_is_that_of_the_format(data: st.DataObject) -> None:
    tokens = data.draw(small_vocabularies())
    special_tokens = data.draw(special_sets(tokens))
    plain = Tokenizer.from_tokens(tokens)
    made = plain.with_special_tokens(special_tokens)
    assert made.fingerprint == fingerprint(tokens, special_tokens)
    assert plain.fingerprint == fingerprint(tokens)
    turned = plain.with_special_tokens(dict(reversed(special_tokens.items())))
    assert (turned, hash(turned), pickle.dumps(turned)) == (made, hash(made), pickle.dumps(made))
    assert made != plain


def test_a_special_token_is_another_thing_than_an_ordinary_one() -> None:
    ordinary = Tokenizer.from_tokens(SMALL | {400: b"<x>"})
    with_special = Tokenizer.from_tokens(SMALL).with_special_tokens({"<x>": 400})
    assert list(ordinary) == list(with_special)
    assert ordinary.fingerprint != with_special.fingerprint


def test_the_fingerprint_of_the_published_set_is_that_of_the_format(
    tokens: dict[int, bytes], chat: Tokenizer
) -> None:
    assert chat.fingerprint == fingerprint(tokens, PROFILE)


def test_other_texts_or_ids_make_another_tokenizer(tok: Tokenizer) -> None:
    sets = [{"<x>": 65530}, {"<x>": 65531}, {"<y>": 65530}, {"<x>": 65530, "<y>": 65531}, {}]
    assert len({tok.with_special_tokens(ids) for ids in sets}) == len(sets)


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy])
def test_a_copy_is_the_same_object(chat: Tokenizer, again: Callable[[Any], Any]) -> None:
    assert again(chat) is chat


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("name", ["chat", "small"])
def test_a_pickle_gives_the_same_tokenizer(
    request: pytest.FixtureRequest, name: str, protocol: int
) -> None:
    tokenizer = request.getfixturevalue(name)
    data = pickle.dumps(tokenizer, protocol)
    assert name == "small" or len(data) < 1000
    twin = pickle.loads(data)
    assert (twin, twin.name, hash(twin)) == (tokenizer, tokenizer.name, hash(tokenizer))
    assert dict(twin.special_tokens) == dict(tokenizer.special_tokens)
    assert pickle.dumps(twin, protocol) == data


def pickles_elsewhere(hash_seed: str) -> str:
    code = (
        "import hashlib, pickle, rwkv_tok\n"
        f"toks = [rwkv_tok.load().with_special_tokens(dict({list(PROFILE.items())!r})),\n"
        f"    rwkv_tok.Tokenizer.from_tokens({SMALL!r}).with_special_tokens({SMALL_SPECIAL!r})]\n"
        "print([hashlib.sha256(pickle.dumps(tok)).hexdigest() for tok in toks])\n"
    )
    environment = os.environ | {"PYTHONHASHSEED": hash_seed}
    command = [sys.executable, "-c", code]
    return subprocess.run(command, env=environment, capture_output=True, check=True).stdout.decode()


def test_the_pickle_is_the_same_in_every_process() -> None:
    assert pickles_elsewhere("1") == pickles_elsewhere("2")


def test_the_pickle_does_not_depend_on_which_object_a_text_is(tok: Tokenizer) -> None:
    twin = tok.with_special_tokens({"".join(list(tok.name)): 65530})
    assert pickle.dumps(tok.with_special_tokens({tok.name: 65530})) == pickle.dumps(twin)


def test_the_pickle_of_a_subclass_of_str_is_that_of_the_text(tok: Tokenizer) -> None:
    twin = tok.with_special_tokens({"<x>": 65530})
    assert pickle.dumps(tok.with_special_tokens({np.str_("<x>"): 65530})) == pickle.dumps(twin)


def test_a_file_has_no_place_for_them(chat: Tokenizer, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"save .* without them, with_special_tokens\({}\)"):
        chat.save(tmp_path / "vocabulary.txt")
    assert list(tmp_path.iterdir()) == []
    chat.with_special_tokens({}).save(tmp_path / "vocabulary.txt")
    assert Tokenizer.from_file(tmp_path / "vocabulary.txt").with_special_tokens(PROFILE) == chat
