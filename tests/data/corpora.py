"""Corpora, and the datasets that must come of them."""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from data.binidx_files import index_bytes, token_bytes

import rwkv_tok
from rwkv_tok.data.preparing.preparation import Prepared, Status, make_plan
from rwkv_tok.data.preparing.run import Run

TEXTS = ["Hello world", "", "今天是美好的一天。", "\n\n", "🙂 is one character", "a", "NUL \0 NUL"]
"""A few documents of one to thirteen tokens, and an empty one."""


def jsonl(texts: Iterable[str]) -> bytes:
    """A line with an object for each text."""
    return b"".join(json.dumps({"text": text}).encode() + b"\n" for text in texts)


def stored(texts: Iterable[str | bytes]) -> list[list[int]]:
    """The ids of each text, and a closing 0."""
    tok = rwkv_tok.load()
    return [[*tok.encode(text).tolist(), 0] for text in texts]


def dataset_of(texts: Iterable[str | bytes]) -> tuple[bytes, bytes]:
    """The .bin and the .idx of these documents."""
    return dataset_of_ids(stored(texts))


def dataset_of_ids(documents: Sequence[Sequence[int]]) -> tuple[bytes, bytes]:
    """The .bin and the .idx of documents that are given by their ids."""
    return token_bytes(documents), index_bytes([*map(len, documents)])


def dataset_at(prefix: Path) -> tuple[bytes, bytes]:
    """The .bin and the .idx that are there."""
    return Path(f"{prefix}.bin").read_bytes(), Path(f"{prefix}.idx").read_bytes()


def manifest_at(prefix: Path) -> dict[str, Any]:
    """What PREFIX.json says."""
    content: dict[str, Any] = json.loads(Path(f"{prefix}.json").read_bytes())
    return content


def skipped_at(prefix: Path) -> list[dict[str, Any]]:
    """The list of bad records."""
    lines = Path(f"{prefix}.skipped.jsonl").read_bytes().splitlines()
    return [json.loads(line) for line in lines]


def names(folder: Path) -> list[str]:
    """What is in a folder."""
    return sorted(path.name for path in folder.iterdir())


def prepare_in_parts(
    inputs: Any,
    prefix: Path,
    part_size: int,
    *,
    workers: int = 1,
    skip_bad: bool = False,
    overwrite: bool = False,
    report: Callable[[Status], None] = lambda _: None,
    **options: Any,
) -> Prepared:
    """`prepare` with parts of another size."""
    tok = rwkv_tok.load()
    plan, _ = make_plan(inputs, tok, prefix, **options)
    plan = replace(plan, reading=replace(plan.reading, part_size=part_size))
    run = Run(plan, tok, prefix, skip_bad=skip_bad)
    return run.run(workers=workers, overwrite=overwrite, report=report)
