"""`rwkv-tok prepare`: from any corpus to the files that RWKV's trainer reads."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .datasets import DatasetPrefix, data_failures, json_option
from .options import input_options, vocab_option
from .outputs import STDOUT, open_output
from .prepare_progress import show_progress
from .prepare_summary import Summary, dry_run_text

if TYPE_CHECKING:
    from rwkv_tok.tokenizer import Tokenizer

__all__ = ["prepare"]

_EXAMPLES = """\b
Examples:
  rwkv-tok prepare corpus.jsonl -o train
  rwkv-tok prepare --dry-run data/ -o train
  rwkv-tok prepare --epochs 3 --shuffle --seed 7 --ctx-len 4096 data/*.jsonl.zst -o train
  rwkv-tok prepare --text-field content.text --valid-fraction 0.01 data/ -o train
  rwkv-tok prepare --format text --separator '<|endoftext|>' books.txt.xz -o books
  zcat corpus.gz | jq -c '{text: .body}' | rwkv-tok prepare - -o train
"""


@click.command(epilog=_EXAMPLES)
@click.argument("inputs", nargs=-1, required=True, metavar="INPUT...")
@click.option(
    "-o",
    "--output",
    type=DatasetPrefix(),
    required=True,
    metavar="PREFIX",
    help="Write PREFIX.bin, PREFIX.idx and PREFIX.json.",
)
@input_options
@click.option(
    "--on-error",
    type=click.Choice(["fail", "skip"]),
    default="fail",
    show_default=True,
    help="What to do at a record without a usable text: stop, or list it in PREFIX.skipped.jsonl.",
)
@click.option(
    "--min-tokens",
    type=click.IntRange(min=0),
    default=0,
    metavar="N",
    help="Leave out documents with fewer tokens.",
)
@click.option(
    "--max-tokens",
    type=click.IntRange(min=0),
    metavar="N",
    help="Leave out documents with more tokens.",
)
@click.option(
    "--limit", type=click.IntRange(min=1), metavar="N", help="Take only the first N documents."
)
@click.option(
    "--valid-fraction",
    type=click.FloatRange(min=0, max=1, max_open=True),
    default=0.0,
    metavar="F",
    help="Set this part of the documents aside, chosen by --seed, into PREFIX-valid.",
)
@click.option(
    "--epochs",
    type=click.IntRange(min=1),
    default=1,
    metavar="E",
    show_default=True,
    help="Write each document E times.",
)
@click.option("--shuffle", is_flag=True, help="Put the documents into another order in each epoch.")
@click.option(
    "--seed",
    type=click.IntRange(min=0, max=2**64 - 1),
    default=0,
    metavar="S",
    show_default=True,
    help="Choose the order, and what is set aside.",
)
@click.option("--single-item", is_flag=True, help="Make all tokens one item of the index.")
@click.option(
    "--ctx-len",
    "ctx_lens",
    type=click.IntRange(min=1),
    multiple=True,
    metavar="C",
    help="Give the magic prime and the trainer's arguments for this context length. Repeatable.",
)
@click.option(
    "--check/--no-check", default=True, help="Decode every document again and compare.  [default]"
)
@vocab_option
@click.option(
    "-j",
    "--workers",
    type=click.IntRange(min=1),
    metavar="N",
    show_default="as many as there are cores, as far as they pay",
    help="Encode in N processes. What comes out does not depend on it.",
)
@click.option(
    "--force",
    is_flag=True,
    help="Replace PREFIX, and what a run of another kind has left unfinished.",
)
@click.option(
    "--dry-run", is_flag=True, help="Only tell what would be read, and how much comes out."
)
@json_option
def prepare(
    inputs: tuple[str, ...],
    output: str,
    tokenizer: Tokenizer,
    on_error: str,
    ctx_lens: tuple[int, ...],
    workers: int | None,
    force: bool,
    dry_run: bool,
    as_json: bool,
    **plan_options: Any,
) -> None:
    """Encode a corpus into the files that RWKV's trainer reads.

    INPUT is a file, a folder, a glob or -, of JSON Lines, Parquet, Arrow IPC or text, also
    compressed (gzip, zstd, bzip2, xz). Each document becomes an item of PREFIX.idx: its tokens, and
    a 0.

    Memory is bounded by the largest documents, not by the corpus. Whatever interrupts it, the same
    command goes on, and ends with the same bytes. PREFIX.idx appears last: with it, all is
    complete.
    """
    if dry_run:
        text = _dry_run(inputs, output, tokenizer, plan_options, as_json)
    else:
        started = time.monotonic()
        with data_failures("write"):
            from rwkv_tok.data import prepare as run

            try:
                with show_progress() as report:
                    prepared = run(
                        inputs,
                        output,
                        tokenizer=tokenizer,
                        on_error=on_error,  # type: ignore[arg-type]
                        ctx_lens=ctx_lens,
                        workers=workers,
                        overwrite=force,
                        report=report,
                        **plan_options,
                    )
            except KeyboardInterrupt:
                again = "begins again" if "-" in inputs else "goes on from here"
                click.echo(f"Stopped; the same command {again}.", err=True)
                raise
        summary = Summary(prepared, time.monotonic() - started, ctx_lens)
        text = summary.as_json() if as_json else summary.as_text()
    with open_output(STDOUT, force=False) as out:
        out.write(text.encode("utf-8", "surrogateescape"))


def _dry_run(
    inputs: tuple[str, ...],
    output: str,
    tokenizer: Tokenizer,
    plan_options: dict[str, Any],
    as_json: bool,
) -> str:
    with data_failures("read"):
        from rwkv_tok.data.preparing.estimate import estimate
        from rwkv_tok.data.preparing.preparation import make_plan

        plan, ignored = make_plan(inputs, tokenizer, output, **plan_options)
        estimated = estimate(plan, tokenizer, Path(output).parent)
    return dry_run_text(plan, ignored, estimated, as_json=as_json)
