"""Statistics of how long documents are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .index_file import blocks

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Lengths", "measure_lengths"]

# A size has 31 bits; they are looked at in two halves.
_BITS = 31
_HALF = 16


@dataclass(frozen=True)
class Lengths:
    """How many tokens the items of a dataset have.

    Attributes
    ----------
    shortest, longest : int
    mean, median : float
    histogram : tuple of int
        Entry 0 counts items without tokens; entry `k` those of 2**(k-1) ... 2**k - 1.
    """

    shortest: int
    longest: int
    mean: float
    median: float
    histogram: tuple[int, ...]


def measure_lengths(sizes: NDArray[np.int32]) -> Lengths | None:
    """The statistics of these sizes, none of them negative; None if there are none.

    Examples
    --------
    >>> measure_lengths(np.array([3, 1, 8, 5], np.int32))
    Lengths(shortest=1, longest=8, mean=4.25, median=4.0, histogram=(0, 1, 1, 1, 1))
    """
    count = len(sizes)
    if count == 0:
        return None
    total = 0
    histogram = np.zeros(_BITS + 1, np.int64)
    for block in blocks(count):
        piece = sizes[block].astype(np.int64)
        total += int(piece.sum())
        _, bits = np.frexp(piece)
        histogram += np.bincount(bits, minlength=len(histogram))
    shortest, longest = int(sizes.min()), int(sizes.max())
    middle = (_nth(sizes, (count - 1) // 2) + _nth(sizes, count // 2)) / 2
    bins = tuple(histogram[: longest.bit_length() + 1].tolist())
    return Lengths(shortest, longest, total / count, middle, bins)


def _nth(sizes: NDArray[np.int32], number: int) -> int:
    """The one that is at this place when they are sorted, found without sorting a copy.

    Counted first by their upper bits, then those that have the right ones by their lower bits.
    """
    upper, number = _find(_count_upper(sizes), number)
    lower, _ = _find(_count_lower(sizes, upper), number)
    return (upper << _HALF) + lower


def _find(counts: NDArray[np.int64], number: int) -> tuple[int, int]:
    """The value of the item of this number, and the item's number among those of the value."""
    up_to = np.cumsum(counts)
    value = int(np.searchsorted(up_to, number, side="right"))
    return value, number - int(up_to[value] - counts[value])


def _count_upper(sizes: NDArray[np.int32]) -> NDArray[np.int64]:
    counts = np.zeros(1 << _HALF, np.int64)
    for block in blocks(len(sizes)):
        counts += np.bincount(sizes[block] >> _HALF, minlength=len(counts))
    return counts


def _count_lower(sizes: NDArray[np.int32], upper: int) -> NDArray[np.int64]:
    counts = np.zeros(1 << _HALF, np.int64)
    for block in blocks(len(sizes)):
        piece = sizes[block]
        lower = piece[piece >> _HALF == upper] & (len(counts) - 1)
        counts += np.bincount(lower, minlength=len(counts))
    return counts
