"""`rwkv-tok decode` of what is no list of ids: one line that says where."""

import io
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cli.commands import error_of, invoke
from hypothesis import given
from hypothesis import strategies as st

import rwkv_tok.cli.inputs
from rwkv_tok import Tokenizer


def npy(array: Any, **options: Any) -> bytes:
    file = io.BytesIO()
    np.save(file, array, **options)
    return file.getvalue()


def u16(*ids: int) -> bytes:
    return np.array(ids, "<u2").tobytes()


MALFORMED = [
    ("text", b"1 2\n3 x 4\n", "line 2: not a decimal number at position 1"),
    ("text", b"1\n\n5 6 7,", "line 3: not a decimal number at position 2"),
    ("text", b"-1", "line 1: not a decimal number at position 0"),
    ("text", b"1_0", "line 1: not a decimal number at position 0"),
    ("text", b"1 2.0", "line 1: not a decimal number at position 1"),
    ("text", "١".encode(), "line 1: not a decimal number at position 0"),
    ("text", b"1 \x00", "line 1: not a decimal number at position 1"),
    ("text", b"1\n2 65530", "line 2: id 65530 at position 1 has no token"),
    ("text", b"70000", "line 1: id 70000 at position 0 is outside 0 ... 65535"),
    ("json", b"[1]\n[2", "line 2: not a JSON array of integers"),
    ("json", b"[1]\n\n[2]", "line 2: not a JSON array of integers"),
    ("json", b'{"ids": [1]}', "line 1: not a JSON array of integers"),
    ("json", b"7", "line 1: not a JSON array of integers"),
    ("json", b"[1, true]", "line 1: not a JSON array of integers"),
    ("json", b"[1.0]", "line 1: not a JSON array of integers"),
    ("json", b'["1"]', "line 1: not a JSON array of integers"),
    ("json", b"[[1]]", "line 1: not a JSON array of integers"),
    ("json", b"[\xff]", "line 1: not a JSON array of integers"),
    ("json", b"[" * 100_000, "line 1: not a JSON array of integers"),
    ("json", b"[" + b"9" * 10_000 + b"]", "line 1: not a JSON array of integers"),
    ("json", b"[]\n[1, -2]", "line 2: id -2 at position 1 is outside 0 ... 65535"),
    ("u16", b"\x01\x00\x02", "ends in the middle of the id at position 1"),
    ("u16", u16(98, 0, 98, 65535), "id 65535 at position 3 has no token"),
    ("npy", b"", "not a .npy file of ids"),
    ("npy", b"1 2 3\n", "not a .npy file of ids"),
    ("npy", pickle.dumps([1, 2, 3]), "not a .npy file of ids"),
    ("npy", npy(np.zeros(1, np.uint16))[:30], "not a .npy file of ids"),
    ("npy", npy(np.zeros(3)), "holds a 1-D array of float64, not a 1-D one of uint16"),
    ("npy", npy(np.zeros(3, int)), "holds a 1-D array of int64, not a 1-D one of uint16"),
    ("npy", npy(np.zeros((2, 3), "u2")), "holds a 2-D array of uint16, not a 1-D one of uint16"),
    ("npy", npy(np.uint16(7)), "holds a 0-D array of uint16, not a 1-D one of uint16"),
    ("npy", npy(np.zeros(3, "<u2"))[:-2], "holds 2 ids, but its header says 3"),
    ("npy", npy(np.zeros(3, "<u2"))[:-1], "ends in the middle of the id at position 2"),
    ("npy", npy(np.zeros(3, "<u2")) + b"ab", "holds 4 ids, but its header says 3"),
    ("npy", npy(np.array([1, 65531], "<u2")), "id 65531 at position 1 has no token"),
]


@pytest.mark.parametrize("block", [2, 1 << 24])
@pytest.mark.parametrize(("id_format", "data", "reason"), MALFORMED)
def test_malformed_input_is_an_error_that_names_the_file_and_the_place(
    id_format: str,
    data: bytes,
    reason: str,
    block: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rwkv_tok.cli.inputs, "_BATCH", block)
    file = tmp_path / "input"
    file.write_bytes(data)
    assert error_of("decode", "--format", id_format, file) == f"{file}: {reason}"


def test_malformed_standard_input_is_called_that() -> None:
    message = error_of("decode", stdin=b"x")
    assert message == "standard input: line 1: not a decimal number at position 0"


class Canary:
    """Says so when it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return pytest.fail, ("a pickled object was loaded",)


def test_a_pickled_object_is_never_loaded() -> None:
    data = npy(np.array([Canary()], object), allow_pickle=True)
    message = error_of("decode", "--format", "npy", stdin=data)
    assert "1-D array of object" in message


@given(cut=st.integers(0, 127), junk=st.binary(max_size=6))
def test_a_broken_npy_header_is_at_most_an_error(tok: Tokenizer, cut: int, junk: bytes) -> None:
    data = npy(np.array([98], "<u2"))
    broken = data[:cut] + junk + data[cut + len(junk) :]
    result = invoke("decode", "--format", "npy", stdin=broken)
    if result.exit_code == 0:  # something else that is valid
        assert result.stdout_bytes == tok.decode_bytes(np.load(io.BytesIO(broken)))
    else:
        assert result.exit_code == 2


def test_what_stands_in_a_header_or_a_line_is_not_repeated() -> None:
    for id_format in ("text", "json", "npy"):
        header = b"\x93NUMPY\x01\x00\x08\x00" if id_format == "npy" else b""
        assert "secret" not in error_of("decode", "--format", id_format, stdin=header + b"'secret'")
