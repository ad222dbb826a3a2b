"""JSON Lines: each line becomes exactly its text, or is refused by file and line."""

import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

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

from rwkv_tok.data import prepare
from rwkv_tok.errors import DataError

BOM = b"\xef\xbb\xbf"
DEEP = b"[" * 100_000
REASONS: list[tuple[bytes, str]] = [
    (b'{"text": "a"', "no valid JSON: "),
    (b"{'text': 'a'}", "no valid JSON: "),
    (b'{"text": "a"} {"text": "b"}', "no valid JSON: "),
    (b'{"text": "a", "n": NaN}', "no valid JSON: "),
    (b'{"text": "a\x00"}', "no valid JSON: "),
    (b'{"text": "a\tb"}', "no valid JSON: "),
    (b"\0", "no valid JSON: "),
    (b"plain text", "no valid JSON: "),
    (BOM + b'{"text": "a"}', "no valid JSON: "),
    (rb'{"text": "\ud83d"}', "no valid JSON: "),
    (rb'{"text": "\ud83d and more"}', "no valid JSON: "),
    (rb'{"text": "\ude42\ud83d"}', "no valid JSON: "),
    (rb'{"text": "\u12g4"}', "no valid JSON: "),
    (b'{"text": "\xff"}', "no valid UTF-8: invalid start byte"),
    (b'{"text": "\xc3"}', "no valid UTF-8: "),
    (b'{"text": "\xed\xa0\xbd"}', "no valid UTF-8: "),
    (b'{"text": "\xc0\x80"}', "no valid UTF-8: "),
    (b'{"body": "a"}', "Object missing required field `text`"),
    (b"{}", "Object missing required field `text`"),
    (b'{"text": null}', "Expected `str`, got `null` - at `$.text`"),
    (b'{"text": 12}', "Expected `str`, got `int` - at `$.text`"),
    (b'{"text": 1.5}', "Expected `str`, got `float` - at `$.text`"),
    (b'{"text": true}', "Expected `str`, got `bool` - at `$.text`"),
    (b'{"text": ["a"]}', "Expected `str`, got `array` - at `$.text`"),
    (b'{"text": {"a": "b"}}', "Expected `str`, got `object` - at `$.text`"),
    (b'["a"]', "Expected `object`, got `array`"),
    (b'"a"', "Expected `object`, got `str`"),
    (b"null", "Expected `object`, got `null`"),
    (b'{"text": "a", "deep": ' + DEEP + b"}", "no usable JSON: nested too deeply"),
    (DEEP, "Expected `object`, got `array`"),
]


def write(tmp_path: Path, content: bytes, name: str = "in.jsonl") -> Path:
    (tmp_path / name).write_bytes(content)
    return tmp_path / name


def check(tmp_path: Path, content: bytes, texts: Sequence[str], **options: Any) -> None:
    """Expect these documents of a file, with parts of any size."""
    source = write(tmp_path, content)
    for part_size in (7, 4 << 20):
        prepare_in_parts(source, tmp_path / "out", part_size, overwrite=True, **options)
        assert dataset_at(tmp_path / "out") == dataset_of(texts)


@settings(max_examples=25)
@given(st.lists(st.text(max_size=10), max_size=12), st.booleans(), st.integers(1, 80))
def test_texts_are_encoded_exactly(texts: list[str], is_ascii: bool, part_size: int) -> None:
    texts = [text.encode(errors="replace").decode() for text in texts]
    lines = [json.dumps({"id": 3, "text": text}, ensure_ascii=is_ascii) for text in texts]
    with tempfile.TemporaryDirectory() as folder:
        source = write(Path(folder), "\n".join(lines).encode())
        prepare_in_parts(source, Path(folder) / "out", part_size)
        assert dataset_at(Path(folder) / "out") == dataset_of(texts)


@pytest.mark.parametrize(
    ("content", "texts"),
    [
        (b"", []),
        (b"\n\n \n\t\r\n", []),
        (BOM, []),
        (BOM + jsonl(["a"]), ["a"]),
        (BOM + b"\r\n" + jsonl(["a"]), ["a"]),
        (b'{"text": "a"}', ["a"]),
        (b'{"text": "a"}\r\n{"text": "b"}\r\n', ["a", "b"]),
        (b'\r\n\n{"text": "a"}\n\n\r\n{"text": ""}\n  \n', ["a", ""]),
        (b' {"text" : "a" , "n" : 1} \n\t{"text":"b"}\t', ["a", "b"]),
        ('{"text": "a\u2028b\u2029c\x85d"}\n'.encode(), ["a\u2028b\u2029c\x85d"]),
        (rb'{"text": "a\nb\r\nc\u0000\/\\\""}', ['a\nb\r\nc\0/\\"']),
        (rb'{"text": "\ud83d\ude42 \u00e9"}', ["🙂 é"]),
        (b'{"text": "a", "text": "b"}', ["b"]),
        (b'{"other": {"text": "a"}, "text": "b", "more": [{"text": 3}]}', ["b"]),
        (rb'{"te\u0078t": "a"}', ["a"]),
        (b'{"text": "a", "n": 1e999, "m": 123456789012345678901234567890}', ["a"]),
    ],
)
def test_what_json_allows_is_read(tmp_path: Path, content: bytes, texts: list[str]) -> None:
    check(tmp_path, content, texts)


