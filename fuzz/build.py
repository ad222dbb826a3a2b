"""Virtual environments with the package: instrumented for libFuzzer, or for measuring coverage.

The package is built from a copy of the sources, so that no extension module of the checkout is
touched. What has not changed is not compiled again.
"""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import sys
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

# Cython adds 0 to a null pointer wherever a function takes keywords: only in what it generates.
_NOT_CHECKED = "[pointer-overflow]\nsrc:*/rwkv_tok/_*.c\n"


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
        if reason := self._why_not():
            print(reason, file=sys.stderr)
            sys.exit(2)
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self._copy_sources()
            how, what = self._digests()
            before = self._stamp.read_text().split() if self._stamp.exists() else []
            if before == [how, what] and not anyway:
                return
            self._stamp.unlink(missing_ok=True)
            if anyway or before[:1] != [how]:  # setuptools looks at the sources only
                shutil.rmtree(self.sources / "build", ignore_errors=True)
            self._make()
            self._stamp.write_text(f"{how}\n{what}\n")

    def _why_not(self) -> str | None:
        """What this machine lacks."""
        if sys.platform != "linux":
            return "needs Linux"
        if "atheris" in " ".join(self.requirements) and sys.version_info[:2] > (3, 13):
            return "atheris has wheels for Python 3.11-3.13 only"
        compiler = self.environment["CC"]
        return None if shutil.which(compiler) else f"needs {compiler}"

    def _make(self) -> None:
        pip: list[str | Path] = [self.python, "-m", "pip", "--disable-pip-version-check"]
        pip += ["install", "--quiet"]
        print(f"Preparing a virtual environment in {self.folder} ...", flush=True)
        run([sys.executable, "-m", "venv", self.folder / "venv"])  # completes one that is there
        project = tomllib.loads((ROOT / "pyproject.toml").read_text())
        run([*pip, *project["build-system"]["requires"], *self.requirements])
        print("Compiling the package, a few minutes the first time ...", flush=True)
        run(
            [*pip, "--no-build-isolation", f"{self.sources}[data]"],
            {name: value.format(folder=self.folder) for name, value in self.environment.items()},
        )

    def _digests(self) -> tuple[str, str]:
        """Of how the package is built, and of the copy of its sources."""
        how = hashlib.sha256(f"{sys.version} {self!r} {_NOT_GUIDED} {_NOT_CHECKED}".encode())
        digest = hashlib.sha256()
        for name in _COPIED:
            copy = self.sources / name
            for file in sorted(copy.rglob("*.*")) if copy.is_dir() else [copy]:
                digest.update(f"{file.relative_to(self.sources)}\0".encode() + file.read_bytes())
        return how.hexdigest(), digest.hexdigest()

    def _copy_sources(self) -> None:
        self.sources.mkdir(parents=True, exist_ok=True)
        (self.folder / "not_guided").write_text(_NOT_GUIDED)
        (self.folder / "not_checked").write_text(_NOT_CHECKED)
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
            "-fsanitize-ignorelist={folder}/not_checked "
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
