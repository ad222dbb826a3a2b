"""Virtual environments with the package: instrumented for libFuzzer, or for measuring coverage.

The package is built from a copy of the sources, so that no extension module of the checkout is
touched. What has not changed is not compiled again.
"""

from __future__ import annotations

import os
import shutil
import sys
import time
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .paths import BUILD, ROOT, run

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["COVERAGE", "FUZZING", "Build"]

_COPIED = ("src", "vocab", "setup.py", "pyproject.toml", "README.md", "LICENSE")

# Building a table of a vocabulary takes ten milliseconds without instrumentation and a quarter of
# a second with it: it is a search, whose result every kernel is checked with.
_NOT_GUIDED = "[coverage]\nsrc:*_cuts.c\n"


@dataclass(frozen=True)
class Build:
    """A virtual environment, and how the package in it is compiled.

    Attributes
    ----------
    folder
        Where all of it lies.
    requirements
        What is installed besides.
    environment
        What tells setuptools about the compiler.
    """

    folder: Path
    requirements: tuple[str, ...]
    environment: Mapping[str, str]

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.folder / "venv" / "bin" / "python"

    @property
    def sources(self) -> Path:
        """The copy that it is built from."""
        return self.folder / "sources"

    @property
    def _stamp(self) -> Path:
        return self.folder / "built"

    def update(self, *, anyway: bool = False) -> None:
        """Build it, unless nothing has changed since it was built. One process at a time does."""
        import fcntl  # which Windows does not have, and does not need for --help

        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if anyway or not self._is_current():
                self._make()

    def _make(self) -> None:
        if sys.platform != "linux" or not (3, 11) <= sys.version_info[:2] <= (3, 13):
            print("atheris has wheels for Python 3.11-3.13 on Linux only", file=sys.stderr)
            sys.exit(2)
        self._stamp.unlink(missing_ok=True)
        pip: list[str | Path] = [self.python, "-m", "pip", "--disable-pip-version-check"]
        pip += ["install", "--quiet"]
        if not self.python.exists():
            print(f"Making a virtual environment in {self.folder} ...", flush=True)
            run([sys.executable, "-m", "venv", self.folder / "venv"])
        project = tomllib.loads((ROOT / "pyproject.toml").read_text())
        run([*pip, *project["build-system"]["requires"], *self.requirements])
        print("Compiling the package, a few minutes the first time ...", flush=True)
        begun = time.time()
        self._copy_sources()
        run(
            [*pip, "--no-build-isolation", f"{self.sources}[data]"],
            {name: value.format(folder=self.folder) for name, value in self.environment.items()},
        )
        self._stamp.touch()
        # What changes while it is built is newer than this.
        os.utime(self._stamp, (begun, begun))

    def _is_current(self) -> bool:
        if not self._stamp.exists():
            return False
        built = self._stamp.stat().st_mtime
        files = [ROOT / "setup.py", ROOT / "pyproject.toml", *(ROOT / "src").rglob("*.*")]
        files += (ROOT / "vocab").iterdir()
        sources = (".py", ".pyx", ".pxd", ".c", ".h", ".toml")
        return all(file.stat().st_mtime < built for file in files if file.suffix in sources)

    def _copy_sources(self) -> None:
        self.sources.mkdir(parents=True, exist_ok=True)
        (self.folder / "not_guided").write_text(_NOT_GUIDED)
        for name in _COPIED:
            source, copy = ROOT / name, self.sources / name
            if not source.is_dir():
                shutil.copy2(source, copy)
                continue
            # With their times, so that only what is newer is compiled again.
            shutil.rmtree(copy, ignore_errors=True)
            ignored = shutil.ignore_patterns("*.so", "__pycache__", "*.egg-info")
            shutil.copytree(source, copy, ignore=ignored)


#: With ASan, UBSan and the counters of libFuzzer.
FUZZING = Build(
    BUILD / "fuzzing",
    ("atheris>=3,<4",),
    {
        "CC": "clang",
        "LDSHARED": "clang -shared",
        "CFLAGS": (
            "-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined "
            # Cython adds 0 to a null pointer wherever a function takes keywords.
            "-fno-sanitize=pointer-overflow "
            "-fsanitize-coverage-ignorelist={folder}/not_guided -O2 -g1 -fno-omit-frame-pointer"
        ),
    },
)

#: With gcc's counters; the kernels and the Python layer are measured.
COVERAGE = Build(
    BUILD / "coverage",
    ("coverage>=7", "gcovr>=7"),
    {"CC": "gcc", "CFLAGS": "--coverage -O1 -g0", "LDFLAGS": "--coverage"},
)
