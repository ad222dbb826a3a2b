"""Opening what a command writes to."""

from __future__ import annotations

import io
import os
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, BinaryIO

import click

from rwkv_tok.files import atomic_output

from .errors import Failure

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

__all__ = ["STDOUT", "open_output", "shows_on_terminal"]

#: What stands for standard output as the name of a file.
STDOUT = "-"


@contextmanager
def open_output(file: str, *, force: bool) -> Iterator[IO[bytes]]:
    """Open a file that appears whole or not at all, or standard output.

    An OSError in the block is a failure to write it. An existing file is one as well without
    `force`.
    """
    name = "standard output" if file == STDOUT else click.format_filename(file)
    try:
        with _open_stdout() if file == STDOUT else _open_file(Path(file), name, force) as out:
            yield out
    except BrokenPipeError:  # only where there is no SIGPIPE; click ends the process quietly
        raise
    except OSError as error:
        raise Failure.from_os_error(f"cannot write {name}", error) from error


def shows_on_terminal(file: str) -> bool:
    """Whether what is written there appears on a terminal."""
    return file == STDOUT and sys.stdout is not None and sys.stdout.isatty()


def _open_file(path: Path, name: str, force: bool) -> AbstractContextManager[IO[bytes]]:
    if not force and (path.exists() or path.is_symlink()):
        raise Failure(f"{name} exists: say --force to replace it")
    if path.exists() and not path.is_file():
        return path.open("wb")  # a device or a named pipe is there to be written to
    return atomic_output(os.path.realpath(path))


@contextmanager
def _open_stdout() -> Iterator[IO[bytes]]:
    if sys.stdout is None:
        raise Failure("standard output is closed")
    stdout = _buffered(sys.stdout.buffer)
    try:
        yield stdout
        stdout.flush()
    except OSError:
        # The interpreter tries once more when it ends, and would complain once more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), stdout.fileno())
        raise


def _buffered(stdout: BinaryIO) -> BinaryIO:
    """Standard output with the buffer that `python -u` takes away: without, writes may be cut."""
    if isinstance(stdout, io.FileIO):
        return open(stdout.fileno(), "wb", closefd=False)
    return stdout
