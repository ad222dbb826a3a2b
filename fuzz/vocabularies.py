"""The vocabularies that texts are encoded with: the bundled one, and small ones made of inputs.

The kernels follow from the vocabulary, so that small ones, whose tokens nest and overlap, find what
the bundled one cannot.
"""

from __future__ import annotations

import copy
import functools
import importlib
from pathlib import Path
from typing import TYPE_CHECKING

from reference import ReferenceTokenizer, parse_vocabulary

from rwkv_tok import Tokenizer, _kernels
from rwkv_tok._encode import Encoder
from rwkv_tok.vocabulary import DEFAULT_VOCABULARY, Vocabulary

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .source import Source

__all__ = ["KERNELS", "Subject", "bundled", "bundled_tokens", "chosen"]

KERNELS = _kernels.available()

# So much text in all, and an encoder gets a memo, without which a kernel does nothing; and so many
# windows at the most may it do without one that did not help.
_WORTH_A_MEMO = 1 << 16
_LONGEST_REST = 32

# Special tokens that nest, overlap, begin each other or are ordinary tokens.
_SPECIAL = {
    "<|im_end|>": 65531,
    "<|im_end|><": 65530,
    "<": 65532,
    "é": 65533,
    "a🙂": 65534,
    "中": 65535,
}

# Of what longer tokens of small vocabularies are made: NUL, which an empty slot of a trie
# resembles; kana and Han characters and parts of them, which have rules of their own for cuts.
_PIECES = [
    *(b"\x00", b"a", b"b", b" ", b"\xc3", b"\xa9", b"\xff", b"\n"),
    *(text.encode() for text in ("é", "あ", "い", "ア", "ー", "ヿ", "中", "龘", "한", "🙂")),
    *(b"\xe3", b"\xe3\x81", b"\x81\x82", b"\x82", b"\xe4\xb8", b"\xb8\xad", b"\xad", b"\x80"),
]


