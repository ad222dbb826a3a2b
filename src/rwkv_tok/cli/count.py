"""`rwkv-tok count`: how many tokens a text has."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from .inputs import read_documents
from .options import common_options, lines_option
from .outputs import open_output
from .progress import progress_bar
from .special import allow_special_option, special_tokens_option

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import TypeAlias

    import numpy as np
    from numpy.typing import NDArray

    from rwkv_tok.special import AllowedSpecial
    from rwkv_tok.tokenizer import Tokenizer

    from .inputs import Advance, Document

    #: The number of tokens of each document.
    CountBatch: TypeAlias = Callable[[Sequence[Document]], NDArray[np.int64]]

__all__ = ["count"]

_EXAMPLES = """\b
Examples:
  rwkv-tok count *.txt
  rwkv-tok count --lines --json corpus.txt
  zcat corpus.txt.gz | rwkv-tok count
"""


@click.command(epilog=_EXAMPLES)
@common_options
@lines_option("Take each line as a document, and count documents; line ends are not counted.")
@special_tokens_option
@allow_special_option
@click.option("--json", "as_json", is_flag=True, help="Write a JSON object instead of a table.")
def count(
    files: tuple[str, ...],
    tokenizer: Tokenizer,
    lines: bool,
    allowed_special: AllowedSpecial,
    as_json: bool,
    threads: int | None,
    output: str,
    force: bool,
) -> None:
    """Count bytes and tokens.

    Those of each of FILES, and of all together; without FILES, or for -, those of standard input.
    """
    count_files = _count_lines if lines else _count_whole
    count_batch = partial(
        tokenizer.count_batch, num_threads=threads, allowed_special=allowed_special
    )
    with open_output(output, force=force) as out:
        with progress_bar(files) as advance:
            counts = list(count_files(count_batch, files, advance))
        total = sum(counts, _Count())
        show = _as_json if as_json else _as_table
        text = show(files, [each.figures(lines) for each in counts], total.figures(lines))
        out.write(text.encode("utf-8", "surrogateescape"))


@dataclass(frozen=True)
class _Count:
    documents: int = 0
    bytes: int = 0
    tokens: int = 0

    def __add__(self, other: _Count) -> _Count:
        return _Count(
            self.documents + other.documents, self.bytes + other.bytes, self.tokens + other.tokens
        )

    def figures(self, with_documents: bool) -> dict[str, Any]:
        """What is shown, by its name; there are no bytes per token without tokens."""
        documents = {"documents": self.documents} if with_documents else {}
        ratio = self.bytes / self.tokens if self.tokens else None
        return documents | {"bytes": self.bytes, "tokens": self.tokens, "bytes_per_token": ratio}


def _count_lines(
    count_batch: CountBatch, files: tuple[str, ...], advance: Advance
) -> Iterator[_Count]:
    for file in files:
        total = _Count()
        for documents in read_documents([file], lines=True, advance=advance):
            tokens = count_batch(documents)
            total += _Count(len(documents), sum(map(len, documents)), int(tokens.sum()))
        yield total


def _count_whole(
    count_batch: CountBatch, files: tuple[str, ...], advance: Advance
) -> Iterator[_Count]:
    for documents in read_documents(files, lines=False, advance=advance):
        tokens = count_batch(documents)
        for document, number in zip(documents, tokens.tolist(), strict=True):
            yield _Count(1, len(document), number)


def _as_json(files: tuple[str, ...], counts: list[dict[str, Any]], total: dict[str, Any]) -> str:
    named = [{"file": file} | figures for file, figures in zip(files, counts, strict=True)]
    return json.dumps({"files": named, "total": total}) + "\n"


def _as_table(files: tuple[str, ...], counts: list[dict[str, Any]], total: dict[str, Any]) -> str:
    heading = [name.replace("_per_", "/") for name in total]
    rows = [heading, *([_cell(value) for value in each.values()] for each in [*counts, total])]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    names = ["file", *files, "total"]
    return "".join(
        "  ".join([*map(str.rjust, row, widths), name]) + "\n"
        for row, name in zip(rows, names, strict=True)
    )


def _cell(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.2f}" if isinstance(value, float) else str(value)
