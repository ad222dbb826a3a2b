"""The mode `serving`: streams, special tokens and offsets beside the plain loops they replace."""

from __future__ import annotations

import codecs
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

import click
import numpy as np

import rwkv_tok

from .options import corpus_options, load_corpora, run_options
from .report import Report
from .texts import resize
from .timing import Result, interleave, timed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from .timing import Unit

    #: By the name of a contestant, for each corpus, what is timed.
    Calls: TypeAlias = dict[str, list[Callable[[], Any]]]

#: Characters in a piece of text, as a user types or a socket gives it.
PIECE = 100
SPECIAL_TOKENS = "v20260603"


@click.command()
@corpus_options
@run_options
def serving(
    corpora: Sequence[Path],
    field: str,
    megabytes: float,
    rounds: int,
    json_file: Path | None,
) -> None:
    """Compare streams, special tokens and offsets with the plain loops that they replace.

    One thread. The first contestant of each table is the one that ratios are to.
    """
    loaded = load_corpora(corpora, field, megabytes)
    report = Report("serving", {"megabytes": megabytes, "rounds": rounds})
    tok = rwkv_tok.load()
    texts = list(loaded.values())
    nbytes = [sum(len(text.encode()) for text in some) for some in texts]
    ids = [tok.encode("".join(some)).tolist() for some in texts]

    def compare(
        title: str, unit: Unit, amounts: Sequence[int], calls: Calls, *, alike: int = 0
    ) -> None:
        check(title, dict(list(calls.items())[alike:]))
        names, places = list(calls), range(len(texts))
        with report.progress(title, rounds * len(names) * len(texts)) as advance:
            samples = interleave(
                places, names, rounds, lambda place, name: timed(calls[name][place]), advance
            )
        results = [
            Result(title, "", list(loaded)[i], names[j], unit, amounts[i], seconds)
            for (i, j), seconds in samples.items()
        ]
        report.add(results, baseline=names[0])

    tokens = [len(some) for some in ids]
    # Decoded alone, a token that is a part of a character comes out wrong.
    compare("text out, an id at a time", "ns", tokens, decoding(tok, ids), alike=1)
    compare("text in, in pieces", "MB/s", nbytes, encoding(tok, texts))
    compare("special tokens that do not occur, documents", "MB/s", nbytes, special(tok, texts))
    short = [resize(some, "tweet") for some in texts]
    sizes = [sum(len(text.encode()) for text in some) for some in short]
    compare("special tokens that do not occur, tweets", "MB/s", sizes, special(tok, short))
    compare("offsets", "MB/s", nbytes, offsets(tok, texts))
    if json_file:
        report.write(json_file)


def check(title: str, calls: Calls) -> None:
    """Fail unless all contestants give the same."""
    first, *others = calls
    for name in others:
        for expected, given in zip(calls[first], calls[name], strict=True):
            if as_one(expected()) != as_one(given()):
                raise click.ClickException(f"{title}: {name} differs from {first}")


def as_one(result: Any) -> str | bytes:
    """What contestants have in common: the whole text, or all ids."""
    if isinstance(result, rwkv_tok.TokenBatch):
        return result.ids.tobytes()
    if isinstance(result, tuple):
        return as_one(result[0])
    if isinstance(result[0], str):
        return "".join(result)
    return np.concatenate(result).tobytes()


def decoding(tok: rwkv_tok.Tokenizer, all_ids: Sequence[Sequence[int]]) -> Calls:
    """Each token as bytes that are decoded, the least that Python can do, is the baseline."""
    tokens = [[tok.token_bytes(token_id) for token_id in ids] for ids in all_ids]

    def stream(ids: Sequence[int]) -> list[str]:
        feed = tok.stream_decoder().feed
        return [feed(token_id) for token_id in ids]

    return {
        "bytes.decode": [partial(each_decoded, some) for some in tokens],
        "incremental decoder of Python": [partial(incremental, some) for some in tokens],
        "stream_decoder": [partial(stream, some) for some in all_ids],
    }


def each_decoded(tokens: Sequence[bytes]) -> list[str]:
    """Decode each token alone."""
    return [token.decode("utf-8", "replace") for token in tokens]


def incremental(tokens: Sequence[bytes]) -> list[str]:
    """Decode them one after the other."""
    decode = codecs.getincrementaldecoder("utf-8")("replace").decode
    return [decode(token) for token in tokens]


def encoding(tok: rwkv_tok.Tokenizer, texts: Sequence[Sequence[str]]) -> Calls:
    """The text as a whole, and in pieces that may end anywhere."""
    wholes = ["\n".join(some) for some in texts]
    pieces = [[text[i : i + PIECE] for i in range(0, len(text), PIECE)] for text in wholes]

    def stream(pieces: Sequence[str]) -> list[Any]:
        encoder = tok.stream_encoder()
        return [*map(encoder.feed, pieces), encoder.flush()]

    return {
        "encode, the whole text": [partial(each_encoded, tok, [text]) for text in wholes],
        f"stream_encoder, {PIECE} characters at a time": [partial(stream, some) for some in pieces],
    }


def special(tok: rwkv_tok.Tokenizer, texts: Sequence[Sequence[str]]) -> Calls:
    """Text by text. Those in which one occurs would be encoded otherwise, and fail the check."""
    loaded = tok.with_special_tokens(SPECIAL_TOKENS)
    return {
        "none": [partial(each_encoded, tok, some) for some in texts],
        "loaded": [partial(each_encoded, loaded, some) for some in texts],
        "loaded and allowed": [partial(each_allowed, loaded, some) for some in texts],
    }


def each_encoded(tok: rwkv_tok.Tokenizer, texts: Sequence[str]) -> list[Any]:
    """Encode text by text."""
    return [tok.encode(text) for text in texts]


def each_allowed(tok: rwkv_tok.Tokenizer, texts: Sequence[str]) -> list[Any]:
    """Encode text by text, and look for special tokens."""
    return [tok.encode(text, allowed_special="all") for text in texts]


def offsets(tok: rwkv_tok.Tokenizer, texts: Sequence[Sequence[str]]) -> Calls:
    """Batches, with and without."""
    ways: dict[str, Callable[..., Any]] = {
        "encode_ragged": tok.encode_ragged,
        "with offsets in bytes": partial(tok.encode_ragged_with_offsets, unit="byte"),
        "with offsets in characters": tok.encode_ragged_with_offsets,
    }
    return {
        name: [partial(encode, some, num_threads=1) for some in texts]
        for name, encode in ways.items()
    }