class Subject:
    """A vocabulary under test: its tokens, its oracle, and tokenizers with each of the kernels.

    Parameters
    ----------
    name
        What to call it in a message.
    tokens
        Its tokens by id.
    vocabulary
        The same, compiled.
    special
        Its special tokens, for the calls that allow them.

    Attributes
    ----------
    pieces : sequence of bytes
        What texts that are of interest for it consist of.
    """

    def __init__(
        self,
        name: str,
        tokens: Mapping[int, bytes],
        vocabulary: Vocabulary,
        special: Mapping[str, int],
    ) -> None:
        self.name = name
        self.tokens = tokens
        self.special = special
        self.oracle = ReferenceTokenizer(tokens)
        self.special_oracle = self.oracle.with_special_tokens(special)
        self.pieces: Sequence[bytes] = [*(text.encode() for text in special), *tokens.values()]
        self._vocabulary = vocabulary
        self._tokenizers: dict[str, Tokenizer] = {}
        self._special_tokenizers: dict[str, Tokenizer] = {}

    def tokenizer(self, kernel: str) -> Tokenizer:
        """With one of the kernels, which has a memo, awake."""
        if kernel not in self._tokenizers:
            vocabulary = copy.copy(self._vocabulary)
            if kernel != _kernels.chosen():  # that of the process is made already
                vocabulary.encoder = Encoder(vocabulary.trie, vocabulary.tokens, kernel)
            tokenizer = self._tokenizers[kernel] = Tokenizer(vocabulary)
            text = b"".join(self.pieces[:4096])
            tokenizer.count(text * (_WORTH_A_MEMO // len(text) + 1))
        tokenizer = self._tokenizers[kernel]
        for _ in range(_LONGEST_REST):
            tokenizer.count("x")
        return tokenizer

    def special_tokenizer(self, kernel: str) -> Tokenizer:
        """The same with the special tokens."""
        plain = self.tokenizer(kernel)  # which wakes the memo that both have
        if kernel not in self._special_tokenizers:
            self._special_tokenizers[kernel] = plain.with_special_tokens(self.special)
        return self._special_tokenizers[kernel]

    @functools.cached_property
    def ids(self) -> Sequence[int]:
        """All ids, without those of special tokens."""
        return sorted(self.tokens)

    @functools.cached_property
    def bytes_of(self) -> Mapping[int, bytes]:
        """What each id stands for, that of 0 and of special tokens included."""
        special = {token_id: text.encode() for text, token_id in self.special.items()}
        return {0: b"", **self.tokens, **special}

    @functools.cached_property
    def bytes_of_plain(self) -> Mapping[int, bytes]:
        """The same where special tokens stand for nothing."""
        return {**self.bytes_of, **dict.fromkeys(self.special.values(), b"")}

    def ids_of(self, data: bytes) -> list[int]:
        """The ids that bytes stand for, three each: of one byte, of none, any number, any token."""
        return [self._id_of(*data[i : i + 3]) for i in range(0, len(data) - 2, 3)]

    def _id_of(self, kind: int, high: int, low: int) -> int:
        if kind < 96:
            return low + 1
        if kind < 128:
            others = [0, *self.special.values(), 65529, 65535, -1, 65536, 2**32 + 98]
            return others[low % len(others)]
        number = high << 8 | low
        return number if kind < 160 else self.ids[number % len(self.ids)]

    @functools.cached_property
    def begun(self) -> frozenset[bytes]:
        """What tokens begin with and are not: after these, a longer token may still come."""
        return frozenset(
            token[:length] for token in self.tokens.values() for length in range(1, len(token))
        )


@functools.cache
def bundled_tokens() -> dict[int, bytes]:
    """The tokens of the bundled vocabulary, as the oracle reads its file."""
    # A folder beside the sources that is mapped into the package: type checkers cannot see it.
    folder = importlib.import_module("rwkv_tok.vocab").__path__[0]
    return parse_vocabulary((Path(folder) / f"{DEFAULT_VOCABULARY}.txt").read_bytes())


@functools.cache
def bundled() -> Subject:
    """The bundled vocabulary."""
    vocabulary = Vocabulary.from_tokens(bundled_tokens())
    return Subject("the bundled vocabulary", bundled_tokens(), vocabulary, _SPECIAL)


def chosen(source: Source) -> Subject:
    """The bundled vocabulary, or one of all bytes and some tokens that the input makes."""
    if source.choice(4) != 3:
        return bundled()
    # All of it from the back: a change of the text leaves the vocabulary as it is.
    tokens = [_joined(source, 2 + source.choice(4)) for _ in range(source.choice(8))]
    special = [_joined(source, 1 + source.choice(3)) for _ in range(source.choice(4))]
    texts = [token.decode(errors="ignore") for token in special]
    longer = [token for token in dict.fromkeys(tokens) if len(token) > 1]
    return _small(tuple(longer), tuple(filter(None, dict.fromkeys(texts))))


def _joined(source: Source, count: int) -> bytes:
    return b"".join(_PIECES[source.choice(len(_PIECES))] for _ in range(count))


# Made in tens of milliseconds, and more with sanitizers: mostly, one input differs from the one
# before only in its text.
@functools.lru_cache(maxsize=96)
def _small(long_tokens: tuple[bytes, ...], special: tuple[str, ...]) -> Subject:
    singles = {byte + 1: bytes([byte]) for byte in range(256)}
    # In no order, and up to the last id that there is.
    tokens = singles | {65535 - 7 * i: token for i, token in enumerate(long_tokens)}
    vocabulary = Vocabulary.from_tokens(tokens)
    ids = {text: 300 + 9 * i for i, text in enumerate(special or ("<ab>",))}
    subject = Subject(f"all bytes and {long_tokens}", tokens, vocabulary, ids)
    subject.pieces = [*long_tokens, *(text.encode() for text in ids), *_PIECES]
    return subject
