"""Vocabularies: read from a file, given as tokens, or bundled with the package."""

from __future__ import annotations

import copy
import functools
import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ._decode_table import DecodeTable
from ._encode import Encoder
from ._parser import parse
from ._tokens import ID_SPACE, MAX_TOKEN_LENGTH, TokenTable
from ._trie import Trie
from .errors import VocabularyError
from .special import SpecialTokens

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["DEFAULT_VOCABULARY", "ID_SPACE", "Vocabulary", "bundled_names", "load_bundled"]

#: The vocabulary of the RWKV "World" models.
DEFAULT_VOCABULARY = "rwkv_vocab_v20230424"

# The folder vocab/ beside src/ is mapped into the package; type checkers cannot see it there.
_FOLDER = Path(importlib.import_module(f"{__package__}.vocab").__path__[0])


class Vocabulary:
    """A valid vocabulary, compiled and ready to encode and decode with. Immutable.

    Parameters
    ----------
    name
        What to call it.
    tokens
        Its tokens by id.
    lines
        Where in a file each id is assigned, for messages; see `rwkv_tok._parser.parse`.
    bundled
        Whether `load_bundled(name)` gives it.

    Raises
    ------
    VocabularyError
        Two ids for one token, a byte without a token, or too large a trie.

    Attributes
    ----------
    special : SpecialTokens
        Its special tokens; `with_special_tokens` makes a vocabulary that has some.
    tokens : TokenTable
        All tokens by id, the special ones included.
    """

    def __init__(
        self,
        name: str,
        tokens: TokenTable,
        *,
        lines: NDArray[np.uint32] | None = None,
        bundled: bool = False,
    ) -> None:
        self.name = name
        self.bundled = bundled
        self._base: Vocabulary | None = None
        self.special = SpecialTokens({}, tokens)
        self.tokens = tokens
        self.trie = Trie(tokens, lines)
        self.decode_table = DecodeTable(tokens)
        self.encoder = Encoder(self.trie, tokens)
        self._fingerprint: str | None = None
        self._ids: NDArray[np.uint16] | None = None

    @classmethod
    def parse(cls, data: bytes, name: str | None = None, *, bundled: bool = False) -> Vocabulary:
        """Read the content of a vocabulary file: see `rwkv_tok._parser` for the format."""
        tokens, lines = parse(data)
        return cls(name or _nameless(tokens), tokens, lines=lines, bundled=bundled)

    @classmethod
    def from_tokens(cls, tokens: Mapping[int, bytes]) -> Vocabulary:
        """Take the tokens from a mapping of ids to bytes."""
        lengths = np.zeros(ID_SPACE, np.uint16)
        starts = np.zeros(ID_SPACE, np.uint32)
        start = 0
        if not isinstance(tokens, Mapping):
            raise TypeError(f"tokens must map ids to bytes, not {type(tokens).__name__}")
        for token_id, token in tokens.items():
            _check_token(token_id, token)
            lengths[token_id] = len(token)
            starts[token_id] = start
            start += len(token)
        table = TokenTable(b"".join(tokens.values()), starts, lengths)
        return cls(_nameless(table), table)

    @classmethod
    def from_content(cls, name: str, ids: bytes, lengths: bytes, block: bytes) -> Vocabulary:
        """Take what `content` has returned."""
        token_ids = np.frombuffer(ids, "<u2")
        token_lengths = np.frombuffer(lengths, "<u2")
        all_lengths = np.zeros(ID_SPACE, np.uint16)
        all_starts = np.zeros(ID_SPACE, np.uint32)
        all_lengths[token_ids] = token_lengths
        all_starts[token_ids] = np.cumsum(token_lengths, dtype=np.int64) - token_lengths
        return cls(name, TokenTable(block, all_starts, all_lengths))

    def with_special_tokens(self, ids: Mapping[str, int]) -> Vocabulary:
        """The same vocabulary with these special tokens, in place of those that it has.

        Raises VocabularyError as SpecialTokens does.
        """
        special = SpecialTokens(ids, self.base.tokens)
        if not special.ids:
            return self.base
        vocabulary = copy.copy(self.base)
        vocabulary._base = self.base
        vocabulary.special = special
        vocabulary.tokens = _with_tokens(self.base.tokens, special.by_bytes)
        vocabulary.decode_table = DecodeTable(vocabulary.tokens)
        vocabulary._fingerprint = vocabulary._ids = None
        return vocabulary

    def content(self) -> tuple[bytes, bytes, bytes]:
        """The assigned ids and the lengths of their tokens as little-endian uint16, the bytes.

        Without the special tokens.
        """
        base = self.base
        lengths = base.tokens.lengths()[base.ids]
        return (
            base.ids.astype("<u2").tobytes(),
            lengths.astype("<u2").tobytes(),
            base.tokens.block(),
        )

    @property
    def base(self) -> Vocabulary:
        """The same vocabulary without special tokens. What encodes is shared with it."""
        return self if self._base is None else self._base

    # No functools.cached_property: until Python 3.12 it has a lock, which a fork may find taken.

    @property
    def fingerprint(self) -> str:
        """The SHA-256, in hexadecimal, of what decides which ids a text gets.

        Taken over all tokens in ascending order of their ids: the id and the length in bytes, both
        as little-endian uint32, then the bytes. Special tokens follow, if there are any: id 0 and
        length 0, which no token has, and then the same of each.
        """
        if self._fingerprint is None:
            self._fingerprint = _fingerprint(self.base.tokens, self.special)
        return self._fingerprint

    @property
    def ids(self) -> NDArray[np.uint16]:
        """The assigned ids in ascending order: uint16, read-only."""
        if self._ids is None:
            ids = np.flatnonzero(self.tokens.lengths()).astype(np.uint16)
            ids.flags.writeable = False
            self._ids = ids
        return self._ids

    def to_bytes(self) -> bytes:
        """The content of a vocabulary file that `parse` reads to the same fingerprint.

        Raises ValueError if there are special tokens: the format has no place for them.
        """
        if self.special.ids:
            raise ValueError(
                "a vocabulary file cannot hold special tokens: save the tokenizer without them, "
                "with_special_tokens({}), and add them again when you have loaded it"
            )
        return "".join(
            f"{token_id} {_literal(token)} {len(token)}\n"
            for token_id in self.ids.tolist()
            for token in (self.tokens[token_id],)
        ).encode()


