"""Making sense of the bytes of an input: texts from the front, choices from the back."""

from __future__ import annotations

from typing import AnyStr

__all__ = ["Source", "pack"]


class Source:
    """An input that a target reads from both ends.

    A byte more or less in a text thus leaves all choices as they are, and the other way round. Any
    input is good: where nothing is left, texts are empty and choices are 0.
    """

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._start = 0
        self._stop = len(data)

    def choice(self, count: int) -> int:
        """One of `0 ... count - 1`, of at most 256, from a byte at the back."""
        if self._start == self._stop:
            return 0
        self._stop -= 1
        return self._data[self._stop] % count

    def wide_choice(self, count: int) -> int:
        """The same of up to 65536, from two bytes."""
        return (self.choice(256) << 8 | self.choice(256)) % count

    def flag(self) -> bool:
        """Yes or no."""
        return self.choice(2) == 1

    def take(self, size: int) -> bytes:
        """Up to `size` bytes from the front."""
        begin, self._start = self._start, min(self._start + size, self._stop)
        return self._data[begin : self._start]

    def rest(self) -> bytes:
        """All bytes that are left."""
        return self.take(self._stop - self._start)

    def cuts(self, data: AnyStr, most: int = 8) -> list[AnyStr]:
        """The same bytes or characters in up to `most + 1` pieces, the last of them any long."""
        places: list[int] = sorted(
            self.wide_choice(len(data) + 1) for _ in range(self.choice(most + 1))
        )
        bounds = [0, *places, len(data)]
        return [data[bounds[i] : bounds[i + 1]] for i in range(len(bounds) - 1)]


def pack(text: bytes, *choices: int) -> bytes:
    """The input whose text is this, and whose choices are these: the seeds are made so.

    Examples
    --------
    >>> source = Source(pack(b"ab", 1, 7))
    >>> source.choice(2), source.choice(8), source.rest()
    (1, 7, b'ab')
    """
    return text + bytes(reversed(choices))
