"""Tokenizer: the public API over a compiled vocabulary."""

from __future__ import annotations

import operator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from . import _decode, _decode_batch, _encode, _encode_batch, _offsets
from ._stream_decode import StreamDecoder
from ._stream_encode import StreamEncoder
from .batch import TokenBatch, flatten
from .errors import TokenIdError, VocabularyError
from .files import atomic_output
from .special import NONE_ALLOWED, PROFILES, SpecialTokens
from .vocabulary import DEFAULT_VOCABULARY, ID_SPACE, Vocabulary, load_bundled

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Iterator, Mapping
    from types import MappingProxyType

    from numpy.typing import NDArray

    from .arguments import Errors, Ids, Text, Texts, Unit, Unknown
    from .special import AllowedSpecial

__all__ = ["Tokenizer", "load"]

_EOT = 0


def load(vocabulary: str | os.PathLike[str] = DEFAULT_VOCABULARY) -> Tokenizer:
    """Load a vocabulary.

    Parameters
    ----------
    vocabulary
        The name of a bundled one as a str, or a file as a `pathlib.Path`.

    Raises
    ------
    ValueError
        No vocabulary of this name is bundled.
    OSError
        The file cannot be read.
    VocabularyError
        The file is no valid vocabulary; the message has the line and the reason.

    Examples
    --------
    >>> import rwkv_tok
    >>> rwkv_tok.load().encode("Hello world")
    array([33155, 40213], dtype=uint16)
    """
    if isinstance(vocabulary, str):
        return Tokenizer(load_bundled(vocabulary))
    return Tokenizer.from_file(vocabulary)


