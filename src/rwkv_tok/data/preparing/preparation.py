"""`prepare`: from any corpus to the files that RWKV's trainer reads."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from rwkv_tok.data.reading.discover import discover
from rwkv_tok.data.reading.documents import DEFAULT_FIELD, ReadOptions
from rwkv_tok.tokenizer import load

from .encoding import LONGEST_ITEM
from .existing import Prepared
from .names import output_paths
from .plan import Arrangement, Plan
from .run import Run, Status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from rwkv_tok.data.reading.source import Format
    from rwkv_tok.tokenizer import Tokenizer

__all__ = ["Prepared", "Status", "make_plan", "prepare"]


def make_plan(
    inputs: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    tokenizer: Tokenizer,
    prefix: str | os.PathLike[str],
    *,
    input_format: Format | None = None,
    text_field: str | None = None,
    separator: str | bytes | None = None,
    min_tokens: int = 0,
    max_tokens: int | None = None,
    limit: int | None = None,
    valid_fraction: float = 0.0,
    epochs: int = 1,
    shuffle: bool = False,
    seed: int = 0,
    single_item: bool = False,
    check: bool = True,
) -> tuple[Plan, tuple[str, ...]]:
    """Find the inputs, and put together all that decides what comes out.

    The arguments are those of `prepare`. Also returns the files of folders that were left out.

    Raises DataError if an input cannot be found or an argument is out of its range.
    """
    if isinstance(inputs, str | os.PathLike):
        inputs = [inputs]
    named = [os.fspath(each) for each in inputs]
    corpus = discover(named, input_format, output_paths(Path(prefix)))
    if isinstance(separator, str):
        separator = separator.encode("utf-8", "surrogateescape")
    plan = Plan(
        tokenizer.fingerprint,
        corpus.sources,
        ReadOptions(DEFAULT_FIELD if text_field is None else text_field, separator),
        min_tokens,
        LONGEST_ITEM - 1 if max_tokens is None else max_tokens,
        Arrangement(limit, valid_fraction, epochs, shuffle, seed, single_item),
        check,
        input_format,
    )
    return plan, corpus.ignored


def prepare(
    inputs: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    prefix: str | os.PathLike[str],
    *,
    tokenizer: Tokenizer | None = None,
    input_format: Format | None = None,
    text_field: str | None = None,
    separator: str | bytes | None = None,
    on_error: Literal["fail", "skip"] = "fail",
    min_tokens: int = 0,
    max_tokens: int | None = None,
    limit: int | None = None,
    valid_fraction: float = 0.0,
    epochs: int = 1,
    shuffle: bool = False,
    seed: int = 0,
    single_item: bool = False,
    ctx_lens: Iterable[int] = (),
    check: bool = True,
    workers: int | None = None,
    overwrite: bool = False,
    report: Callable[[Status], None] = lambda _: None,
) -> Prepared:
    r"""Encode a corpus into PREFIX.bin, PREFIX.idx and PREFIX.json.

    Each document becomes an item: its tokens and a closing 0. Memory is bounded by the largest
    documents, not by the corpus. Work is done in `PREFIX.work`; if it is interrupted, the same call
    goes on with it, and ends with the same bytes. PREFIX.idx appears last: with it, all is
    complete.

    Parameters
    ----------
    inputs
        Files, folders, globs, or `-` for standard input: JSON Lines, Parquet, Arrow IPC, or text,
        also compressed with gzip, zstd, bzip2 or xz. They are read in this order; the files of a
        folder in the bytewise order of their paths.
    prefix
        The path of what comes out, without suffixes.
    tokenizer
        What to encode with; the bundled vocabulary if None. Its special tokens are text like any
        other here.
    input_format
        "jsonl", "text", "parquet" or "arrow"; if None, names and contents tell.
    text_field
        The field with the text of a record, "text" if None; `a.b` is the field `b` of the field
        `a`.
    separator
        What ends a document in a text; if None, a file is a document.
    on_error
        What becomes of a record without a usable text: "fail", or "skip", which lists it in
        PREFIX.skipped.jsonl.
    min_tokens, max_tokens
        Documents with fewer or more tokens, the closing 0 not counted, are left out.
    limit
        Take only the first so many documents.
    valid_fraction
        Set aside this part of the documents, chosen by `seed`, into PREFIX-valid.
    epochs
        How often each document is to be there.
    shuffle, seed
        Put the documents into another order in each epoch, chosen by `seed`: see
        `rwkv_tok.data.preparing.order`.
    single_item
        Make all tokens one item; at most 2**31 - 1 tokens.
    ctx_lens
        Tell in PREFIX.json, for each of these context lengths, the magic prime and the arguments
        of the trainer.
    check
        Decode every document again and compare it with its text.
    workers
        How many processes encode; as many as there are cores, as far as they pay, if None. What
        comes out does not depend on it.
    overwrite
        Replace PREFIX if it exists, and throw away what a run of another kind has left
        unfinished.
    report
        Called again and again with a `Status`.

    Raises
    ------
    DataError
        An input cannot be found, read or used, an argument is out of its range, something would
        have to be replaced, or there is not enough room; the message says where and what to do.
    OSError
        Something else cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> corpus = folder / "corpus.jsonl"
    >>> _ = corpus.write_text('{"text": "Hello world"}\n{"text": "你好"}\n', "utf-8")
    >>> prepared = prepare(corpus, folder / "train")
    >>> prepared.items, prepared.tokens
    (2, 6)
    >>> from rwkv_tok.data import BinIdx
    >>> [item.tolist() for item in BinIdx(folder / "train")]
    [[33155, 40213, 0], [10464, 11685, 0]]
    """
    if on_error not in ("fail", "skip"):
        raise ValueError(f"on_error must be 'fail' or 'skip', not {on_error!r}")
    # Special tokens are not looked for, so they are no part of what the result is made with.
    tokenizer = (load() if tokenizer is None else tokenizer).with_special_tokens({})
    plan, _ = make_plan(
        inputs,
        tokenizer,
        prefix,
        input_format=input_format,
        text_field=text_field,
        separator=separator,
        min_tokens=min_tokens,
        max_tokens=max_tokens,
        limit=limit,
        valid_fraction=valid_fraction,
        epochs=epochs,
        shuffle=shuffle,
        seed=seed,
        single_item=single_item,
        check=check,
    )
    run = Run(
        plan,
        tokenizer,
        Path(prefix),
        skip_bad=on_error == "skip",
        ctx_lens=tuple(ctx_lens),
    )
    return run.run(workers=workers, overwrite=overwrite, report=report)
