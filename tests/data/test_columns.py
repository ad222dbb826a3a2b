"""Parquet and Arrow: a column of strings, whatever it is made of."""

import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from data.corpora import TEXTS, dataset_at, dataset_of, prepare_in_parts, skipped_at

from rwkv_tok.data import prepare
from rwkv_tok.errors import DataError


def write_parquet(path: Path, table: pa.Table, rows: int = 3) -> None:
    pq.write_table(table, path, row_group_size=rows)


def write_file(path: Path, table: pa.Table, rows: int = 3) -> None:
    with pa.ipc.new_file(path, table.schema) as file:
        file.write_table(table, max_chunksize=rows)


def write_stream(path: Path, table: pa.Table, rows: int = 3) -> None:
    with pa.ipc.new_stream(path, table.schema) as stream:
        stream.write_table(table, max_chunksize=rows)


WRITE: dict[str, Callable[..., None]] = {
    "a.parquet": write_parquet,
    "a.arrow": write_file,
    "stream.arrow": write_stream,
}

every_kind = pytest.mark.parametrize("name", [*WRITE])


def write(tmp_path: Path, name: str, column: Any, **options: int) -> Path:
    WRITE[name](tmp_path / name, pa.table({"n": range(len(column)), "text": column}), **options)
    return tmp_path / name


@every_kind
@pytest.mark.parametrize(("rows", "workers"), [(1, 1), (3, 1), (100, 1), (1, 2)])
def test_every_row_is_a_document(tmp_path: Path, name: str, rows: int, workers: int) -> None:
    source = write(tmp_path, name, TEXTS * 10, rows=rows)
    prepare([source, source], tmp_path / "out", workers=workers)
    assert dataset_at(tmp_path / "out") == dataset_of(TEXTS * 20)


@every_kind
@pytest.mark.parametrize(
    "kind",
    [
        pa.string(),
        pa.large_string(),
        pa.string_view(),
        pa.binary(),
        pa.large_binary(),
        pa.binary_view(),
        pa.dictionary(pa.int32(), pa.string()),
        pa.dictionary(pa.int8(), pa.large_string()),
    ],
    ids=str,
)
def test_any_column_of_strings_is_read(tmp_path: Path, name: str, kind: Any) -> None:
    column = pa.array([*TEXTS, "longer than what fits into a view"] * 3)
    column = column.dictionary_encode().cast(kind) if "dict" in str(kind) else column.cast(kind)
    prepare(write(tmp_path, name, column), tmp_path / "out")
    assert dataset_at(tmp_path / "out") == dataset_of(column.to_pylist())


@every_kind
@pytest.mark.parametrize("kind", [pa.binary(), pa.large_binary(), pa.binary_view()], ids=str)
def test_bytes_need_not_be_text(tmp_path: Path, name: str, kind: Any) -> None:
    texts = [b"\xff\xfe", b"\0", b"", b"\xe4\xbb"]
    prepare(write(tmp_path, name, pa.array(texts, kind)), tmp_path / "out")
    assert dataset_at(tmp_path / "out") == dataset_of(texts)


@every_kind
@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.string_view()], ids=str)
def test_strings_are_the_bytes_that_they_are(tmp_path: Path, name: str, kind: Any) -> None:
    texts = [b"\xff\xfe", b"a", b"longer than what fits into a view \xff"]
    binary = pa.binary_view() if kind == pa.string_view() else pa.binary()
    column = pa.array(texts, binary).view(kind if binary == pa.binary_view() else pa.string())
    if kind == pa.large_string():
        column = pa.array(texts, pa.large_binary()).view(kind)
    prepare(write(tmp_path, name, column), tmp_path / "out")
    assert dataset_at(tmp_path / "out") == dataset_of(texts)


@every_kind
def test_rows_without_a_value_are_bad_records(tmp_path: Path, name: str) -> None:
    source = write(tmp_path, name, ["a", "b", None, "", "c", None])
    with pytest.raises(DataError, match="row 3: no value in text"):
        prepare(source, tmp_path / "out")
    prepare(source, tmp_path / "out", on_error="skip")
    assert dataset_at(tmp_path / "out") == dataset_of(["a", "b", "", "c"])
    assert skipped_at(tmp_path / "out") == [
        {"file": str(source), "row": row, "reason": "no value in text"} for row in (3, 6)
    ]


