"""Reading ids in the formats that the command line knows."""

from __future__ import annotations

import json
import string
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from rwkv_tok.batch import TokenBatch
from rwkv_tok.errors import TokenIdError

from .errors import Failure
from .inputs import open_input

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import TypeAlias

    from numpy.typing import NDArray

    from .inputs import Advance, Input

    Reader: TypeAlias = Callable[[Input], Iterator["IdBatch"]]

__all__ = ["IdBatch", "read_ids"]

_DIGITS_AND_SPACE = (string.digits + string.whitespace).encode()


class IdBatch(Protocol):
    """Some documents of an input."""

    @property
    def ids(self) -> TokenBatch | list[Any]:
        """The ids of each document."""

    def explain(self, error: TokenIdError) -> str:
        """What is wrong with an id, and where in the input it stands."""


def read_ids(file: str, id_format: str, advance: Advance) -> Iterator[IdBatch]:
    """The documents of a file in order, a batch at a time."""
    with open_input(file, advance) as source:
        yield from _READERS[id_format](source)


# A document on each line


@dataclass(frozen=True)
class _Lines:
    """Documents that are lines; `first` is the number of the first one, from 1."""

    ids: list[Any]
    first: int

    def explain(self, error: TokenIdError) -> str:
        line = self.first + (error.document or 0)
        return f"line {line}: {TokenIdError(error.id, error.position)}"


def _read_text(source: Input) -> Iterator[IdBatch]:
    return _read_lines(source, _parse_text)


def _read_json(source: Input) -> Iterator[IdBatch]:
    return _read_lines(source, _parse_json)


def _read_lines(source: Input, parse: Callable[[bytes], Any]) -> Iterator[IdBatch]:
    first = 1
    for lines in source.lines():
        ids = []
        for number, line in enumerate(lines, first):
            try:
                ids.append(parse(line))
            except ValueError as error:
                raise Failure(f"{source.name}: line {number}: {error}") from error
        yield _Lines(ids, first)
        first += len(lines)


def _parse_text(line: bytes) -> NDArray[np.int64]:
    if line.translate(None, _DIGITS_AND_SPACE):
        numeric = [item.isdigit() for item in line.split()]
        raise ValueError(f"not a decimal number at position {numeric.index(False)}")
    # A number that int64 cannot hold becomes its largest value, which is no id either.
    return np.fromstring(line.strip(), np.int64, sep=" ")


def _parse_json(line: bytes) -> list[int]:
    try:
        ids = json.loads(line)
    except (ValueError, RecursionError):
        ids = None
    if not isinstance(ids, list) or not set(map(type, ids)) <= {int}:
        raise ValueError("not a JSON array of integers")
    return ids


# A flat sequence of ids, in which id 0 ends a document


@dataclass(frozen=True)
class _Run:
    """Documents out of a flat sequence; `first` is the position of the first id in it."""

    ids: TokenBatch
    first: int

    def explain(self, error: TokenIdError) -> str:
        start = self.first + int(self.ids.offsets[error.document or 0])
        return str(TokenIdError(error.id, start + (error.position or 0)))


def _read_u16(source: Input) -> Iterator[IdBatch]:
    return _divide(_read_blocks(source, np.dtype("<u2")))


def _read_npy(source: Input) -> Iterator[IdBatch]:
    dtype, count = _read_npy_header(source)
    return _divide(_check_count(source, _read_blocks(source, dtype), count))


def _divide(blocks: Iterable[NDArray[np.uint16]]) -> Iterator[IdBatch]:
    """Put the pieces of documents together."""
    pending: list[NDArray[np.uint16]] = []
    first = 0
    for block in blocks:
        ends = np.flatnonzero(block == 0) + 1
        if len(ends) == 0:
            pending.append(block)
            continue
        before = sum(map(len, pending))
        ids = np.concatenate([*pending, block[: ends[-1]]])
        yield _Run(TokenBatch(ids, np.concatenate([[0], before + ends])), first)
        first += len(ids)
        pending = [block[ends[-1] :]]
    ids = np.concatenate([np.empty(0, np.uint16), *pending])
    if len(ids):
        yield _Run(TokenBatch(ids, np.array([0, len(ids)])), first)


def _read_blocks(source: Input, dtype: np.dtype[np.uint16]) -> Iterator[NDArray[np.uint16]]:
    position = 0
    for block in source.blocks():
        position += len(block) // 2
        if len(block) % 2:
            raise Failure(f"{source.name}: ends in the middle of the id at position {position}")
        yield np.frombuffer(block, dtype).astype(np.uint16, copy=False)


def _read_npy_header(source: Input) -> tuple[np.dtype[np.uint16], int]:
    """The dtype and the length of an array of ids.

    Only the version that NumPy writes for such an array is known. As nothing but the header is
    read with NumPy, nothing can be unpickled.
    """
    try:
        version = np.lib.format.read_magic(source.stream)
        if version != (1, 0):
            raise ValueError
        shape, _, dtype = np.lib.format.read_array_header_1_0(source.stream)
    except OSError:
        raise
    except Exception as error:  # there is no end to what a broken header can raise
        raise Failure(f"{source.name}: not a .npy file of ids") from error
    if len(shape) != 1 or dtype.newbyteorder("=") != np.uint16:
        raise Failure(
            f"{source.name}: holds a {len(shape)}-D array of {dtype.name}, not a 1-D one of uint16"
        )
    return dtype, shape[0]


def _check_count(
    source: Input, blocks: Iterable[NDArray[np.uint16]], count: int
) -> Iterator[NDArray[np.uint16]]:
    found = 0
    for block in blocks:
        found += len(block)
        yield block
    if found != count:
        raise Failure(f"{source.name}: holds {found} ids, but its header says {count}")


_READERS: dict[str, Reader] = {
    "text": _read_text,
    "json": _read_json,
    "npy": _read_npy,
    "u16": _read_u16,
}
