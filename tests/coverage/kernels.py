"""Coverage of the kernels in C, and of the extension modules around them, by the tests of the core.

A copy of the sources is built with the counters of gcov in build/coverage, the core's tests run on
it once with each kernel that this machine has, and tables are printed: lines and branches of the
kernels, and lines of the extension modules, whose branches in C are for the most part Cython's own.
At the end of a row are the lines with something that no test reaches. A template has a row for each
kernel that is made of it.

The kernel for 64-bit ARM is not among them: it does not run here, and tests/cross/run compares it,
emulated, with the oracle.

Needs GCC and, in this Python, Cython, setuptools and what the tests need. Exit code 1 if a test
fails, or less is covered than --fail-under demands.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from gcov_counts import read_counts

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from gcov_counts import Hits

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "build" / "coverage"
KERNELS = "src/rwkv_tok/kernels/"
# Threads count at the same time: without `atomic` some counts would be lost, and others, which gcov
# derives from them, be wrong.
FLAGS = "-O1 -fno-inline -fprofile-update=atomic --coverage -w"


def main() -> None:
    options = _options()
    _build()
    environment = os.environ | {"PYTHONPATH": str(FOLDER / "src")}
    for kernel in options.kernel or _available(environment):
        _test(kernel, environment, [*options.pytest, *options.tests])

    counts = read_counts(FOLDER)
    kernels = {name: count for name, count in counts.items() if name.startswith(KERNELS)}
    modules = {name: count for name, count in counts.items() if name not in kernels}
    if not any(count.branches for count in kernels.values()):
        sys.exit(f"FAILED: gcov has counted nothing in {KERNELS}")
    lines = _print_table("lines of the kernels", {n: c.lines for n, c in kernels.items()})
    branches = _print_table("branches of the kernels", {n: c.branches for n, c in kernels.items()})
    _print_table("lines of the extension modules", {n: c.lines for n, c in modules.items()})
    if min(lines, branches) < options.fail_under:
        sys.exit(f"FAILED: less than {options.fail_under:g} % of the kernels is covered")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kernel", action="append", help="only this one; can be repeated")
    parser.add_argument(
        "--fail-under",
        type=float,
        default=0,
        metavar="PERCENT",
        help="the least that may be covered of the lines of the kernels, and of their branches",
    )
    parser.add_argument(
        "--tests",
        nargs="+",
        default=["--core"],
        metavar="FILE",
        help="only these, for a first look",
    )
    parser.add_argument("pytest", nargs="*", help="after --: options of pytest, such as -n 2")
    return parser.parse_args()


def _build() -> None:
    """Build a copy of the sources with counters."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    made = shutil.ignore_patterns("*.so", "__pycache__", "*.egg-info")
    shutil.copytree(ROOT / "src", FOLDER / "src", ignore=made)
    shutil.copytree(ROOT / "vocab", FOLDER / "src" / "rwkv_tok" / "vocab")
    shutil.copy(ROOT / "setup.py", FOLDER)
    command = [sys.executable, "setup.py", "--quiet", "build_ext", "--cython-line-directives"]
    command += ["--build-lib=src", "--build-temp=objects"]
    compiler = {"CC": "gcc", "CFLAGS": FLAGS, "LDFLAGS": "--coverage"}
    subprocess.run(command, cwd=FOLDER, env=os.environ | compiler, check=True)


def _available(environment: dict[str, str]) -> list[str]:
    code = "from rwkv_tok import _kernels; print(*_kernels.available())"
    command = [sys.executable, "-c", code]
    return subprocess.check_output(command, env=environment, text=True).split()


def _test(kernel: str, environment: dict[str, str], arguments: list[str]) -> None:
    print(f"\n== tests with the kernel {kernel} ==", flush=True)
    command = [sys.executable, "-m", "pytest", "-q", *arguments]
    chosen = environment | {"RWKV_TOK_KERNEL": kernel}
    if subprocess.run(command, cwd=ROOT, env=chosen, check=False).returncode:
        sys.exit("FAILED: tests")


def _print_table(title: str, files: Mapping[str, Hits]) -> float:
    """Print how much of each file is covered; return the percentage of all of them."""
    print(f"\n== {title} ==")
    width = max(map(len, files))
    for name, hits in sorted(files.items()):
        missing = sorted({line for (line, *_), count in hits.items() if not count})
        print(f"{name:{width}} {_row(hits.values())}  {' '.join(map(str, missing))}".rstrip())
    everything = [count for hits in files.values() for count in hits.values()]
    print(f"{'all':{width}} {_row(everything)}")
    return _percent(everything)


def _row(counts: Collection[int]) -> str:
    return f"{sum(map(bool, counts)):6} of {len(counts):5} {_percent(counts):6.1f} %"


def _percent(counts: Collection[int]) -> float:
    return 100 * sum(map(bool, counts)) / len(counts) if counts else 100


if __name__ == "__main__":
    main()
