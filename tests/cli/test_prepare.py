"""`rwkv-tok prepare`: its options, what it says, and how it fails."""

import gzip
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cli.commands import error_of, invoke, output_of, run, start
from cli.terminal import Terminal

import rwkv_tok
from rwkv_tok.cli import prepare_progress
from rwkv_tok.data import BinIdx, Status

TEXTS = ["Hello world", "", "你好", "one two three four"]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("corpus.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in TEXTS))
    return tmp_path


def texts_of(prefix: str) -> list[str]:
    tok = rwkv_tok.load()
    return [tok.decode(item) for item in BinIdx(prefix)]


def table_of(output: bytes) -> dict[str, str]:
    """The rows of a summary by their names."""
    lines = [line for line in output.decode().splitlines() if line.startswith("  ")]
    rows = [line.strip().partition("  ") for line in lines]
    return {name: value.strip() for name, _, value in rows}


def test_text_becomes_a_dataset_and_a_summary() -> None:
    output = output_of("prepare", "corpus.jsonl", "-o", "train")
    assert texts_of("train") == TEXTS
    assert output.startswith(b"train.bin, .idx and .json\n")
    table = table_of(output)
    text_bytes = sum(len(text.encode()) for text in TEXTS)
    tokens = len(BinIdx("train").tokens)
    assert table.keys() == {"documents", "text", "tokens", "without text", "time"}
    assert table["documents"] == "4"
    assert table["text"] == f"{text_bytes} bytes, {text_bytes / (tokens - 4):.2f} a token"
    assert table["tokens"] == f"{tokens}, a 0 after each document included"
    assert table["without text"] == "1"


def test_the_json_has_what_the_manifest_has() -> None:
    options = ("--ctx-len", "1", "--ctx-len", "4096", "--valid-fraction", "0.25", "--json")
    figures = json.loads(output_of("prepare", "corpus.jsonl", "-o", "train", *options))
    manifest = json.loads(Path("train.json").read_bytes())
    assert {key: figures[key] for key in manifest if key != "trainer"} == {
        key: manifest[key] for key in manifest if key != "trainer"
    }
    assert figures["trainer"] == manifest["trainer"]
    assert [each["ctx_len"] for each in figures["trainer"]] == [1, 4096]
    assert figures["valid"]["items"] == 1
    assert (figures["was_complete"], figures["documents_found"]) == (False, 0)


def test_a_second_run_tells_that_all_is_there() -> None:
    command = ("prepare", "corpus.jsonl", "-o", "train.bin")
    output_of(*command)
    before = Path("train.bin").stat()
    output = output_of(*command)
    assert b"train.bin, .idx and .json had been complete before\n" in output
    assert "time" not in table_of(output)
    assert Path("train.bin").stat() == before


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--epochs", "2"], TEXTS * 2),
        (["--limit", "1"], TEXTS[:1]),
        (["--min-tokens", "2"], [TEXTS[0], *TEXTS[2:]]),
        (["--max-tokens", "2"], TEXTS[:3]),
        (["--no-check"], TEXTS),
        (["-j", "2"], TEXTS),
        (["--single-item"], ["".join(TEXTS)]),
    ],
    ids=lambda value: " ".join(value) if value[:1] and value[0].startswith("-") else "",
)
def test_options_do_what_they_say(options: list[str], expected: list[str]) -> None:
    output_of("prepare", "corpus.jsonl", "-o", "train", *options)
    assert texts_of("train") == expected


def test_the_seed_decides_the_order() -> None:
    orders = []
    for seed in ("1", "2", "1"):
        options = ("--shuffle", "--seed", seed, "--epochs", "3", "--force")
        output = output_of("prepare", "corpus.jsonl", "-o", "train", *options)
        orders.append(texts_of("train"))
        assert table_of(output)["items"] == "12"
    assert orders[0] == orders[2] != orders[1]
    assert sorted(orders[0]) == sorted(TEXTS * 3)


@pytest.mark.parametrize(
    ("separator", "text"),
    [
        (r"\n\n", "a\n\nb\n\n"),
        (r"\t", "a\tb"),
        (r"\0", "a\0b\0"),
        (r"\\", "a\\b"),
        ("<|end|>", "a<|end|>b"),
        ("\\x", "a\\xb"),
    ],
)
def test_separators_are_written_as_in_other_languages(separator: str, text: str) -> None:
    Path("text").write_text(text)
    output_of("prepare", "text", "-o", "out", "--format", "text", "--separator", separator)
    assert texts_of("out") == ["a", "b"]


def test_a_nested_field() -> None:
    Path("nested.jsonl").write_text('{"a": {"b": "deep"}}\n')
    output_of("prepare", "nested.jsonl", "-o", "out", "--text-field", "a.b")
    assert texts_of("out") == ["deep"]


def test_standard_input_is_read() -> None:
    stdin = gzip.compress(Path("corpus.jsonl").read_bytes())
    assert run("prepare", "-", "-o", "out", stdin=stdin)[0] == 0
    assert texts_of("out") == TEXTS


def test_bad_records_are_listed_in_the_summary() -> None:
    bad = [f'{{"number": {i}}}\n' for i in range(7)]
    Path("bad.jsonl").write_text("".join([*bad, '{"text": "good"}\n']))
    message = error_of("prepare", "bad.jsonl", "-o", "out")
    assert message.startswith("bad.jsonl, line 1: Object missing required field `text`")
    output = output_of("prepare", "bad.jsonl", "-o", "out", "--on-error", "skip")
    assert table_of(output)["skipped"] == "7"
    lines = output.decode().splitlines()
    where = lines.index("skipped records are listed in out.skipped.jsonl:")
    assert lines[where + 5] == "  bad.jsonl, line 5: Object missing required field `text`"
    assert len(lines) == where + 6


