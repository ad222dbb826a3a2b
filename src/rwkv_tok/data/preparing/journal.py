"""A file of JSON objects, one a line, that survives being killed while one is written."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Journal"]


class Journal:
    """Entries that are appended to a file.

    Opening it drops a last line that is not whole.
    """

    def __init__(self, path: Path) -> None:
        path.touch()
        self._file = path.open("r+b")
        self.entries: list[dict[str, Any]] = []
        self._ends: list[int] = []
        end = 0
        for line in self._file:
            entry = _parse(line)
            if entry is None:
                break
            end += len(line)
            self.entries.append(entry)
            self._ends.append(end)
        self._cut(end)

    def append(self, entry: dict[str, Any]) -> None:
        """Write an entry and hand it over to the system."""
        self._file.write(json.dumps(entry).encode() + b"\n")
        self._file.flush()
        self.entries.append(entry)
        self._ends.append(self._file.tell())

    def keep(self, count: int) -> None:
        """Drop all entries but the first `count`."""
        self._cut(self._ends[count - 1] if count else 0)
        del self.entries[count:], self._ends[count:]

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _cut(self, size: int) -> None:
        self._file.truncate(size)
        self._file.seek(size)


def _parse(line: bytes) -> dict[str, Any] | None:
    """The object on a line; None if the line was not written to its end."""
    if not line.endswith(b"\n"):
        return None
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    return entry if isinstance(entry, dict) else None
