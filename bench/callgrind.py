"""Instructions counted by callgrind: run a process under it, read what it wrote."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from .kernels import VARIABLE
from .texts import ROOT

# Valgrind emulates no CPU that has these; the package would refuse to take such a path there.
UNKNOWN_TO_VALGRIND = ("avx512", "sve", "amx")
# The process calls this function of the C library around whatever is to be counted.
MARKER = "getppid"


def known(kernels: list[str]) -> list[str]:
    """Those of the paths that can be taken under valgrind."""
    return [kernel for kernel in kernels if not kernel.startswith(UNKNOWN_TO_VALGRIND)]


def count(kernel: str) -> dict[str, float]:
    """Instructions per byte of each operation of `bench.callgrind_target`, by one path.

    Raises ChildProcessError if that goes wrong.
    """
    environment = {**os.environ, VARIABLE: kernel}
    environment |= {"PYTHONHASHSEED": "0", "OPENBLAS_NUM_THREADS": "1"}
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "callgrind.out"
        command = ["valgrind", "--tool=callgrind", f"--dump-before={MARKER}"]
        command += [
            f"--callgrind-out-file={output}",
            sys.executable,
            "-m",
            "bench.callgrind_target",
        ]
        run = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
        if run.returncode:
            raise ChildProcessError(f"valgrind failed:\n{run.stderr}")
        announced = dict(line.split("\t") for line in run.stdout.splitlines())
        dumps = sorted(Path(folder).glob("callgrind.out.*"), key=lambda path: int(path.suffix[1:]))
        # One dump before the first operation, then for each operation itself and what is between.
        counted = [instructions(path.read_text("utf-8", "replace")) for path in dumps]
    if len(counted) != 2 * len(announced):
        raise ChildProcessError(
            f"callgrind saw {len(counted)} calls of {MARKER} instead of {2 * len(announced)}"
        )
    return {
        operation: round(number / int(nbytes), 3)
        for (operation, nbytes), number in zip(announced.items(), counted[1::2], strict=True)
    }


def instructions(dump: str) -> int:
    """The instructions in a file of callgrind's. Raises ValueError if it does not tell."""
    events = re.search(r"^events: *(.+)$", dump, re.MULTILINE)
    totals = re.search(r"^(?:totals|summary): *([\d ]+)$", dump, re.MULTILINE)
    names = events[1].split() if events else []
    if not totals or "Ir" not in names:
        raise ValueError("no output of callgrind: there is no total of instructions")
    return int(totals[1].split()[names.index("Ir")])
