"""Where things are, and running commands. All that is made lies in `build/fuzz`."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = [
    "BUILD",
    "FINDINGS",
    "ROOT",
    "corpus_of",
    "crashes_of",
    "log_of",
    "run",
    "seeds_of",
]

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build" / "fuzz"

#: Inputs that once failed, by target: they are seeds, too, and belong to the sources.
FINDINGS = Path(__file__).resolve().parent / "findings"


def corpus_of(target: str) -> Path:
    """The folder of the inputs that a target has collected."""
    return BUILD / "corpus" / target


def seeds_of(target: str) -> Path:
    """The folder that the seeds of a target are written into."""
    return BUILD / "seeds" / target


def crashes_of(target: str) -> Path:
    """The folder of the inputs that make a target fail."""
    return BUILD / "crashes" / target


def log_of(target: str) -> Path:
    """What the last run of a target has said."""
    return BUILD / "logs" / f"{target}.log"


def run(command: Sequence[str | Path], environment: Mapping[str, str] | None = None) -> None:
    """Run a command; it says itself what is wrong if it fails, which raises CalledProcessError."""
    subprocess.run(  # noqa: S603 # the commands of this program
        [str(part) for part in command],
        cwd=ROOT,
        env={**os.environ, **(environment or {})},
        check=True,
    )
