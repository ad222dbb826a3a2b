"""Inputs through a target, without libFuzzer: `python -m fuzz.replay TARGET FOLDER...`.

Any Python does that has the package; coverage is measured so.
"""

from __future__ import annotations

import sys
from pathlib import Path

from .targets import one_input_of

__all__ = ["main"]


def main() -> None:
    """Run all files of the folders; what fails raises."""
    target, *folders = sys.argv[1:]
    one_input = one_input_of(target)
    for folder in folders:
        for path in sorted(Path(folder).iterdir()):
            try:
                one_input(path.read_bytes())
            except Exception as error:
                error.add_note(f"with the input {path}")
                raise


if __name__ == "__main__":
    main()
