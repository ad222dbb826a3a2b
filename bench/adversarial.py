"""The mode `adversarial`: texts that fast paths could stumble over."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import click

import rwkv_tok

from . import kernels
from .ablation import compare
from .options import run_options
from .report import Report

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


@click.command()
@click.option(
    "--megabytes", type=click.FloatRange(min=0, min_open=True), default=2.0, show_default=True,
    help="Length of each text.",
)  # fmt: skip
@run_options
def adversarial(megabytes: float, rounds: int, json_file: Path | None) -> None:
    """Compare the fastest path with the plain walk on texts made to slow it down."""
    report = Report("adversarial", {"megabytes": megabytes, "rounds": rounds})
    tokenizer = rwkv_tok.load()
    tokens = [tokenizer.token_bytes(token_id) for token_id in tokenizer]
    batches = [
        (name, "one document", [document], len(document))
        for name, document in documents(tokens, int(megabytes * 1e6)).items()
        if document
    ]
    paths = list(dict.fromkeys([kernels.chosen(), kernels.WALK]))
    try:
        compare(report, "encode_ragged", batches, rounds, paths)
    except (ValueError, ChildProcessError) as error:
        raise click.ClickException(str(error)) from error
    if json_file:
        report.write(json_file)


def documents(tokens: Sequence[bytes], nbytes: int) -> dict[str, bytes]:
    """A text of each kind, of this length, always the same ones for a vocabulary."""
    numbers = random.Random(0)  # noqa: S311 - no secret
    long_tokens = [token for token in tokens if len(token) > 2]
    return {
        "random bytes": numbers.randbytes(nbytes),
        "random tokens": _joined(numbers, tokens, nbytes),
        "cut-off tokens": _joined(numbers, [token[:-1] for token in long_tokens], nbytes),
        "no certain cut": without_cuts(tokens, nbytes),
        "spaces": b" " * nbytes,
        "zero bytes": b"\0" * nbytes,
    }


def _joined(numbers: random.Random, pieces: Sequence[bytes], nbytes: int) -> bytes:
    text = bytearray()
    while len(text) < nbytes:
        text += numbers.choice(pieces)
    return bytes(text[:nbytes])


def without_cuts(tokens: Sequence[bytes], nbytes: int) -> bytes:
    """A text in which a token stands across every place between two bytes.

    So no place is one where a token must end, whatever rule is derived from the vocabulary: each
    token but the first begins with the last byte of the one before. Empty if a vocabulary has no
    such chain.
    """
    links = [token for token in tokens if len(token) > 1]
    beginnings = {token[0] for token in links}
    while True:  # leave out those with whose last byte no other one begins, until all go on
        links = [token for token in links if token[-1] in beginnings]
        if beginnings == (beginnings := {token[0] for token in links}):
            break
    by_beginning: dict[int, list[bytes]] = {}
    for token in links:
        by_beginning.setdefault(token[0], []).append(token)
    numbers = random.Random(1)  # noqa: S311 - no secret
    text = bytearray(numbers.choice(links) if links else b"")
    while links and len(text) < nbytes:
        text += numbers.choice(by_beginning[text[-1]])[1:]
    return bytes(text[:nbytes])
