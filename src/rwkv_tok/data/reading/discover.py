"""From what a user names (files, folders, globs, standard input) to the sources of a corpus."""

from __future__ import annotations

import glob
import io
import os
import stat
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from rwkv_tok.errors import DataError

from . import compression
from .source import STDIN, ByteStream, Source, identity_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .source import Format

__all__ = ["FORMATS", "Corpus", "discover"]

#: The formats of inputs.
FORMATS: tuple[Format, ...] = ("jsonl", "text", "parquet", "arrow")

_FORMAT_OF_SUFFIX: dict[str, Format] = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".txt": "text",
    ".text": "text",
    ".parquet": "parquet",
    ".arrow": "arrow",
    ".feather": "arrow",
}
# https://parquet.apache.org/docs/file-format and https://arrow.apache.org/docs/format/Columnar.html:
# a file, and a stream, which begins with a continuation marker.
_MAGIC: tuple[tuple[bytes, Format], ...] = (
    (b"PAR1", "parquet"),
    (b"ARROW1\x00\x00", "arrow"),
    (b"\xff\xff\xff\xff", "arrow"),
)
_HEAD = 4096


@dataclass(frozen=True, slots=True)
class Corpus:
    """What there is to read: `sources` in order, and files of folders that were left out."""

    sources: tuple[Source, ...]
    ignored: tuple[str, ...]


def discover(
    inputs: Iterable[str],
    given_format: Format | None = None,
    outputs: frozenset[str] = frozenset(),
) -> Corpus:
    """Find the sources that inputs stand for.

    Inputs stay in their order; the files of a folder, at any depth, and those of a glob come in the
    bytewise order of their paths. A folder's hidden files are left out, and without `given_format`
    those whose names do not tell a format; of folders and globs also what is in `outputs`, real
    paths of files that are written and of folders that they are written in.

    Raises
    ------
    DataError
        Something is not there or cannot be read, has no files, or does not tell its format.
    """
    sources: list[Source] = []
    ignored: list[str] = []
    inputs = list(inputs)
    if inputs.count(STDIN) > 1:
        raise DataError("standard input can be read only once")
    for each in inputs:
        if each == STDIN:
            sources.append(_standard_input(given_format))
            continue
        for path in _expand(each, outputs):
            if path.is_dir():
                found = _of_folder(path, given_format, ignored, outputs)
                if not found:
                    left_out = f"; of no known format: {ignored[-1]}" if ignored else ""
                    raise DataError(f"no file to read in the folder {path}{left_out}")
                sources.extend(found)
            else:
                sources.append(_of_file(path, given_format))
    return Corpus(tuple(sources), tuple(ignored))


def _expand(named: str, outputs: frozenset[str]) -> list[Path]:
    """The file or folder of this name; if there is none, those that it matches as a glob."""
    path = Path(named)
    if os.path.lexists(path):
        return [path]
    if not glob.has_magic(named):
        raise DataError(f"no such file or folder: {named}")
    # Path.glob knows no absolute patterns.
    matches = map(Path, glob.glob(named, recursive=True))  # noqa: PTH207
    # What `**` matches are folders and also the files in them: none may be read twice. Until Python
    # 3.13 it matches a folder that is not there as well.
    found = [
        path
        for path in matches
        if os.path.lexists(path)
        and ("**" not in named or not path.is_dir())
        and not _is_output(path, outputs)
    ]
    if not found:
        raise DataError(f"no file matches {named}")
    for folder in {path.parent for path in found}:
        _refuse_loop(folder)
    return sorted(found, key=os.fsencode)


def _refuse_loop(folder: Path) -> None:
    """Raise DataError if the way to a folder goes in circles, as that of a glob may."""
    above = set()
    for each in reversed((folder, *folder.parents)):
        identity = _identity_of_folder(each)
        if identity in above and each.is_symlink():
            raise _loop(each)
        above.add(identity)


def _is_output(path: Path, outputs: frozenset[str]) -> bool:
    """Whether a file is in `outputs`, or lies in a folder that is."""
    real = os.path.realpath(path)
    return real in outputs or os.path.dirname(real) in outputs  # noqa: PTH120 # of many files


