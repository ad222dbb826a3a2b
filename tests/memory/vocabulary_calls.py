"""The calls that make vocabularies, ask about them, copy, pickle and save them."""

from __future__ import annotations

import copy
import pickle
from types import MappingProxyType

from memory.setting import Call, Setting, byte_tokens, new_bytes

import rwkv_tok
from rwkv_tok import TokenIdError, Tokenizer, VocabularyError
from rwkv_tok.vocabulary import DEFAULT_VOCABULARY, Vocabulary, load_bundled

__all__ = ["VOCABULARY_CALLS"]

# A line for each thing that can be wrong with one.
_WRONG_LINES = {
    "no id": b"x 'a' 1",
    "id out of range": b"65536 'a' 1",
    "no literal": b"1 a 1",
    "open literal": b"1 'a 1",
    "bad escape": rb"1 '\q' 1",
    "surrogate": rb"1 '\ud800' 3",
    "beyond Unicode": rb"1 '\U00110000' 4",
    "bytes that are not ASCII": "1 b'ä' 2".encode(),
    "not UTF-8": b"1 '\xff' 1",
    "no length": b"1 'a'",
    "wrong length": b"1 'a' 2",
    "empty token": b"1 '' 0",
    "long token": b"1 '" + b"a" * 1025 + b"' 1025",
    "duplicate id": b"300 'abcd' 4",
    "duplicate token": b"9 'abc' 3",
}

_WRONG_TOKENS: dict[str, tuple[object, type[Exception]]] = {
    "no mapping": ([(1, b"a")], TypeError),
    "bool": ({True: b"a"}, TypeError),
    "no bytes": ({1: "a"}, TypeError),
    "id out of range": ({65536: b"a"}, VocabularyError),
    "empty token": ({1: b""}, VocabularyError),
    "long token": ({1: b"a" * 1025}, VocabularyError),
    "missing bytes": ({1: b"a"}, VocabularyError),
    "duplicate token": (byte_tokens() | {400: b"abc"}, VocabularyError),
}

_WRONG_SPECIAL: dict[str, tuple[object, type[Exception]]] = {
    "no mapping": ([("<a>", 65530)], TypeError),
    "unknown set": ("v1", ValueError),
    "no text": ({5: 65530}, TypeError),
    "no id": ({"<a>": "65530"}, TypeError),
    "empty": ({"": 65530}, VocabularyError),
    "long": ({"<" * 1025: 65530}, VocabularyError),
    "surrogate": ({"\ud800": 65530}, VocabularyError),
    "id out of range": ({"<a>": 70_000}, VocabularyError),
    "id of another": ({"<a>": 33155}, VocabularyError),
    "id twice": ({"<a>": 65530, "<b>": 65530}, VocabularyError),
}


def _file(setting: Setting) -> bytes:
    return setting.vocabulary.read_bytes()


def _load_first(_: Setting) -> object:
    """Load the bundled vocabulary as a process does that has not done so before."""
    return Tokenizer(load_bundled.__wrapped__(DEFAULT_VOCABULARY))


def _save(setting: Setting) -> object:
    path = setting.folder / "saved.txt"
    setting.bytes_only.save(path)
    return path.read_bytes()


def _pickle_again(tokenizer: Tokenizer) -> object:
    return pickle.loads(pickle.dumps(tokenizer))