@pytest.mark.parametrize("content", [b"", b"\n\r\n", BOM])
def test_a_file_without_a_document_gives_none(tmp_path: Path, content: bytes) -> None:
    prepared = prepare(write(tmp_path, content), tmp_path / "out")
    assert (prepared.items, prepared.tokens) == (0, 0)
    assert dataset_at(tmp_path / "out") == dataset_of([])


def test_blank_lines_and_empty_documents_are_counted(tmp_path: Path) -> None:
    prepare(write(tmp_path, b'\n{"text": ""}\n \r\n{"text": "a"}\n\n'), tmp_path / "out")
    corpus = manifest_at(tmp_path / "out")["corpus"]
    assert (corpus["documents"], corpus["empty"], corpus["blank"]) == (2, 1, 3)
    assert (corpus["text_bytes"], corpus["tokens"]) == (1, 3)


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"])
@pytest.mark.parametrize("part_size", range(1, 60, 4))
def test_borders_of_parts_do_not_matter(tmp_path: Path, part_size: int, line_end: bytes) -> None:
    lines = jsonl(TEXTS).replace(b"\n", line_end)
    source = write(tmp_path, lines + line_end + lines)
    prepare_in_parts(source, tmp_path / "out", part_size)
    assert dataset_at(tmp_path / "out") == dataset_of(TEXTS * 2)


def test_a_document_may_begin_or_end_where_a_part_does(tmp_path: Path) -> None:
    lines = jsonl(["a" * (i % 5) for i in range(20)])
    first = lines.index(b"\n")
    source = write(tmp_path, lines)
    for part_size in (first - 1, first, first + 1, first + 2, len(lines) - 1, len(lines)):
        prepare_in_parts(source, tmp_path / "out", part_size, overwrite=True)
        assert dataset_at(tmp_path / "out") == dataset_of(["a" * (i % 5) for i in range(20)])


@pytest.mark.parametrize(
    ("text_field", "line"),
    [
        ("body", {"text": "b", "body": "a"}),
        ("meta.body", {"text": "b", "meta": {"body": "a", "text": "c"}}),
        ("a.b.c", {"a": {"b": {"c": "a"}}}),
        ("class", {"class": "a"}),
        ("two words.né", {"two words": {"né": "a"}}),
    ],
)
def test_the_text_may_be_in_another_field(
    tmp_path: Path, text_field: str, line: dict[str, Any]
) -> None:
    check(tmp_path, json.dumps(line).encode(), ["a"], text_field=text_field)


@pytest.mark.parametrize("line", [b'{"meta": "a"}', b'{"meta": {}}', b'{"meta": null}', b"{}"])
def test_a_field_within_a_field_may_be_missing(tmp_path: Path, line: bytes) -> None:
    with pytest.raises(DataError, match=r"in\.jsonl, line 1: .*(meta|body)"):
        prepare(write(tmp_path, line), tmp_path / "out", text_field="meta.body")


# Bad lines


@pytest.mark.parametrize(("line", "reason"), REASONS, ids=[repr(line[:30]) for line, _ in REASONS])
def test_a_bad_line_is_refused_or_reported(tmp_path: Path, line: bytes, reason: str) -> None:
    source = write(tmp_path, b'{"text": "x"}\n\n' + line + b'\n{"text": "y"}\n')
    with pytest.raises(DataError) as caught:
        prepare(source, tmp_path / "out")
    assert f"{source}, line 3: " in str(caught.value)
    assert reason in str(caught.value)
    assert "--on-error skip" in str(caught.value)
    assert names(tmp_path) == ["in.jsonl"]

    prepared = prepare(source, tmp_path / "out", on_error="skip")
    assert dataset_at(tmp_path / "out") == dataset_of(["x", "y"])
    assert prepared.skipped == tmp_path / "out.skipped.jsonl"
    [entry] = skipped_at(tmp_path / "out")
    assert (entry["file"], entry["line"]) == (str(source), 3)
    assert reason in entry["reason"]
    assert manifest_at(tmp_path / "out")["corpus"]["bad"] == 1