class Tokenizer:
    """Turns text into token ids and back. Immutable: all threads may share one.

    Made by `load`, `from_file`, `from_bytes` or `from_tokens`. Two are equal if their fingerprints
    are, and then give the same ids, in every version of this package.

    A text is encoded by greedy longest match from left to right over its UTF-8. Every byte string
    can be encoded, decodes to itself, and never gets id 0, which stands between documents.

    Wherever a method takes a text, that is a str, or its bytes in any contiguous buffer: bytes,
    bytearray, memoryview, mmap, a NumPy array of uint8. A str with lone surrogates raises
    UnicodeEncodeError, as `str.encode` does; what is no text, TypeError.

    Wherever one takes a batch of texts, that is an iterable of them, or Arrow strings, read in
    place: a pyarrow array or chunked array, a Polars series, a DuckDB relation of one column, or
    anything else with the Arrow PyCapsule interface. A null raises ValueError; a single str or
    bytes, TypeError. `num_threads=None` uses all cores that this process may use, as far as there
    is work for them; 1 does everything in the calling thread.

    Wherever one takes ids, those are integers of any kind in an array or a sequence. Floats and
    bools raise TypeError. An id outside 0 ... 65535 or without a token raises TokenIdError, unless
    `unknown` is "skip", which leaves it out, or "replace", which puts U+FFFD there. `errors` says
    what becomes of bytes that are not valid UTF-8, as in `bytes.decode`: "strict" raises
    UnicodeDecodeError, "replace" puts U+FFFD, "ignore" leaves them out.

    Special tokens, of a tokenizer that `with_special_tokens` has made, are found in a text only
    where a call says so by `allowed_special`: "all", or a set of their texts; what is none of them
    raises ValueError. Else their texts are encoded like any other, so no text can smuggle one in.
    `skip_special_tokens` leaves them out where ids are decoded.

    Examples
    --------
    >>> import rwkv_tok
    >>> tok = rwkv_tok.load()
    >>> ids = tok.encode("今天是美好的一天。")
    >>> ids
    array([10381, 11639, 13091, 15597, 11685, 14734, 10250, 11639, 10080],
          dtype=uint16)
    >>> tok.decode(ids)
    '今天是美好的一天。'
    """

    __slots__ = (
        "__weakref__",
        "_decode_table",
        "_encoder",
        "_matcher",
        "_special",
        "_tokens",
        "_vocabulary",
    )

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        # One attribute less on the way of a short call.
        self._tokens = vocabulary.tokens
        self._special = vocabulary.special
        self._matcher = vocabulary.special.matcher
        self._encoder = vocabulary.encoder
        self._decode_table = vocabulary.decode_table

    # Vocabularies

    @classmethod
    def from_file(cls, path: str | os.PathLike[str]) -> Tokenizer:
        """Read a vocabulary file, `ID LITERAL LENGTH` a line; LF and CRLF are the same.

        Raises OSError, or VocabularyError with the line and the reason.
        """
        file = Path(path)
        try:
            return cls(Vocabulary.parse(file.read_bytes(), file.stem))
        except VocabularyError as error:
            error.add_note(f"in the vocabulary file {file}")
            raise

    @classmethod
    def from_bytes(cls, data: bytes) -> Tokenizer:
        """Read the content of a vocabulary file. Raises VocabularyError as `from_file` does."""
        return cls(Vocabulary.parse(bytes(memoryview(data))))

    @classmethod
    def from_tokens(cls, tokens: Mapping[int, bytes]) -> Tokenizer:
        """Make a vocabulary of ids (1 ... 65535) and their tokens.

        Raises
        ------
        VocabularyError
            An id is out of range, a token is empty, longer than 1 KiB or there twice, or a byte
            has no token of its own, so that not every text could be encoded.

        Examples
        --------
        >>> tokens = {byte + 1: bytes([byte]) for byte in range(256)}
        >>> tok = Tokenizer.from_tokens(tokens | {300: b"ab", 301: b"abc"})
        >>> tok.encode("abcab").tolist()
        [301, 300]
        """
        return cls(Vocabulary.from_tokens(tokens))

    def with_special_tokens(self, special_tokens: Mapping[str, int] | str) -> Tokenizer:
        """A tokenizer with the same vocabulary and these special tokens instead of any it has.

        Parameters
        ----------
        special_tokens
            Their texts and ids, which must not be assigned; with none, a tokenizer without special
            tokens. Or the name of a published set: "v20260603" has `<|im_start|>`, `<|im_end|>`,
            `<|endoftext|>`, `<|think|>` and `<|tool_call|>` under 65530 ... 65534.

        Raises
        ------
        ValueError
            No set of this name is known.
        TypeError
            A text is no str, or an id no int.
        VocabularyError
            A text is empty, longer than 1 KiB or has lone surrogates; an id is outside 1 ... 65535,
            is that of another token, or is there twice.

        Notes
        -----
        What encodes is shared with this tokenizer; the tables for decoding, about 3 MB, are not.

        Examples
        --------
        >>> import rwkv_tok
        >>> tok = rwkv_tok.load().with_special_tokens({"<|im_end|>": 65531})
        >>> tok.encode("Hello<|im_end|>", allowed_special="all")
        array([33155, 65531], dtype=uint16)
        >>> tok.encode("Hello<|im_end|>").tolist()
        [33155, 61, 125, 1949, 96, 7463, 125, 63]
        >>> tok.decode([33155, 65531]), tok.decode([33155, 65531], skip_special_tokens=True)
        ('Hello<|im_end|>', 'Hello')
        """
        if isinstance(special_tokens, str):
            if special_tokens not in PROFILES:
                raise ValueError(
                    f"no set of special tokens {special_tokens!r}, only {', '.join(PROFILES)}; "
                    "or give a mapping of texts to ids"
                )
            special_tokens = PROFILES[special_tokens]
        return type(self)(self._vocabulary.with_special_tokens(special_tokens))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a vocabulary file that loads to the same fingerprint; replaces an existing one.

        Raises ValueError if there are special tokens: the format has no place for them.
        """
        content = self._vocabulary.to_bytes()
        with atomic_output(path) as file:
            file.write(content)

    @property
    def name(self) -> str:
        """The name of the bundled vocabulary, the file's without suffix, or one made of a hash."""
        return self._vocabulary.name

    @property
    def fingerprint(self) -> str:
        """What decides which ids a text gets, as 64 hexadecimal digits.

        The SHA-256 over all tokens in ascending order of their ids: the id and the length in
        bytes, both as little-endian uint32, then the bytes. If there are special tokens, id 0 and
        length 0 follow, and then the same of each of them.
        """
        return self._vocabulary.fingerprint

    @property
    def special_tokens(self) -> MappingProxyType[str, int]:
        """The ids of the special tokens by their texts, in ascending order; read-only."""
        return self._special.ids

    @property
    def vocab_size(self) -> int:
        """The size of the id space, 65536, whatever the vocabulary: ids are uint16."""
        return ID_SPACE

    @property
    def eot_token(self) -> int:
        """The id of the document boundary, 0. It has no text: it decodes to nothing."""
        return _EOT

    # Encoding

    # Where calls are short, `allowed_special` is not for keywords only: that would cost a fifth.

    def encode(
        self, text: Text, allowed_special: AllowedSpecial = NONE_ALLOWED
    ) -> NDArray[np.uint16]:
        """Encode a text: a new 1-D array of its own memory.

        Examples
        --------
        >>> import rwkv_tok
        >>> rwkv_tok.load().encode(b"Hello world")
        array([33155, 40213], dtype=uint16)
        """
        if allowed_special is NONE_ALLOWED:
            return _encode.encode(self._encoder, text)
        return _encode.encode(self._encoder, text, self._matcher(allowed_special))

    def encode_batch(
        self,
        texts: Texts,
        *,
        num_threads: int | None = None,
        allowed_special: AllowedSpecial = NONE_ALLOWED,
    ) -> list[NDArray[np.uint16]]:
        """Encode a batch of texts: a list of arrays as `encode` returns them.

        `encode_ragged` is the faster form: it makes no object for each text.
        """
        matcher = self._matcher(allowed_special)
        return _encode_batch.encode_batch(self._encoder, texts, num_threads, matcher)

    def encode_ragged(
        self,
        texts: Texts,
        *,
        num_threads: int | None = None,
        append_eot: bool = False,
        allowed_special: AllowedSpecial = NONE_ALLOWED,
    ) -> TokenBatch:
        """Encode a batch of texts into one flat array and the offsets of the texts in it.

        With `append_eot` each text is followed by id 0, as training data have it.

        Examples
        --------
        >>> import rwkv_tok
        >>> batch = rwkv_tok.load().encode_ragged(["Hello world", "你好"], append_eot=True)
        >>> batch.ids
        array([33155, 40213,     0, 10464, 11685,     0], dtype=uint16)
        >>> batch.offsets
        array([0, 3, 6])
        """
        matcher = self._matcher(allowed_special)
        return TokenBatch(
            *_encode_batch.encode_ragged(self._encoder, texts, num_threads, append_eot, matcher)
        )

    def encode_into(
        self, text: Text, out: Any, allowed_special: AllowedSpecial = NONE_ALLOWED
    ) -> int:
        """Encode a text into a writable, contiguous 1-D buffer of uint16; return how many ids.

        A text never has more ids than bytes. Raises ValueError if `out` is too small; what it
        holds then is undefined.

        Examples
        --------
        >>> import numpy as np, rwkv_tok
        >>> out = np.zeros(8, np.uint16)
        >>> rwkv_tok.load().encode_into("Hello world", out)
        2
        """
        if allowed_special is NONE_ALLOWED:
            return _encode.encode_into(self._encoder, text, out)
        return _encode.encode_into(self._encoder, text, out, self._matcher(allowed_special))

    def encode_with_offsets(
        self, text: Text, *, unit: Unit = "char", allowed_special: AllowedSpecial = NONE_ALLOWED
    ) -> tuple[NDArray[np.uint16], NDArray[np.int64]]:
        """Encode a text and tell where each token lies in it.

        `char_to_token` and `token_to_chars` look things up in the offsets.

        Parameters
        ----------
        text
            For characters it must be a str.
        unit
            What to count: characters (code points) or bytes of the UTF-8.
        allowed_special
            Which special tokens to look for; the class tells more.

        Returns
        -------
        ids
            As `encode` returns them.
        offsets
            int64, shape (n, 2): begin and end of each token, half-open. A token covers every
            character that it touches, so that those of tokens inside one character are equal.

        Examples
        --------
        >>> import rwkv_tok
        >>> ids, offsets = rwkv_tok.load().encode_with_offsets("a🙂")
        >>> ids.tolist(), offsets.tolist()
        ([98, 3319, 2417], [[0, 1], [1, 2], [1, 2]])
        """
        by_character = _counts_characters(unit)
        matcher = self._matcher(allowed_special)
        ids = _encode.encode(self._encoder, text, matcher)  # TypeError for what is no text at all
        if by_character and not isinstance(text, str):
            raise ValueError("bytes have no characters to count: say unit='byte'")
        return ids, _offsets.text_offsets(self._decode_table, ids, by_character)

    def encode_ragged_with_offsets(
        self,
        texts: Texts,
        *,
        unit: Unit = "char",
        num_threads: int | None = None,
        allowed_special: AllowedSpecial = NONE_ALLOWED,
    ) -> tuple[TokenBatch, NDArray[np.int64]]:
        """Encode a batch of texts and tell where each token lies in its text.

        Returns
        -------
        batch
            As `encode_ragged` returns it.
        offsets
            int64, shape (n, 2), for all ids of the batch: those of text `i`, counted from its own
            beginning, are `offsets[batch.offsets[i]:batch.offsets[i + 1]]`. For what they mean and
            for `unit` see `encode_with_offsets`; Arrow strings have characters, too.

        Examples
        --------
        >>> import rwkv_tok
        >>> batch, offsets = rwkv_tok.load().encode_ragged_with_offsets(["Hello world", "你好"])
        >>> batch.to_list(), offsets.tolist()
        ([[33155, 40213], [10464, 11685]], [[0, 5], [5, 11], [0, 1], [1, 2]])
        """
        by_character = _counts_characters(unit)
        matcher = self._matcher(allowed_special)
        ids, starts, offsets = _encode_batch.encode_ragged_with_offsets(
            self._encoder, self._decode_table, texts, by_character, num_threads, matcher
        )
        return TokenBatch(ids, starts), offsets

    def count(self, text: Text, allowed_special: AllowedSpecial = NONE_ALLOWED) -> int:
        """The number of ids that `encode` returns, without keeping any."""
        if allowed_special is NONE_ALLOWED:
            return _encode.count(self._encoder, text)
        return _encode.count(self._encoder, text, self._matcher(allowed_special))

    def count_batch(
        self,
        texts: Texts,
        *,
        num_threads: int | None = None,
        allowed_special: AllowedSpecial = NONE_ALLOWED,
    ) -> NDArray[np.int64]:
        """The number of ids of each text of a batch: int64, 1-D; none is kept."""
        matcher = self._matcher(allowed_special)
        return _encode_batch.count_batch(self._encoder, texts, num_threads, matcher)

    def stream_encoder(self, *, allowed_special: AllowedSpecial = NONE_ALLOWED) -> StreamEncoder:
        """An encoder of a text that comes in pieces.

        Examples
        --------
        >>> import rwkv_tok
        >>> encoder = rwkv_tok.load().stream_encoder()
        >>> encoder.feed("Hello wor").tolist(), encoder.feed("ld").tolist()
        ([33155], [])
        >>> encoder.flush().tolist()
        [40213]
        """
        return StreamEncoder(self._encoder, self._matcher(allowed_special))

    # Decoding

    def decode(
        self,
        ids: Ids,
        *,
        errors: Errors = "replace",
        unknown: Unknown = "raise",
        skip_special_tokens: bool = False,
    ) -> str:
        """Decode ids into text. Id 0 decodes to nothing.

        Examples
        --------
        >>> import rwkv_tok
        >>> tok = rwkv_tok.load()
        >>> tok.decode([3319, 2417])
        '🙂'
        >>> tok.decode([65530])
        Traceback (most recent call last):
        rwkv_tok.errors.TokenIdError: id 65530 at position 0 has no token
        >>> tok.decode([33155, 65530], unknown="skip")
        'Hello'
        """
        if skip_special_tokens:
            ids = self._special.silence(_decode.read_ids(ids, unknown))
        return _decode.decode(self._decode_table, ids, errors, unknown)

    def decode_bytes(
        self, ids: Ids, *, unknown: Unknown = "raise", skip_special_tokens: bool = False
    ) -> bytes:
        """Decode ids into the very bytes that were encoded."""
        if skip_special_tokens:
            ids = self._special.silence(_decode.read_ids(ids, unknown))
        return _decode.decode_bytes(self._decode_table, ids, unknown)

    def decode_with_offsets(
        self,
        ids: Ids,
        *,
        errors: Errors = "replace",
        unknown: Unknown = "raise",
        skip_special_tokens: bool = False,
    ) -> tuple[str, NDArray[np.int64]]:
        """Decode ids into text and tell where each of them lies in it.

        Returns
        -------
        text
            As `decode` returns it.
        offsets
            int64, shape (n, 2): begin and end of each id in characters, half-open. An id covers
            every character that its bytes are part of, U+FFFD for invalid ones included; what
            decodes to nothing covers none, and lies after a character that has begun.

        Examples
        --------
        >>> import rwkv_tok
        >>> text, offsets = rwkv_tok.load().decode_with_offsets([98, 3319, 2417, 0])
        >>> text, offsets.tolist()
        ('a🙂', [[0, 1], [1, 2], [1, 2], [2, 2]])
        """
        array = _decode.read_ids(ids, unknown)
        if skip_special_tokens:
            array = self._special.silence(array)
        text = _decode.decode(self._decode_table, array, errors, unknown)
        data = _decode.decode_bytes(self._decode_table, array, unknown)
        return text, _offsets.decoded_offsets(
            self._decode_table, array, unknown, data, errors != "ignore"
        )

    def decode_batch(
        self,
        batch: TokenBatch | Iterable[Ids],
        *,
        errors: Errors = "replace",
        unknown: Unknown = "raise",
        skip_special_tokens: bool = False,
        num_threads: int | None = None,
    ) -> list[str]:
        """Decode a TokenBatch, or an iterable of ids for each document, into texts."""
        ids, offsets = flatten(batch, unknown)
        if skip_special_tokens:
            ids = self._special.silence(ids)
        return _decode_batch.decode_batch(
            self._decode_table, ids, offsets, errors, unknown, num_threads
        )

    def decode_bytes_batch(
        self,
        batch: TokenBatch | Iterable[Ids],
        *,
        unknown: Unknown = "raise",
        skip_special_tokens: bool = False,
        num_threads: int | None = None,
    ) -> list[bytes]:
        """Decode a TokenBatch, or an iterable of ids for each document, into bytes."""
        ids, offsets = flatten(batch, unknown)
        if skip_special_tokens:
            ids = self._special.silence(ids)
        return _decode_batch.decode_bytes_batch(
            self._decode_table, ids, offsets, unknown, num_threads
        )

    def stream_decoder(
        self,
        *,
        errors: Errors = "replace",
        unknown: Unknown = "raise",
        skip_special_tokens: bool = False,
    ) -> StreamDecoder:
        """A decoder of ids that come one at a time, of whose text only whole characters come out.

        Examples
        --------
        >>> import rwkv_tok
        >>> decoder = rwkv_tok.load().stream_decoder()
        >>> decoder.feed(3319), decoder.feed(2417)
        ('', '🙂')
        """
        skipped = self._special.id_set if skip_special_tokens else None
        return StreamDecoder(self._decode_table, errors, unknown, skipped)

    # Tokens

    def token_bytes(self, token_id: int) -> bytes:
        """The bytes of a token; those of id 0 are empty. Raises TokenIdError if there is none."""
        number = _as_id(token_id)
        if number != _EOT and number not in self:
            raise TokenIdError(number)
        return self._tokens[number]

    def token_id(self, token: bytes | str) -> int:
        """The id of a token, an ordinary one or else a special one. Raises KeyError if it is none.

        Examples
        --------
        >>> import rwkv_tok
        >>> rwkv_tok.load().token_id("Hello")
        33155
        """
        try:
            data = str.encode(token) if isinstance(token, str) else bytes(memoryview(token))
        except UnicodeEncodeError:
            raise KeyError(token) from None
        token_id = self._vocabulary.trie.find(data) or self._special.by_bytes.get(data)
        if not token_id:
            raise KeyError(token)
        return token_id

    def __contains__(self, token_id: object) -> bool:
        """Whether a token is assigned to an id; none is to 0."""
        try:
            number = _as_id(token_id)
        except TypeError:
            return False
        return 0 <= number < ID_SPACE and bool(self._tokens[number])

    def __len__(self) -> int:
        """The number of tokens, the special ones included."""
        return len(self._tokens)

    def __iter__(self) -> Iterator[int]:
        """The assigned ids in ascending order, those of special tokens included."""
        ids: list[int] = self._vocabulary.ids.tolist()
        return iter(ids)

    # Identity

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Tokenizer):
            return NotImplemented
        return self._vocabulary is other._vocabulary or self.fingerprint == other.fingerprint

    def __hash__(self) -> int:
        return int(self.fingerprint[:15], 16)

    def __repr__(self) -> str:
        special = f", {len(self.special_tokens)} of them special" if self.special_tokens else ""
        return f"<Tokenizer {self.name}: {len(self)} tokens{special}>"

    def __copy__(self) -> Tokenizer:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Tokenizer:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        if self.special_tokens:
            base = type(self)(self._vocabulary.base)
            return _with_special_tokens, (base, self._special.to_json())
        if self._vocabulary.bundled:
            return _load_same, (type(self), self.name, self.fingerprint)
        return _from_content, (type(self), self.name, *self._vocabulary.content())


