"""Reading files and standard input, in pieces of bounded size."""

from __future__ import annotations

import mmap
import os
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import click

from .errors import Failure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from typing import TypeAlias

    #: Told how many bytes of input are done with.
    Advance: TypeAlias = Callable[[int], None]
    Document: TypeAlias = bytes | mmap.mmap

__all__ = ["STDIN", "Input", "display_name", "open_input", "read_documents"]

#: What stands for standard input among files.
STDIN = "-"

# Bytes that are worked on together: enough for many threads, little enough to hold.
_BATCH = 1 << 24
# Documents that are worked on together: a short one takes many times its bytes.
_BATCH_DOCUMENTS = 1 << 18
# Up to so many bytes, reading a file is cheaper than mapping it.
_MAP_FROM = 1 << 20


class Input:
    """An open input.

    Parameters
    ----------
    file
        Its path, or STDIN.
    stream
        What it is read from.
    advance
        Told about each piece once whoever asked for it has come back for the next.
    """

    def __init__(self, file: str, stream: BinaryIO, advance: Advance) -> None:
        self.name = display_name(file)
        self._mappable = file != STDIN
        self.stream = stream
        self._advance = advance

    def blocks(self) -> Iterator[bytes]:
        """What is left of it in pieces, of one even size but for the last."""
        while block := self.stream.read(_BATCH):
            yield block
            self._advance(len(block))

    def lines(self) -> Iterator[list[bytes]]:
        r"""Its lines without their `\n`, as many at a time as make up a batch."""
        pending: list[bytes] = []
        for block in self.blocks():
            lines, end, rest = block.rpartition(b"\n")
            if end:
                yield from _portions(b"".join([*pending, lines]).split(b"\n"))
                pending.clear()
            pending.append(rest)
        if last := b"".join(pending):
            yield [last]

    def whole(self) -> Document:
        """All of it; a large file is mapped, not read."""
        # Standard input may be a file as well, but one that somebody has read the beginning of.
        if self._mappable and os.fstat(self.stream.fileno()).st_size >= _MAP_FROM:
            return mmap.mmap(self.stream.fileno(), 0, access=mmap.ACCESS_READ)
        return self.stream.read()


@contextmanager
def open_input(file: str, advance: Advance) -> Iterator[Input]:
    """Open a file or standard input; an OSError in the block is a failure to read it."""
    try:
        if file == STDIN:
            yield Input(file, _stdin(), advance)
        else:
            with Path(file).open("rb") as stream:
                yield Input(file, stream, advance)
    except OSError as error:
        raise Failure.from_os_error(f"cannot read {display_name(file)}", error) from error


def display_name(file: str) -> str:
    """What to call an input in a message."""
    return "standard input" if file == STDIN else click.format_filename(file)


def read_documents(
    files: Iterable[str], *, lines: bool, advance: Advance
) -> Iterator[Sequence[Document]]:
    """The documents of all files in order, a batch at a time.

    Each line is one, or without `lines` each file.
    """
    return _read_lines(files, advance) if lines else _read_files(files, advance)


def _read_lines(files: Iterable[str], advance: Advance) -> Iterator[Sequence[Document]]:
    for file in files:
        with open_input(file, advance) as source:
            yield from source.lines()


def _read_files(files: Iterable[str], advance: Advance) -> Iterator[Sequence[Document]]:
    batch: list[Document] = []
    size = 0
    for file in files:
        with open_input(file, advance) as source:
            batch.append(source.whole())
        size += len(batch[-1])
        if size >= _BATCH or len(batch) >= _BATCH_DOCUMENTS:
            yield batch
            advance(size)
            batch, size = [], 0
    if batch:
        yield batch
        advance(size)


def _portions(documents: list[bytes]) -> Iterator[list[bytes]]:
    for start in range(0, len(documents), _BATCH_DOCUMENTS):
        yield documents[start : start + _BATCH_DOCUMENTS]


def _stdin() -> BinaryIO:
    if sys.stdin is None:
        raise Failure("standard input is closed")
    return sys.stdin.buffer