@every_kind
@pytest.mark.parametrize("column", [pa.nulls(3), pa.array([None] * 3, pa.string())], ids=str)
def test_a_column_may_have_no_value_at_all(tmp_path: Path, name: str, column: Any) -> None:
    source = write(tmp_path, name, column)
    prepare(source, tmp_path / "out", on_error="skip")
    assert dataset_at(tmp_path / "out") == dataset_of([])
    assert len(skipped_at(tmp_path / "out")) == 3


@every_kind
def test_a_field_within_a_field(tmp_path: Path, name: str) -> None:
    rows = [{"a": {"b": "x", "n": 1}}, {"a": {"b": None}}, {"a": None}, None, {"a": {"b": "y"}}]
    source = write(tmp_path, name, pa.array(rows))
    with pytest.raises(DataError, match=r"row 2: no value in text\.a\.b"):
        prepare(source, tmp_path / "out", text_field="text.a.b")
    prepare(source, tmp_path / "out", text_field="text.a.b", on_error="skip")
    assert dataset_at(tmp_path / "out") == dataset_of(["x", "y"])
    assert [entry["row"] for entry in skipped_at(tmp_path / "out")] == [2, 3, 4]


@every_kind
@pytest.mark.parametrize(
    ("column", "field", "message"),
    [
        (["a"], "body", "has no column body, only n, text: say --text-field"),
        (["a"], "n", "n is int64, not text"),
        ([["a"]], "text", "text is list<.*>, not text"),
        ([{"a": "b"}], "text", "text is struct<a: string>, not text"),
        ([{"a": "b"}], "text.c", r"has no field text\.c: there is no c in struct<a: string>"),
        (["a"], "text.a", r"has no field text\.a: there is no a in string"),
        ([1.5], "text", "text is double, not text"),
    ],
)
def test_a_column_of_something_else_is_refused(
    tmp_path: Path, name: str, column: Any, field: str, message: str
) -> None:
    with pytest.raises(DataError, match=message):
        prepare(write(tmp_path, name, column), tmp_path / "out", text_field=field)


@every_kind
def test_a_file_without_rows(tmp_path: Path, name: str) -> None:
    source = write(tmp_path, name, pa.array([], pa.string()))
    prepare(source, tmp_path / "out")
    assert dataset_at(tmp_path / "out") == dataset_of([])


def test_a_file_without_row_groups(tmp_path: Path) -> None:
    with pq.ParquetWriter(tmp_path / "a.parquet", pa.schema({"text": pa.string()})):
        pass
    prepare(tmp_path / "a.parquet", tmp_path / "out")
    assert dataset_at(tmp_path / "out") == dataset_of([])


@every_kind
def test_parts_are_read_where_they_begin(tmp_path: Path, name: str) -> None:
    texts = [f"text {number}" for number in range(100)]
    source = write(tmp_path, name, texts, rows=1)
    prepare(source, tmp_path / "out", workers=2)
    assert dataset_at(tmp_path / "out") == dataset_of(texts)


@every_kind
def test_a_batch_of_nothing_among_others(tmp_path: Path, name: str) -> None:
    if name == "a.parquet":
        table = pa.table({"text": ["a"]})
        with pq.ParquetWriter(tmp_path / name, table.schema) as writer:
            for each in (table, table[:0], table):
                writer.write_table(each)
    else:
        batch = pa.record_batch({"text": ["a"]})
        new = pa.ipc.new_file if name == "a.arrow" else pa.ipc.new_stream
        with new(tmp_path / name, batch.schema) as file:
            for each in (batch[:0], batch, batch[:0], batch):
                file.write_batch(each)
    prepare(tmp_path / name, tmp_path / "out")
    assert dataset_at(tmp_path / "out") == dataset_of(["a", "a"])


@pytest.mark.parametrize("compression", ["none", "snappy", "gzip", "zstd"])
def test_parquet_may_be_compressed_inside(tmp_path: Path, compression: str) -> None:
    table = pa.table({"text": TEXTS})
    pq.write_table(table, tmp_path / "a.parquet", compression=compression)
    prepare(tmp_path / "a.parquet", tmp_path / "out")
    assert dataset_at(tmp_path / "out") == dataset_of(TEXTS)