def bundled_names() -> list[str]:
    """The names of the vocabularies that ship with the package."""
    return sorted(file.stem for file in _FOLDER.glob("*.txt"))


@functools.cache
def load_bundled(name: str) -> Vocabulary:
    """A vocabulary that ships with the package, loaded once.

    Raises
    ------
    ValueError
        There is none of this name.
    """
    if name not in bundled_names():
        raise ValueError(
            f"no bundled vocabulary {name!r}, only {', '.join(bundled_names())}; "
            "name a file by a pathlib.Path"
        )
    return Vocabulary.parse((_FOLDER / f"{name}.txt").read_bytes(), name, bundled=True)


def _check_token(token_id: int, token: bytes) -> None:
    if isinstance(token_id, bool) or not isinstance(token_id, int | np.integer):
        raise TypeError(f"an id must be an int, not {type(token_id).__name__}")
    if not isinstance(token, bytes):
        raise TypeError(f"the token of id {token_id} must be bytes, not {type(token).__name__}")
    if not 1 <= token_id < ID_SPACE:
        raise VocabularyError(f"id {token_id} is outside 1 ... {ID_SPACE - 1}")
    if not token:
        raise VocabularyError(f"the token of id {token_id} is empty")
    if len(token) > MAX_TOKEN_LENGTH:
        raise VocabularyError(f"the token of id {token_id} is longer than {MAX_TOKEN_LENGTH} bytes")


def _with_tokens(table: TokenTable, ids: Mapping[bytes, int]) -> TokenTable:
    """A table of tokens with more of them."""
    lengths = table.lengths()
    starts = np.cumsum(lengths, dtype=np.uint32) - lengths.astype(np.uint32)
    blocks = [table.block()]
    end = len(blocks[0])
    for token, token_id in ids.items():
        lengths[token_id] = len(token)
        starts[token_id] = end
        blocks.append(token)
        end += len(token)
    return TokenTable(b"".join(blocks), starts, lengths)


def _fingerprint(tokens: TokenTable, special: SpecialTokens | None = None) -> str:
    # hashlib takes a few milliseconds to import, and not every process needs it.
    import hashlib

    digest = hashlib.sha256(tokens.records())
    if special is not None:
        digest.update(special.records())
    return digest.hexdigest()


def _nameless(tokens: TokenTable) -> str:
    """A name for a vocabulary that came without one."""
    return f"sha256-{_fingerprint(tokens)[:12]}"


def _literal(token: bytes) -> str:
    """The token as a str literal, or as a bytes literal if it is not valid UTF-8."""
    try:
        return repr(token.decode())
    except UnicodeDecodeError:
        return repr(token)
