"""Arrow strings as a batch of texts: read in place, and never outside of what they are."""

import gc
import struct
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from libraries import library
from strategies import texts

from rwkv_tok import Tokenizer

duckdb = library("duckdb")
pa = library("pyarrow")
pl = library("polars")

# A string view holds up to 12 bytes itself and points to longer ones.
TEXTS = ["Hello world", "", "你好世界", "今天是美好的一天。", "123456789 12", "a" * 13, "é🙂"]

STRING_TYPES = [pa.string(), pa.large_string(), pa.string_view()]
BINARY_TYPES = [pa.binary(), pa.large_binary(), pa.binary_view()]


class OnlyArray:
    """Any other library's array: nothing but the PyCapsule interface."""

    def __init__(self, data: Any) -> None:
        self._data = data

    def __arrow_c_array__(self, requested_schema: object = None) -> tuple[object, object]:
        capsules: tuple[object, object] = self._data.__arrow_c_array__(requested_schema)
        return capsules


class OnlyStream:
    """Any other library's stream of arrays."""

    def __init__(self, data: Any) -> None:
        self._data = data

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self._data.__arrow_c_stream__(requested_schema)


def in_chunks(strings: list[Any]) -> pa.ChunkedArray:
    return pa.chunked_array([strings[:2], [], strings[2:]], pa.string())


def struct_of(strings: Any, **options: Any) -> pa.StructArray:
    return pa.StructArray.from_arrays([pa.array(strings, pa.string())], names=["text"], **options)


def from_duckdb(strings: list[Any]) -> Any:
    table = pa.table({"text": pa.array(strings, pa.string())})
    return duckdb.from_arrow(table, connection=duckdb.connect())


# Each takes a list of strings, in which None is a null.
PRODUCERS: dict[str, Callable[[list[Any]], Any]] = {
    **{str(t): lambda strings, t=t: pa.array(strings, t) for t in STRING_TYPES},
    "chunked array": in_chunks,
    "chunked views": lambda strings: in_chunks(strings).cast(pa.string_view()),
    "table": lambda strings: pa.table({"text": in_chunks(strings)}),
    "record batch": lambda strings: pa.record_batch({"text": pa.array(strings, pa.string())}),
    "record batch reader": lambda strings: pa.table({"text": in_chunks(strings)}).to_reader(),
    "struct array": struct_of,
    "object with an array": lambda strings: OnlyArray(pa.array(strings, pa.string())),
    "object with a stream": lambda strings: OnlyStream(in_chunks(strings)),
    "Polars series": lambda strings: pl.Series(strings, dtype=pl.String),
    "Polars frame": lambda strings: pl.DataFrame({"text": strings}, schema={"text": pl.String}),
    "DuckDB relation": from_duckdb,
}

SLICEABLE = [
    name for name in PRODUCERS if not name.startswith(("object", "DuckDB", "record batch r"))
]


def assert_read_as(tok: Tokenizer, make: Callable[[], Any], strings: list[Any]) -> None:
    """All batch calls treat Arrow data as they treat a list."""
    assert tok.encode_ragged(make()) == tok.encode_ragged(strings)
    assert [ids.tolist() for ids in tok.encode_batch(make())] == [
        ids.tolist() for ids in tok.encode_batch(strings)
    ]
    assert tok.count_batch(make()).tolist() == tok.count_batch(strings).tolist()


@pytest.mark.parametrize("producer", PRODUCERS)
@pytest.mark.parametrize("strings", [TEXTS, [], ["one"], [""] * 3, TEXTS * 9], ids=len)
def test_arrow_strings_are_read_as_a_list_of_them(
    tok: Tokenizer, producer: str, strings: list[str]
) -> None:
    assert_read_as(tok, lambda: PRODUCERS[producer](strings), strings)


@pytest.mark.parametrize("data_type", BINARY_TYPES, ids=str)
def test_binary_arrays_may_hold_invalid_utf8(tok: Tokenizer, data_type: pa.DataType) -> None:
    values = [b"\xff\xfe", b"", b"ab\x00" * 7, "🙂".encode()[:3]]
    assert_read_as(tok, lambda: pa.array(values, data_type), values)


