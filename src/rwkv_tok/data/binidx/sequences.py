"""Sequences whose items are arrays."""

from __future__ import annotations

import operator
from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, overload

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["ArraySequence"]


class ArraySequence(Sequence["NDArray[np.uint16]"]):
    """A sequence of 1-D arrays: a subclass has `__len__` and `_item`; a slice is a list."""

    @abstractmethod
    def _item(self, position: int) -> NDArray[np.uint16]:
        """The item at a position that is within the sequence."""

    @overload
    def __getitem__(self, index: int) -> NDArray[np.uint16]: ...
    @overload
    def __getitem__(self, index: slice) -> list[NDArray[np.uint16]]: ...
    def __getitem__(self, index: int | slice) -> NDArray[np.uint16] | list[NDArray[np.uint16]]:
        if isinstance(index, slice):
            return [self._item(position) for position in range(*index.indices(len(self)))]
        position = operator.index(index)
        if position < 0:
            position += len(self)
        if not 0 <= position < len(self):
            raise IndexError(f"item {index} of {len(self)}")
        return self._item(position)

    # The methods of Sequence compare with ==, which arrays answer with an array.

    def __contains__(self, item: object) -> bool:
        return any(np.array_equal(own, item) for own in self)  # type: ignore[arg-type]

    def index(self, item: Any, start: int = 0, stop: int | None = None) -> int:
        """The number of the first item that is equal. Raises ValueError if none is."""
        for position in range(*slice(start, stop).indices(len(self))):
            if np.array_equal(self._item(position), item):
                return position
        raise ValueError("no item is equal to this one")

    def count(self, item: Any) -> int:
        """How many items are equal to this one."""
        return sum(np.array_equal(own, item) for own in self)
