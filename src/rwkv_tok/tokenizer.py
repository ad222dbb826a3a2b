"""Tokenizer: the public API over a compiled vocabulary."""

from __future__ import annotations

import operator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from . import _decode, _decode_batch, _encode, _encode_batch, _offsets
from .batch import TokenBatch
from .errors import TokenIdError, VocabularyError
from .files import atomic_output
from .vocabulary import DEFAULT_VOCABULARY, ID_SPACE, Vocabulary, load_bundled

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Iterator, Mapping
    from typing import TypeAlias

    from numpy.typing import NDArray

    #: One text: a str, or its bytes in a contiguous buffer (bytes, mmap, NumPy uint8, ...).
    Text: TypeAlias = Any
    #: Many texts: an iterable of them, or anything with the Arrow PyCapsule interface.
    Texts: TypeAlias = Any
    #: Ids: an array of integers of any kind, or a sequence of them.
    Ids: TypeAlias = Any
    #: What to do with bytes that are not valid UTF-8.
    Errors: TypeAlias = Literal["strict", "replace", "ignore"]
    #: What to do with an id that stands for no token.
    Unknown: TypeAlias = Literal["raise", "skip", "replace"]

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

    __slots__ = ("__weakref__", "_decode_table", "_encoder", "_tokens", "_vocabulary")

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        # One attribute less on the way of a short call.
        self._tokens = vocabulary.tokens
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

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a vocabulary file that loads to the same fingerprint; replaces an existing one."""
        with atomic_output(path) as file:
            file.write(self._vocabulary.to_bytes())

    @property
    def name(self) -> str:
        """The name of the bundled vocabulary, the file's without suffix, or one made of a hash."""
        return self._vocabulary.name

    @property
    def fingerprint(self) -> str:
        """What decides which ids a text gets, as 64 hexadecimal digits.

        The SHA-256 over all tokens in ascending order of their ids: the id and the length in
        bytes, both as little-endian uint32, then the bytes.
        """
        return self._vocabulary.fingerprint

    @property
    def vocab_size(self) -> int:
        """The size of the id space, 65536, whatever the vocabulary: ids are uint16."""
        return ID_SPACE

    @property
    def eot_token(self) -> int:
        """The id of the document boundary, 0. It has no text: it decodes to nothing."""
        return _EOT

    # Encoding

    def encode(self, text: Text) -> NDArray[np.uint16]:
        """Encode a text: a new 1-D array of its own memory.

        Examples
        --------
        >>> import rwkv_tok
        >>> rwkv_tok.load().encode(b"Hello world")
        array([33155, 40213], dtype=uint16)
        """
        return _encode.encode(self._encoder, text)

    def encode_batch(
        self, texts: Texts, *, num_threads: int | None = None
    ) -> list[NDArray[np.uint16]]:
        """Encode a batch of texts: a list of arrays as `encode` returns them.

        `encode_ragged` is the faster form: it makes no object for each text.
        """
        return _encode_batch.encode_batch(self._encoder, texts, num_threads)

    def encode_ragged(
        self, texts: Texts, *, num_threads: int | None = None, append_eot: bool = False
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
        return TokenBatch(
            *_encode_batch.encode_ragged(self._encoder, texts, num_threads, append_eot)
        )

    def encode_into(self, text: Text, out: Any) -> int:
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
        return _encode.encode_into(self._encoder, text, out)

    def encode_with_offsets(
        self, text: Text, *, unit: Literal["char", "byte"] = "char"
    ) -> tuple[NDArray[np.uint16], NDArray[np.int64]]:
        """Encode a text and tell where each token lies in it.

        Parameters
        ----------
        text
            For characters it must be a str.
        unit
            What to count: characters (code points) or bytes of the UTF-8.

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
        if unit not in ("char", "byte"):
            raise ValueError(f"unit must be 'char' or 'byte', not {unit!r}")
        if unit == "char" and not isinstance(text, str):
            memoryview(text)  # a TypeError for what is no text at all
            raise ValueError("bytes have no characters to count: say unit='byte'")
        # The methods of str, as a subclass may have made something else of them.
        if unit == "char" and not str.isascii(text):
            data = str.encode(text)
            ids = self.encode(data)
            return ids, _offsets.char_offsets(self._tokens, ids, data)
        ids = self.encode(text)
        return ids, _offsets.byte_offsets(self._tokens, ids)

    def count(self, text: Text) -> int:
        """The number of ids that `encode` returns, without keeping any."""
        return _encode.count(self._encoder, text)

    def count_batch(self, texts: Texts, *, num_threads: int | None = None) -> NDArray[np.int64]:
        """The number of ids of each text of a batch: int64, 1-D; none is kept."""
        return _encode_batch.count_batch(self._encoder, texts, num_threads)

    # Decoding

    def decode(self, ids: Ids, *, errors: Errors = "replace", unknown: Unknown = "raise") -> str:
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
        return _decode.decode(self._decode_table, ids, errors, unknown)

    def decode_bytes(self, ids: Ids, *, unknown: Unknown = "raise") -> bytes:
        """Decode ids into the very bytes that were encoded."""
        return _decode.decode_bytes(self._decode_table, ids, unknown)

    def decode_batch(
        self,
        batch: TokenBatch | Iterable[Ids],
        *,
        errors: Errors = "replace",
        unknown: Unknown = "raise",
        num_threads: int | None = None,
    ) -> list[str]:
        """Decode a TokenBatch, or an iterable of ids for each document, into texts."""
        return _decode_batch.decode_batch(
            self._decode_table, *_flatten(batch, unknown), errors, unknown, num_threads
        )

    def decode_bytes_batch(
        self,
        batch: TokenBatch | Iterable[Ids],
        *,
        unknown: Unknown = "raise",
        num_threads: int | None = None,
    ) -> list[bytes]:
        """Decode a TokenBatch, or an iterable of ids for each document, into bytes."""
        return _decode_batch.decode_bytes_batch(
            self._decode_table, *_flatten(batch, unknown), unknown, num_threads
        )

    # Tokens

    def token_bytes(self, token_id: int) -> bytes:
        """The bytes of a token; those of id 0 are empty. Raises TokenIdError if there is none."""
        number = _as_id(token_id)
        if number != _EOT and number not in self:
            raise TokenIdError(number)
        return self._tokens[number]

    def token_id(self, token: bytes | str) -> int:
        """The id of a token. Raises KeyError if it is none.

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
        token_id = self._vocabulary.trie.find(data)
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
        """The number of tokens."""
        return len(self._tokens)

    def __iter__(self) -> Iterator[int]:
        """The assigned ids in ascending order."""
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
        return f"<Tokenizer {self.name}: {len(self)} tokens>"

    def __copy__(self) -> Tokenizer:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Tokenizer:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
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


def _as_id(token_id: object) -> int:
    if isinstance(token_id, bool | np.bool_):
        raise TypeError("an id must be an integer, not bool")
    return operator.index(token_id)  # type: ignore[arg-type]


def _flatten(
    batch: TokenBatch | Iterable[Ids], unknown: Unknown
) -> tuple[NDArray[np.uint16] | NDArray[np.int64], NDArray[np.int64]]:
    """The ids of all documents one after the other, and their offsets."""
    if isinstance(batch, TokenBatch):
        return batch.ids, batch.offsets
    if not hasattr(batch, "__iter__"):
        raise TypeError(
            f"a batch must be a TokenBatch or an iterable of ids, not {type(batch).__name__}"
        )
    documents = []
    for number, ids in enumerate(batch):
        try:
            documents.append(_decode.read_ids(ids, unknown))
        except TokenIdError as error:
            raise TokenIdError(error.id, error.position, number) from None
        except (TypeError, ValueError) as error:
            error.add_note(f"in document {number} of the batch")
            raise
    offsets = np.cumsum([0, *map(len, documents)], dtype=np.int64)
    narrow = all(ids.dtype == np.uint16 for ids in documents)
    flat = np.concatenate([np.empty(0, np.uint16 if narrow else np.int64), *documents])
    return flat, offsets
