"""`rwkv-tok decode`: ids in four formats in, the bytes of the documents out."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cli.commands import output_of

import rwkv_tok

# "Hello", nothing, " world" and half a character, each a document.
DOCUMENTS = [[33155], [], [40213, 0, 229]]
TEXTS = [b"Hello", b"", b" world\xe4"]

LINE_INPUTS = {
    "text": b"33155\n\n40213 0 229\n",
    "json": b"[33155]\n[]\n[40213, 0, 229]\n",
}


def npy(ids: Any) -> bytes:
    file = io.BytesIO()
    np.save(file, ids)
    return file.getvalue()


@pytest.mark.parametrize("id_format", LINE_INPUTS)
def test_documents_come_one_after_the_other(id_format: str) -> None:
    written = output_of("decode", "--format", id_format, stdin=LINE_INPUTS[id_format])
    assert written == b"".join(TEXTS)


@pytest.mark.parametrize("id_format", LINE_INPUTS)
def test_lines_puts_a_line_end_after_each_document(id_format: str) -> None:
    written = output_of("decode", "--lines", "--format", id_format, stdin=LINE_INPUTS[id_format])
    assert written == b"".join(text + b"\n" for text in TEXTS)


@pytest.mark.parametrize("id_format", LINE_INPUTS)
def test_the_last_line_needs_no_end(id_format: str) -> None:
    ids = LINE_INPUTS[id_format].removesuffix(b"\n")
    written = output_of("decode", "--lines", "--format", id_format, stdin=ids)
    assert written == b"".join(text + b"\n" for text in TEXTS)


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        ([], b""),
        ([0], b"\n"),
        ([0, 0], b"\n\n"),
        ([98], b"a\n"),
        ([98, 0], b"a\n"),
        ([0, 98, 99, 0, 100], b"\nab\nc\n"),
    ],
)
@pytest.mark.parametrize("id_format", ["npy", "u16"])
def test_id_zero_ends_a_document_of_a_flat_format(
    id_format: str, ids: list[int], expected: bytes
) -> None:
    array = np.array(ids, "<u2")
    data = npy(array) if id_format == "npy" else array.tobytes()
    assert output_of("decode", "--lines", "--format", id_format, stdin=data) == expected
    assert output_of("decode", "--format", id_format, stdin=data) == expected.replace(b"\n", b"")


@pytest.mark.parametrize("byte_order", ["<", ">"])
def test_npy_may_have_either_byte_order(byte_order: str) -> None:
    data = npy(np.array([33155, 40213], f"{byte_order}u2"))
    assert output_of("decode", "--format", "npy", stdin=data) == b"Hello world"


@pytest.mark.parametrize(
    "text", [b"33155 40213", b"  33155\t40213 \r\n", b"033155  0040213\r", b"33155\x0b40213\x0c\n"]
)
def test_any_white_space_separates_numbers(text: bytes) -> None:
    assert output_of("decode", stdin=text) == b"Hello world"


@pytest.mark.parametrize("text", [b"", b" ", b"\n", b" \n\t\n"])
def test_white_space_alone_is_no_id(text: bytes) -> None:
    assert output_of("decode", stdin=text) == b""


def test_files_are_decoded_in_the_order_given(tmp_path: Path) -> None:
    first, second = tmp_path / "1", tmp_path / "2"
    first.write_bytes(b"33155\n")
    second.write_bytes(b"98")
    assert output_of("decode", second, "-", first, stdin=b"99") == b"abHello"


@pytest.mark.parametrize(
    ("policy", "expected"), [("skip", b"ab\n"), ("replace", b"a\xef\xbf\xbdb\n")]
)
@pytest.mark.parametrize(
    ("id_format", "ids"),
    [
        ("text", b"98 65530 99"),
        ("text", b"98 65536 99"),
        ("text", b"98 99999999999999999999 99"),
        ("json", b"[98, -1, 99]"),
        ("json", b"[98, 99999999999999999999, 99]"),
        ("u16", np.array([98, 65530, 99], "<u2").tobytes()),
        ("npy", npy(np.array([98, 65530, 99], "<u2"))),
    ],
)
def test_an_unknown_id_can_be_skipped_or_replaced(
    id_format: str, ids: bytes, policy: str, expected: bytes
) -> None:
    arguments = ["--lines", "--format", id_format, "--unknown", policy]
    assert output_of("decode", *arguments, stdin=ids) == expected


def test_vocab_takes_a_file(tmp_path: Path, byte_tokens: dict[int, bytes]) -> None:
    file = tmp_path / "vocabulary.txt"
    rwkv_tok.Tokenizer.from_tokens(byte_tokens | {65530: b"<|end|>"}).save(file)
    assert output_of("decode", "--vocab", file, stdin=b"98 65530") == b"a<|end|>"
