"""`rwkv-tok encode`: from text to ids."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from .id_writers import FLAT_FORMATS, WRITERS
from .inputs import read_documents
from .options import common_options, format_option, lines_option
from .outputs import open_output, shows_on_terminal
from .progress import progress_bar
from .special import allow_special_option, special_tokens_option

if TYPE_CHECKING:
    from rwkv_tok.special import AllowedSpecial
    from rwkv_tok.tokenizer import Tokenizer

__all__ = ["encode"]

_EXAMPLES = """\b
Formats:
  text  decimal numbers with spaces between them, one line for each document
  json  one JSON array for each document, each on its own line
  npy   one NumPy array, 1-D of uint16
  u16   little-endian uint16 without a header

\b
Examples:
  rwkv-tok encode article.txt                # the ids of one document, on one line
  printf 'Hello world' | rwkv-tok encode     # 33155 40213
  rwkv-tok encode --lines --format json corpus.txt -o corpus.ids.jsonl
  rwkv-tok encode --eot --format u16 *.txt -o corpus.u16
"""


@click.command(epilog=_EXAMPLES)
@common_options
@lines_option("Take each line as a document; only \\n ends a line.")
@format_option("How to write the ids.")
@click.option("--eot", is_flag=True, help="Put id 0 after each document.")
@special_tokens_option
@allow_special_option
def encode(
    files: tuple[str, ...],
    tokenizer: Tokenizer,
    lines: bool,
    id_format: str,
    eot: bool,
    allowed_special: AllowedSpecial,
    threads: int | None,
    output: str,
    force: bool,
) -> None:
    """Turn text into token ids.

    Each of FILES is a document, or each of its lines; without FILES, or for -, standard input is
    read. The bytes are encoded as they are, valid UTF-8 or not.
    """
    if id_format in FLAT_FORMATS and not eot and (lines or len(files) > 1):
        raise click.UsageError(
            f"--format {id_format} does not show where a document ends: add --eot"
        )
    with (
        open_output(output, force=force) as out,
        progress_bar(files, hidden=shows_on_terminal(output)) as advance,
    ):
        batches = (
            tokenizer.encode_ragged(
                documents, num_threads=threads, append_eot=eot, allowed_special=allowed_special
            )
            for documents in read_documents(files, lines=lines, advance=advance)
        )
        WRITERS[id_format](batches, out)
