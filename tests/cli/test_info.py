"""`rwkv-tok info`: figures, a histogram, and texts that cannot drive a terminal."""

import json
from pathlib import Path

import pytest
from cli.commands import error_of, output_of
from data.binidx_files import write_dataset

from rwkv_tok import Tokenizer
from rwkv_tok.data import BinIdxWriter

LENGTHS = [1] * 2 + [2] * 3 + [3] * 5 + [9] * 40 + [100]


@pytest.fixture
def lengths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return write_dataset(Path("corpus"), [[98] * (length - 1) + [0] for length in LENGTHS])


@pytest.mark.parametrize("suffix", ["", ".bin", ".idx"])
def test_it_shows_figures_and_a_histogram(lengths: Path, suffix: str) -> None:
    shown = output_of("info", "--no-texts", f"{lengths}{suffix}").decode()
    assert shown.splitlines() == [
        "corpus",
        "items     51",
        "tokens    483",
        "bytes     966",
        "shortest  1",
        "longest   100",
        "mean      9.47",
        "median    9",
        "",
        "tokens  items",
        "     1      2  ██",
        "   2-3      8  ████████",
        "   4-7      0",
        "  8-15     40  ████████████████████████████████████████",
        " 16-31      0",
        " 32-63      0",
        "64-127      1  █",
    ]


def test_json_has_the_figures_without_texts(lengths: Path) -> None:
    figures = json.loads(output_of("info", "--json", lengths))
    assert figures["prefix"] == "corpus"
    assert (figures["items"], figures["tokens"], figures["bytes"]) == (51, 483, 966)
    assert figures["lengths"] == {
        "shortest": 1,
        "longest": 100,
        "mean": pytest.approx(483 / 51),
        "median": 9,
    }
    assert figures["histogram"][0] == {"from": 1, "to": 1, "items": 2}
    assert figures["histogram"][-1] == {"from": 64, "to": 127, "items": 1}
    assert sum(row["items"] for row in figures["histogram"]) == 51
    assert set(figures) == {"prefix", "items", "tokens", "bytes", "lengths", "histogram"}


def test_texts_cannot_drive_a_terminal(tok: Tokenizer, tmp_path: Path) -> None:
    texts = ["\x1b[2J\r\n\t\\n \x9b31m\u202eabc \x00\x7f", "ignored", "你好 🙂 " * 100]
    with BinIdxWriter(tmp_path / "corpus") as writer:
        writer.add_batch(tok.encode_ragged(texts))
        writer.add([65531, 98, 0])
    lines = output_of("info", tmp_path / "corpus").decode().splitlines()
    first = lines.index(f"item 0, {len(tok.encode(texts[0])) + 1} tokens:")
    assert lines[first + 1] == r"  \x1b[2J\r\n\t\\n \x9b31m\u202eabc \x00\x7f"
    assert lines[-2:] == ["item 3, 3 tokens:", "  \ufffda"]


@pytest.mark.parametrize("text", ["你好 🙂 " * 100, "🙂" * 1000, "a" * 10_000])
def test_long_texts_are_cut_between_characters(tok: Tokenizer, tmp_path: Path, text: str) -> None:
    with BinIdxWriter(tmp_path / "corpus") as writer:
        writer.add(tok.encode(text))
    (shown,) = json.loads(output_of("info", "--json", "--texts", tmp_path / "corpus"))["texts"]
    assert shown["item"] == 0
    assert shown["text"].endswith("…")
    assert text.startswith(shown["text"].removesuffix("…"))
    assert 50 < len(shown["text"]) <= 201


def test_an_empty_dataset_has_no_lengths(tmp_path: Path) -> None:
    prefix = write_dataset(tmp_path / "empty", [])
    assert output_of("info", prefix).decode().splitlines()[1:] == [
        "items     0",
        "tokens    0",
        "bytes     0",
    ]
    assert json.loads(output_of("info", "--json", prefix))["lengths"] is None


def test_the_magic_prime_is_told_for_a_ctx_len(lengths: Path) -> None:
    *_, last = output_of("info", "--no-texts", "--ctx-len", "4", lengths).decode().splitlines()
    assert last == "--my_exit_tokens 483 --magic_prime 113 --ctx_len 4"
    *_, last = output_of("info", "--no-texts", "--ctx-len", "400", lengths).decode().splitlines()
    assert last.startswith("no magic prime for 483 tokens at ctx_len 400: write ")
    (trainer,) = (json.loads(output_of("info", "--json", "--ctx-len", "4", lengths))["trainer"],)
    assert trainer["magic_prime"] == 113


def test_what_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    assert error_of("info", tmp_path / "nix").startswith("cannot read ")
    prefix = write_dataset(tmp_path / "corpus")
    Path(f"{prefix}.idx").write_bytes(b"MMIDIDX\0\0")
    assert "corpus.idx has 9 bytes, fewer than the 34" in error_of("info", prefix)
