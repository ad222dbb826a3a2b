"""`rwkv-tok merge`: several datasets into one."""

from __future__ import annotations

import json
from pathlib import Path

import click

from .datasets import DatasetPrefix, data_failures, json_option
from .errors import Failure
from .outputs import STDOUT, open_output
from .progress import progress_of

__all__ = ["merge"]

_EXAMPLES = """\b
Examples:
  rwkv-tok merge books code web -o all       # all.bin, all.idx and all.json
  rwkv-tok merge part-*.idx -o corpus
  rwkv-tok merge small small small -o epochs
"""


@click.command(epilog=_EXAMPLES)
@click.argument("prefixes", nargs=-1, required=True, metavar="PREFIX...", type=DatasetPrefix())
@click.option(
    "-o",
    "--output",
    type=DatasetPrefix(),
    required=True,
    metavar="PREFIX",
    help="The prefix of the new dataset, which appears when it is complete.",
)
@click.option("--force", is_flag=True, help="Replace the dataset if it exists.")
@json_option
def merge(prefixes: tuple[str, ...], output: str, force: bool, as_json: bool) -> None:
    """Write the documents of several datasets, one after the other, into a new one.

    PREFIX.json says what was merged, and has the hashes that `rwkv-tok verify` compares.
    """
    from rwkv_tok.data import merge as write

    with data_failures("merge"):
        size = sum(Path(f"{prefix}.bin").stat().st_size for prefix in prefixes)
        try:
            with progress_of(size) as advance:
                merged = write(prefixes, output, overwrite=force, progress=advance)
        except FileExistsError as error:
            if force:
                raise
            shown = click.format_filename(error.filename)
            raise Failure(f"{shown} exists: say --force to replace it") from error
        except ValueError as error:
            raise Failure(str(error)) from error
    text = f"{output}: {merged.items} items, {merged.tokens} tokens"
    if as_json:
        figures = {"prefix": output, "items": merged.items, "tokens": merged.tokens}
        text = json.dumps(figures)
    with open_output(STDOUT, force=False) as out:
        out.write(f"{text}\n".encode("utf-8", "surrogateescape"))
