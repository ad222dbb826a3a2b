"""The windows of a dataset that RWKV's trainer reads, in its order."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from rwkv_tok.errors import DataError

from .magic_primes import explain_missing_prime, is_magic_prime, magic_prime
from .sequences import ArraySequence

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from .reader import BinIdx

__all__ = ["Windows"]


class Windows(ArraySequence):
    """A sequence of the windows that the trainer reads in one pass; made by `BinIdx.windows`.

    Item `k` is what the trainer reads for its sample `ii = k + 1`: it counts from 1 through all
    epochs, steps and processes (`1 + epoch * samples_per_epoch + idx * world_size + rank`). After
    `magic_prime` samples, the length of this sequence, it begins again with the first one.

    Attributes
    ----------
    ctx_len : int
        A window has `ctx_len + 1` tokens: the last one is only predicted.
    magic_prime : int
        The number of windows.
    """

    def __init__(self, data: BinIdx, ctx_len: int, prime: int | None) -> None:
        tokens = len(data.tokens)
        if prime is None:
            prime = magic_prime(tokens, ctx_len)
            if prime is None:
                raise DataError(f"{data.prefix}: {explain_missing_prime(tokens, ctx_len)}")
        elif not is_magic_prime(prime, tokens, ctx_len):
            raise ValueError(
                f"{prime} is no magic prime for {tokens} tokens at ctx_len {ctx_len}: it must be a "
                f"prime P with P % 3 == 2, within 0.9 ... 1 times {tokens // ctx_len}"
            )
        if len(data) == 0 or data.pointers[0] != 0:
            raise DataError(
                f"{data.prefix}: the trainer counts from where item 0 begins, and that is not the "
                "beginning of the .bin"
            )
        self._data = data
        self.ctx_len = ctx_len
        self.magic_prime = prime
        # In floating point, as the trainer does: the last digits of a large prime depend on it.
        self._factor = int(prime * ((math.sqrt(5) - 1) / 2))

    def __len__(self) -> int:
        return self.magic_prime

    def start(self, index: int) -> int:
        """Where in `BinIdx.tokens` the window of this index begins."""
        sample = index + 1
        return self._factor * sample**3 % self.magic_prime * self.ctx_len

    def _item(self, position: int) -> NDArray[np.uint16]:
        start = self.start(position)
        return self._data.tokens[start : start + self.ctx_len + 1]

    def __repr__(self) -> str:
        return f"<{len(self)} windows of {self.ctx_len + 1} tokens of {self._data.prefix}>"