def _load_same(cls: type[Tokenizer], name: str, fingerprint: str) -> Tokenizer:
    """Unpickle a tokenizer with a bundled vocabulary."""
    vocabulary = load_bundled(name)
    if vocabulary.fingerprint != fingerprint:
        raise VocabularyError(
            f"the bundled vocabulary {name} is not the one that was pickled: its fingerprint is "
            f"{vocabulary.fingerprint}, not {fingerprint}"
        )
    return cls(vocabulary)


def _from_content(
    cls: type[Tokenizer], name: str, ids: bytes, lengths: bytes, block: bytes
) -> Tokenizer:
    """Unpickle a tokenizer with any other vocabulary."""
    return cls(Vocabulary.from_content(name, ids, lengths, block))


def _with_special_tokens(base: Tokenizer, special_tokens: bytes) -> Tokenizer:
    """Unpickle a tokenizer with special tokens."""
    return base.with_special_tokens(SpecialTokens.ids_from_json(special_tokens))


def _counts_characters(unit: Unit) -> bool:
    if unit not in ("char", "byte"):
        raise ValueError(f"unit must be 'char' or 'byte', not {unit!r}")
    return unit == "char"


def _as_id(token_id: object) -> int:
    if isinstance(token_id, bool | np.bool_):
        raise TypeError("an id must be an integer, not bool")
    return operator.index(token_id)  # type: ignore[arg-type]
