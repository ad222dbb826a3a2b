"""`rwkv-tok verify`: whether a dataset is what the trainer needs."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .datasets import DatasetPrefix, data_failures, json_option
from .options import vocab_option
from .outputs import STDOUT, open_output
from .progress import progress_of

if TYPE_CHECKING:
    from rwkv_tok.data import VerifyReport
    from rwkv_tok.tokenizer import Tokenizer

__all__ = ["verify"]

_EXAMPLES = """\b
Examples:
  rwkv-tok verify corpus                     # corpus.bin and corpus.idx
  rwkv-tok verify --json corpus.idx
  rwkv-tok verify corpus && python train.py --data_file corpus ...
"""


@click.command(epilog=_EXAMPLES)
@click.argument("prefix", type=DatasetPrefix())
@vocab_option
@json_option
@click.pass_context
def verify(ctx: click.Context, prefix: str, tokenizer: Tokenizer, as_json: bool) -> None:
    """Check PREFIX.bin and PREFIX.idx.

    Whatever wrote them: that the index is right to the last byte, that the items follow each other
    without a gap and end with 0, that the vocabulary has every id, and that the files are those of
    PREFIX.json, if there is one. Exits with 0 if all is well, and with 1 if something is wrong.
    """
    from rwkv_tok.data import verify as check

    with data_failures("read"), progress_of(Path(f"{prefix}.bin").stat().st_size) as advance:
        report = check(prefix, tokenizer=tokenizer, progress=advance)
    text = _as_json(report) if as_json else _as_text(report)
    with open_output(STDOUT, force=False) as out:
        out.write(text.encode("utf-8", "surrogateescape"))
    if not report.ok:
        ctx.exit(1)


def _as_json(report: VerifyReport) -> str:
    fields = dataclasses.asdict(report) | {"prefix": str(report.prefix), "ok": report.ok}
    return json.dumps(fields) + "\n"


def _as_text(report: VerifyReport) -> str:
    lines = [*map(str, report.problems), *(f"note: {note}" for note in report.notes)]
    result = "no problems" if report.ok else "NOT as the trainer needs it"
    lines.append(f"{report.prefix}: {report.items} items, {report.tokens} tokens: {result}")
    return "".join(f"{line}\n" for line in lines)
