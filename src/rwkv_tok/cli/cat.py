"""`rwkv-tok cat`: documents of a dataset as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
import numpy as np

from rwkv_tok.batch import TokenBatch
from rwkv_tok.errors import TokenIdError

from .datasets import DatasetPrefix, data_failures
from .errors import Failure
from .id_writers import WRITERS
from .options import output_options, vocab_option
from .outputs import open_output
from .special import special_tokens_option

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from rwkv_tok.data import BinIdx
    from rwkv_tok.tokenizer import Tokenizer

__all__ = ["cat"]

_EXAMPLES = """\b
Examples:
  rwkv-tok cat corpus --doc 0                # the text of the first document
  rwkv-tok cat corpus --doc -1 --ids         # the ids of the last one
  rwkv-tok cat corpus --doc 7 --doc 8 -o two.txt
"""


@click.command(epilog=_EXAMPLES)
@click.argument("prefix", type=DatasetPrefix())
@click.option(
    "--doc",
    "documents",
    type=int,
    metavar="I",
    multiple=True,
    required=True,
    help="Which document: 0 is the first, -1 the last. Can be given several times.",
)
@click.option("--ids", "as_ids", is_flag=True, help="Write the ids, one line for each document.")
@vocab_option
@special_tokens_option
@output_options
def cat(
    prefix: str,
    documents: tuple[int, ...],
    as_ids: bool,
    tokenizer: Tokenizer,
    output: str,
    force: bool,
) -> None:
    """Write documents of PREFIX.bin and PREFIX.idx.

    The very bytes that were encoded, one document after the other with nothing in between. With
    --ids all that is stored, the closing 0 included.
    """
    from rwkv_tok.data import BinIdx

    with data_failures("read"):
        data = BinIdx(prefix)
    chosen = [(number, _document(data, number)) for number in documents]
    with open_output(output, force=force) as out:
        if as_ids:
            WRITERS["text"](map(_batch, (ids for _, ids in chosen)), out)
            return
        for text in _decode(tokenizer, chosen):
            out.write(text)


def _document(data: BinIdx, number: int) -> NDArray[np.uint16]:
    try:
        return data[number]
    except IndexError:
        message = f"no document {number}: {data.prefix} has {len(data)}"
        raise Failure(message) from None


def _batch(ids: NDArray[np.uint16]) -> TokenBatch:
    return TokenBatch(ids, np.array([0, len(ids)]))


def _decode(tokenizer: Tokenizer, chosen: list[tuple[int, NDArray[np.uint16]]]) -> Iterator[bytes]:
    for number, ids in chosen:
        try:
            yield tokenizer.decode_bytes(ids)
        except TokenIdError as error:
            raise Failure(f"document {number}: {error}: --ids shows the ids") from error
