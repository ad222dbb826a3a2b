"""`rwkv-tok count`: bytes and tokens, as a table or as JSON."""

import itertools
import json
from pathlib import Path
from typing import Any

import pytest
from cli.commands import output_of
from reference import ReferenceTokenizer

TEXTS = {"first": b"Hello world\n\nHello", "second": b"", "third": "今天\r\n".encode()}


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    for name, text in TEXTS.items():
        (tmp_path / name).write_bytes(text)
    return [tmp_path / name for name in TEXTS]


def figures(documents: list[bytes], reference: ReferenceTokenizer) -> dict[str, Any]:
    size = sum(map(len, documents))
    tokens = sum(len(reference.encode(document)) for document in documents)
    ratio = size / tokens if tokens else None
    return {"bytes": size, "tokens": tokens, "bytes_per_token": ratio}


def test_json_has_each_file_and_the_total(files: list[Path], reference: ReferenceTokenizer) -> None:
    expected = {
        "files": [{"file": str(file)} | figures([file.read_bytes()], reference) for file in files],
        "total": figures(list(TEXTS.values()), reference),
    }
    assert json.loads(output_of("count", "--json", *files)) == expected


def test_json_counts_the_documents_among_lines(
    files: list[Path], reference: ReferenceTokenizer
) -> None:
    lines = [[b"Hello world", b"", b"Hello"], [], ["今天\r".encode()]]
    expected = {
        "files": [
            {"file": str(file), "documents": len(documents)} | figures(documents, reference)
            for file, documents in zip(files, lines, strict=True)
        ],
        "total": {"documents": 4} | figures([*itertools.chain(*lines)], reference),
    }
    assert json.loads(output_of("count", "--json", "--lines", *files)) == expected


@pytest.mark.usefixtures("files")
def test_the_table_is_aligned_and_ends_with_the_total(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    assert output_of("count", *TEXTS).decode().splitlines() == [
        "bytes  tokens  bytes/token  file",
        "   18       4         4.50  first",
        "    0       0            -  second",
        "    8       3         2.67  third",
        "   26       7         3.71  total",
    ]


def test_the_table_of_lines_has_the_documents() -> None:
    assert output_of("count", "--lines", stdin=b"Hello\n" * 1_000).decode().splitlines() == [
        "documents  bytes  tokens  bytes/token  file",
        "     1000   5000    1000         5.00  -",
        "     1000   5000    1000         5.00  total",
    ]


@pytest.mark.parametrize("threads", ["1", "3"])
@pytest.mark.parametrize("lines", [[], ["--lines"]])
def test_the_number_of_threads_changes_nothing(
    lines: list[str], threads: str, files: list[Path]
) -> None:
    assert output_of("count", *lines, "-j", threads, *files) == output_of("count", *lines, *files)


def test_the_result_can_go_to_a_file(files: list[Path], tmp_path: Path) -> None:
    target = tmp_path / "counts.json"
    assert output_of("count", "--json", *files, "-o", target) == b""
    assert json.loads(target.read_bytes())["total"]["bytes"] == 26


def test_large_and_small_files_are_told_apart(tmp_path: Path) -> None:
    sizes = [1 << 20, 3, 0, (1 << 20) + 1, 5]
    for number, size in enumerate(sizes):
        (tmp_path / str(number)).write_bytes(b"\0" * size)
    counts = json.loads(output_of("count", "--json", *sorted(tmp_path.iterdir())))
    assert [file["bytes"] for file in counts["files"]] == sizes
    assert [file["tokens"] for file in counts["files"]] == sizes
    assert counts["total"]["tokens"] == sum(sizes)


def test_a_file_name_comes_out_byte_by_byte(tmp_path: Path) -> None:
    name = b"\xff\xc3\xa9".decode("utf-8", "surrogateescape")
    try:
        (tmp_path / name).write_bytes(b"a")
    except (OSError, UnicodeError):
        pytest.skip("this file system has no such names")
    assert b"/\xff\xc3\xa9\n" in output_of("count", tmp_path / name)
    (counted,) = json.loads(output_of("count", "--json", tmp_path / name))["files"]
    assert counted["file"] == str(tmp_path / name)
