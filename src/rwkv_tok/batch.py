"""The ids of many documents in one flat array."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np

from . import _decode
from .errors import TokenIdError

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pyarrow
    from numpy.typing import ArrayLike, NDArray

    from .arguments import IdArray, Ids, Unknown

__all__ = ["TokenBatch", "flatten"]


class TokenBatch(Sequence["NDArray[np.uint16]"]):
    """An immutable sequence of documents, each a 1-D array of ids.

    Parameters
    ----------
    ids
        uint16, 1-D: the ids of all documents, one after the other.
    offsets
        int64, 1-D, one more than there are documents: document `i` is
        `ids[offsets[i]:offsets[i + 1]]`. The first is 0, the last `len(ids)`, none smaller than
        the one before.

    Raises
    ------
    TypeError
        An array has another dtype.
    ValueError
        The arrays do not fit together.

    Notes
    -----
    The arrays are not copied, and neither are the documents that indexing returns: all of them
    are read-only views. Whoever made the arrays must not change them any more.

    Examples
    --------
    >>> import rwkv_tok
    >>> batch = rwkv_tok.load().encode_ragged(["Hello world", "", "你好"])
    >>> batch
    TokenBatch(3 documents, 4 ids)
    >>> batch.to_list()
    [[33155, 40213], [], [10464, 11685]]
    >>> batch.offsets
    array([0, 2, 2, 4])
    """

    __slots__ = ("__weakref__", "_ids", "_offsets")

    def __init__(self, ids: NDArray[np.uint16], offsets: NDArray[np.int64]) -> None:
        self._ids = _read_only(ids, np.dtype(np.uint16), "ids")
        self._offsets = _read_only(offsets, np.dtype(np.int64), "offsets")
        if (
            len(self._offsets) == 0
            or self._offsets[0] != 0
            or self._offsets[-1] != len(self._ids)
            or np.any(self._offsets[1:] < self._offsets[:-1])
        ):
            raise ValueError("offsets must ascend from 0 to the number of ids")

    @property
    def ids(self) -> NDArray[np.uint16]:
        """All ids, one document after the other: uint16, 1-D, read-only."""
        return self._ids

    @property
    def offsets(self) -> NDArray[np.int64]:
        """Where the documents begin in `ids`, and where the last one ends: int64, read-only."""
        return self._offsets

    def __len__(self) -> int:
        return len(self._offsets) - 1

    @overload
    def __getitem__(self, index: int) -> NDArray[np.uint16]: ...
    @overload
    def __getitem__(self, index: slice) -> TokenBatch: ...
    def __getitem__(self, index: int | slice) -> NDArray[np.uint16] | TokenBatch:
        if isinstance(index, slice):
            return self._slice(*index.indices(len(self)))
        position = operator.index(index)
        if position < 0:
            position += len(self)
        if not 0 <= position < len(self):
            raise IndexError(f"document {index} of a batch of {len(self)}")
        return self._ids[self._offsets[position] : self._offsets[position + 1]]

    def _slice(self, start: int, stop: int, step: int) -> TokenBatch:
        if step == 1:
            stop = max(start, stop)
            offsets = self._offsets[start : stop + 1]
            return TokenBatch(self._ids[offsets[0] : offsets[-1]], offsets - offsets[0])
        chosen = [self[i] for i in range(start, stop, step)]
        lengths = [len(document) for document in chosen]
        ids = np.concatenate(chosen) if chosen else np.empty(0, np.uint16)
        return TokenBatch(ids, np.cumsum([0, *lengths], dtype=np.int64))

    def __contains__(self, document: object) -> bool:
        return any(np.array_equal(own, document) for own in self)  # type: ignore[arg-type]

    def index(self, document: Any, start: int = 0, stop: int | None = None) -> int:
        """The number of the first document that is equal. Raises ValueError if none is."""
        for position in range(*slice(start, stop).indices(len(self))):
            if np.array_equal(self[position], document):
                return position
        raise ValueError("no document of the batch is equal to this one")

    def count(self, document: Any) -> int:
        """How many documents are equal to this one."""
        return sum(np.array_equal(own, document) for own in self)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, TokenBatch):
            return NotImplemented
        return np.array_equal(self._offsets, other._offsets) and np.array_equal(
            self._ids, other._ids
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"TokenBatch({len(self)} documents, {len(self._ids)} ids)"

    def __reduce__(self) -> tuple[Any, ...]:
        return TokenBatch, (self._ids, self._offsets)

    def to_list(self) -> list[list[int]]:
        """The documents as lists of Python ints."""
        return [document.tolist() for document in self]

    def to_arrow(self) -> pyarrow.LargeListArray:
        """The batch as a pyarrow LargeListArray of uint16, without a copy. Needs pyarrow.

        Raises
        ------
        ImportError
            pyarrow is not installed: `pip install 'rwkv-tok[arrow]'`.
        """
        try:
            import pyarrow as pa
        except ModuleNotFoundError:
            raise ImportError(
                "to_arrow needs pyarrow: pip install 'rwkv-tok[arrow]'", name="pyarrow"
            ) from None
        return pa.LargeListArray.from_arrays(pa.array(self._offsets), pa.array(self._ids))

    def pad(
        self,
        length: int | None = None,
        side: Literal["left", "right"] = "right",
        value: int = 0,
        *,
        truncate: bool = False,
    ) -> tuple[NDArray[np.uint16], NDArray[np.bool_]]:
        """Put the documents into the rows of a matrix.

        Parameters
        ----------
        length
            The length of a row; that of the longest document if None.
        side
            Where a shorter document is filled up.
        value
            The id to fill up with.
        truncate
            Take the first `length` ids of a longer document, instead of raising ValueError.

        Returns
        -------
        ids
            uint16, shape (documents, length).
        mask
            bool, of the same shape: True where an id of the document stands.

        Examples
        --------
        >>> import rwkv_tok
        >>> ids, mask = rwkv_tok.load().encode_ragged(["Hello world", "你"]).pad(side="left")
        >>> ids.tolist(), mask.tolist()
        ([[33155, 40213], [0, 10464]], [[True, True], [False, True]])
        """
        if side not in ("left", "right"):
            raise ValueError(f"side must be 'left' or 'right', not {side!r}")
        if not 0 <= operator.index(value) <= np.iinfo(np.uint16).max:
            raise ValueError(f"value must be within 0 ... 65535, not {value}")
        lengths = np.diff(self._offsets)
        longest = int(lengths.max(initial=0))
        width = longest if length is None else operator.index(length)
        if width < 0:
            raise ValueError(f"length must not be negative, not {length}")
        kept = np.minimum(lengths, width)
        if longest > width and not truncate:
            document = int(np.argmax(lengths > width))
            raise ValueError(
                f"document {document} has {lengths[document]} ids, more than length={width}: "
                "say truncate=True to cut it"
            )
        columns = np.arange(width)
        if side == "right":
            mask = columns < kept[:, None]
        else:
            mask = columns >= width - kept[:, None]
        matrix = np.full(mask.shape, value, np.uint16)
        if longest > width:
            positions = np.arange(len(self._ids)) - np.repeat(self._offsets[:-1], lengths)
            matrix[mask] = self._ids[positions < width]
        else:
            matrix[mask] = self._ids
        return matrix, mask


def flatten(
    batch: TokenBatch | Iterable[Ids], unknown: Unknown
) -> tuple[IdArray, NDArray[np.int64]]:
    """The ids of all documents of a batch one after the other, and their offsets.

    Raises TypeError, ValueError or TokenIdError for what are no ids, with a note that names the
    document.
    """
    if isinstance(batch, TokenBatch):
        return batch.ids, batch.offsets
    if not hasattr(batch, "__iter__"):
        raise TypeError(
            f"a batch must be a TokenBatch or an iterable of ids, not {type(batch).__name__}"
        )
    documents = []
    for number, ids in enumerate(batch):
        try:
            documents.append(_decode.read_ids(ids, unknown))
        except TokenIdError as error:
            raise TokenIdError(error.id, error.position, number) from None
        except (TypeError, ValueError) as error:
            error.add_note(f"in document {number} of the batch")
            raise
    offsets = np.cumsum([0, *map(len, documents)], dtype=np.int64)
    narrow = all(ids.dtype == np.uint16 for ids in documents)
    flat = np.concatenate([np.empty(0, np.uint16 if narrow else np.int64), *documents])
    return flat, offsets


def _read_only(array: ArrayLike, dtype: np.dtype[Any], name: str) -> NDArray[Any]:
    """A read-only view of a contiguous 1-D array."""
    if not isinstance(array, np.ndarray):
        raise TypeError(f"{name} must be a NumPy array of {dtype}")
    # Of the plain kind: subclasses may have overridden anything, their length for instance.
    view = np.asarray(array).view()
    if view.dtype != dtype:
        raise TypeError(f"{name} must be a NumPy array of {dtype}")
    if view.ndim != 1 or not (view.flags.c_contiguous and view.flags.aligned):
        raise ValueError(f"{name} must be 1-D, contiguous and aligned")
    view.flags.writeable = False
    return view
