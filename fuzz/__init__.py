"""Coverage-guided fuzzing against the oracle of the tests: `python -m fuzz --help`."""

import sys
from pathlib import Path

# The oracle is that of the tests, `reference`.
sys.path.append(str(Path(__file__).resolve().parent.parent / "tests"))
