"""`rwkv-tok decode`: from ids to text."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from rwkv_tok.errors import TokenIdError

from .errors import Failure
from .id_readers import read_ids
from .inputs import display_name
from .options import common_options, format_option, lines_option
from .outputs import open_output, shows_on_terminal
from .progress import progress_bar
from .special import skip_special_option, special_tokens_option

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rwkv_tok.arguments import Unknown
    from rwkv_tok.tokenizer import Tokenizer

    from .inputs import Advance

__all__ = ["decode"]

_EXAMPLES = """\b
Formats:
  text  decimal numbers with spaces between them; a line is a document
  json  a JSON array of numbers on each line; a line is a document
  npy   one NumPy array, 1-D of uint16; id 0 ends a document
  u16   little-endian uint16 without a header; id 0 ends a document

\b
Examples:
  echo 33155 40213 | rwkv-tok decode         # Hello world
  rwkv-tok decode --lines corpus.ids -o corpus.txt
  rwkv-tok decode --format u16 corpus.u16 | less
"""


@click.command(epilog=_EXAMPLES)
@common_options
@lines_option("Write a line end after each document.")
@format_option("How the ids are written.")
@click.option(
    "--unknown",
    type=click.Choice(["raise", "skip", "replace"]),
    default="raise",
    show_default=True,
    help="What to do with an id that has no token: fail, leave it out, or put U+FFFD there.",
)
@special_tokens_option
@skip_special_option
def decode(
    files: tuple[str, ...],
    tokenizer: Tokenizer,
    lines: bool,
    id_format: str,
    unknown: Unknown,
    skip_special_tokens: bool,
    threads: int | None,
    output: str,
    force: bool,
) -> None:
    """Turn token ids into text.

    The inverse of `rwkv-tok encode` with the same --format: the documents are written one after
    the other, byte by byte as they were encoded. Without FILES, or for -, standard input is read.
    """

    def decode_file(file: str, advance: Advance) -> Iterator[list[bytes]]:
        for batch in read_ids(file, id_format, advance):
            try:
                yield tokenizer.decode_bytes_batch(
                    batch.ids,
                    unknown=unknown,
                    skip_special_tokens=skip_special_tokens,
                    num_threads=threads,
                )
            except TokenIdError as error:
                raise Failure(f"{display_name(file)}: {batch.explain(error)}") from error

    end = b"\n" if lines else b""
    with (
        open_output(output, force=force) as out,
        progress_bar(files, hidden=shows_on_terminal(output)) as advance,
    ):
        for file in files:
            for documents in decode_file(file, advance):
                out.write(end.join([*documents, b""]))
