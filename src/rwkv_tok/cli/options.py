"""What several commands have in common on their command lines, each thing defined once."""

from __future__ import annotations

import re
import stat
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import click

from rwkv_tok.errors import VocabularyError
from rwkv_tok.tokenizer import Tokenizer, load
from rwkv_tok.vocabulary import DEFAULT_VOCABULARY, bundled_names

from .errors import Failure
from .inputs import STDIN
from .outputs import STDOUT

__all__ = [
    "common_options",
    "format_option",
    "input_options",
    "lines_option",
    "output_options",
    "vocab_option",
]

Command = TypeVar("Command", bound=Callable[..., object])


def _load_vocabulary(_ctx: click.Context, _param: click.Parameter, vocabulary: str) -> Tokenizer:
    """A tokenizer with the bundled vocabulary of this name or else with that of a file."""
    if vocabulary in bundled_names():
        return load(vocabulary)
    shown = click.format_filename(vocabulary)
    try:
        return load(Path(vocabulary))
    except FileNotFoundError as error:
        names = ", ".join(bundled_names())
        raise Failure(f"no vocabulary file {shown}, and bundled is only {names}") from error
    except OSError as error:
        raise Failure.from_os_error(f"cannot read vocabulary {shown}", error) from error
    except VocabularyError as error:
        raise Failure(f"cannot use vocabulary {shown}: {error}") from error


def _check_files(
    _ctx: click.Context, _param: click.Parameter, files: tuple[str, ...]
) -> tuple[str, ...]:
    """Complain about what cannot be an input before anything is written."""
    if not files:
        if sys.stdin is not None and sys.stdin.isatty():
            raise click.UsageError("no input: name files, pipe something in, or say - to type it")
        return (STDIN,)
    for file in files:
        if file != STDIN:
            _check_file(file)
    return files


def _check_file(file: str) -> None:
    shown = click.format_filename(file)
    try:
        mode = Path(file).stat().st_mode
    except OSError as error:
        raise Failure.from_os_error(f"cannot read {shown}", error) from error
    if stat.S_ISDIR(mode):
        raise Failure(f"cannot read {shown}: it is a directory")


#: --vocab, which the command gets as `tokenizer`.
vocab_option = click.option(
    "--vocab",
    "tokenizer",
    metavar="NAME_OR_PATH",
    callback=_load_vocabulary,
    default=DEFAULT_VOCABULARY,
    show_default=True,
    help="A bundled vocabulary, or a vocabulary file.",
)

_OUTPUT = (
    click.option(
        "-o",
        "--output",
        type=click.Path(),
        default=STDOUT,
        metavar="FILE",
        show_default="standard output",
        help="Write to FILE, which appears when it is complete.",
    ),
    click.option("--force", is_flag=True, help="Replace FILE if it exists."),
)

_COMMON = (
    click.argument("files", nargs=-1, type=click.Path(), callback=_check_files),
    vocab_option,
    click.option(
        "-j",
        "--threads",
        type=click.IntRange(min=1),
        metavar="N",
        show_default="all cores that this process may use",
        help="Use N threads.",
    ),
    *_OUTPUT,
)


def _unescape(_ctx: click.Context, _param: click.Parameter, text: str | None) -> str | None:
    """What is meant by a separator: a shell gives no line ends and tabs easily."""
    if text is None:
        return None
    return re.sub(r"\\([nrt0\\])", lambda match: _ESCAPES[match[1]], text)


_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "0": "\0", "\\": "\\"}

_INPUT = (
    click.option(
        "--format",
        "input_format",
        type=click.Choice(["jsonl", "text", "parquet", "arrow"]),
        show_default="what names and contents tell; jsonl for -",
        help="What the inputs are.",
    ),
    click.option(
        "--text-field",
        show_default="text",
        metavar="NAME",
        help="The field or column with the text; a.b is the field b of the field a.",
    ),
    click.option(
        "--separator",
        callback=_unescape,
        metavar="TEXT",
        show_default="a file is a document",
        help=r"What ends a document in a text; \n, \r, \t, \0 and \\ are understood.",
    ),
)


def input_options(command: Command) -> Command:
    """--format, --text-field and --separator: how documents are read."""
    return _decorate(command, _INPUT)


def common_options(command: Command) -> Command:
    """FILES, --vocab, --threads, --output and --force."""
    return _decorate(command, _COMMON)


def output_options(command: Command) -> Command:
    """--output and --force."""
    return _decorate(command, _OUTPUT)


def _decorate(command: Command, options: Sequence[Callable[[Command], Command]]) -> Command:
    for decorate in reversed(options):
        command = decorate(command)
    return command


def lines_option(description: str) -> Callable[[Command], Command]:
    """--lines, which means something else where text comes out than where it goes in."""
    return click.option("--lines", is_flag=True, help=description)


def format_option(description: str) -> Callable[[Command], Command]:
    """--format, that of the ids."""
    return click.option(
        "--format",
        "id_format",
        type=click.Choice(["text", "json", "npy", "u16"]),
        default="text",
        show_default=True,
        help=description,
    )