VOCABULARY_CALLS: dict[str, Call] = {
    "load/bundled": Call(lambda _: rwkv_tok.load()),
    "load/first": Call(_load_first),
    "load/file": Call(lambda s: rwkv_tok.load(s.vocabulary)),
    "load/unknown name": Call(lambda _: rwkv_tok.load("no_such_vocabulary"), ValueError),
    "load/no file": Call(lambda s: rwkv_tok.load(s.folder / "missing.txt"), FileNotFoundError),
    "Tokenizer/": Call(lambda _: Tokenizer(Vocabulary.from_tokens(byte_tokens()))),
    "Tokenizer/no vocabulary": Call(lambda _: Tokenizer(5), AttributeError),
    "Tokenizer.from_file/": Call(lambda s: Tokenizer.from_file(s.vocabulary)),
    "Tokenizer.from_file/no vocabulary": Call(
        lambda s: Tokenizer.from_file(s.jsonl), VocabularyError
    ),
    "Tokenizer.from_file/no path": Call(lambda _: Tokenizer.from_file(5), TypeError),
    "Tokenizer.from_bytes/": Call(lambda s: Tokenizer.from_bytes(_file(s))),
    "Tokenizer.from_bytes/CRLF": Call(
        lambda s: Tokenizer.from_bytes(_file(s).replace(b"\n", b"\r\n"))
    ),
    "Tokenizer.from_bytes/no buffer": Call(lambda _: Tokenizer.from_bytes("text"), TypeError),
    "Tokenizer.from_bytes/missing bytes": Call(
        lambda _: Tokenizer.from_bytes(b"1 'a' 1\n"), VocabularyError
    ),
    **{
        f"Tokenizer.from_bytes/{what}": Call(
            lambda s, line=line: Tokenizer.from_bytes(_file(s) + line), VocabularyError
        )
        for what, line in _WRONG_LINES.items()
    },
    "Tokenizer.from_tokens/": Call(lambda _: Tokenizer.from_tokens(byte_tokens())),
    "Tokenizer.from_tokens/mapping": Call(
        lambda _: Tokenizer.from_tokens(MappingProxyType(byte_tokens()))
    ),
    **{
        f"Tokenizer.from_tokens/{what}": Call(
            lambda _, tokens=tokens: Tokenizer.from_tokens(tokens), error
        )
        for what, (tokens, error) in _WRONG_TOKENS.items()
    },
    "Tokenizer.with_special_tokens/set": Call(lambda s: s.tok.with_special_tokens("v20260603")),
    "Tokenizer.with_special_tokens/mapping": Call(
        lambda s: s.bytes_only.with_special_tokens({"<a>": 500, "<ab>": 501, "<": 502})
    ),
    "Tokenizer.with_special_tokens/none": Call(lambda s: s.special.with_special_tokens({})),
    **{
        f"Tokenizer.with_special_tokens/{what}": Call(
            lambda s, tokens=tokens: s.tok.with_special_tokens(tokens), error
        )
        for what, (tokens, error) in _WRONG_SPECIAL.items()
    },
    "Tokenizer.save/": Call(_save),
    "Tokenizer.save/special tokens": Call(lambda s: s.special.save(s.folder / "never"), ValueError),
    "Tokenizer.save/no folder": Call(
        lambda s: s.bytes_only.save(s.folder / "missing" / "saved"), FileNotFoundError
    ),
    "Tokenizer.name/": Call(lambda s: s.tok.name),
    "Tokenizer.fingerprint/": Call(lambda s: s.tok.fingerprint),
    "Tokenizer.fingerprint/first": Call(
        lambda s: s.bytes_only.with_special_tokens({"<a>": 500}).fingerprint
    ),
    "Tokenizer.special_tokens/": Call(lambda s: dict(s.special.special_tokens)),
    "Tokenizer.vocab_size/": Call(lambda s: s.tok.vocab_size),
    "Tokenizer.eot_token/": Call(lambda s: s.tok.eot_token),
    "Tokenizer.token_bytes/": Call(lambda s: [s.tok.token_bytes(i) for i in (0, 33155)]),
    "Tokenizer.token_bytes/special": Call(lambda s: s.special.token_bytes(65531)),
    "Tokenizer.token_bytes/unassigned": Call(lambda s: s.tok.token_bytes(65530), TokenIdError),
    "Tokenizer.token_bytes/huge": Call(lambda s: s.tok.token_bytes(1 << 80), TokenIdError),
    "Tokenizer.token_bytes/bool": Call(lambda s: s.tok.token_bytes(True), TypeError),
    "Tokenizer.token_id/str": Call(lambda s: s.tok.token_id("Hello")),
    "Tokenizer.token_id/bytes": Call(lambda s: s.tok.token_id(memoryview(b"Hello"))),
    "Tokenizer.token_id/special": Call(lambda s: s.special.token_id("<|im_end|>")),
    "Tokenizer.token_id/none": Call(lambda s: s.tok.token_id("no such token"), KeyError),
    "Tokenizer.token_id/surrogate": Call(lambda s: s.tok.token_id("\ud800"), KeyError),
    "Tokenizer.token_id/no text": Call(lambda s: s.tok.token_id(5), TypeError),
    "Tokenizer.__contains__/": Call(lambda s: [i in s.tok for i in (0, 1, 65530, -1, 1 << 80)]),
    "Tokenizer.__contains__/no id": Call(lambda s: ["a" in s.tok, 1.5 in s.tok, True in s.tok]),
    "Tokenizer.__len__/": Call(lambda s: len(s.tok)),
    "Tokenizer.__iter__/": Call(lambda s: list(s.bytes_only)),
    "Tokenizer.__eq__/": Call(
        lambda s: [s.tok == s.tok, s.tok == s.special, s.tok == 5, s.tok != s.bytes_only]
    ),
    "Tokenizer.__hash__/": Call(lambda s: hash(s.tok)),
    "Tokenizer.__repr__/": Call(lambda s: [repr(s.tok), repr(s.special)]),
    "Tokenizer.__copy__/": Call(lambda s: copy.copy(s.tok)),
    "Tokenizer.__deepcopy__/": Call(lambda s: copy.deepcopy([s.tok])),
    "Tokenizer.__reduce__/bundled": Call(lambda s: _pickle_again(s.tok)),
    "Tokenizer.__reduce__/other": Call(lambda s: _pickle_again(s.bytes_only)),
    "Tokenizer.__reduce__/special tokens": Call(
        lambda s: _pickle_again(s.bytes_only.with_special_tokens({"<a>": 500}))
    ),
    "VocabularyError/": Call(lambda _: VocabularyError(new_bytes().decode(), 5).line),
    "VocabularyError.__str__/": Call(lambda _: [str(VocabularyError("x", i)) for i in (None, 5)]),
    "TokenIdError/": Call(lambda _: TokenIdError(70_000, 5, 6).position),
    "TokenIdError.__str__/": Call(
        lambda _: [str(TokenIdError(1)), str(TokenIdError(1 << 80, 5, 6))]
    ),
}
