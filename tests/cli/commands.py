"""Running the command line, in this process or, where the process matters, in one of its own."""

import subprocess
import sys
from pathlib import Path
from typing import IO

from click.testing import CliRunner, Result

from rwkv_tok.cli.app import app

COMMAND = [sys.executable, "-m", "rwkv_tok"]

FORMATS = ("text", "json", "npy", "u16")


def invoke(*args: str | Path, stdin: bytes = b"") -> Result:
    """Run a command in this process."""
    return CliRunner().invoke(app, [str(arg) for arg in args], input=stdin, prog_name="rwkv-tok")


def output_of(*args: str | Path, stdin: bytes = b"") -> bytes:
    """What a command that succeeds writes to standard output."""
    result = invoke(*args, stdin=stdin)
    assert result.exit_code == 0, result.output
    return result.stdout_bytes


def error_of(*args: str | Path, stdin: bytes = b"") -> str:
    """The message of a command that fails on its usage, input or output."""
    result = invoke(*args, stdin=stdin)
    assert result.exit_code == 2, result.output
    _, error, message = result.output.rpartition("Error: ")
    assert error
    assert message.endswith("\n")
    return message.removesuffix("\n")


def start(
    *args: str | Path,
    stdin: int | IO[bytes] | None = subprocess.PIPE,
    stdout: int | IO[bytes] | None = subprocess.PIPE,
    stderr: int | IO[bytes] | None = subprocess.PIPE,
) -> subprocess.Popen[bytes]:
    """Start a command in a process of its own, with pipes unless told otherwise."""
    command = [*COMMAND, *map(str, args)]
    return subprocess.Popen(command, stdin=stdin, stdout=stdout, stderr=stderr)


def run(
    *args: str | Path, stdin: bytes = b"", stdout: int | IO[bytes] = subprocess.PIPE
) -> tuple[int, bytes, bytes]:
    """The exit code, the output and the errors of a command in a process of its own."""
    with start(*args, stdout=stdout) as process:
        written, errors = process.communicate(stdin)
    return process.returncode, written, errors
