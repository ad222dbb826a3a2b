"""What the command line does with the files it is given, and with those it is told to write."""

import os
import stat
from pathlib import Path

import pytest
from cli.commands import FORMATS, error_of, invoke, output_of

import rwkv_tok.cli.inputs

COMMANDS = ("encode", "decode", "count")


@pytest.fixture
def text(tmp_path: Path) -> Path:
    """A file that is both a text and a list of ids."""
    file = tmp_path / "text"
    file.write_bytes(b"33155\n")
    return file


@pytest.mark.parametrize("command", COMMANDS)
def test_a_missing_file_is_an_error_before_anything_is_written(
    command: str, text: Path, tmp_path: Path
) -> None:
    missing = tmp_path / "missing"
    message = f"Error: cannot read {missing}: No such file or directory\n"
    assert invoke(command, text, missing).output == message


@pytest.mark.parametrize("command", COMMANDS)
def test_a_directory_is_an_error(command: str, tmp_path: Path) -> None:
    assert error_of(command, tmp_path) == f"cannot read {tmp_path}: it is a directory"


@pytest.mark.parametrize("command", COMMANDS)
def test_a_file_that_vanishes_is_an_error(
    command: str, text: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rwkv_tok.cli.options._check_file", lambda file: Path(file).unlink())
    assert error_of(command, text) == f"cannot read {text}: No such file or directory"


@pytest.mark.parametrize("command", COMMANDS)
def test_an_unreadable_file_is_an_error(
    command: str, text: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: rwkv_tok.cli.inputs.Input) -> bytes:
        raise OSError(5, "Input/output error")

    # Root may read any file, so that permissions would be no test.
    monkeypatch.setattr(rwkv_tok.cli.inputs.Input, "whole", fail)
    monkeypatch.setattr(rwkv_tok.cli.inputs.Input, "blocks", fail)
    assert error_of(command, text) == f"cannot read {text}: Input/output error"


@pytest.mark.parametrize("command", COMMANDS)
def test_a_vocabulary_that_does_not_exist_is_an_error(command: str) -> None:
    assert error_of(command, "--vocab", "nix") == (
        "no vocabulary file nix, and bundled is only rwkv_vocab_v20230424"
    )


@pytest.mark.parametrize("command", COMMANDS)
def test_a_bad_vocabulary_is_an_error_that_names_the_line(
    command: str, text: Path, tmp_path: Path
) -> None:
    message = error_of(command, "--vocab", text, text)
    assert message.startswith(f"cannot use vocabulary {text}: line 1: ")
    assert error_of(command, "--vocab", tmp_path, text).startswith(
        f"cannot read vocabulary {tmp_path}: "
    )


@pytest.mark.parametrize("command", COMMANDS)
def test_output_goes_to_a_file(command: str, text: Path, tmp_path: Path) -> None:
    target = tmp_path / "out"
    assert output_of(command, text, "-o", target) == b""
    assert target.read_bytes() == output_of(command, text) == output_of(command, text, "-o", "-")


@pytest.mark.parametrize("command", COMMANDS)
def test_an_existing_file_is_kept_without_force(command: str, text: Path, tmp_path: Path) -> None:
    target = tmp_path / "out"
    target.write_bytes(b"old")
    message = error_of(command, text, "-o", target)
    assert message == f"{target} exists: say --force to replace it"
    assert target.read_bytes() == b"old"
    output_of(command, text, "-o", target, "--force")
    assert target.read_bytes() == output_of(command, text)


def test_a_file_can_take_the_place_of_its_own_input(text: Path) -> None:
    output_of("decode", text, "-o", text, "--force")
    assert text.read_bytes() == b"Hello"


@pytest.mark.parametrize("id_format", FORMATS)
def test_an_error_leaves_no_file_behind(id_format: str, tmp_path: Path) -> None:
    bad = tmp_path / "bad"
    bad.write_bytes(b"x")
    error_of("decode", "--format", id_format, bad, "-o", tmp_path / "out")
    assert list(tmp_path.iterdir()) == [bad]


def test_an_error_leaves_the_old_file_as_it_was(tmp_path: Path) -> None:
    target = tmp_path / "out"
    target.write_bytes(b"old")
    error_of("decode", "-o", target, "--force", stdin=b"1\nx")
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == {"out": b"old"}


def test_a_folder_that_does_not_exist_is_an_error(text: Path, tmp_path: Path) -> None:
    target = tmp_path / "no" / "out"
    message = error_of("encode", text, "-o", target)
    assert message == f"cannot write {target}: No such file or directory"


def test_a_directory_is_no_output(text: Path, tmp_path: Path) -> None:
    message = error_of("encode", text, "-o", tmp_path, "--force")
    assert message.startswith(f"cannot write {tmp_path}: ")


@pytest.mark.skipif(os.name != "posix", reason="symbolic links need a privilege elsewhere")
@pytest.mark.parametrize("dangling", [True, False])
def test_a_link_is_followed_and_stays(dangling: bool, text: Path, tmp_path: Path) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    link.symlink_to(target)
    if not dangling:
        target.write_bytes(b"old")
    assert "exists" in error_of("decode", text, "-o", link)
    output_of("decode", text, "-o", link, "--force")
    assert link.is_symlink()
    assert target.read_bytes() == b"Hello"


@pytest.mark.skipif(not Path("/dev/null").is_char_device(), reason="has no /dev/null")
def test_a_device_is_written_to_and_not_replaced(text: Path) -> None:
    output_of("encode", text, "-o", "/dev/null", "--force")
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)


def test_every_byte_is_reported_to_the_progress_bar(tmp_path: Path) -> None:
    for name in "abc":
        (tmp_path / name).write_bytes(b"some\nlines" * 10)
    for lines in (True, False):
        done: list[int] = []
        files = [str(tmp_path / name) for name in "abc"]
        batches = rwkv_tok.cli.inputs.read_documents(files, lines=lines, advance=done.append)
        first = next(batches)
        assert (len(first), done) == ((10, []) if lines else (3, []))
        assert len([*batches]) == (5 if lines else 0)
        assert sum(done) == 300
