"""What gcov has counted: how often each line was executed and each branch was taken."""

from __future__ import annotations

import json
import re
import subprocess
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

_DIRECTIVE = re.compile(r'^#line (\d+) "(.+)"$', re.MULTILINE)

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


def read_counts(folder: Path) -> dict[str, Counts]:
    """Sum up what all objects in a folder have counted, by the path of the source in it.

    What lies elsewhere, or is no file but a name that Cython gives to code of its own, is left out.
    """
    of_cython = _lines_of_cython(folder)
    counts: dict[str, Counts] = {}
    for path in sorted(folder.rglob("*.gcda")):
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
            known = of_cython.get(file["file"])
            for line in file["lines"]:
                if known is None or line["line_number"] in known:
                    of_file.add(line)
    return counts


def _lines_of_cython(folder: Path) -> dict[str, set[int]]:
    """The lines of Cython that C was made of, by the name of the file in directives.

    To the compiler the second line of C behind a directive is one more line of Cython, and it may
    be none at all.
    """
    lines: dict[str, set[int]] = {}
    for path in folder.rglob("*.c"):
        for number, name in _DIRECTIVE.findall(path.read_text()):
            lines.setdefault(name, set()).add(int(number))
    return lines


def _find(folder: Path, name: str) -> Path | None:
    """The source of this name: Cython leaves out the first folders of some, and copies headers."""
    name = name.removeprefix("build/cython/")
    for start in (folder, folder / "src", folder / "src" / "rwkv_tok"):
        path = start / name
        if path.is_relative_to(folder / "src") and path.is_file():
            return path
    return None