def _of_folder(
    folder: Path, given_format: Format | None, ignored: list[str], outputs: frozenset[str]
) -> list[Source]:
    sources = []
    for path in sorted(_walk(folder, ()), key=os.fsencode):
        if _is_output(path, outputs):
            continue
        if given_format is None and _suffix(path) not in _FORMAT_OF_SUFFIX:
            ignored.append(str(path))
        else:
            sources.append(_of_file(path, given_format))
    return sources


def _walk(folder: Path, above: tuple[tuple[int, int], ...]) -> Iterator[Path]:
    """All files in a folder, at any depth; links are followed, as caches consist of them."""
    try:
        identity = _identity_of_folder(folder)
        if identity in above:
            raise _loop(folder)
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.startswith("."):
                    continue
                if entry.is_dir():
                    yield from _walk(Path(entry.path), (*above, identity))
                else:
                    yield Path(entry.path)
    except OSError as error:
        raise _unreadable(Path(error.filename or folder), error) from error


def _identity_of_folder(folder: Path) -> tuple[int, int]:
    try:
        found = folder.stat()
    except OSError as error:
        raise _unreadable(folder, error) from error
    return found.st_dev, found.st_ino


def _loop(folder: Path) -> DataError:
    return DataError(f"{folder} is a symbolic link to a folder that it lies in")


def _of_file(path: Path, given_format: Format | None) -> Source:
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            raise DataError(f"{path} is no regular file: pipe it in, and read it as -")
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except OSError as error:
        raise _unreadable(path, error) from error
    name, packed = str(path), compression.compression_of(head)
    if packed is None and path.suffix.lower() in compression.SUFFIXES:
        raise DataError(f"{path} is not compressed as its name says: it was cut off, or renamed")
    size, mtime_ns = identity_of(found)
    if given_format is not None:
        return Source(name, _unpacked(given_format, packed, name), packed, size, mtime_ns)
    by_suffix = _FORMAT_OF_SUFFIX.get(_suffix(path))
    guess = Source(name, by_suffix or "text", packed, size, mtime_ns)
    if packed is not None and by_suffix is None:
        with ByteStream(guess) as stream:
            head = stream.read(_HEAD)
    by_content = _format_of(head)
    if by_suffix is None and by_content is None:
        raise DataError(f"{path} does not tell whether it is JSONL or text: say --format")
    # Binary formats are certain; text in braces is not, so there the name goes first.
    columnar = by_content if by_content in ("parquet", "arrow") else None
    decided = columnar or by_suffix or cast("Format", by_content)
    return Source(name, _unpacked(decided, packed, name), packed, size, mtime_ns)


def _standard_input(given_format: Format | None) -> Source:
    if sys.stdin is None:
        raise DataError("standard input is closed")
    if given_format in ("parquet", "arrow"):
        raise DataError(f"{given_format} cannot be read from standard input: name a file")
    packed = compression.compression_of(_peek(sys.stdin.buffer))
    return Source(STDIN, given_format or "jsonl", packed, 0, 0)


def _peek(stream: BinaryIO) -> bytes:
    """What comes next, as far as it is there; a stream without a buffer does not tell."""
    return stream.peek(_HEAD) if isinstance(stream, io.BufferedReader) else b""


def _unpacked(decided: Format, packed: str | None, name: str) -> Format:
    if packed is not None and decided in ("parquet", "arrow"):
        raise DataError(f"{name} is {decided} inside {packed}, which cannot be read: unpack it")
    return decided


def _suffix(path: Path) -> str:
    """The suffix that tells the format; there may be one for the compression behind it."""
    last = path.suffix.lower()
    if last in compression.SUFFIXES:
        return Path(path.stem).suffix.lower()
    return last


def _format_of(head: bytes) -> Format | None:
    """What a file that begins like this is, if that is certain: text may begin like anything."""
    for magic, columnar in _MAGIC:
        if head.startswith(magic):
            return columnar
    return "jsonl" if head.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"{") else None


def _unreadable(path: Path, error: OSError) -> DataError:
    return DataError(f"cannot read {path}: {error.strerror}")
