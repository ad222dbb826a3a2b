"""Files that grow together, with checkpoints to go back to after being killed at any moment.

Nothing waits for the disk. A checkpoint says how large each file was and has the digest of what it
held, so that after a power failure it shows which of them are true.
"""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Any

from .appender import Appender, count_intact
from .journal import Journal

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["CheckpointedFiles"]

# How much work may be done twice.
_SECONDS_BETWEEN = 0.1


class CheckpointedFiles:
    """Opens the files of a folder as they were at their last checkpoint.

    Parameters
    ----------
    folder
        Where they are.
    names
        What they are called.
    journal
        What the file with the checkpoints is called.

    Attributes
    ----------
    state : dict or None
        What was given to `checkpoint` last; None if there has been none.
    notes : list of dict
        What was given to `note` before.
    files : dict
        The files by their names.
    """

    def __init__(self, folder: Path, names: Sequence[str], journal: str) -> None:
        self.paths = {name: folder / name for name in names}
        self._journal = Journal(folder / journal)
        last = self._last_true_checkpoint()
        self._journal.keep(0 if last is None else last + 1)
        entries = self._journal.entries
        self.notes: list[dict[str, Any]] = [e["note"] for e in entries if "note" in e]
        self.state: dict[str, Any] | None = None if last is None else entries[last]["state"]
        marks = {} if last is None else entries[last]["marks"]
        self.files = {
            name: Appender(path, marks[name][0] if marks else 0)
            for name, path in self.paths.items()
        }
        self._last_time = time.monotonic()

    def checkpoint(self, state: dict[str, Any], *, now: bool = True) -> None:
        """Write down a state; without `now` only if the last one was some time ago."""
        if not now and time.monotonic() - self._last_time < _SECONDS_BETWEEN:
            return
        marks = {name: file.mark() for name, file in self.files.items()}
        self._journal.append({"state": state, "marks": marks})
        self.state = state
        self._last_time = time.monotonic()

    def note(self, note: dict[str, Any]) -> None:
        """Write down something that holds as soon as there is a further checkpoint."""
        self._journal.append({"note": note})
        self.notes.append(note)

    def cut(self, name: str, size: int) -> None:
        """Make a file smaller; a checkpoint must follow."""
        self.files[name].mark()
        self.files[name].close()
        self.files[name] = Appender(self.paths[name], size)

    def close(self) -> None:
        """Close all files."""
        for close in (*(file.close for file in self.files.values()), self._journal.close):
            # Of a full disk somebody has complained already.
            with contextlib.suppress(OSError):
                close()

    def _last_true_checkpoint(self) -> int | None:
        """Where in the journal the last checkpoint stands that the files are true to."""
        numbers = [n for n, entry in enumerate(self._journal.entries) if "marks" in entry]
        # Nearly always the very last.
        if numbers and self._count_true(numbers[-1:]) == 0:
            numbers = numbers[: self._count_true(numbers)]
        return numbers[-1] if numbers else None

    def _count_true(self, numbers: list[int]) -> int:
        """How many of these checkpoints, from the first on, the files are true to."""
        marks = [self._journal.entries[number]["marks"] for number in numbers]
        return min(
            count_intact(path, [(each[name][0], each[name][1]) for each in marks])
            for name, path in self.paths.items()
        )
