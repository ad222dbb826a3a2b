"""The command line as a process: how it is started, and how it ends."""

import importlib.metadata
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from cli.commands import COMMAND, FORMATS, invoke, run, start

import rwkv_tok
from rwkv_tok.cli import main

posix_only = pytest.mark.skipif(os.name != "posix", reason="needs Unix signals and pipes")


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Let processes take Ctrl-C even if the tests run in the background of a shell."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_the_console_script_is_main() -> None:
    (script,) = importlib.metadata.entry_points(group="console_scripts", name="rwkv-tok")
    assert script.load() is main


def test_the_version_is_that_of_the_package() -> None:
    code, stdout, stderr = run("--version")
    assert (code, stdout.decode().splitlines()) == (0, [f"rwkv-tok {rwkv_tok.__version__}"])
    assert not stderr


@pytest.mark.parametrize("arguments", [[], ["encode"], ["decode"], ["count"]])
def test_help_teaches_with_examples(arguments: list[str]) -> None:
    result = invoke(*arguments, "--help")
    assert result.exit_code == 0
    assert "Examples:\n    " in result.output
    assert f"rwkv-tok {' '.join(arguments)}" in result.output


@pytest.mark.parametrize(
    "arguments",
    [["nix"], ["encode", "--nix"], ["encode", "-j", "0"], ["decode", "--format", "nix"]],
)
def test_a_usage_error_exits_with_2(arguments: list[str]) -> None:
    code, stdout, stderr = run(*arguments)
    assert (code, stdout) == (2, b"")
    assert b"Error: " in stderr


def test_standard_output_is_binary() -> None:
    assert run("decode", stdin=b"11 14 256 1 11") == (0, b"\n\r\xff\x00\n", b"")


def test_an_input_error_is_one_line_without_a_traceback() -> None:
    code, stdout, stderr = run("decode", stdin=b"12 x")
    assert (code, stdout) == (2, b"")
    message = b"Error: standard input: line 1: not a decimal number at position 1"
    assert stderr.splitlines() == [message]


@posix_only
@pytest.mark.parametrize("command", [["encode"], ["encode", "--lines"], ["decode", "--lines"]])
def test_a_reader_that_goes_away_ends_the_process_quietly(
    command: list[str], tmp_path: Path
) -> None:
    file = tmp_path / "large"
    file.write_bytes(b"33155\n" * 500_000)
    with start(*command, file) as process:
        assert process.stdout
        assert process.stderr
        assert len(process.stdout.read(10)) == 10
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == -signal.SIGPIPE


@posix_only
@pytest.mark.usefixtures("interruptible")
@pytest.mark.parametrize("command", ["encode", "decode", "count"])
def test_ctrl_c_while_reading_standard_input_exits_with_130(command: str, tmp_path: Path) -> None:
    with start(command, "-o", tmp_path / "out") as process:
        assert process.stdin
        # More than a pipe holds: once it is written, some of it has been read.
        process.stdin.write(b"33155\n" * 200_000)
        process.stdin.flush()
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate()
    assert (process.returncode, stderr) == (130, b"")
    assert list(tmp_path.iterdir()) == []


@posix_only
@pytest.mark.usefixtures("interruptible")
@pytest.mark.parametrize("id_format", FORMATS)
def test_ctrl_c_leaves_no_file_behind(id_format: str, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    options = ["--lines", "--eot", "--format", id_format]
    with start("encode", *options, pipe, "-o", tmp_path / "out") as process:
        # Opens when the other end does, which is after the output was.
        writer = pipe.open("wb")
        assert len([*tmp_path.iterdir()]) == 2
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate()
        writer.close()
    assert (process.returncode, stderr) == (130, b"")
    assert list(tmp_path.iterdir()) == [pipe]


@pytest.mark.skipif(not Path("/dev/full").is_char_device(), reason="has no /dev/full")
@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("command", ["encode", "decode", "count"])
def test_a_full_disk_is_an_error(
    command: str, unbuffered: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONUNBUFFERED", unbuffered)
    with Path("/dev/full").open("wb") as full:
        code, _, stderr = run(command, stdin=b"33155\n", stdout=full)
    message = b"Error: cannot write standard output: No space left on device"
    assert (code, stderr.splitlines()) == (2, [message])


@posix_only
@pytest.mark.parametrize(
    ("redirection", "name"), [("<&-", b"standard input"), (">&-", b"standard output")]
)
def test_a_closed_standard_stream_is_an_error(redirection: str, name: bytes) -> None:
    command = ["sh", "-c", f'exec "$@" {redirection}', "sh", *COMMAND, "encode"]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True)
    assert (done.returncode, done.stderr) == (2, b"Error: " + name + b" is closed\n")


IMPORT_CHECK = """
import sys, rwkv_tok
rwkv_tok.load().encode("text")
print({"click", "rich", "rwkv_tok.cli"} & set(sys.modules))
"""


def test_the_library_does_not_import_the_command_line() -> None:
    done = subprocess.run([sys.executable, "-c", IMPORT_CHECK], capture_output=True, check=True)
    assert done.stdout.strip() == b"set()"


@pytest.mark.parametrize("missing", ["click", "rich"])
def test_without_the_extra_the_message_tells_what_to_install(missing: str) -> None:
    code = f"import sys; sys.modules[{missing!r}] = None; import rwkv_tok.cli as c; c.main()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True)
    message = f"rwkv-tok: {missing} is not installed: pip install 'rwkv-tok[cli]'"
    assert (done.returncode, done.stderr.decode().splitlines()) == (2, [message])


def test_a_short_command_does_not_import_the_progress_bar() -> None:
    code = """
import atexit, sys
from rwkv_tok.cli import main
atexit.register(lambda: print("rich.progress" in sys.modules, file=sys.stderr))
sys.argv = ["rwkv-tok", "count"]
main()
"""
    done = subprocess.run([sys.executable, "-c", code], input=b"text", capture_output=True)
    assert (done.returncode, done.stderr.strip()) == (0, b"False")


def run_python(code: str) -> tuple[int, str]:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True)
    return done.returncode, done.stderr.decode()


def test_a_part_of_the_package_that_is_missing_is_no_reason_to_install_the_extra() -> None:
    code, errors = run_python(
        "import sys; sys.modules['rwkv_tok.cli.app'] = None; import rwkv_tok.cli as c; c.main()"
    )
    assert code == 1
    assert "ModuleNotFoundError: import of rwkv_tok.cli.app" in errors
    assert "not installed" not in errors


def test_ctrl_c_while_the_command_is_imported_exits_with_130() -> None:
    code = """
import signal, sys
from rwkv_tok.cli import main

class Pressed:
    @staticmethod
    def find_spec(name, *_):
        if name == "rwkv_tok.cli.app":
            signal.raise_signal(signal.SIGINT)

signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job is born without one
sys.meta_path.insert(0, Pressed)
main()
"""
    assert run_python(code) == (130, "")


def test_to_import_the_main_module_runs_nothing() -> None:
    """As a process does that `multiprocessing` has spawned."""
    assert run_python("import rwkv_tok.__main__") == (0, "")
