"""Giving finished files their names: a PREFIX with an .idx is complete."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from rwkv_tok.data.binidx.index_file import bin_path, idx_path
from rwkv_tok.data.binidx.manifest import HashingFile, json_path
from rwkv_tok.data.binidx.publishing import sync_folder
from rwkv_tok.data.binidx.writer import write_index
from rwkv_tok.errors import DataError
from rwkv_tok.files import atomic_output

from .encoding import LONGEST_ITEM
from .workspace import MARKER

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from .token_files import TokenFiles

__all__ = ["NewSet", "check_single_item", "finish_publishing", "publish"]


@dataclass(slots=True)
class NewSet:
    """A set of documents that is to become PREFIX.bin, .idx and .json.

    `manifest` is what PREFIX.json says, but for what `publish` adds about the files.
    """

    prefix: Path
    files: TokenFiles
    manifest: dict[str, Any]


def publish(
    folder: Path, sets: list[NewSet], skipped: tuple[Path, Path], single_item: bool
) -> None:
    """Write what is missing, and move all files from the folder in which they were made beside it.

    Whoever is killed here calls `finish_publishing` next time.

    Parameters
    ----------
    folder
        The folder in which everything was made.
    sets
        What was made.
    skipped
        The list of bad records, and what it shall be called if it has any.
    single_item
        Make all tokens of a set a single item.

    Raises
    ------
    DataError
        A set has too many tokens for a single item.
    """
    moves: list[tuple[Path, Path]] = []
    for number, each in enumerate(sets):
        made_idx, made_json = folder / f"{number}.idx", folder / f"{number}.json"
        sizes = _item_sizes(each.files, single_item)
        with atomic_output(made_idx) as file:
            hashing = HashingFile(file)
            write_index(hashing, sizes, item_count=len(sizes))
        size, digest = each.files.mark
        each.manifest |= {
            "items": len(sizes),
            "tokens": size // 2,
            "bin": {"size": size, "xxh128": digest},
            "idx": hashing.record(),
        }
        with atomic_output(made_json) as file:
            file.write(json.dumps(each.manifest, indent=1).encode() + b"\n")
        moves.append((each.files.tokens_path, bin_path(each.prefix)))
        moves.append((made_json, json_path(each.prefix)))
        moves.append((made_idx, idx_path(each.prefix)))
    made_list, final_list = skipped
    if made_list.stat().st_size:
        moves.insert(0, (made_list, final_list))
    stale = [*(idx_path(each.prefix) for each in sets), final_list]
    marker = {
        "stale": [path.name for path in stale],
        "moves": [(source.name, target.name) for source, target in moves],
    }
    with atomic_output(folder / MARKER) as file:
        file.write(json.dumps(marker).encode())
    finish_publishing(folder)


def finish_publishing(folder: Path) -> bool:
    """Move what is still to be moved; return whether everything was ready for that."""
    try:
        marker = json.loads((folder / MARKER).read_bytes())
    except FileNotFoundError:
        return False
    moves = [(folder / source, folder.parent / target) for source, target in marker["moves"]]
    if moves[0][0].exists():
        # From here on the files that are replaced, if there are any, do not belong together.
        for name in marker["stale"]:
            (folder.parent / name).unlink(missing_ok=True)
    for source, target in moves:
        if source.exists():
            source.replace(target)
            sync_folder(folder.parent)
    return True


def _item_sizes(files: TokenFiles, single_item: bool) -> NDArray[np.int32]:
    if not single_item:
        return files.sizes()
    tokens = files.mark[0] // 2
    check_single_item(tokens)
    return np.array([tokens] if tokens else [], np.int32)


def check_single_item(tokens: int) -> None:
    """Raise DataError if there are too many tokens for a single item."""
    if tokens > LONGEST_ITEM:
        raise DataError(f"{tokens} tokens do not fit into a single item: {LONGEST_ITEM} do")
