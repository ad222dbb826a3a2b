"""`rwkv-tok encode | rwkv-tok decode` gives back every byte, in every format."""

import subprocess
from pathlib import Path

import pytest
from cli.commands import FORMATS, output_of, start
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import texts

import rwkv_tok.cli.id_writers
import rwkv_tok.cli.inputs

# Bytes of any kind, with enough line ends to make lines.
CONTENTS = st.one_of(
    st.binary(max_size=60),
    st.lists(st.sampled_from([b"\n", b"\r", b"\0", b"a", b" ", b"\xff"]), max_size=30).map(
        b"".join
    ),
    texts().map(str.encode),
)


@pytest.mark.parametrize("id_format", FORMATS)
@settings(max_examples=20)
@given(content=CONTENTS)
def test_a_file_comes_back(id_format: str, content: bytes) -> None:
    ids = output_of("encode", "--format", id_format, stdin=content)
    assert output_of("decode", "--format", id_format, stdin=ids) == content


@pytest.mark.parametrize("id_format", FORMATS)
@settings(max_examples=20)
@given(content=CONTENTS)
def test_lines_come_back_each_with_its_end(id_format: str, content: bytes) -> None:
    options = ["--lines", "--format", id_format]
    ids = output_of("encode", *options, "--eot", stdin=content)
    whole = content if content.endswith(b"\n") or not content else content + b"\n"
    assert output_of("decode", *options, stdin=ids) == whole


@pytest.mark.parametrize("block", [2, 6, 64])
@pytest.mark.parametrize("documents", [1, 3])
@pytest.mark.parametrize("id_format", FORMATS)
def test_batches_leave_no_trace(
    id_format: str, documents: int, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = (
        b"Hello world\n\n\n\xe4\xbb\n" * 3 + b"a long line that spans many blocks " * 5 + b"\n"
    )
    options = ["--lines", "--format", id_format]
    ids = output_of("encode", *options, "--eot", stdin=content)
    monkeypatch.setattr(rwkv_tok.cli.inputs, "_BATCH", block)
    monkeypatch.setattr(rwkv_tok.cli.inputs, "_BATCH_DOCUMENTS", documents)
    monkeypatch.setattr(rwkv_tok.cli.id_writers, "_STEP", block)
    assert output_of("encode", *options, "--eot", stdin=content) == ids
    assert output_of("decode", *options, stdin=ids) == content


@pytest.mark.parametrize("id_format", FORMATS)
def test_real_pipes_carry_every_byte(id_format: str, tmp_path: Path) -> None:
    file = tmp_path / "bytes"
    file.write_bytes(bytes(range(256)) * 5000 + b"\r\n\n\x1a")
    with (
        start("encode", "--format", id_format, file, stdin=None) as encoder,
        start("decode", "--format", id_format, stdin=encoder.stdout) as decoder,
    ):
        decoded, errors = decoder.communicate()
    assert decoded == file.read_bytes()
    assert (encoder.returncode, decoder.returncode, errors) == (0, 0, b"")


def test_a_large_file_is_mapped_and_comes_back(tmp_path: Path) -> None:
    file = tmp_path / "large"
    file.write_bytes(b"Hello world\n" * 100_000)
    ids = output_of("encode", file)
    assert output_of("decode", stdin=ids) == file.read_bytes()


def test_standard_input_is_read_from_where_it_stands(tmp_path: Path) -> None:
    file = tmp_path / "large"
    file.write_bytes(b"a first line\n" + b"Hello world\n" * 100_000)
    with file.open("rb", buffering=0) as stream:
        stream.readline()
        with start("count", "--json", stdin=stream, stderr=subprocess.DEVNULL) as process:
            stdout, _ = process.communicate()
    assert b'"bytes": 1200000,' in stdout
