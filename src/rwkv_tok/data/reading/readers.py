"""A module for each kind of source; all of them give readers as `documents.Reader` has it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import jsonl, text

if TYPE_CHECKING:
    from rwkv_tok.data.reading.documents import Reader, ReadOptions
    from rwkv_tok.data.reading.source import Source

__all__ = ["open_reader", "part_count"]


def open_reader(source: Source, options: ReadOptions) -> Reader:
    """Open a source, to read its parts."""
    if source.format == "jsonl":
        return jsonl.open_reader(source, options)
    if source.format == "text":
        return text.open_reader(source, options)
    from . import columns  # imports pyarrow, which takes longer than all the rest

    return columns.open_reader(source, options)


def part_count(source: Source, options: ReadOptions) -> int | None:
    """How many parts a source has; None if that shows only when its end is reached."""
    if source.format == "jsonl":
        return jsonl.part_count(source, options)
    if source.format == "text":
        return text.part_count(source, options)
    from . import columns

    return columns.part_count(source, options)