def test_an_earlier_field_of_the_same_name_must_be_text_too(tmp_path: Path) -> None:
    # Refused rather than encoded as `json` would have it.
    source = write(tmp_path, b'{"text": 1, "text": "a"}\n')
    with pytest.raises(DataError, match="line 1: Expected `str`, got `int`"):
        prepare(source, tmp_path / "out")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32", "utf-8-sig"])
def test_a_file_in_another_encoding_is_refused(tmp_path: Path, encoding: str) -> None:
    lines = '{"text": "a"}\n{"text": "é"}\n'
    source = write(tmp_path, lines.encode(encoding))
    if encoding == "utf-8-sig":
        prepare(source, tmp_path / "out")
        assert dataset_at(tmp_path / "out") == dataset_of(["a", "é"])
    else:
        with pytest.raises(DataError, match=r"in\.jsonl, line 1: no valid"):
            prepare(source, tmp_path / "out")


def test_the_report_has_no_text_of_the_corpus(tmp_path: Path) -> None:
    secret = b"secret"
    lines = [
        line.replace(b'"a"', b'"secret"').replace(b"plain text", secret)
        for line, _ in REASONS
        if b'"body"' not in line
    ]
    lines += [b'{"text": "secret\xff"}', b'{"text": secret}', rb'{"text": "secret\ud800"}']
    write(tmp_path, b"\n".join(lines))
    prepare(tmp_path / "in.jsonl", tmp_path / "out", on_error="skip")
    assert len(skipped_at(tmp_path / "out")) == len(lines)
    assert secret not in (tmp_path / "out.skipped.jsonl").read_bytes()


@pytest.mark.parametrize("part_size", [1, 10, 35, 100, 4 << 20])
def test_bad_lines_are_numbered_within_their_file(tmp_path: Path, part_size: int) -> None:
    content = (
        jsonl(["a"] * 5) + b"\nbad\n" + jsonl(["b"] * 3) + b"bad\n\n\n" + jsonl(["c"]) + b"bad"
    )
    sources = [write(tmp_path, content, name) for name in ("1.jsonl", "2.jsonl")]
    prepare_in_parts(sources, tmp_path / "out", part_size, skip_bad=True)
    assert dataset_at(tmp_path / "out") == dataset_of([*"aaaaabbbc"] * 2)
    assert [(entry["file"], entry["line"]) for entry in skipped_at(tmp_path / "out")] == [
        (str(source), line) for source in sources for line in (7, 11, 15)
    ]
    corpus = manifest_at(tmp_path / "out")["corpus"]
    assert (corpus["bad"], corpus["blank"]) == (6, 6)


# Long lines


@pytest.mark.parametrize("part_size", [1000, 1 << 20, 4 << 20])
def test_a_line_of_many_parts(tmp_path: Path, part_size: int) -> None:
    texts = ["before", "word " * (3 << 18), "after", "at the end"]
    prepare_in_parts(write(tmp_path, jsonl(texts)), tmp_path / "out", part_size)
    assert dataset_at(tmp_path / "out") == dataset_of(texts)


@pytest.mark.parametrize(("part_size", "workers"), [(64, 1), (1000, 1), (4 << 20, 1), (1000, 2)])
def test_a_line_that_is_too_long_is_left_out(
    tmp_path: Path, part_size: int, workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    _shorten(monkeypatch, tmp_path)
    texts = ["before", "x" * 5000, "between", "y" * 1000, "z" * 1100, "after"]
    source = write(tmp_path, jsonl(texts))
    prepare_in_parts(source, tmp_path / "out", part_size, skip_bad=True, workers=workers)
    kept = [text for text in texts if len(text) <= 1000]
    assert dataset_at(tmp_path / "out") == dataset_of(kept)
    assert [entry["line"] for entry in skipped_at(tmp_path / "out")] == [2, 5]


def _shorten(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Let lines have 1050 bytes at most, here and in processes that are started."""
    monkeypatch.setattr("rwkv_tok.data.reading.records.LONGEST_DOCUMENT", 1050)
    monkeypatch.setattr("rwkv_tok.data.reading.records.BLOCK_SIZE", 300)
    (folder / "worker.py").write_text(
        "from rwkv_tok.data.preparing import worker\nfrom rwkv_tok.data.reading import records\n"
        "records.LONGEST_DOCUMENT, records.BLOCK_SIZE = 1050, 300\n"
        "worker.main()\n"
    )
    monkeypatch.setattr(
        "rwkv_tok.data.preparing.pool._COMMAND", [sys.executable, str(folder / "worker.py")]
    )
