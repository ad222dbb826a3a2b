"""Plain text, and standard input."""

import bz2
import gzip
import lzma
import subprocess
import sys
from pathlib import Path

import pytest
from data.corpora import (
    TEXTS,
    dataset_at,
    dataset_of,
    jsonl,
    manifest_at,
    names,
    prepare_in_parts,
    skipped_at,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import ReferenceTokenizer

from rwkv_tok.data import BinIdx, prepare
from rwkv_tok.data.reading.compression import zstd
from rwkv_tok.errors import DataError

ANY_BYTES = [b"a\r\nb\n", b"", b"\xef\xbb\xbfa", b"\xff\xfe\x80", b"\0\0", "今天".encode()[:4]]


def write(folder: Path, *contents: bytes) -> list[Path]:
    paths = [folder / f"{number}.txt" for number in range(len(contents))]
    for path, content in zip(paths, contents, strict=True):
        path.write_bytes(content)
    return paths


def documents_of(data: bytes, separator: bytes) -> list[bytes]:
    found = data.split(separator)
    return found if found[-1] else found[:-1]


def test_a_file_is_a_document(tmp_path: Path) -> None:
    prepare(write(tmp_path, *ANY_BYTES), tmp_path / "out")
    assert dataset_at(tmp_path / "out") == dataset_of(ANY_BYTES)


def test_ids_are_those_of_the_oracle(tmp_path: Path, reference: ReferenceTokenizer) -> None:
    prepare(write(tmp_path, *ANY_BYTES), tmp_path / "out")
    assert [item.tolist() for item in BinIdx(tmp_path / "out")] == [
        [*reference.encode(text), 0] for text in ANY_BYTES
    ]


def test_a_compressed_file_is_a_document(tmp_path: Path) -> None:
    text = b"some text\n" * 3
    for number, compress in enumerate((gzip.compress, zstd.compress, bz2.compress, lzma.compress)):
        (tmp_path / f"{number}.txt").write_bytes(compress(text) + compress(b"more"))
    prepare(tmp_path / "*.txt", tmp_path / "out")
    assert dataset_at(tmp_path / "out") == dataset_of([text + b"more"] * 4)


def test_a_file_that_is_too_long_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rwkv_tok.data.reading.text.LONGEST_DOCUMENT", 10)
    monkeypatch.setattr("rwkv_tok.data.reading.text.BLOCK_SIZE", 4)
    sources = write(tmp_path, b"a" * 10, b"b" * 11, gzip.compress(b"c" * 100_000), b"d")
    with pytest.raises(DataError, match=r"1\.txt, document 1: longer than .*--separator"):
        prepare(sources, tmp_path / "out")
    prepare(sources, tmp_path / "out", on_error="skip")
    assert dataset_at(tmp_path / "out") == dataset_of([b"a" * 10, b"d"])
    assert [(entry["file"], entry["document"]) for entry in skipped_at(tmp_path / "out")] == [
        (str(source), 1) for source in sources[1:3]
    ]


@pytest.mark.parametrize("part_size", [1, 3, 8, 20, 1 << 20])
@pytest.mark.parametrize(
    "separator", ["\n", "\r\n", "<|endoftext|>", "\n\n", "\n---\n", "aba", "你", b"\xff", b"\0"]
)
def test_a_file_is_split_at_separators(
    tmp_path: Path, separator: str | bytes, part_size: int
) -> None:
    end = separator.encode() if isinstance(separator, str) else separator
    texts = [b"a", b"", b"b" * 30, b"\n", b"aab", b"", b"end"]
    contents = [end.join(texts) + end, end.join(texts), b"", end, end * 3 + b"x"]
    sources = write(tmp_path, *contents)
    prepare_in_parts(sources, tmp_path / "out", part_size, separator=separator)
    expected = [text for content in contents for text in documents_of(content, end)]
    assert dataset_at(tmp_path / "out") == dataset_of(expected)


@settings(max_examples=25)
@given(
    st.lists(st.sampled_from([b"ab", b"a", b"b", b"\n", b"aba", b"xyz"]), max_size=20),
    st.sampled_from([b"ab", b"aba", b"\n\n", b"\n", b"aa"]),
    st.integers(1, 20),
    st.booleans(),
)
def test_any_text_is_split_as_python_would(
    tmp_path_factory: pytest.TempPathFactory,
    pieces: list[bytes],
    separator: bytes,
    part_size: int,
    packed: bool,
) -> None:
    folder = tmp_path_factory.mktemp("text")
    data = b"".join(pieces)
    source = write(folder, gzip.compress(data) if packed else data)
    prepare_in_parts(source, folder / "out", part_size, separator=separator)
    assert dataset_at(folder / "out") == dataset_of(documents_of(data, separator))


def test_line_ends_are_part_of_a_text(tmp_path: Path) -> None:
    prepare(write(tmp_path, b"a\r\nb\r\n\r\nc"), tmp_path / "out", separator="\n")
    assert dataset_at(tmp_path / "out") == dataset_of([b"a\r", b"b\r", b"\r", b"c"])


def test_a_separator_says_nothing_about_jsonl(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(jsonl(TEXTS))
    prepare(tmp_path / "a.jsonl", tmp_path / "out", separator="a")
    assert dataset_at(tmp_path / "out") == dataset_of(TEXTS)


# Standard input


def run_script(folder: Path, script: str, stdin: bytes) -> subprocess.CompletedProcess[bytes]:
    lines = "from rwkv_tok.data import prepare\n" + script
    command = [sys.executable, "-c", lines]
    return subprocess.run(command, cwd=folder, input=stdin, capture_output=True, check=False)


@pytest.mark.parametrize(
    ("call", "stdin", "texts"),
    [
        ("prepare('-', 'out')", jsonl(TEXTS * 50), TEXTS * 50),
        ("prepare('-', 'out', workers=2)", gzip.compress(jsonl(["a", "b"]), mtime=0), ["a", "b"]),
        ("prepare('-', 'out', epochs=2, workers=2)", jsonl(["a", "b"]), ["a", "b"] * 2),
        ("prepare('-', 'out', input_format='text')", b"a\nb\xff", [b"a\nb\xff"]),
        ("prepare('-', 'out', input_format='text', separator='.')", b"a.b..", ["a", "b", ""]),
        ("prepare(['a.jsonl', '-', 'a.jsonl'], 'out')", jsonl(["b"]), ["a", "b", "a"]),
        ("prepare('-', 'out')", b"", []),
    ],
)
def test_standard_input_is_read(
    tmp_path: Path, call: str, stdin: bytes, texts: list[str | bytes]
) -> None:
    (tmp_path / "a.jsonl").write_bytes(jsonl(["a"]))
    done = run_script(tmp_path, call, stdin)
    assert (done.returncode, done.stderr) == (0, b"")
    assert dataset_at(tmp_path / "out") == dataset_of(texts)
    assert not (tmp_path / "out.work").exists()
    sources = manifest_at(tmp_path / "out")["plan"]["sources"]
    assert all((each["xxh128"] is None) == (each["path"] == "-") for each in sources)


@pytest.mark.parametrize(
    ("stdin", "message"),
    [
        (jsonl(["a"]) + b"bad\n", b"DataError: standard input, line 2: no valid JSON"),
        (
            gzip.compress(jsonl(TEXTS), mtime=0)[:-9],
            b"DataError: standard input ends in the middle of its",
        ),
        (b"\x1f\x8b", b"DataError: standard input"),
    ],
)
def test_nothing_stays_of_standard_input_that_cannot_be_used(
    tmp_path: Path, stdin: bytes, message: bytes
) -> None:
    done = run_script(tmp_path, "prepare('-', 'out')", stdin)
    assert done.returncode == 1
    assert message in done.stderr
    assert names(tmp_path) == []


def test_standard_input_is_no_reason_to_throw_a_run_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "a.jsonl"
    source.write_bytes(jsonl(TEXTS))

    def stop(_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("rwkv_tok.data.preparing.checkpoints._SECONDS_BETWEEN", 0)
    with pytest.raises(KeyboardInterrupt):
        prepare(source, tmp_path / "out", report=stop)
    before = names(tmp_path / "out.work")
    done = run_script(tmp_path, "prepare('-', 'out')", jsonl(["a"]))
    assert b"out.work holds an unfinished run of another kind" in done.stderr
    assert names(tmp_path / "out.work") == before
    done = run_script(tmp_path, "prepare('-', 'out', overwrite=True)", jsonl(["a"]))
    assert dataset_at(tmp_path / "out") == dataset_of(["a"])


def test_what_a_killed_run_left_of_standard_input_is_in_nobodys_way(tmp_path: Path) -> None:
    script = "import os\nprepare('-', 'out', report=lambda _: os._exit(9))"
    done = run_script(tmp_path, script, jsonl(["a"]))
    assert done.returncode == 9
    assert names(tmp_path) == ["out.work"]
    done = run_script(tmp_path, "prepare('-', 'out', seed=1)", jsonl(["b"]))
    assert (done.returncode, done.stderr) == (0, b"")
    assert dataset_at(tmp_path / "out") == dataset_of(["b"])
    assert names(tmp_path) == ["out.bin", "out.idx", "out.json"]


def test_what_came_of_standard_input_is_replaced_only_if_told_so(tmp_path: Path) -> None:
    assert run_script(tmp_path, "prepare('-', 'out')", jsonl(["a"])).returncode == 0
    done = run_script(tmp_path, "prepare('-', 'out')", jsonl(["a"]))
    assert b"DataError: out.idx exists: say --force to replace it" in done.stderr
    assert dataset_at(tmp_path / "out") == dataset_of(["a"])
    done = run_script(tmp_path, "prepare('-', 'out', overwrite=True)", jsonl(["b"]))
    assert (done.returncode, done.stderr) == (0, b"")
    assert dataset_at(tmp_path / "out") == dataset_of(["b"])


@pytest.mark.parametrize("columnar", ["parquet", "arrow"])
def test_columns_cannot_be_read_from_standard_input(tmp_path: Path, columnar: str) -> None:
    done = run_script(tmp_path, f"prepare('-', 'out', input_format={columnar!r})", b"")
    assert f"DataError: {columnar} cannot be read from standard input".encode() in done.stderr
    assert names(tmp_path) == []


@pytest.mark.skipif(sys.platform == "win32", reason="has no shell that closes a stream")
def test_a_closed_standard_input_is_an_error(tmp_path: Path) -> None:
    script = "from rwkv_tok.data import prepare; prepare('-', 'out')"
    command = ["sh", "-c", 'exec "$@" <&-', "sh", sys.executable, "-c", script]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)
    assert b"DataError: standard input is closed" in done.stderr
    assert names(tmp_path) == []
