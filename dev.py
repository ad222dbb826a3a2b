#!/usr/bin/env python3
"""The two commands of the README, for a fresh clone: `python3 dev.py demo` and `... test`.

Both make the virtual environment `.venv` beside this file if it is not there, install the package
into it (compiling it), and may be repeated at will. Nothing outside this folder is touched.
"""

from __future__ import annotations

import argparse
import shlex
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
SCRIPTS = VENV / ("Scripts" if sys.platform == "win32" else "bin")
SAMPLE = ROOT / "examples" / "sample.txt"


def main() -> int:
    """Run the command that was asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("command", choices=("demo", "test"))
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help="passed on to pytest")
    options = parser.parse_args()
    if sys.version_info < (3, 11):
        sys.exit(f"rwkv_tok needs Python 3.11 or newer; this is {sys.version.split()[0]}")
    try:
        if options.command == "demo":
            demo()
        else:
            test(options.arguments)
    except subprocess.CalledProcessError as error:
        return error.returncode
    return 0


def demo() -> None:
    """Make training data of the sample, verify them against it, and show what is in them."""
    install("data")
    prefix = Path("build", "sample")
    (ROOT / prefix).parent.mkdir(exist_ok=True)
    sample = SAMPLE.relative_to(ROOT)
    lines = ["--format", "text", "--separator", r"\n"]
    show("rwkv-tok", "prepare", sample, "-o", prefix, *lines, "--ctx-len", "16", "--force")
    show("rwkv-tok", "verify", prefix, "--against", sample)
    show("rwkv-tok", "info", prefix)


def test(arguments: list[str]) -> None:
    """Run the whole test suite on all cores, or what `arguments` say to pytest."""
    install("test", editable=True)
    run([SCRIPTS / "python", "-m", "pytest", *(arguments or ["-n", "auto"])])


def install(extra: str, *, editable: bool = False) -> None:
    """Install the package with an extra into the virtual environment."""
    if not SCRIPTS.is_dir():
        print(f"Making the virtual environment {VENV.name} ...", flush=True)
        run([sys.executable, "-m", "venv", VENV])
    print("Building and installing, about a minute the first time ...", flush=True)
    pip = [SCRIPTS / "python", "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    run([*pip, *(["--editable"] if editable else []), f"{ROOT}[{extra}]"])


def show(command: str, *arguments: str | Path) -> None:
    """Run a command of the package, after showing it."""
    print(f"\n$ {shlex.join([command, *map(str, arguments)])}", flush=True)
    run([SCRIPTS / command, *arguments])


def run(command: list[str | Path]) -> None:
    """Run a command; it says itself what is wrong if it fails."""
    subprocess.run([str(part) for part in command], cwd=ROOT, check=True)


if __name__ == "__main__":
    sys.exit(main())
