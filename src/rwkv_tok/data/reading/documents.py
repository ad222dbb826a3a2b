"""What reading a source gives: its documents, in blocks, part by part.

A part is what is read and encoded at a time: a few megabytes of a file. Which documents belong to
it does not depend on who reads it, or on what was read before.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = [
    "BLOCK_SIZE",
    "DEFAULT_FIELD",
    "LONGEST_DOCUMENT",
    "BadRecord",
    "Block",
    "ReadOptions",
    "Reader",
]

#: Where records usually have their text.
DEFAULT_FIELD = "text"

#: About so many bytes are read at a time: what is made of them stays in the processor's caches.
BLOCK_SIZE = 1 << 20

#: The longest record or text that is read, in bytes: it has to be held in memory as a whole.
LONGEST_DOCUMENT = 1 << 30


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """How documents are found in a source.

    Attributes
    ----------
    text_field
        Where a record has its text; `a.b` is the field `b` of the field `a`.
    separator
        What ends a document in a text; None if a file is one document.
    part_size
        The size in bytes of a part of what can be cut anywhere.
    """

    text_field: str = DEFAULT_FIELD
    separator: bytes | None = None
    part_size: int = 4 << 20


@dataclass(frozen=True, slots=True)
class BadRecord:
    """A record without a usable text: its number, from 0, and what is wrong with it."""

    number: int
    reason: str


@dataclass(slots=True)
class Block:
    """Consecutive records of a source.

    Attributes
    ----------
    texts
        Those that are documents: a list of str, a list of bytes, or Arrow strings.
    records
        How many there are in all.
    blank
        How many of them are blank lines.
    bad
        Those that should be documents and are none, numbered within the block.
    numbers
        The numbers of the texts among the records; None if every record is one.
    """

    texts: Any
    records: int
    blank: int = 0
    bad: list[BadRecord] = field(default_factory=list)
    numbers: Sequence[int] | None = None


class Reader(Protocol):
    """Reads parts of a source in ascending order; some may be left out."""

    def read(self, part: int) -> Iterator[Block]:
        """The documents of a part. Raises DataError if the source itself cannot be read."""

    @property
    def at_end(self) -> bool:
        """Whether nothing comes after the part that was read last."""

    @property
    def position(self) -> int:
        """How many bytes of the file are done with."""

    def close(self) -> None:
        """Close the file."""
