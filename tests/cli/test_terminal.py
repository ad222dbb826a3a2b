"""The command line at a terminal: the progress bar, and the hint to someone who types nothing."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from cli.commands import run, start
from cli.terminal import Terminal

import rwkv_tok

pytest.importorskip("pty", reason="has no pseudo-terminals")

LARGE = 40 << 20


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    monkeypatch.setenv("TERM", "xterm")
    return Terminal()


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A file that is worth a progress bar, of few tokens and lines."""
    tok = rwkv_tok.load()
    longest = max(map(tok.token_bytes, tok), key=len)
    file = tmp_path_factory.mktemp("large") / "large"
    file.write_bytes((longest * (LARGE // len(longest) // 100) + b"\n") * 100)
    yield file
    file.unlink()


@pytest.mark.parametrize("command", ["encode", "decode", "count"])
def test_without_input_there_is_a_hint(command: str, terminal: Terminal) -> None:
    with start(command, stdin=terminal.end) as process:
        _, stderr = process.communicate()
    terminal.read()
    assert process.returncode == 2
    assert b"Error: no input: name files, pipe something in, or say - to type it" in stderr


def test_a_dash_reads_what_is_typed(terminal: Terminal) -> None:
    with start("encode", "-", stdin=terminal.end) as process:
        terminal.type(b"Hello\n\x04")
        stdout, _ = process.communicate()
    terminal.read()
    assert stdout == b"33155 11\n"


@pytest.mark.parametrize("lines", [[], ["--lines"]])
@pytest.mark.parametrize("command", ["encode", "count"])
def test_large_input_has_a_progress_bar(
    command: str, lines: list[str], large: Path, terminal: Terminal
) -> None:
    with start(command, *lines, large, stdout=subprocess.DEVNULL, stderr=terminal.end) as process:
        shown = terminal.read()
    assert process.returncode == 0
    assert b"41.9 MB" in shown


def test_decoding_has_a_progress_bar_too(terminal: Terminal, tmp_path: Path) -> None:
    ids = tmp_path / "ids"
    ids.write_bytes((b" " * 1_000_000 + b"98\n") * (LARGE // 1_000_000))
    with start("decode", ids, stdout=subprocess.DEVNULL, stderr=terminal.end) as process:
        shown = terminal.read()
    assert process.returncode == 0
    assert b"41.0 MB" in shown


def test_standard_input_has_a_progress_bar_if_it_is_a_file(large: Path, terminal: Terminal) -> None:
    with (
        large.open("rb") as stream,
        start("count", stdin=stream, stdout=subprocess.DEVNULL, stderr=terminal.end) as process,
    ):
        shown = terminal.read()
    assert process.returncode == 0
    assert b"41.9 MB" in shown


def test_a_bar_and_a_table_share_a_terminal(large: Path, terminal: Terminal) -> None:
    with start("count", large, stdout=terminal.end, stderr=terminal.end):
        shown = terminal.read()
    assert b"41.9 MB" in shown
    after_the_bar = shown.rpartition(b"MB")[2]
    assert b"\x1b[2K" in after_the_bar.partition(b"bytes/token")[0]  # the line is erased
    assert after_the_bar.endswith(b"total\r\n")


def test_no_bar_is_mixed_with_output_on_the_same_terminal(large: Path, terminal: Terminal) -> None:
    with start("encode", "--lines", large, stdout=terminal.end, stderr=terminal.end):
        shown = terminal.read()
    assert set(shown) <= set(b"0123456789 \r\n")


def test_small_input_has_no_bar(terminal: Terminal) -> None:
    with start("count", stdin=subprocess.DEVNULL, stderr=terminal.end):
        assert terminal.read() == b""


def test_there_is_no_bar_where_no_terminal_is(large: Path) -> None:
    code, _, stderr = run("count", large)
    assert (code, stderr) == (0, b"")
