"""What is there before a run, or after it: whose it is, and whether it is complete."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rwkv_tok.data.binidx.index_file import bin_path, idx_path
from rwkv_tok.data.binidx.manifest import json_path, read_manifest
from rwkv_tok.errors import DataError

from .names import dataset_paths, skipped_path, valid_prefix

if TYPE_CHECKING:
    from .plan import Plan

__all__ = ["Prepared", "find_complete", "read_prepared", "refuse_skipped", "refuse_to_replace"]


@dataclass(frozen=True, slots=True)
class Prepared:
    """What a run has made.

    Attributes
    ----------
    prefix
        The path of the files without their suffixes.
    manifest
        What PREFIX.json says: the plan, counts, sizes and digests.
    valid
        The same for the validation set, if there is one.
    was_complete
        Whether all of it had been there before.
    documents_found
        How many documents a run that was interrupted had left.
    """

    prefix: Path
    manifest: dict[str, Any]
    valid: Prepared | None = None
    was_complete: bool = False
    documents_found: int = 0

    @property
    def tokens(self) -> int:
        """The number of tokens, closing zeros included."""
        tokens: int = self.manifest["tokens"]
        return tokens

    @property
    def items(self) -> int:
        """The number of items: one for each document, as often as it is there."""
        items: int = self.manifest["items"]
        return items

    @property
    def skipped(self) -> Path | None:
        """The list of the records without a usable text, if there are any."""
        return skipped_path(self.prefix) if self.manifest["corpus"]["bad"] else None


def refuse_to_replace(plan: Plan, prefix: Path) -> None:
    """Raise DataError if an output would take the place of something that is none."""
    outputs = [*_all_paths(plan, prefix), skipped_path(prefix)]
    taken = {}
    for path in outputs:
        with contextlib.suppress(FileNotFoundError):
            found = path.stat()
            taken[found.st_dev, found.st_ino] = path
            if path.is_dir():
                raise DataError(f"{path} is a folder: choose another name for the output")
    for source in plan.sources if taken else ():
        if source.is_stdin:
            continue
        with contextlib.suppress(FileNotFoundError):
            found = Path(source.path).stat()
            if output := taken.get((found.st_dev, found.st_ino)):
                raise DataError(f"{output} is an input: choose another name for the output")
    for each in _prefixes(plan, prefix):
        if json_path(each).exists() and read_manifest(each) is None:
            raise DataError(
                f"{json_path(each)} exists and is about something else: choose another "
                "name for the output"
            )


def find_complete(plan: Plan, prefix: Path, *, skip_bad: bool) -> Prepared | None:
    """What a run of the same plan has made; None if nothing is there.

    Raises DataError if something else is there, or only a part of it.
    """
    taken = [path for path in (*_all_paths(plan, prefix), skipped_path(prefix)) if path.exists()]
    if not taken:
        return None
    difference = _difference(plan, prefix)
    if difference is not None:
        raise DataError(f"{taken[0]} exists, and {difference}: say --force to replace it")
    if not plan.is_restartable:
        raise DataError(f"{taken[0]} exists: say --force to replace it")
    prepared = read_prepared(plan, prefix)
    refuse_skipped(prepared, skip_bad=skip_bad)
    return prepared


def read_prepared(plan: Plan, prefix: Path) -> Prepared:
    """What has been published."""
    found = [Prepared(each, _manifest_of(each)) for each in _prefixes(plan, prefix)]
    return Prepared(prefix, found[0].manifest, found[1] if len(found) > 1 else None)


def refuse_skipped(prepared: Prepared, *, skip_bad: bool) -> None:
    """Raise DataError if bad records were skipped, and should not be."""
    bad = prepared.manifest["corpus"]["bad"]
    if bad and not skip_bad:
        raise DataError(
            f"{idx_path(prepared.prefix)} exists, and {bad} bad record(s) were skipped for it: "
            "say --on-error skip if that is right, or --force to make it anew"
        )


def _difference(plan: Plan, prefix: Path) -> str | None:
    """What keeps the files from being all that a run of this plan makes; None if nothing does."""
    for each in _prefixes(plan, prefix):
        manifest = read_manifest(each)
        if manifest is None or "plan" not in manifest:
            return "something else made it"
        difference = plan.difference(manifest["plan"])
        if difference is not None:
            return difference
        for path, key in ((bin_path(each), "bin"), (idx_path(each), "idx")):
            if not path.exists():
                return f"{path} is missing"
            if path.stat().st_size != manifest[key]["size"]:
                return f"{path} has not the size that {json_path(each)} says"
    return None


def _prefixes(plan: Plan, prefix: Path) -> list[Path]:
    """Of the training set, and of the validation set if there is one."""
    return [prefix, valid_prefix(prefix)] if plan.arrangement.valid_fraction else [prefix]


def _all_paths(plan: Plan, prefix: Path) -> list[Path]:
    return [path for each in _prefixes(plan, prefix) for path in dataset_paths(each)]


def _manifest_of(prefix: Path) -> dict[str, Any]:
    manifest = read_manifest(prefix)
    if manifest is None:
        raise DataError(f"{json_path(prefix)} has gone, or is no longer what was written")
    return manifest