def test_the_arguments_of_the_trainer_or_what_to_do() -> None:
    options = ("--ctx-len", "1", "--ctx-len", "2048")
    *_, arguments, advice = output_of("prepare", "corpus.jsonl", "-o", "out", *options).splitlines()
    assert arguments.startswith(b"--my_exit_tokens ")
    assert arguments.endswith(b" --ctx_len 1")
    assert b"no magic prime" in advice


def test_a_dry_run_writes_nothing() -> None:
    Path("more").mkdir()
    Path("more", "a.txt").write_text("some text")
    Path("more", "README").write_text("of no known format")
    command = ("prepare", "corpus.jsonl", "more", "-o", "out", "--dry-run")
    before = sorted(Path().rglob("*"))
    output = output_of(*command)
    figures = json.loads(output_of(*command, "--json"))
    assert sorted(Path().rglob("*")) == before
    size = Path("corpus.jsonl").stat().st_size + len("some text")
    table = table_of(output)
    assert table["inputs"] == f"2 ({size} bytes)"
    assert (table["jsonl"], table["text"]) == ("1", "1")
    assert table["documents"] == "about 5"
    assert b"1 file(s) of no known format are left out, as more/README" in output
    assert (figures["input_bytes"], figures["documents"]) == (size, 5)
    assert figures["ignored"] == ["more/README"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["corpus.jsonl", "-o", "no/out"], "no folder no to put out into"),
        (["missing", "-o", "out"], "no such file or folder: missing"),
        (["corpus.jsonl", "-o", "./"], "./ is a folder"),
        (
            ["corpus.jsonl", "-o", "out", "--min-tokens", "3", "--max-tokens", "2"],
            "of 3 to 2 tokens",
        ),
        (["corpus.jsonl", "-o", "out", "--separator", ""], "a separator must not be empty"),
        (["corpus.jsonl", "-o", "out", "--text-field", "a..b"], "no field can be called 'a..b'"),
        (["corpus.jsonl", "-o", "out", "--epochs", "0"], "x>=1"),
        (["corpus.jsonl", "-o", "out", "--valid-fraction", "1"], "0<=x<1"),
        (["-o", "out"], "Missing argument 'INPUT...'"),
        (["corpus.jsonl"], "Missing option '-o'"),
    ],
)
def test_a_mistake_is_explained(arguments: list[str], message: str) -> None:
    assert message in error_of("prepare", *arguments)
    assert not [*Path().glob("out*")]


def test_what_is_missing_is_told() -> None:
    code = (
        "import sys; sys.modules['msgspec'] = None; from rwkv_tok.cli import main; "
        "sys.argv[1:] = ['prepare', 'corpus.jsonl', '-o', 'out']; main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True)
    assert done.returncode == 2
    message = b"Error: msgspec is not installed: pip install 'rwkv-tok[data]'"
    assert done.stderr.splitlines() == [message]


def test_a_verification_finds_another_input() -> None:
    output_of("prepare", "corpus.jsonl", "-o", "train", "--shuffle")
    assert b"no problems" in output_of("verify", "train", "--against")
    Path("other.jsonl").write_text(Path("corpus.jsonl").read_text().replace("three", "3"))
    result = invoke("verify", "train", "--against", "other.jsonl")
    assert result.exit_code == 1
    assert "in other.jsonl, line 4" in result.output
    assert "inputs go with --against" in error_of("verify", "train", "other.jsonl")


def statuses(*done: int) -> list[Status]:
    return [Status("encode", each, 100_000_000, each // 1000, each // 4) for each in done]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Sets the time."""
    now = [0.0]
    monkeypatch.setattr(prepare_progress.time, "monotonic", lambda: now[0])

    def set_to(seconds: float) -> None:
        now[0] = seconds

    return set_to


def test_elsewhere_there_is_a_line_now_and_then(
    clock: Callable[[float], None], capsys: pytest.CaptureFixture[str]
) -> None:
    with prepare_progress.show_progress() as report:
        for second, status in enumerate(statuses(*range(0, 40_000_000, 1_000_000))):
            clock(float(second))
            report(status)
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        "encoding, 10.0%, 10.0 MB, 10,000 documents, 0.2 Mtok/s, 0:01:30 left",
        "encoding, 20.0%, 20.0 MB, 20,000 documents, 0.2 Mtok/s, 0:01:20 left",
        "encoding, 30.0%, 30.0 MB, 30,000 documents, 0.2 Mtok/s, 0:01:10 left",
    ]


def test_nobody_knows_how_long_standard_input_is(
    clock: Callable[[float], None], capsys: pytest.CaptureFixture[str]
) -> None:
    with prepare_progress.show_progress() as report:
        report(Status("encode", 0, 0, 0, 0))
        clock(20.0)
        report(Status("encode", 0, 0, 1000, 40_000_000))
    assert capsys.readouterr().err == "encoding, 0.0 MB, 1,000 documents, 2.0 Mtok/s\n"


def test_a_terminal_has_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pty", reason="has no pseudo-terminals")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    terminal = Terminal()
    command: tuple[Any, ...] = ("prepare", "corpus.jsonl", "-o", "out", "--epochs", "2")
    with start(*command, stdout=subprocess.DEVNULL, stderr=terminal.end) as process:
        shown = terminal.read()
    assert process.returncode == 0
    assert b"arranging" in shown
    assert b"100%" in shown
