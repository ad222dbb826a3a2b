"""Who takes part in the tables of speed: each way of each package to encode and to decode."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from .packages import OTHER_VOCABULARY, OURS, PEER, REFERENCE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .texts import Texts

    #: Takes a tokenizer and documents, prepares what need not be timed, returns the rest.
    Bind: TypeAlias = Callable[[Any, Sequence[str]], Callable[[], Any]]


@dataclass(frozen=True)
class Contestant:
    """One way of one package to do what a table is about."""

    package: str
    how: str
    bind: Bind
    #: What the call returns for each document, to compare; None: not ours to compare.
    gives: Literal["ids", "counts", "text", "bytes"] | None = "ids"

    @property
    def name(self) -> str:
        """As it stands in tables."""
        vocabulary = " (o200k)" if self.package == OTHER_VOCABULARY else ""
        return f"{self.package}{vocabulary} {self.how}"


@dataclass(frozen=True)
class Table:
    """Contestants who are compared with one another; the first one is the baseline of ratios."""

    title: str
    contestants: tuple[Contestant, ...]

    @property
    def baseline(self) -> str:
        """The name of the contestant whom ratios are to."""
        return self.contestants[0].name


def each_encoded(encode: Callable[[Any], Callable[[str], Any]]) -> Bind:
    """One call for each document."""

    def bind(tokenizer: Any, texts: Sequence[str]) -> Callable[[], Any]:
        function = encode(tokenizer)
        return lambda: [function(text) for text in texts]

    return bind


def each_decoded(
    encode: Callable[[Any], Callable[[str], Any]], decode: Callable[[Any], Callable[[Any], Any]]
) -> Bind:
    """One call for each document's ids, in the form in which the package itself gives them."""

    def bind(tokenizer: Any, texts: Sequence[str]) -> Callable[[], Any]:
        documents = [encode(tokenizer)(text) for text in texts]
        function = decode(tokenizer)
        return lambda: [function(ids) for ids in documents]

    return bind


def ragged(num_threads: int | None) -> Bind:
    """The whole batch into one flat array."""
    return lambda t, texts: lambda: t.encode_ragged(texts, num_threads=num_threads)


def arrow(num_threads: int | None) -> Bind:
    """The same from Arrow strings, read in place."""

    def bind(tokenizer: Any, texts: Sequence[str]) -> Callable[[], Any]:
        import pyarrow as pa

        strings = pa.array(texts, pa.large_string())
        return lambda: tokenizer.encode_ragged(strings, num_threads=num_threads)

    return bind


def batch_decoded(num_threads: int | None) -> Bind:
    """The whole batch from one flat array."""

    def bind(tokenizer: Any, texts: Sequence[str]) -> Callable[[], Any]:
        batch = tokenizer.encode_ragged(texts)
        return lambda: tokenizer.decode_batch(batch, num_threads=num_threads)

    return bind


ENCODE = Table(
    "encode, one thread",
    (
        Contestant(PEER, "encode", each_encoded(lambda t: t.encode)),
        Contestant(REFERENCE, "encode", each_encoded(lambda t: t.encode)),
        Contestant(
            OTHER_VOCABULARY, "encode", each_encoded(lambda t: t.encode_ordinary), gives=None
        ),
        Contestant(
            OTHER_VOCABULARY,
            "encode_batch",
            lambda t, texts: lambda: t.encode_batch(texts, threads=1),
            gives=None,
        ),
        Contestant(OURS, "encode", each_encoded(lambda t: t.encode)),
        Contestant(
            OURS, "encode_batch", lambda t, texts: lambda: t.encode_batch(texts, num_threads=1)
        ),
        Contestant(OURS, "encode_ragged", ragged(1)),
        Contestant(OURS, "encode_ragged, Arrow in", arrow(1)),
        Contestant(OURS, "count", each_encoded(lambda t: t.count), gives="counts"),
    ),
)

PEER_BATCH = Contestant(PEER, "encode_batch", lambda t, texts: lambda: t.encode_batch(texts))
OUR_BATCH = Contestant(OURS, "encode_batch", lambda t, texts: lambda: t.encode_batch(texts))

BATCH = Table(
    "encode a batch, all threads",
    (
        PEER_BATCH,
        Contestant(
            OTHER_VOCABULARY,
            "encode_batch",
            lambda t, texts: lambda: t.encode_batch(texts),
            gives=None,
        ),
        OUR_BATCH,
        Contestant(OURS, "encode_ragged", ragged(None)),
        Contestant(OURS, "encode_ragged, Arrow in", arrow(None)),
    ),
)

DECODE = Table(
    "decode",
    (
        Contestant(PEER, "decode", each_decoded(lambda t: t.encode, lambda t: t.decode), "text"),
        Contestant(
            REFERENCE, "decode", each_decoded(lambda t: t.encode, lambda t: t.decode), "text"
        ),
        Contestant(
            OTHER_VOCABULARY,
            "decode",
            each_decoded(lambda t: t.encode_ordinary, lambda t: t.decode),
            gives=None,
        ),
        Contestant(OURS, "decode", each_decoded(lambda t: t.encode, lambda t: t.decode), "text"),
        Contestant(
            OURS,
            "decode_bytes",
            each_decoded(lambda t: t.encode, lambda t: t.decode_bytes),
            "bytes",
        ),
        Contestant(OURS, "decode_batch, one thread", batch_decoded(1), "text"),
        Contestant(OURS, "decode_batch, all threads", batch_decoded(None), "text"),
    ),
)

TWEETS = Table("encode_batch of tweets", (PEER_BATCH, OUR_BATCH))


def given_to(contestant: Contestant, texts: Texts) -> Texts:
    """What a contestant gets of a corpus: the pure-Python implementation only the first of it."""
    return texts.slice() if contestant.package == REFERENCE else texts


def check(contestant: Contestant, result: Any, texts: Texts, tokenizer: Any) -> None:
    """Compare what a contestant returned with what our `encode` gives for each document.

    Raises ValueError at the first document where they differ: there is nothing to compare then.
    """
    if contestant.gives is None:
        return
    for number, (text, given) in enumerate(zip(texts.texts, result, strict=True)):
        if contestant.gives == "text":
            same = given == text
        elif contestant.gives == "bytes":
            same = given == text.encode()
        else:
            ids = tokenizer.encode(text).tolist()
            same = given == len(ids) if contestant.gives == "counts" else list(given) == ids
        if not same:
            raise ValueError(
                f"{contestant.name} differs from {OURS} in document {number} of {texts.corpus} "
                f"({texts.size}): there is nothing to compare"
            )
