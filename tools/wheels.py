"""Build what is published and test it as it will be installed: sdist, wheels, checks, tests.

    python tools/wheels.py build        # sdist and, from it, a wheel for every CPython that is here
    python tools/wheels.py test         # each wheel in a clean environment, away from the sources
    python tools/wheels.py install DIR  # one such environment, to try things in

`nox -s wheels` installs what this needs and does both of the first. The sdist and a wheel are built
twice, in different folders, and have to come out the same to the byte.
"""

from __future__ import annotations

import argparse
import atexit
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import findpython
from packaging.specifiers import SpecifierSet

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).resolve().parent.parent
DIST = ROOT / "dist"
PYTHONS = SpecifierSet(">=3.11")
LINUX_POLICY = f"manylinux_2_28_{os.uname().machine}" if sys.platform == "linux" else None
LARGEST_WHEEL = 2_000_000  # bytes
PLATFORMS = {
    "linux": "x86_64 aarch64",
    "macos": "x86_64 arm64",
    "windows": "AMD64 ARM64",
}


def main() -> int:
    """Run the command that was asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    command = commands.add_parser("build", help="build and check into dist/, which is emptied")
    add_python_option(command)
    command = commands.add_parser("test", help="test the wheels in dist/")
    add_python_option(command)
    command.add_argument("pytest", nargs="*", help="after --: passed on to pytest; -n auto if none")
    command = commands.add_parser("install", help="install a wheel of dist/ beside a copy of tests")
    add_python_option(command)
    command.add_argument("folder", type=Path, help="gets a folder venv, and the tests")
    options = parser.parse_args()
    pythons = find_pythons(options.python)
    # The programs that this runs are installed beside the Python that runs it.
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    try:
        if options.command == "build":
            build(pythons)
        elif options.command == "test":
            for python in pythons:
                test(python, options.pytest or ["-n", "auto"])
        else:
            install(pythons[0], options.folder)
    except subprocess.CalledProcessError as error:
        print(f"FAILED: {' '.join(map(str, error.cmd))}", file=sys.stderr)
        return 1
    return 0


def add_python_option(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--python",
        action="append",
        metavar="VERSION",
        help="3.12, say, or 3.14t; may be repeated (by default, every CPython that is here)",
    )


def find_pythons(wanted: list[str] | None) -> list[findpython.PythonVersion]:
    """One interpreter for each minor version, oldest first; `wanted` ones must be here."""
    found: dict[str, findpython.PythonVersion] = {}
    for python in findpython.find_all():
        if python.implementation == "cpython" and python.version in PYTHONS:
            found.setdefault(name(python), python)
    if missing := set(wanted or []) - set(found):
        sys.exit(f"not here: CPython {', '.join(missing)}; here are {', '.join(found) or 'none'}")
    chosen = [python for key, python in found.items() if not wanted or key in wanted]
    return sorted(chosen, key=lambda python: (python.version.release[:2], python.freethreaded))


def name(python: findpython.PythonVersion) -> str:
    return f"{python.major}.{python.minor}{'t' if python.freethreaded else ''}"


def build(pythons: Sequence[findpython.PythonVersion]) -> None:
    """Fill dist/ with an sdist and, from it, a wheel for each Python; check them."""
    shutil.rmtree(DIST, ignore_errors=True)
    step("what is declared, and what an sdist would leave out")
    run("validate-pyproject", "pyproject.toml")
    if (ROOT / ".git").exists():
        run("check-manifest")
        # The date of all that is packed; an sdist that is built again has no other.
        date = run("git", "log", "-1", "--format=%ct", output=True)
        os.environ.setdefault("SOURCE_DATE_EPOCH", date.strip())
    for platform, machines in PLATFORMS.items():
        step(f"wheels that a release builds for {platform}")
        for machine in machines.split():
            where = ["--platform", platform, "--archs", machine]
            run("cibuildwheel", "--print-build-identifiers", *where)

    DIST.mkdir()
    step("sdist")
    # One after the other: both write their metadata into the checkout.
    (sdist,), (again,) = build_all([["--sdist", ROOT]]), build_all([["--sdist", ROOT]])
    check_same(sdist, again)
    sdist = Path(shutil.move(sdist, DIST))
    step(f"wheels for CPython {', '.join(map(name, pythons))}")
    # The first one twice: what makes them reproducible does not depend on the version.
    jobs: list[list[str | Path]]
    jobs = [["--wheel", sdist, "--python", p.executable] for p in [pythons[0], *pythons]]
    wheels = build_all(jobs)
    check_same(wheels[0], wheels[1])
    for wheel in wheels[1:]:
        finish(Path(shutil.move(wheel, DIST)))
    step("contents and metadata")
    run("check-wheel-contents", *DIST.glob("*.whl"))
    run("twine", "check", "--strict", *DIST.iterdir())
    for path in sorted(DIST.iterdir()):
        print(f"{path.stat().st_size:>9,}  {sha256(path)}  {path.name}")


def build_all(jobs: list[list[str | Path]]) -> list[Path]:
    """Run builds, as many at once as there are processors, each in a folder of its own."""
    scratch = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, scratch)
    folders = [scratch / str(i) for i in range(len(jobs))]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(build_one, folders, jobs))


def build_one(folder: Path, arguments: list[str | Path]) -> Path:
    run("uv", "build", "--quiet", "--out-dir", folder, *arguments)
    return next(folder.glob("rwkv_tok-*"))


def check_same(one: Path, other: Path) -> None:
    """End the program unless two builds of the same thing are the same bytes."""
    if sha256(one) != sha256(other):
        sys.exit(f"{one.name} is not reproducible: two builds differ")
    print(f"{one.name}: two builds, the same bytes")


def finish(wheel: Path) -> None:
    """Give a Linux wheel the tag of its policy, which its symbols are checked against; weigh it."""
    if LINUX_POLICY is not None:
        run("auditwheel", "show", wheel)
        options = ["--plat", LINUX_POLICY, "--only-plat", "--wheel-dir", str(DIST)]
        run("auditwheel", "repair", *options, wheel)
        wheel.unlink()
        wheel = next(DIST.glob(f"{wheel.stem.rsplit('-', 1)[0]}-*.whl"))
    if wheel.stat().st_size > LARGEST_WHEEL:
        sys.exit(f"{wheel.name} has {wheel.stat().st_size:,} bytes, more than {LARGEST_WHEEL:,}")


def test(python: findpython.PythonVersion, arguments: list[str]) -> None:
    """Run the tests on the wheel for this Python where the sources cannot be seen."""
    if python.freethreaded:
        arguments = [*arguments, "--ignore=tests/bench"]  # matplotlib and the peers are not there
    step(f"tests of the wheel for CPython {name(python)}: pytest {' '.join(arguments)}")
    with tempfile.TemporaryDirectory() as folder:
        install(python, Path(folder))
        run(scripts(Path(folder)) / "python", "-m", "pytest", *arguments, cwd=Path(folder))


def install(python: findpython.PythonVersion, folder: Path) -> None:
    """Make `folder`/venv, with the wheel and what its tests need, and copy the tests beside it."""
    tag = f"cp{python.major}{python.minor}-cp{name(python).replace('.', '')}"
    wheels = list(DIST.glob(f"*-{tag}-*.whl"))
    if len(wheels) != 1:
        sys.exit(f"dist/ has {len(wheels)} wheels for CPython {name(python)}; build it first")
    run("uv", "venv", "--quiet", "--python", python.executable, folder / "venv")
    executable = scripts(folder) / "python"
    # Not all that tests use has wheels for free-threaded Pythons.
    what = [f"{wheels[0]}[data]", "--group", "test-fewer"]
    what = what if python.freethreaded else [f"{wheels[0]}[test]"]
    run("uv", "pip", "install", "--quiet", "--python", executable, *what)
    # Nothing that could be imported in place of the wheel.
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    for entry in project["tool"]["cibuildwheel"]["test-sources"]:
        source = ROOT / entry
        if source.is_dir():
            shutil.copytree(source, folder / entry, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, folder)


def scripts(folder: Path) -> Path:
    return folder / "venv" / ("Scripts" if sys.platform == "win32" else "bin")


def run(*command: str | Path | None, cwd: Path = ROOT, output: bool = False) -> str:
    arguments = [str(part) for part in command]
    result = subprocess.run(
        arguments, cwd=cwd, check=True, text=True, stdout=subprocess.PIPE if output else None
    )
    return result.stdout or ""


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def step(text: str) -> None:
    print(f"\n== {text} ==", flush=True)


if __name__ == "__main__":
    sys.exit(main())
