"""What `verify` finds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Findings", "Problem", "VerifyReport"]

# Problems of one kind that are told one by one.
_SHOWN = 5


@dataclass(frozen=True)
class Problem:
    """Something that is wrong with a dataset.

    Attributes
    ----------
    where : str
        The file, and what in it: the byte, the item.
    what : str
        What is wrong, and where that is known how it comes about.
    """

    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


@dataclass(frozen=True)
class VerifyReport:
    """What `verify` says about a dataset.

    Attributes
    ----------
    prefix : pathlib.Path
        As it was given.
    items, tokens : int
        How many there are; 0 if the index cannot be read.
    problems : tuple of Problem
        What is wrong; of a kind of which there are many, the first few and a count.
    notes : tuple of str
        What is unusual, but no mistake.
    """

    prefix: Path
    items: int
    tokens: int
    problems: tuple[Problem, ...]
    notes: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems


@dataclass
class Findings:
    """Problems while they are looked for: all are counted, and the first few of a kind kept."""

    notes: list[str] = field(default_factory=list)
    _kinds: dict[str, _Kind] = field(default_factory=dict)

    def add(self, kind: str, where: str, what: str, count: int = 1) -> None:
        """Add a problem; `kind` names many of them, as in "3 more KIND"."""
        found = self._kinds.setdefault(kind, _Kind(where))
        found.count += count
        if len(found.first) < _SHOWN:
            found.first.append(Problem(where, what))

    def add_items(
        self, kind: str, items: NDArray[np.intp], describe: Callable[[int], tuple[str, str]]
    ) -> None:
        """Add a problem for each of these items; `describe` gives where and what."""
        shown = items[:_SHOWN].tolist()
        for item in shown:
            self.add(kind, *describe(item))
        if len(items) > len(shown):
            self._kinds[kind].count += len(items) - len(shown)

    def count(self, kind: str) -> int:
        """How many there are of a kind."""
        return self._kinds[kind].count if kind in self._kinds else 0

    def problems(self) -> tuple[Problem, ...]:
        """All that were kept, and how many more there are of a kind."""
        problems = []
        for kind, found in self._kinds.items():
            problems += found.first
            if found.count > len(found.first):
                more = f"{found.count - len(found.first)} more {kind}"
                problems.append(Problem(found.where.rpartition(", byte ")[0] or found.where, more))
        return tuple(problems)


@dataclass
class _Kind:
    where: str
    count: int = 0
    first: list[Problem] = field(default_factory=list)
