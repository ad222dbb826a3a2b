"""`rwkv-tok verify`: what it says, and its exit code."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from cli.commands import error_of, invoke, output_of, start
from data.binidx_files import DOCUMENTS, index_bytes, token_bytes, write_dataset, write_files


@pytest.fixture
def good(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return write_dataset(Path("good"))


@pytest.fixture
def bad(good: Path) -> Path:
    return write_files(good.with_name("bad"), token_bytes([[65531, 0], [5]]), index_bytes([2, 1]))


@pytest.mark.parametrize("suffix", ["", ".bin", ".idx"])
def test_a_good_dataset_exits_with_0(good: Path, suffix: str) -> None:
    assert output_of("verify", f"{good}{suffix}") == b"good: 4 items, 9 tokens: no problems\n"


def test_a_bad_one_exits_with_1(bad: Path) -> None:
    result = invoke("verify", bad)
    assert result.exit_code == 1
    assert result.stdout.splitlines() == [
        "bad.bin, byte 4 (last token of item 1): item 1 does not end with 0",
        "bad.bin, byte 0 (token 0 of item 0): id 65531 has no token in rwkv_vocab_v20230424: once",
        "bad: 2 items, 3 tokens: NOT as the trainer needs it",
    ]


def test_json_has_the_report(good: Path, bad: Path) -> None:
    assert json.loads(output_of("verify", "--json", good)) == {
        "prefix": "good",
        "items": 4,
        "tokens": 9,
        "problems": [],
        "notes": [],
        "ok": True,
    }
    result = invoke("verify", "--json", bad)
    report = json.loads(result.stdout)
    assert (result.exit_code, report["ok"], len(report["problems"])) == (1, False, 2)
    assert report["problems"][0] == {
        "where": "bad.bin, byte 4 (last token of item 1)",
        "what": "item 1 does not end with 0",
    }


def test_the_vocabulary_can_be_chosen(good: Path, byte_tokens: dict[int, bytes]) -> None:
    from rwkv_tok import Tokenizer

    Tokenizer.from_tokens(byte_tokens).save("bytes.txt")
    result = invoke("verify", "--vocab", "bytes.txt", good)
    assert result.exit_code == 1
    assert "id 33155 has no token in bytes: once" in result.stdout


def test_notes_are_no_failure(good: Path) -> None:
    write_files(good, token_bytes(DOCUMENTS), index_bytes([*map(len, DOCUMENTS)], doc_idx=[0, 4]))
    note, _ = output_of("verify", good).decode().splitlines()
    assert note.startswith("note: 1 documents")


def test_a_missing_file_exits_with_2(good: Path) -> None:
    Path("good.idx").unlink()
    assert error_of("verify", good) == "cannot read good.idx: No such file or directory"
    assert error_of("verify", "nix") == "cannot read nix.bin: No such file or directory"


def test_without_xxhash_the_message_tells_what_to_install(good: Path) -> None:
    output_of("merge", good, "-o", "merged")
    code = "import sys; sys.modules['xxhash'] = None; import rwkv_tok.cli as c; c.main()"
    done = subprocess.run([sys.executable, "-c", code, "verify", "merged"], capture_output=True)
    message = b"Error: xxhash is not installed: pip install 'rwkv-tok[data]'"
    assert (done.returncode, done.stderr.splitlines()) == (2, [message])


@pytest.mark.parametrize("command", [["verify"], ["merge", "-o", "merged"]])
def test_a_large_dataset_has_a_progress_bar(
    good: Path, command: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pty = pytest.importorskip("pty", reason="has no pseudo-terminals")
    monkeypatch.setenv("TERM", "xterm")
    tokens = 20_000_000
    write_files(good, b"\0" * (2 * tokens), index_bytes([tokens]))
    screen, end = pty.openpty()
    with start(*command, good, stdout=subprocess.DEVNULL, stderr=end) as process:
        os.close(end)
        shown = b""
        try:
            while piece := os.read(screen, 1 << 16):
                shown += piece
        except OSError:  # how Linux says that nobody has the other end any more
            pass
    os.close(screen)
    assert process.returncode == 0
    assert b"40.0 MB" in shown


@pytest.mark.parametrize("command", ["verify", "info", "cat", "merge"])
def test_help_teaches_with_examples(command: str) -> None:
    result = invoke(command, "--help")
    assert result.exit_code == 0
    assert f"Examples:\n    rwkv-tok {command} " in result.output
