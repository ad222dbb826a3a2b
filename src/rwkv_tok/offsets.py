"""From positions in a text to tokens and back, by offsets as the tokenizer gives them."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["char_to_token", "token_to_chars"]


def char_to_token(offsets: NDArray[np.int64], position: int) -> int:
    """The token that covers a character; the first of them, if several lie within it.

    Parameters
    ----------
    offsets
        Those of one text: int64, shape (n, 2). With offsets in bytes, a position is that of a byte.
    position
        Counted from 0.

    Raises
    ------
    IndexError
        The text is not that long.
    ValueError
        The offsets have another shape.

    Examples
    --------
    >>> import rwkv_tok
    >>> ids, offsets = rwkv_tok.load().encode_with_offsets("Hello world!")
    >>> [char_to_token(offsets, position) for position in (0, 4, 5, 11)]
    [0, 0, 1, 2]
    """
    _check(offsets)
    position = operator.index(position)
    length = int(offsets[-1, 1]) if len(offsets) else 0
    if not 0 <= position < length:
        raise IndexError(f"position {position} in a text of {length}")
    # The ends ascend: the first one beyond the position is that of the first token that covers it.
    return int(offsets[:, 1].searchsorted(position, side="right"))


def token_to_chars(offsets: NDArray[np.int64], token: int) -> tuple[int, int]:
    """The characters that a token covers: begin and end, half-open.

    `token` is counted from 0. Raises IndexError if there is none of this number, ValueError if the
    offsets have another shape than (n, 2).

    Examples
    --------
    >>> import rwkv_tok
    >>> ids, offsets = rwkv_tok.load().encode_with_offsets("Hello world")
    >>> token_to_chars(offsets, 1)
    (5, 11)
    """
    _check(offsets)
    number = operator.index(token)
    if not 0 <= number < len(offsets):
        raise IndexError(f"token {number} of {len(offsets)}")
    begin, end = offsets[number].tolist()
    return begin, end


def _check(offsets: NDArray[np.int64]) -> None:
    if getattr(offsets, "ndim", None) != 2 or offsets.shape[1] != 2:
        raise ValueError(
            "offsets must be an array of shape (n, 2), as encode_with_offsets has them"
        )