@pytest.mark.parametrize("producer", SLICEABLE)
@pytest.mark.parametrize(("start", "length"), [(0, 3), (1, 4), (3, 0), (5, 2), (2, 1)])
def test_a_slice_is_read_from_where_it_begins(
    tok: Tokenizer, producer: str, start: int, length: int
) -> None:
    data = PRODUCERS[producer](TEXTS).slice(start, length)
    assert_read_as(tok, lambda: data, TEXTS[start : start + length])


def test_offsets_of_a_struct_and_of_its_column_add_up(tok: Tokenizer) -> None:
    column = pa.array(["no", *TEXTS], pa.string()).slice(1)
    data = pa.StructArray.from_arrays([column], names=["text"]).slice(2, 3)
    assert_read_as(tok, lambda: data, TEXTS[2:5])


@given(st.lists(texts(), max_size=8), st.sampled_from(STRING_TYPES), st.integers(0, 8))
def test_any_strings(tok: Tokenizer, strings: list[str], data_type: pa.DataType, cut: int) -> None:
    array = pa.array(strings, data_type)
    chunks = pa.chunked_array([array.slice(0, cut), array.slice(cut)])
    assert tok.encode_ragged(array) == tok.encode_ragged(strings)
    assert tok.encode_ragged(chunks) == tok.encode_ragged(strings)


@pytest.mark.parametrize("num_threads", [1, 2])
def test_a_long_column_is_read_by_several_threads(tok: Tokenizer, num_threads: int) -> None:
    strings = [f"{number} {'你好' * (number % 50)}" for number in range(20_000)]
    column = pa.chunked_array([pa.array(strings[i : i + 999]) for i in range(0, 20_000, 999)])
    expected = tok.encode_ragged(strings, num_threads=1)
    assert tok.encode_ragged(column, num_threads=num_threads) == expected


def test_a_chunked_array_without_chunks_is_empty(tok: Tokenizer) -> None:
    assert_read_as(tok, lambda: pa.chunked_array([], pa.string()), [])


@pytest.mark.parametrize("call", ["encode_batch", "encode_ragged", "count_batch"])
@pytest.mark.parametrize("producer", PRODUCERS)
def test_a_null_is_an_error_that_names_the_row(tok: Tokenizer, producer: str, call: str) -> None:
    data = PRODUCERS[producer](["a", "b", "c", None, None])
    with pytest.raises(ValueError, match=r"\brow 3 is null"):
        getattr(tok, call)(data)


@pytest.mark.parametrize("producer", SLICEABLE)
def test_a_null_in_a_slice_is_counted_from_where_the_slice_begins(
    tok: Tokenizer, producer: str
) -> None:
    # More than a byte of validity bits, and the slice begins within one.
    data = PRODUCERS[producer](["a", None, *["b"] * 20, None, "c"]).slice(2)
    with pytest.raises(ValueError, match="row 20 is null"):
        tok.encode_ragged(data)
    assert len(tok.encode_ragged(data.slice(0, 20))) == 20


def test_a_null_struct_is_a_null_row(tok: Tokenizer) -> None:
    data = struct_of(["a", "b", "c", "d"], mask=pa.array([True, False, True, False]))
    assert len(tok.encode_ragged(data.slice(1, 1))) == 1
    with pytest.raises(ValueError, match="row 1 is null"):
        tok.encode_ragged(data.slice(1))


NO_STRINGS = [
    pa.array([1, 2]),
    pa.array(["a"]).dictionary_encode(),
    pa.array([["a"]]),
    pa.array([b"ab"], pa.binary(2)),
    pa.array([None]),
    pa.table({"a": ["x"], "b": ["y"]}),
    pa.table({"a": [1]}),
    pa.table({}),
]
if pl:
    NO_STRINGS += [pl.Series([1.5]), pl.Series(["a"], dtype=pl.Categorical)]
    NO_STRINGS += [pl.DataFrame({"a": ["x"], "b": ["y"]})]


@pytest.mark.parametrize("call", ["encode_batch", "encode_ragged", "count_batch"])
@pytest.mark.parametrize("data", NO_STRINGS, ids=lambda data: type(data).__name__)
def test_what_is_no_column_of_strings_is_a_type_error(tok: Tokenizer, call: str, data: Any) -> None:
    with pytest.raises(TypeError, match="Arrow data"):
        getattr(tok, call)(data)


def test_duckdb_results_of_several_columns_are_a_type_error(tok: Tokenizer) -> None:
    with pytest.raises(TypeError, match="2 columns"):
        tok.encode_ragged(duckdb.sql("SELECT 'a' AS x, 'b' AS y"))


