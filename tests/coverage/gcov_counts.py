"""What gcov has counted: how often each line was executed and each branch was taken."""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

# By line number, and whatever tells several counts of a line apart.
Hits = Counter[tuple[int, ...]]


@dataclass
class Counts:
    """Of one file.

    A template is several functions in one object; what any of them does counts. Their lines may
    differ in the number of branches, which is a part of the key for that reason.
    """

    lines: Hits = field(default_factory=Counter)
    branches: Hits = field(default_factory=Counter)

    def add(self, line: dict[str, Any]) -> None:
        """Add what gcov says of a line."""
        number, branches = line["line_number"], line["branches"]
        self.lines[number,] += line["count"]
        for position, branch in enumerate(branches):
            self.branches[number, len(branches), position] += branch["count"]


def read_counts(folder: Path, objects: Iterable[Path]) -> dict[str, Counts]:
    """Sum up what objects have counted, by the path of the source in `folder`.

    What lies elsewhere, or is no file but a name that Cython gives to code of its own, is left out.
    """
    counts: dict[str, Counts] = {}
    for path in objects:
        # --branch-probabilities: without it there are no branches.
        command = ["gcov", "--json-format", "--stdout", "--branch-probabilities", str(path)]
        result = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)
        for file in json.loads(result.stdout)["files"]:
            source = _find(folder, file["file"])
            if source is None:
                continue
            name = str(source.relative_to(folder))
            if name.endswith(".inc.h"):
                name += f" in {path.stem}.c"
            of_file = counts.setdefault(name, Counts())
            for line in file["lines"]:
                of_file.add(line)
    return counts


def _find(folder: Path, name: str) -> Path | None:
    """The source of this name; Cython leaves out the first folders of some."""
    for start in (folder, folder / "src", folder / "src" / "rwkv_tok"):
        path = start / name
        if path.is_relative_to(folder / "src") and path.is_file():
            return path
    return None
