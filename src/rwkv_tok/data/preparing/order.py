"""The order of documents in a training set: shuffled for each epoch, some set aside.

It rests on SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014),
and so on nothing that a library may change. The generator with the state `s` gives as its number
`i` (from 0) `mix(s + (i + 1) * 0x9E3779B97F4A7C15)`, modulo 2**64.

- Epoch `e` (from 0) of the seed `S` has the state that is number `e` of the generator with the
  state `S`. Document `i` gets that epoch's number `i` as its key; the documents come in ascending
  order of their keys, which are all different.
- A validation set of `k` documents has those with the `k` smallest keys of "epoch -1". They are
  set aside before anything else, and the others numbered anew.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["shuffled", "validation_mask"]

_GAMMA = 0x9E3779B97F4A7C15
_MASK = 2**64 - 1


def shuffled(documents: int, seed: int, epoch: int) -> NDArray[np.int64]:
    """The numbers of the documents in the order of an epoch: int64, 1-D.

    Examples
    --------
    >>> shuffled(5, seed=42, epoch=0).tolist(), shuffled(5, seed=42, epoch=1).tolist()
    ([3, 0, 2, 4, 1], [1, 2, 4, 3, 0])
    """
    return np.argsort(_keys(documents, seed, epoch))


def validation_mask(documents: int, seed: int, fraction: float) -> NDArray[np.bool_]:
    """Which documents are set aside for validation: bool, 1-D.

    As near to the fraction as possible, but at least one, and not all; there are two at least.

    Examples
    --------
    >>> validation_mask(8, seed=42, fraction=0.25).nonzero()[0].tolist()
    [3, 7]
    """
    count = min(max(1, math.floor(documents * fraction + 0.5)), documents - 1)
    mask = np.zeros(documents, np.bool_)
    mask[np.argpartition(_keys(documents, seed, -1), count - 1)[:count]] = True
    return mask


def _keys(documents: int, seed: int, epoch: int) -> NDArray[np.uint64]:
    state = int(_mix(np.array([(seed + (epoch + 1) * _GAMMA) & _MASK], np.uint64))[0])
    keys = np.arange(1, documents + 1, dtype=np.uint64)
    keys *= np.uint64(_GAMMA)
    keys += np.uint64(state)
    return _mix(keys)


def _mix(z: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The finalizer of SplitMix64, in place."""
    z ^= z >> np.uint64(30)
    z *= np.uint64(0xBF58476D1CE4E5B9)
    z ^= z >> np.uint64(27)
    z *= np.uint64(0x94D049BB133111EB)
    z ^= z >> np.uint64(31)
    return z
