"""Short versions of the programs in this folder; and that they find what they look for."""

import subprocess
import sys
from pathlib import Path

import pytest
from memory import faulty_calls
from memory.allocator import why_not

_HERE = Path(__file__).parent

pytestmark = pytest.mark.skipif(why_not() is not None, reason=str(why_not()))

# One call for each of our own ways to take memory; the program by itself makes all of them.
_TYPICAL = [
    "Tokenizer.encode/long",
    "Tokenizer.encode_batch/generator",
    "Tokenizer.encode_ragged/chunked",
    "Tokenizer.decode/list",
    "Tokenizer.decode_batch/lists",
    "StreamDecoder.f",
    "StreamEncoder.f",
]


def run(program: str, *options: str) -> tuple[int, list[str]]:
    """The exit code and the lines of a program."""
    done = subprocess.run(
        [sys.executable, _HERE / program, *options], capture_output=True, text=True, check=False
    )
    assert not done.stderr, done.stderr
    return done.returncode, done.stdout.splitlines()


def test_no_call_leaks() -> None:
    status, lines = run("leaks.py", "--rounds", "4")
    assert status == 0, "\n".join(lines)
    assert " 0 leak" in lines[-1]


def test_every_leak_is_found() -> None:
    names = [name for name in faulty_calls.CALLS if name.startswith("leaks/")]
    status, lines = run("leaks.py", "--catalogue", "memory.faulty_calls", "--only", "leaks/")
    assert status == 1
    assert [line.partition(" gains ")[0] for line in lines[:-1]] == names


def test_typical_calls_bear_that_an_allocation_fails() -> None:
    only = [option for name in _TYPICAL for option in ("--only", name)]
    status, lines = run("allocations.py", "--most", "10", *only)
    assert status == 0, "\n".join(lines)
    assert " 0 problems" in lines[-1]


def test_every_way_to_bear_it_badly_is_found() -> None:
    names = [name for name in faulty_calls.CALLS if name.startswith("fails/")]
    options = ["--catalogue", "memory.faulty_calls", "--which", "all", "--only", "fails/"]
    status, lines = run("allocations.py", *options)
    assert status == 1
    found = {line.partition(",")[0] for line in lines if line.startswith("fails/")}
    assert found == {*names}
