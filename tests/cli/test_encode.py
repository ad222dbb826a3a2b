"""`rwkv-tok encode`: documents in, ids out in four formats."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
from cli.commands import error_of, output_of
from reference import ReferenceTokenizer, format_vocabulary

# Every kind of line: usual, empty, with a carriage return, not UTF-8, and one that nothing ends.
LINES = [b"Hello world", b"", "美好\r".encode(), b"\xff\xfe", b"last"]


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    file = tmp_path / "corpus.txt"
    file.write_bytes(b"\n".join(LINES))
    return file


@pytest.fixture
def line_ids(reference: ReferenceTokenizer) -> list[list[int]]:
    return [reference.encode(line) for line in LINES]


def test_a_file_is_one_line_of_decimal_ids(corpus: Path, reference: ReferenceTokenizer) -> None:
    ids = reference.encode(corpus.read_bytes())
    assert output_of("encode", corpus) == (" ".join(map(str, ids)) + "\n").encode()


def test_each_line_is_a_document_with_lines(corpus: Path, line_ids: list[list[int]]) -> None:
    expected = "".join(" ".join(map(str, ids)) + "\n" for ids in line_ids)
    assert output_of("encode", "--lines", corpus) == expected.encode()


def test_json_is_an_array_for_each_document(corpus: Path, line_ids: list[list[int]]) -> None:
    written = output_of("encode", "--lines", "--format", "json", corpus)
    assert [json.loads(line) for line in written.decode().splitlines()] == line_ids


def test_u16_is_little_endian_with_a_zero_after_each_document(
    corpus: Path, line_ids: list[list[int]]
) -> None:
    written = output_of("encode", "--lines", "--eot", "--format", "u16", corpus)
    assert np.frombuffer(written, "<u2").tolist() == [i for ids in line_ids for i in [*ids, 0]]


@pytest.mark.parametrize("size", [0, 1, 100, 12345])
def test_npy_is_what_numpy_itself_would_write(size: int, reference: ReferenceTokenizer) -> None:
    text = (b"Hello world. " * size)[:size]
    expected = io.BytesIO()
    np.save(expected, np.array(reference.encode(text), "<u2"))
    assert output_of("encode", "--format", "npy", stdin=text) == expected.getvalue()


@pytest.mark.parametrize(("text", "line"), [(b"Hello", b"33155 0\n"), (b"", b"0\n")])
def test_eot_puts_a_zero_after_a_document(text: bytes, line: bytes) -> None:
    assert output_of("encode", "--eot", stdin=text) == line


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"", b""),
        (b"\n", b"\n"),
        (b"\n\n", b"\n\n"),
        (b"a", b"98\n"),
        (b"a\n", b"98\n"),
        (b"a\r\n", b"98 14\n"),
        (b"a\rb\x0b\x0c\x1c\x85\xe2\x80\xa8c\n", None),
    ],
)
def test_only_a_line_feed_ends_a_line(
    text: bytes, expected: bytes | None, reference: ReferenceTokenizer
) -> None:
    if expected is None:
        expected = (" ".join(map(str, reference.encode(text[:-1]))) + "\n").encode()
    assert output_of("encode", "--lines", stdin=text) == expected


@pytest.mark.parametrize(("id_format", "expected"), [("text", b"\n"), ("json", b"[]\n")])
def test_an_empty_file_is_an_empty_document(
    tmp_path: Path, id_format: str, expected: bytes
) -> None:
    empty = tmp_path / "empty"
    empty.touch()
    assert output_of("encode", "--format", id_format, empty) == expected


def test_files_are_documents_in_the_order_given(tmp_path: Path) -> None:
    first, second = tmp_path / "1", tmp_path / "2"
    first.write_bytes(b"Hello")
    second.write_bytes(b"a")
    assert output_of("encode", second, "-", first, stdin=b"b") == b"98\n99\n33155\n"


def test_standard_input_is_read_without_files_and_for_a_dash() -> None:
    assert output_of("encode", stdin=b"Hello") == output_of("encode", "-", stdin=b"Hello")


@pytest.mark.parametrize("threads", ["1", "3"])
def test_the_number_of_threads_changes_nothing(corpus: Path, threads: str) -> None:
    assert output_of("encode", "--lines", "-j", threads, corpus) == output_of(
        "encode", "--lines", corpus
    )


@pytest.mark.parametrize("id_format", ["npy", "u16"])
def test_a_flat_format_without_borders_takes_one_document_only(
    id_format: str, corpus: Path
) -> None:
    assert output_of("encode", "--format", id_format, corpus)
    for arguments in (["--lines", corpus], [corpus, corpus]):
        assert "--eot" in error_of("encode", "--format", id_format, *arguments)


def test_vocab_takes_a_file(tmp_path: Path, byte_tokens: dict[int, bytes]) -> None:
    file = tmp_path / "pairs.txt"
    file.write_bytes(format_vocabulary(byte_tokens | {300: b"ab"}))
    assert output_of("encode", "--vocab", file, stdin=b"aab") == b"98 300\n"


def test_vocab_takes_a_bundled_name_before_a_file(
    tmp_path: Path, byte_tokens: dict[int, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "rwkv_vocab_v20230424"
    (tmp_path / name).write_bytes(format_vocabulary(byte_tokens))
    monkeypatch.chdir(tmp_path)
    assert output_of("encode", "--vocab", name, stdin=b"Hello") == b"33155\n"
    assert output_of("encode", "--vocab", f"./{name}", stdin=b"Hello") != b"33155\n"