def string_array(data_type: pa.DataType, offsets: list[int], dtype: Any) -> pa.Array:
    buffers = [None, pa.py_buffer(np.array(offsets, dtype)), pa.py_buffer(b"abcdef")]
    return pa.Array.from_buffers(data_type, len(offsets) - 1, buffers)


@pytest.mark.parametrize(
    ("data_type", "dtype"), [(pa.string(), np.int32), (pa.large_binary(), np.int64)], ids=str
)
@pytest.mark.parametrize(("offsets", "row"), [([0, 3, 1, 4], 1), ([0, 1, 6, 5], 2)])
def test_offsets_that_go_backwards_are_an_error(
    tok: Tokenizer, data_type: pa.DataType, dtype: Any, offsets: list[int], row: int
) -> None:
    with pytest.raises(ValueError, match=f"row {row}"):
        tok.encode_ragged(string_array(data_type, offsets, dtype))


@pytest.mark.parametrize(
    ("size", "buffer", "offset"),
    [(-1, 0, 0), (20, 1, 0), (20, -1, 0), (20, 0, 1), (20, 0, -1), (2**31 - 1, 0, 2**31 - 1)],
)
def test_a_view_out_of_its_buffers_is_an_error(
    tok: Tokenizer, size: int, buffer: int, offset: int
) -> None:
    views = struct.pack("=iiii", 20, 0, 0, 0) + struct.pack("=iiii", size, 0, buffer, offset)
    buffers = [None, pa.py_buffer(views), pa.py_buffer(b"x" * 20)]
    with pytest.raises(ValueError, match="row 1"):
        tok.encode_ragged(pa.Array.from_buffers(pa.string_view(), 2, buffers))


@pytest.mark.parametrize(
    ("kind", "data", "consumer"),
    [
        ("array", "pa.array(['abc' * 1000] * 1000)", "tok.encode_ragged"),
        ("array", "pa.array(['abc' * 1000] * 1000)", "pa.array"),
        ("stream", "pa.chunked_array([['a']])", "pa.chunked_array"),
    ],
)
def test_data_that_a_consumer_has_taken_over_are_an_error(
    kind: str, data: str, consumer: str
) -> None:
    # In a process of its own, as what the capsules point to may be gone.
    code = (
        "import pyarrow as pa, rwkv_tok\n"
        f"tok, capsules = rwkv_tok.load(), {data}.__arrow_c_{kind}__()\n"
        f"Producer = type('Producer', (), {{'__arrow_c_{kind}__': lambda *_: capsules}})\n"
        f"{consumer}(Producer())\n"
        "try:\n    tok.encode_ragged(Producer())\n"
        "except ValueError:\n    print('ValueError')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "ValueError\n"), done.stderr


@pytest.mark.parametrize("wrong", [None, 5, (1, 2), object()])
@pytest.mark.parametrize("method", ["__arrow_c_array__", "__arrow_c_stream__"])
def test_a_producer_without_capsules_is_an_error(tok: Tokenizer, method: str, wrong: Any) -> None:
    producer = type("Producer", (), {method: lambda self, schema=None: wrong})()  # noqa: ARG005
    with pytest.raises((TypeError, ValueError)):
        tok.encode_ragged(producer)


def test_an_error_of_the_producer_is_reported(tok: Tokenizer) -> None:
    def batches() -> Any:
        yield pa.record_batch({"text": ["a"]})
        raise LookupError("the disk is gone")

    schema = pa.schema([("text", pa.string())])
    with pytest.raises(RuntimeError, match="the disk is gone"):
        tok.encode_ragged(pa.RecordBatchReader.from_batches(schema, batches()))


@pytest.mark.parametrize("strings", [["x" * 1000] * 99, ["x" * 1000, None]], ids=["good", "null"])
@pytest.mark.parametrize("producer", ["string", "chunked views", "table", "record batch"])
def test_the_data_are_released_after_the_call(
    tok: Tokenizer, producer: str, strings: list[Any]
) -> None:
    gc.collect()
    before = pa.total_allocated_bytes()
    data = PRODUCERS[producer](strings)
    assert pa.total_allocated_bytes() > before
    try:
        result = tok.encode_ragged(data)
    except ValueError:
        result = None
    del data
    assert pa.total_allocated_bytes() == before
    assert result is None or result.ids.size > 0
