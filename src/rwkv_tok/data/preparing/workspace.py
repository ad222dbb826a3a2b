"""The folder beside a training set that is being made, in which all of it is made."""

from __future__ import annotations

import contextlib
import json
import shutil
from typing import TYPE_CHECKING, Any

import filelock

from rwkv_tok.data.reading.source import STDIN
from rwkv_tok.errors import DataError
from rwkv_tok.files import atomic_output

from .names import work_folder

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from .plan import Plan

__all__ = ["MARKER", "PARTS", "Workspace"]

#: How the names of the folders begin that workers write to.
PARTS = "parts-"
#: What tells that all is made, and which names it is to be given.
MARKER = "publish.json"

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
        self.folder = work_folder(prefix)
        if not prefix.parent.is_dir():
            raise DataError(f"no folder {prefix.parent} to put {prefix.name} into")
        self._refuse_foreign()
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

    def _refuse_foreign(self) -> None:
        """Raise DataError if the folder is there and not of a run."""
        if self._earlier_plan() is None and self.folder.is_dir():
            foreign = [e.name for e in self.folder.iterdir() if not _is_of_the_start(e.name)]
            if foreign:
                raise DataError(
                    f"the folder {self.folder} is needed, and something else is in it: {foreign[0]}"
                )

    def _earlier_plan(self) -> dict[str, Any] | None:
        """What an earlier run was about; None if there has been none."""
        try:
            plan = json.loads((self.folder / _PLAN).read_bytes())
        except (FileNotFoundError, ValueError):
            return None
        return plan if isinstance(plan, dict) and "revision" in plan else None

    def _adopt(self, plan: Plan, *, overwrite: bool) -> None:
        """Go on with what is there if it belongs to the same plan."""
        earlier = self._earlier_plan()
        if earlier is not None:
            difference = plan.difference(earlier)
            if difference is None and plan.is_restartable:
                for leftover in self.folder.glob(f"{PARTS}*"):  # of workers that were killed
                    shutil.rmtree(leftover, ignore_errors=True)
                return
            if difference is not None and not overwrite and not _read_stdin(earlier):
                raise DataError(
                    f"{self.folder} holds an unfinished run of another kind: {difference}. Repeat "
                    "the command that was interrupted to finish it, or start anew with --force"
                )
        self.restart(plan)

    def restart(self, plan: Plan) -> None:
        """Throw away what is there, and begin with a plan."""
        self._clear()
        with atomic_output(self.folder / _PLAN) as out:
            out.write(json.dumps(plan.to_json()).encode())

    def _clear(self) -> None:
        """Remove everything but the lock; last what tells whose folder it is.

        First what tells that all is made: whoever is killed meanwhile must not find it.
        """
        entries = [entry for entry in self.folder.iterdir() if entry.name != _LOCK]
        for entry in sorted(entries, key=lambda entry: (entry.name == _PLAN, entry.name != MARKER)):
            if entry.is_dir():
                shutil.rmtree(entry)
            else:
                entry.unlink()

    def remove(self) -> None:
        """Remove the folder and all that is in it."""
        self._clear()
        with contextlib.suppress(OSError):  # elsewhere an open file cannot be removed
            (self.folder / _LOCK).unlink()
            self.folder.rmdir()
        self._lock.release()

    def close(self) -> None:
        """Let others in."""
        self._lock.release()


def _read_stdin(plan: Mapping[str, Any]) -> bool:
    """Whether nobody can go on with a run, as standard input has gone."""
    return any(source["path"] == STDIN for source in plan.get("sources", ()))


def _is_of_the_start(name: str) -> bool:
    """Whether a file is all that a run leaves that was killed before it knew its folder."""
    return name == _LOCK or (name.startswith(".rwkv-tok-") and name.endswith(".tmp"))