@pytest.mark.parametrize("compression", ["lz4", "zstd"])
@pytest.mark.parametrize("new", [pa.ipc.new_file, pa.ipc.new_stream])
def test_arrow_may_be_compressed_inside(tmp_path: Path, compression: str, new: Any) -> None:
    table = pa.table({"text": TEXTS * 20})
    options = pa.ipc.IpcWriteOptions(compression=compression)
    with new(tmp_path / "a.arrow", table.schema, options=options) as file:
        file.write_table(table)
    prepare(tmp_path / "a.arrow", tmp_path / "out")
    assert dataset_at(tmp_path / "out") == dataset_of(TEXTS * 20)


@every_kind
def test_large_groups_are_read_in_blocks(tmp_path: Path, name: str) -> None:
    texts = [f"{row} " + "word " * (row % 50) for row in range(3000)]
    prepare(write(tmp_path, name, texts, rows=3000), tmp_path / "out")
    assert dataset_at(tmp_path / "out") == dataset_of(texts)


def test_kinds_can_be_mixed(tmp_path: Path) -> None:
    for name in WRITE:
        write(tmp_path, name, TEXTS)
    (tmp_path / "b.txt").write_bytes(b"text")
    prepare_in_parts(tmp_path, tmp_path / "out", 10)
    assert dataset_at(tmp_path / "out") == dataset_of([*TEXTS * 2, "text", *TEXTS])


# Damage


@every_kind
@pytest.mark.parametrize("content", [b"", b"PAR1", b"ARROW1\0\0", b"\xff" * 4, b"text" * 100])
def test_what_is_no_such_file_is_refused(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=f"{name} is damaged, or no (parquet|arrow): "):
        prepare(tmp_path / name, tmp_path / "out")


@every_kind
def test_a_file_that_is_cut_off_is_refused(tmp_path: Path, name: str) -> None:
    content = write(tmp_path, name, TEXTS * 3).read_bytes()
    # A stream needs no end: the last bytes say so, and nothing else.
    for size in range(4, len(content) - (8 if name == "stream.arrow" else 0), 131):
        (tmp_path / name).write_bytes(content[:size])
        with pytest.raises(DataError, match=name):
            prepare(tmp_path / name, tmp_path / "out", overwrite=True)


@every_kind
def test_a_name_that_is_no_text_is_damage(tmp_path: Path, name: str) -> None:
    source = write(tmp_path, name, ["a"])
    source.write_bytes(source.read_bytes().replace(b"text", b"\xff\xff\xff\xff"))
    with pytest.raises(DataError, match=f"{name} is damaged, or no"):
        prepare(source, tmp_path / "out")


DAMAGE = """
import functools, io, random, sys
from pathlib import Path
import rwkv_tok
from rwkv_tok.data.preparing import encoding
from rwkv_tok.data.reading.discover import discover
from rwkv_tok.data.reading.documents import ReadOptions
from rwkv_tok.errors import DataError

encoding.token_lengths = functools.cache(encoding.token_lengths)
tok = rwkv_tok.load()
for name in sys.argv[2:]:
    path, refused = Path(name), 0
    content = path.read_bytes()
    for seed in range(int(sys.argv[1])):
        rng = random.Random(seed)
        damaged = bytearray(content)
        for _ in range(rng.choice([1, 1, 2, 8])):
            position = rng.randrange(len(damaged))
            damaged[position] = rng.choice([0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)])
        path.write_bytes(damaged)
        try:
            sources = discover([name]).sources
            options = ReadOptions(), encoding.EncodeOptions()
            encoder = encoding.PartEncoder(tok, sources, *options)
            part = 0
            while not encoder.encode(0, part, io.BytesIO()).ended:
                part += 1
        except DataError as error:
            assert path.name in str(error), error
            refused += 1
    assert refused > 10, refused
"""


@pytest.mark.parametrize(
    "kind", [pa.string(), pa.string_view(), pa.dictionary(pa.int32(), pa.string())], ids=str
)
def test_damage_does_not_end_the_process(tmp_path: Path, kind: Any) -> None:
    column = pa.array(random.Random(1).choices([*TEXTS, "longer than what fits"], k=200))
    column = column.dictionary_encode() if "dict" in str(kind) else column.cast(kind)
    for name, new in WRITE.items():
        new(tmp_path / name, pa.table({"text": column}), rows=100)
    command = [sys.executable, "-c", DAMAGE, "60", *(str(tmp_path / name) for name in WRITE)]
    done = subprocess.run(command, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
