"""`rwkv-tok merge`: several datasets become one."""

import json
from pathlib import Path

import pytest
from cli.commands import error_of, invoke, output_of
from data.binidx_files import DOCUMENTS, token_bytes, write_dataset


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_dataset(Path("one"), DOCUMENTS)
    write_dataset(Path("two"), [[5, 0]])
    return tmp_path


def test_the_documents_follow_each_other() -> None:
    assert output_of("merge", "one", "two.idx", "one.bin", "-o", "all") == (
        b"all: 9 items, 20 tokens\n"
    )
    assert Path("all.bin").read_bytes() == token_bytes([*DOCUMENTS, [5, 0], *DOCUMENTS])
    assert output_of("verify", "all") == b"all: 9 items, 20 tokens: no problems\n"


def test_json_has_the_totals() -> None:
    written = output_of("merge", "--json", "one", "two", "-o", "all.idx")
    assert json.loads(written) == {"prefix": "all", "items": 5, "tokens": 11}
    assert Path("all.idx").exists()


def test_an_existing_dataset_needs_force() -> None:
    assert error_of("merge", "one", "-o", "two") == "two.bin exists: say --force to replace it"
    assert Path("two.bin").read_bytes() == token_bytes([[5, 0]])
    output_of("merge", "one", "-o", "two", "--force")
    assert Path("two.bin").read_bytes() == token_bytes(DOCUMENTS)


@pytest.mark.parametrize("force", [[], ["--force"]])
def test_a_json_that_is_no_manifest_is_never_replaced(force: list[str]) -> None:
    Path("all.json").write_text("precious")
    message = error_of("merge", "one", "-o", "all", *force)
    expected = "cannot merge all.json: File exists" if force else "all.json exists: say --force"
    assert message.startswith(expected)
    assert Path("all.json").read_text() == "precious"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["one", "-o", "one", "--force"], "one is an input and cannot be the output as well"),
        (["one", "nix", "-o", "all"], "cannot merge nix.bin: No such file or directory"),
        (["one", "-o", "nix/all"], "cannot merge nix/"),
        (["one"], "Missing option '-o'"),
        (["-o", "all"], "Missing argument 'PREFIX..."),
    ],
)
def test_what_cannot_be_done_exits_with_2(arguments: list[str], message: str) -> None:
    assert error_of("merge", *arguments).startswith(message)
    assert not Path("all.idx").exists()


def test_a_damaged_input_exits_with_2() -> None:
    Path("two.bin").write_bytes(b"\0" * 6)
    result = invoke("merge", "one", "two", "-o", "all")
    assert result.exit_code == 2
    assert "two.bin has 2 bytes after the last item" in result.output


def test_a_folder_is_no_prefix(tmp_path: Path) -> None:
    message = error_of("merge", "a", "-o", f"{tmp_path}/")
    assert "add what the names of the files begin with" in message
