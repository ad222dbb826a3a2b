"""`rwkv-tok show`: the tokens of a text, one by one."""

import json
from pathlib import Path

import pytest
from cli.commands import error_of, output_of
from hypothesis import given
from reference import ReferenceTokenizer
from strategies import byte_strings


def test_each_token_has_a_line() -> None:
    assert output_of("show", stdin="Grüße a🙂\n".encode()).decode().splitlines() == [
        "        0         2   1067  'Gr'",
        "        2         4   2522  'ü'",
        "        4         7   9229  'ße'",
        "        7         9    332  ' a'",
        "        9        11   3319  b'\\xf0\\x9f'",
        "       11        13   2417  b'\\x99\\x82'",
        "       13        14     11  '\\n'",
    ]


@given(byte_strings())
def test_json_has_all_there_is_to_know(
    reference: ReferenceTokenizer, tokens: dict[int, bytes], data: bytes
) -> None:
    rows = [json.loads(line) for line in output_of("show", "--json", stdin=data).splitlines()]
    assert [row["id"] for row in rows] == reference.encode(data)
    assert [(row["begin"], row["end"]) for row in rows] == reference.offsets(data, "byte")
    assert {row["document"] for row in rows} <= {0}
    for row in rows:
        token = tokens[row["id"]]
        assert bytes.fromhex(row["bytes"]) == token
        assert row["text"] is None or row["text"].encode() == token


def test_documents_are_counted_and_set_apart(tmp_path: Path) -> None:
    (tmp_path / "first").write_bytes(b"a\n\nb")
    (tmp_path / "second").write_bytes(b"c")
    files = [tmp_path / "first", tmp_path / "second"]
    lines = output_of("show", "--lines", *files).decode().split("\n")
    assert [line[-3:] for line in lines] == ["'a'", "", "", "'b'", "", "'c'", ""]
    rows = [json.loads(line) for line in output_of("show", "--json", *files).splitlines()]
    assert [row["document"] for row in rows] == [0, 0, 0, 1]


def test_a_long_document_is_shown_whole() -> None:
    lines = output_of("show", stdin=b"Hello world " * 20_000).splitlines()
    assert len(lines) == 1 + 2 * 20_000
    assert lines[-1].split() == [b"239999", b"240000", b"33", b"'", b"'"]


def test_special_tokens_are_shown_where_they_are_allowed() -> None:
    special = ["--special-tokens", "v20260603"]
    line = output_of("show", *special, "--allow-special", stdin=b"<|im_end|>").decode()
    assert line.split() == ["0", "10", "65531", "'<|im_end|>'"]
    assert len(output_of("show", *special, stdin=b"<|im_end|>").splitlines()) == 7


def test_an_existing_output_is_kept(tmp_path: Path) -> None:
    (tmp_path / "out").write_bytes(b"precious")
    assert "exists" in error_of("show", "-o", tmp_path / "out", stdin=b"a")
    assert (tmp_path / "out").read_bytes() == b"precious"


@pytest.mark.parametrize("text", [b"", b"\n"])
def test_no_text_has_no_tokens(text: bytes) -> None:
    assert output_of("show", "--lines", stdin=text) == b""
