"""`rwkv-tok info`: what is in a dataset."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from .datasets import DatasetPrefix, data_failures, json_option
from .options import vocab_option
from .outputs import STDOUT, open_output

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rwkv_tok.data import BinIdx
    from rwkv_tok.tokenizer import Tokenizer

__all__ = ["info"]

_EXAMPLES = """\b
Examples:
  rwkv-tok info corpus                       # corpus.bin and corpus.idx
  rwkv-tok info --ctx-len 4096 corpus        # and what to tell the trainer
  rwkv-tok info --json corpus | jq .tokens
"""

# Characters of a document that are shown, and ids that are decoded for them.
_SHOWN = 200
# Characters of the longest bar of the histogram.
_WIDTH = 40
_EIGHTHS = " ▏▎▍▌▋▊▉"


@click.command(epilog=_EXAMPLES)
@click.argument("prefix", type=DatasetPrefix())
@vocab_option
@click.option(
    "--ctx-len",
    type=click.IntRange(min=1),
    metavar="C",
    help="Also give the magic prime for this --ctx_len of the trainer.",
)
@click.option(
    "--texts/--no-texts",
    default=None,
    help="Show how the first and the last document begin.  [default: yes, but not in JSON]",
)
@json_option
def info(
    prefix: str, tokenizer: Tokenizer, ctx_len: int | None, texts: bool | None, as_json: bool
) -> None:
    """Show what is in PREFIX.bin and PREFIX.idx.

    The number of documents and tokens, how long the documents are, and how the first and the last
    one begin. Lengths are in tokens, the closing 0 included.
    """
    from rwkv_tok.data import BinIdx
    from rwkv_tok.data.binidx.magic_primes import for_trainer

    with data_failures("read"):
        data = BinIdx(prefix)
    figures = _figures(data)
    if ctx_len is not None:
        figures["trainer"] = for_trainer(len(data.tokens), ctx_len)
    if (not as_json) if texts is None else texts:
        figures["texts"] = [_text(data, item, tokenizer) for item in _first_and_last(data)]
    shown = json.dumps(figures) if as_json else "\n".join(_as_text(figures))
    with open_output(STDOUT, force=False) as out:
        out.write(f"{shown}\n".encode("utf-8", "surrogateescape"))


def _figures(data: BinIdx) -> dict[str, Any]:
    from rwkv_tok.data.binidx.lengths import measure_lengths

    figures: dict[str, Any] = {
        "prefix": str(data.prefix),
        "items": len(data),
        "tokens": len(data.tokens),
        "bytes": data.tokens.nbytes,
    }
    lengths = measure_lengths(data.sizes)
    if lengths is None:
        return figures | {"lengths": None, "histogram": []}
    names = ("shortest", "longest", "mean", "median")
    histogram = [
        {"from": 1 << bits >> 1, "to": (1 << bits) - 1, "items": items}
        for bits, items in enumerate(lengths.histogram)
    ]
    first = next(bits for bits, items in enumerate(lengths.histogram) if items)
    return figures | {
        "lengths": {name: getattr(lengths, name) for name in names},
        "histogram": histogram[first:],
    }


def _first_and_last(data: BinIdx) -> list[int]:
    return sorted({0, len(data) - 1}) if len(data) else []


def _text(data: BinIdx, item: int, tokenizer: Tokenizer) -> dict[str, Any]:
    ids = data[item]
    text = tokenizer.decode(ids[:_SHOWN], unknown="replace")
    if len(ids) > _SHOWN or len(text) > _SHOWN:
        # A character may have been cut in two.
        text = text[:_SHOWN].rstrip("\ufffd") + "…"
    return {"item": item, "tokens": len(ids), "text": text}


def _as_text(figures: dict[str, Any]) -> Iterator[str]:
    yield figures["prefix"]
    for name in ("items", "tokens", "bytes"):
        yield f"{name:8}  {figures[name]}"
    if figures["lengths"] is not None:
        for name, value in figures["lengths"].items():
            yield f"{name:8}  {value:.2f}" if name == "mean" else f"{name:8}  {value:.10g}"
        yield ""
        yield from _bars(figures["histogram"])
    if "trainer" in figures:
        yield ""
        yield figures["trainer"].get("arguments") or figures["trainer"]["advice"]
    for text in figures.get("texts", []):
        yield ""
        yield f"item {text['item']}, {text['tokens']} tokens:"
        yield f"  {_escape(text['text'])}"


def _bars(histogram: list[dict[str, int]]) -> Iterator[str]:
    """The histogram, a line a row, with bars of block characters."""
    largest = max(row["items"] for row in histogram)
    ranges = [_range(row["from"], row["to"]) for row in histogram]
    width = max(map(len, [*ranges, "tokens"]))
    digits = max(len(str(largest)), len("items"))
    yield f"{'tokens':>{width}}  {'items':>{digits}}"
    for named, row in zip(ranges, histogram, strict=True):
        # Rounded up, so that there is something to see wherever there is something.
        whole, eighths = divmod(-(-8 * _WIDTH * row["items"] // largest), 8)
        bar = "█" * whole + _EIGHTHS[eighths].rstrip()
        yield f"{named:>{width}}  {row['items']:>{digits}}  {bar}".rstrip()


def _range(first: int, last: int) -> str:
    return str(last) if first >= last else f"{first}-{last}"


def _escape(text: str) -> str:
    r"""The text on one line, without what a terminal would obey: as `\n`, `\x1b`, `\u202e`."""
    return "".join(
        character
        if character.isprintable() and character != "\\"
        else character.encode("unicode_escape").decode()
        for character in text
    )
