"""The folder beside a training set that is being made, in which all of it is made."""

from __future__ import annotations

import contextlib
import json
import shutil
from typing import TYPE_CHECKING

import filelock

from rwkv_tok.errors import DataError
from rwkv_tok.files import atomic_output

if TYPE_CHECKING:
    from pathlib import Path

    from .plan import Plan

__all__ = ["PARTS", "Workspace", "folder_of"]

#: How the names of the folders begin that workers write to.
PARTS = "parts-"

_LOCK = "lock"
_PLAN = "plan.json"


class Workspace:
    """Opens `PREFIX.work` for one run at a time.

    What an earlier run of the same plan has left there stays, so that this one goes on with it.

    Raises
    ------
    DataError
        Another run is at work, or an earlier one with another plan has left something, and
        `overwrite` does not say to throw that away.
    """

    def __init__(self, prefix: Path, plan: Plan, *, overwrite: bool) -> None:
        self.folder = folder_of(prefix)
        if not prefix.parent.is_dir():
            raise DataError(f"no folder {prefix.parent} to put {prefix.name} into")
        self.folder.mkdir(exist_ok=True)
        self._lock = filelock.FileLock(self.folder / _LOCK)
        try:
            self._lock.acquire(blocking=False)
        except filelock.Timeout:
            raise DataError(f"another process is making {prefix}") from None
        try:
            self._adopt(plan, overwrite=overwrite)
        except BaseException:
            self._lock.release()
            raise

    def _adopt(self, plan: Plan, *, overwrite: bool) -> None:
        """Go on with what is there if it belongs to the same plan."""
        file = self.folder / _PLAN
        try:
            difference = plan.difference(json.loads(file.read_bytes()))
        except FileNotFoundError:
            foreign = [e.name for e in self.folder.iterdir() if not _is_of_the_start(e.name)]
            if foreign:
                raise DataError(
                    f"the folder {self.folder} is needed, and something else is in it: {foreign[0]}"
                ) from None
        else:
            if difference is None and plan.is_restartable:
                for leftover in self.folder.glob(f"{PARTS}*"):  # of workers that were killed
                    shutil.rmtree(leftover, ignore_errors=True)
                return
            if not overwrite and plan.is_restartable:
                raise DataError(
                    f"{self.folder} holds an unfinished run of another kind: {difference}. Repeat "
                    "the command that was interrupted to finish it, or start anew with --force"
                )
            self._clear()
        with atomic_output(file) as out:
            out.write(json.dumps(plan.to_json()).encode())

    def _clear(self) -> None:
        """Remove everything but the lock, and last what tells whose folder it is."""
        entries = [entry for entry in self.folder.iterdir() if entry.name != _LOCK]
        for entry in sorted(entries, key=lambda entry: entry.name == _PLAN):
            if entry.is_dir():
                shutil.rmtree(entry)
            else:
                entry.unlink()

    def remove(self) -> None:
        """Remove the folder and all that is in it."""
        self._clear()
        self._lock.release()
        with contextlib.suppress(OSError):  # somebody else may have come
            (self.folder / _LOCK).unlink(missing_ok=True)
            self.folder.rmdir()

    def close(self) -> None:
        """Let others in."""
        self._lock.release()


def folder_of(prefix: Path) -> Path:
    """Where a training set is made."""
    return prefix.with_name(f"{prefix.name}.work")


def _is_of_the_start(name: str) -> bool:
    """Whether a file is all that a run leaves that was killed before it knew its folder."""
    return name == _LOCK or (name.startswith(".rwkv-tok-") and name.endswith(".tmp"))
