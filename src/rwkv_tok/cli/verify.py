"""`rwkv-tok verify`: whether a dataset is what the trainer needs."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .datasets import DatasetPrefix, data_failures, json_option
from .options import input_options, vocab_option
from .outputs import STDOUT, open_output
from .progress import progress_of
from .special import special_tokens_option

if TYPE_CHECKING:
    from rwkv_tok.data import VerifyReport
    from rwkv_tok.tokenizer import Tokenizer

__all__ = ["verify"]

_EXAMPLES = """\b
Examples:
  rwkv-tok verify corpus                     # corpus.bin and corpus.idx
  rwkv-tok verify --json corpus.idx
  rwkv-tok verify corpus && python train.py --data_file corpus ...
  rwkv-tok verify corpus --against           # the inputs that corpus.json names
  rwkv-tok verify corpus --against data/*.jsonl.zst
"""


@click.command(epilog=_EXAMPLES)
@click.argument("prefix", type=DatasetPrefix())
@click.argument("inputs", nargs=-1, metavar="[--against [INPUT]...]")
@click.option(
    "--against",
    is_flag=True,
    help="Read the inputs again, and compare document by document.",
)
@input_options
@vocab_option
@special_tokens_option
@json_option
def verify(
    prefix: str,
    inputs: tuple[str, ...],
    against: bool,
    tokenizer: Tokenizer,
    as_json: bool,
    **reading: Any,
) -> None:
    """Check PREFIX.bin and PREFIX.idx.

    Whatever wrote them: that the index is right to the last byte, that the items follow each other
    without a gap and end with 0, that the vocabulary has every id, and that the files are those of
    PREFIX.json, if there is one. Exits with 0 if all is well, and with 1 if something is wrong.

    With --against, if nothing else is wrong, also that each document of the inputs is where it
    should be. PREFIX.json tells what the inputs are, unless they are named, how they are read and
    how they were shuffled; without it each document is expected once, in its order.
    """
    if inputs and not against:
        raise click.UsageError(f"unexpected argument {inputs[0]}: inputs go with --against")
    from rwkv_tok.data import verify as check

    with data_failures("read"):
        with progress_of(Path(f"{prefix}.bin").stat().st_size) as advance:
            report = check(prefix, tokenizer=tokenizer, progress=advance)
        if against and report.ok:
            report = _compare(report, inputs, tokenizer, reading)
    text = _as_json(report) if as_json else _as_text(report, against=against)
    with open_output(STDOUT, force=False) as out:
        out.write(text.encode("utf-8", "surrogateescape"))
    if not report.ok:
        click.get_current_context().exit(1)


def _compare(
    report: VerifyReport, inputs: tuple[str, ...], tokenizer: Tokenizer, reading: dict[str, Any]
) -> VerifyReport:
    """The report, and what the inputs show."""
    from rwkv_tok.data.checking.against import compare, recipe_of

    recipe = recipe_of(report.prefix, tokenizer, inputs, **reading)
    with progress_of(sum(source.size for source in recipe.plan.sources)) as advance:
        problems = compare(report.prefix, recipe, tokenizer, advance)
    return dataclasses.replace(report, problems=problems)


def _as_json(report: VerifyReport) -> str:
    fields = dataclasses.asdict(report) | {"prefix": str(report.prefix), "ok": report.ok}
    return json.dumps(fields) + "\n"


def _as_text(report: VerifyReport, *, against: bool) -> str:
    lines = [*map(str, report.problems), *(f"note: {note}" for note in report.notes)]
    result = "NOT as the trainer needs it"
    if report.ok:
        result = "no problems" + (", and every document of the inputs in its place" * against)
    lines.append(f"{report.prefix}: {report.items} items, {report.tokens} tokens: {result}")
    return "".join(f"{line}\n" for line in lines)
