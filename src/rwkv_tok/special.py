"""Special tokens: texts that stand for one id, where a call allows it and nowhere else."""

from __future__ import annotations

import operator
import struct
from collections.abc import Collection, Iterable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from ._special import IdSet, SpecialMatcher
from ._tokens import ID_SPACE, MAX_TOKEN_LENGTH
from .errors import VocabularyError

if TYPE_CHECKING:
    from ._tokens import TokenTable
    from .arguments import IdArray

__all__ = ["NONE_ALLOWED", "PROFILES", "AllowedSpecial", "SpecialTokens"]

#: Which special tokens a text may trigger: all of the tokenizer's, or those that are named.
AllowedSpecial: TypeAlias = Literal["all"] | Collection[str]

#: What every call allows by default.
NONE_ALLOWED: AllowedSpecial = ()

#: Special tokens by the name of the vocabulary that they were published with. Its ordinary tokens
#: are those of rwkv_vocab_v20230424.
PROFILES: Mapping[str, Mapping[str, int]] = MappingProxyType(
    {
        "v20260603": MappingProxyType(
            {
                "<|im_start|>": 65530,
                "<|im_end|>": 65531,
                "<|endoftext|>": 65532,
                "<|think|>": 65533,
                "<|tool_call|>": 65534,
            }
        )
    }
)

_MAX_MATCHERS = 64  # that are kept; one takes about 80 KB


class SpecialTokens:
    """The special tokens of a vocabulary. Immutable.

    Parameters
    ----------
    ids
        Their ids by their texts.
    tokens
        The ordinary tokens of the vocabulary.

    Raises
    ------
    TypeError
        This is no mapping of str to int.
    VocabularyError
        A text is empty, longer than 1 KiB in UTF-8, or has lone surrogates; an id is outside
        1 ... 65535, is that of an ordinary token, or is there twice.
    """

    def __init__(self, ids: Mapping[str, int], tokens: TokenTable) -> None:
        if not isinstance(ids, Mapping):
            raise TypeError(f"special tokens must map texts to ids, not {type(ids).__name__}")
        texts: dict[int, str] = {}
        for given_text, given_id in ids.items():
            text, token_id = _read(given_text, given_id)
            _check(text, token_id, tokens)
            if token_id in texts:
                raise VocabularyError(
                    f"{texts[token_id]!r} and {text!r} have the same id {token_id}"
                )
            texts[token_id] = text
        if len(set(texts.values())) < len(texts):
            raise VocabularyError("a special token is there twice")
        #: The ids by their texts, in ascending order.
        self.ids = MappingProxyType({texts[token_id]: token_id for token_id in sorted(texts)})
        #: The same by their UTF-8.
        self.by_bytes = {text.encode(): token_id for text, token_id in self.ids.items()}
        #: Their ids.
        self.id_set = IdSet(self.ids.values())
        self._all = SpecialMatcher(self.by_bytes) if self.ids else None
        self._matchers = self._first_matchers()

    def _first_matchers(self) -> dict[str | frozenset[str], SpecialMatcher | None]:
        return {"all": self._all, frozenset(): None}

    def matcher(self, allowed: AllowedSpecial) -> SpecialMatcher | None:
        """What finds those of them that a call allows; None if it allows none.

        Raises ValueError for what is not one of them, or is a str other than "all".
        """
        if allowed is NONE_ALLOWED:
            return None
        # Most calls allow what another one has allowed, and some are short.
        try:
            key = allowed if isinstance(allowed, str) else frozenset(allowed)
        except TypeError:
            raise _refusal(allowed) from None
        try:
            return self._matchers[key]
        except KeyError:
            return self._make_matcher(key)

    def _make_matcher(self, texts: str | frozenset[str]) -> SpecialMatcher:
        if isinstance(texts, str):
            raise ValueError(
                f"allowed_special must be 'all' or a set of texts, not the str {texts!r}: "
                "put it into a set"
            )
        if not all(isinstance(text, str) for text in texts):
            raise _refusal(texts)
        unknown = sorted(map(repr, texts - self.ids.keys()))
        if unknown:
            known = ", ".join(map(repr, self.ids)) or "none: make one by with_special_tokens"
            raise ValueError(f"no special token {', '.join(unknown)}; this tokenizer has {known}")
        matcher = SpecialMatcher(
            {text.encode(): self.ids[text] for text in self.ids if text in texts}
        )
        if len(self._matchers) < _MAX_MATCHERS:
            self._matchers[texts] = matcher
        else:
            # In one step: other threads may be looking for theirs.
            self._matchers = self._first_matchers() | {texts: matcher}
        return matcher

    def silence(self, ids: IdArray) -> IdArray:
        """Ids with 0, which decodes to nothing, in place of the special ones."""
        return self.id_set.silence(ids) if self.ids else ids

    def to_json(self) -> bytes:
        """All of them as one object: the same bytes whenever they are the same.

        Of several objects pickle writes less where they are parts of others as well.
        """
        import json  # not at once: it takes 2 ms, and hardly any process needs it

        return json.dumps(dict(self.ids)).encode()

    @staticmethod
    def ids_from_json(data: bytes) -> dict[str, int]:
        """What `to_json` was made of."""
        import json

        ids: dict[str, int] = json.loads(data)
        return ids

    def records(self) -> bytes:
        """What the fingerprint of a vocabulary has of them, after its ordinary tokens.

        Nothing if there are none. Else a record that no token has, of id 0 and length 0, and then
        for each in ascending order of the ids: the id and the length in bytes, both as
        little-endian uint32, and the bytes.
        """
        if not self.ids:
            return b""
        records = [(0, b""), *((token_id, data) for data, token_id in self.by_bytes.items())]
        return b"".join(
            struct.pack("<II", token_id, len(data)) + data for token_id, data in records
        )


def _refusal(allowed: object) -> TypeError:
    """The exception for what is no collection of texts."""
    if not isinstance(allowed, Iterable):
        return TypeError(
            f"allowed_special must be 'all' or a set of texts, not {type(allowed).__name__}"
        )
    kinds = {type(item).__name__ for item in allowed if not isinstance(item, str)}
    return TypeError(f"allowed_special must hold texts (str), not {' and '.join(sorted(kinds))}")


def _read(text: str, token_id: int) -> tuple[str, int]:
    """A text and its id themselves, without what subclasses may have made of them."""
    if not isinstance(text, str):
        raise TypeError(f"a special token must be a str, not {type(text).__name__}")
    if isinstance(token_id, bool) or not isinstance(token_id, int | np.integer):
        raise TypeError(f"the id of {text!r} must be an int, not {type(token_id).__name__}")
    return str.__str__(text), operator.index(token_id)


def _check(text: str, token_id: int, tokens: TokenTable) -> None:
    try:
        length = len(text.encode())
    except UnicodeEncodeError:
        raise VocabularyError(f"the special token {text!r} has a lone surrogate") from None
    if not length:
        raise VocabularyError("a special token must not be empty")
    if length > MAX_TOKEN_LENGTH:
        raise VocabularyError(
            f"the special token of id {token_id} is longer than {MAX_TOKEN_LENGTH} bytes"
        )
    if not 1 <= token_id < ID_SPACE:
        raise VocabularyError(f"the id {token_id} of {text!r} is outside 1 ... {ID_SPACE - 1}")
    if tokens[token_id]:
        raise VocabularyError(
            f"the id {token_id} of {text!r} is that of the ordinary token {tokens[token_id]!r}: "
            "take one that has none"
        )
