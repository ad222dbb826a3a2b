"""Which part of a corpus is encoded next, and by whom."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, TypeAlias

from rwkv_tok.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rwkv_tok.data.reading.source import Source

__all__ = ["PartId", "Schedule"]

#: The number of a source in its corpus, and of a part in the source.
PartId: TypeAlias = tuple[int, int]

# Parts of small files that are handed out together.
_MOST_TOGETHER = 256


class Schedule:
    """Hands out the parts of a corpus to workers, each part once.

    Parts that can be found without reading what goes before are handed out in order. A stream (a
    compressed file, for instance) stays with the worker that has begun it, while others begin the
    sources behind it; when none are left they help, reading along.

    Parameters
    ----------
    sources
        The corpus.
    part_count
        How many parts a source has; None for a stream.
    size
        Parts are handed out together until they have so many bytes.
    start
        The first part that is still to be done.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        part_count: Callable[[Source], int | None],
        size: int,
        start: PartId = (0, 0),
    ) -> None:
        self._sources = sources
        self._part_count = part_count
        self._size = size
        self._lock = threading.Lock()
        self._next = start
        self._counted: tuple[int, int | None] = (-1, None)  # a source, and how many parts it has
        self._streams: dict[int, int] = {}  # those that have not ended, and their next parts
        self._stream_of: dict[int, int] = {}  # by worker

    def take(self, worker: int) -> list[PartId]:
        """The consecutive parts that a worker is to do next; none if there is nothing left."""
        with self._lock:
            stream = self._stream_of.get(worker)
            if stream in self._streams:
                return [self._take_of_stream(stream)]
            if parts := self._take_of_sources(worker):
                return parts
            if self._streams:
                self._stream_of[worker] = min(self._streams)
                return [self._take_of_stream(self._stream_of[worker])]
            return []

    def end_stream(self, source: int) -> None:
        """Let nobody look for further parts of a source."""
        with self._lock:
            self._streams.pop(source, None)

    def _count_of(self, number: int) -> int | None:
        if self._counted[0] != number:
            try:
                count = self._part_count(self._sources[number])
            except DataError:
                count = 1  # whoever reads it complains when it is its turn
            self._counted = number, count
        return self._counted[1]

    def _take_of_stream(self, source: int) -> PartId:
        part = self._streams[source]
        self._streams[source] += 1
        return source, part

    def _take_of_sources(self, worker: int) -> list[PartId]:
        parts: list[PartId] = []
        size = 0
        while size < self._size and len(parts) < _MOST_TOGETHER:
            number, part = self._next
            if number == len(self._sources):
                break
            source = self._sources[number]
            count = self._count_of(number)
            if count is None:
                if not parts:
                    self._streams[number] = part
                    self._stream_of[worker] = number
                    self._next = (number + 1, 0)
                    return [self._take_of_stream(number)]
                break
            parts.append((number, part))
            size += source.size // count
            self._next = (number, part + 1) if part + 1 < count else (number + 1, 0)
        return parts
