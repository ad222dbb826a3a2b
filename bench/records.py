"""Instruction counts that were recorded, and what new ones are beside them.

They depend on the compiler more than on anything else, so that each compiler has its own record,
for each architecture and path.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    #: Instructions per byte by operation.
    Figures: TypeAlias = dict[str, float]

#: By so many percent a figure may be above its record.
TOLERANCE_PERCENT = 5


@dataclass(frozen=True)
class Comparison:
    """One figure beside its record, if there is one."""

    kernel: str
    operation: str
    measured: float
    recorded: float | None

    @property
    def change(self) -> float | None:
        """By which fraction it is above the record; negative below it."""
        return self.measured / self.recorded - 1 if self.recorded else None

    @property
    def too_many(self) -> bool:
        """Whether it is more than the tolerance above the record."""
        if self.recorded is None:
            return False
        # Figures have three decimals; compared in integers, the border itself is still allowed.
        limit = round(self.recorded * 1000) * (100 + TOLERANCE_PERCENT)
        return round(self.measured * 1000) * 100 > limit


class Records:
    """A file of records, all about the same text."""

    def __init__(self, path: Path, sample: str) -> None:
        self._path = path
        self._sample = sample
        data: dict[str, Any] = json.loads(path.read_bytes()) if path.exists() else {}
        # What was counted for another text says nothing about this one.
        self._by_compiler: dict[str, dict[str, dict[str, Figures]]] = (
            data["instructions_per_byte"] if data.get("sample") == sample else {}
        )

    def of(self, compiler: str, architecture: str) -> dict[str, Figures]:
        """The records of a compiler, by path; empty if it has none."""
        return self._by_compiler.get(compiler, {}).get(architecture, {})

    def compare(
        self, compiler: str, architecture: str, measured: Mapping[str, Figures]
    ) -> list[Comparison]:
        """Each figure that was measured beside the record of the same compiler."""
        recorded = self.of(compiler, architecture)
        return [
            Comparison(kernel, operation, figure, recorded.get(kernel, {}).get(operation))
            for kernel, figures in measured.items()
            for operation, figure in figures.items()
        ]

    def record(self, compiler: str, architecture: str, measured: Mapping[str, Figures]) -> None:
        """Put new figures in the place of those of the same compiler and the same paths."""
        paths = self._by_compiler.setdefault(compiler, {}).setdefault(architecture, {})
        paths.update(measured)
        data = {"sample": self._sample, "instructions_per_byte": self._by_compiler}
        self._path.write_text(json.dumps(data, indent=2, sort_keys=True) + "\n", encoding="utf-8")
