#!/usr/bin/env python3
"""The two commands of the README, for a fresh clone: `python3 dev.py demo` and `... test`.

Both make the virtual environment `.venv` beside this file if it is not there, install the package
into it (compiling it), and may be repeated at will. Nothing outside this folder is touched.
"""

from __future__ import annotations

import argparse
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
    """Encode the sample, decode it again, compare, and show a summary."""
    install("cli")
    ids, decoded = ROOT / "build" / "sample.ids", ROOT / "build" / "sample.txt"
    tokenizer = [SCRIPTS / "rwkv-tok"]
    run([*tokenizer, "encode", "--lines", "--force", "-o", ids, SAMPLE])
    run([*tokenizer, "decode", "--lines", "--force", "-o", decoded, ids])
    if decoded.read_bytes() != SAMPLE.read_bytes():
        sys.exit(f"{decoded} differs from {SAMPLE}")
    print()
    texts = SAMPLE.read_text(encoding="utf-8").splitlines()
    for text, line in list(zip(texts, ids.read_text().splitlines(), strict=True))[:4]:
        print(f"{text}\n  {line}")
    print("...\n", flush=True)
    run([*tokenizer, "count", "--lines", SAMPLE.relative_to(ROOT)])
    show = ids.relative_to(ROOT)
    print(f"\nThe ids are in {show}, a document a line; decoded, they give the sample again.")


def test(arguments: list[str]) -> None:
    """Run the whole test suite; `arguments` go to pytest."""
    install("test", editable=True)
    run([SCRIPTS / "python", "-m", "pytest", *arguments])


def install(extra: str, *, editable: bool = False) -> None:
    """Install the package with an extra into the virtual environment."""
    if not SCRIPTS.is_dir():
        print(f"Making the virtual environment {VENV.name} ...", flush=True)
        run([sys.executable, "-m", "venv", VENV])
    print("Building and installing, about a minute the first time ...", flush=True)
    pip = [SCRIPTS / "python", "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    run([*pip, *(["--editable"] if editable else []), f"{ROOT}[{extra}]"])


def run(command: list[str | Path]) -> None:
    """Run a command; it says itself what is wrong if it fails."""
    subprocess.run([str(part) for part in command], cwd=ROOT, check=True)


if __name__ == "__main__":
    sys.exit(main())
