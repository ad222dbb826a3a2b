"""encode_ragged_with_offsets: Arrow data, and what it refuses."""

from collections.abc import Callable, Iterator
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
TEXTS = [
    "Hello world",
    "",
    "你好世界",
    "今天是美好的一天。",
    "a" * 13,
    "é🙂",
    "",
    "Grüße 12",
    "\x00",
]

STRING_TYPES = [pa.string(), pa.large_string(), pa.string_view()]
BINARY_TYPES = [pa.binary(), pa.large_binary(), pa.binary_view()]

both_units = pytest.mark.parametrize("unit", ["char", "byte"])


def from_duckdb(strings: list[Any]) -> Any:
    table = pa.table({"text": pa.array(strings, pa.string())})
    return duckdb.from_arrow(table, connection=duckdb.connect())


PRODUCERS: dict[str, Callable[[list[Any]], Any]] = {
    **{str(t): lambda strings, t=t: pa.array(strings, t) for t in STRING_TYPES},
    "chunked array": lambda strings: pa.chunked_array([strings[:2], [], strings[2:]], pa.string()),
    "table": lambda strings: pa.table({"text": pa.array(strings, pa.string())}),
    "Polars series": lambda strings: pl.Series(strings, dtype=pl.String),
    "Polars frame": lambda strings: pl.DataFrame({"text": strings}, schema={"text": pl.String}),
    "DuckDB relation": from_duckdb,
}
SLICEABLE = [name for name in PRODUCERS if not name.startswith("DuckDB")]


@pytest.fixture(scope="module")
def single_bytes() -> Tokenizer:
    return Tokenizer.from_tokens({byte + 1: bytes([byte]) for byte in range(256)})


def assert_read_as(tok: Tokenizer, data: Any, expected: list[Any], unit: Any) -> None:
    """Arrow data have the tokens and the offsets that a list of the same texts has."""
    batch, offsets = tok.encode_ragged_with_offsets(data, unit=unit)
    expected_batch, expected_offsets = tok.encode_ragged_with_offsets(expected, unit=unit)
    assert batch == expected_batch
    assert offsets.tolist() == expected_offsets.tolist()


@both_units
@pytest.mark.parametrize("producer", PRODUCERS)
def test_arrow_strings_have_the_offsets_of_a_list_of_them(
    tok: Tokenizer, producer: str, unit: Any
) -> None:
    assert_read_as(tok, PRODUCERS[producer](TEXTS), TEXTS, unit)


@both_units
@pytest.mark.parametrize("producer", SLICEABLE)
@pytest.mark.parametrize(("start", "length"), [(0, 3), (1, 4), (3, 0), (5, 2), (2, 1)])
def test_a_slice_is_read_from_where_it_begins(
    tok: Tokenizer, producer: str, start: int, length: int, unit: Any
) -> None:
    data = PRODUCERS[producer](TEXTS).slice(start, length)
    assert_read_as(tok, data, TEXTS[start : start + length], unit)


@given(st.lists(texts(), max_size=6), st.sampled_from(STRING_TYPES), st.integers(0, 6))
def test_any_arrow_strings_have_characters(
    tok: Tokenizer, strings: list[str], data_type: pa.DataType, cut: int
) -> None:
    array = pa.array(strings, data_type)
    chunks = pa.chunked_array([array.slice(0, cut), array.slice(cut)])
    assert_read_as(tok, array, strings, "char")
    assert_read_as(tok, chunks, strings, "char")


@pytest.mark.parametrize("data_type", BINARY_TYPES, ids=str)
def test_arrow_binary_has_byte_offsets(tok: Tokenizer, data_type: pa.DataType) -> None:
    values = [b"\xff\xfe", b"", b"ab\x00" * 7, "🙂".encode()[:3]]
    assert_read_as(tok, pa.array(values, data_type), values, "byte")


@given(st.lists(st.binary(max_size=12), max_size=5))
def test_arrow_strings_that_are_not_valid_have_a_character_for_each_byte_that_begins_one(
    single_bytes: Tokenizer, values: list[bytes]
) -> None:
    buffers = pa.array(values, pa.binary()).buffers()
    strings = pa.Array.from_buffers(pa.string(), len(values), buffers)
    _, offsets = single_bytes.encode_ragged_with_offsets(strings)
    expected = []
    for value in values:
        begun = 0
        for byte in value:
            goes_on = 0x80 <= byte < 0xC0
            begin = max(begun - goes_on, 0)
            begun += not goes_on
            expected.append([begin, begun])
    assert offsets.tolist() == expected


@pytest.mark.parametrize("num_threads", [1, 2])
def test_a_long_column_is_counted_by_several_threads(tok: Tokenizer, num_threads: int) -> None:
    strings = [f"{number} {'你🙂é' * (number % 50)}" for number in range(10_000)]
    column = pa.chunked_array([pa.array(strings[i : i + 999]) for i in range(0, 10_000, 999)])
    batch, offsets = tok.encode_ragged_with_offsets(column, num_threads=num_threads)
    assert len(batch.ids) > 4 << 16
    assert np.array_equal(offsets, tok.encode_ragged_with_offsets(strings, num_threads=1)[1])


# What is refused


BYTES_IN_PLACE_2: dict[str, Callable[[], Any]] = {
    "bytes": lambda: ["a", "", b"b", b"c"],
    "empty bytes": lambda: ["a", "", b""],
    "bytearray": lambda: ["a", "", bytearray(b"b"), "d"],
    "memoryview": lambda: ["a", "", memoryview(b"b")],
    "NumPy array": lambda: ["a", "", np.zeros(3, np.uint8)],
    "iterator": lambda: iter(["a", "", b"b"]),
}


@pytest.mark.parametrize("kind", BYTES_IN_PLACE_2)
def test_characters_of_bytes_are_a_value_error_that_names_the_document(
    tok: Tokenizer, kind: str
) -> None:
    with pytest.raises(ValueError, match=r"document 2 .* unit='byte'"):
        tok.encode_ragged_with_offsets(BYTES_IN_PLACE_2[kind]())
    assert len(tok.encode_ragged_with_offsets(BYTES_IN_PLACE_2[kind](), unit="byte")[0]) >= 3


@pytest.mark.parametrize("data_type", BINARY_TYPES, ids=str)
def test_characters_of_arrow_binary_are_a_value_error_that_names_the_document(
    tok: Tokenizer, data_type: pa.DataType
) -> None:
    with pytest.raises(ValueError, match=r"document 0 .* unit='byte'"):
        tok.encode_ragged_with_offsets(pa.array([b"valid", b"utf-8"], data_type))


@both_units
@pytest.mark.parametrize("producer", PRODUCERS)
def test_a_null_is_an_error_that_names_the_row(tok: Tokenizer, producer: str, unit: Any) -> None:
    with pytest.raises(ValueError, match=r"\brow 3 is null"):
        tok.encode_ragged_with_offsets(PRODUCERS[producer](["a", "b", "c", None, "d"]), unit=unit)


@pytest.mark.parametrize("single", ["text", b"text", bytearray(b"text")], ids=repr)
@both_units
def test_a_single_text_is_a_type_error(tok: Tokenizer, single: Any, unit: Any) -> None:
    with pytest.raises(TypeError, match="put it into a list"):
        tok.encode_ragged_with_offsets(single, unit=unit)


@pytest.mark.parametrize("wrong", [None, 5, ["text"], 1.5], ids=repr)
@both_units
def test_what_is_no_text_is_a_type_error_that_names_the_document(
    tok: Tokenizer, wrong: Any, unit: Any
) -> None:
    with pytest.raises(TypeError) as caught:
        tok.encode_ragged_with_offsets(["a", wrong], unit=unit)
    assert caught.value.__notes__ == ["in document 1 of the batch"]


@pytest.mark.parametrize("unit", ["chars", "", "bytes", None, 1])
@pytest.mark.parametrize("batch", [[], ["é"]], ids=len)
def test_another_unit_is_refused(tok: Tokenizer, batch: list[str], unit: Any) -> None:
    with pytest.raises(ValueError, match="unit must be 'char' or 'byte'"):
        tok.encode_ragged_with_offsets(batch, unit=unit)


@both_units
@pytest.mark.parametrize("num_threads", [1, 2])
def test_a_lone_surrogate_is_an_error_that_names_the_document(
    tok: Tokenizer, unit: Any, num_threads: int
) -> None:
    with pytest.raises(UnicodeEncodeError) as caught:
        tok.encode_ragged_with_offsets(["é", "", "ab\udc80"], unit=unit, num_threads=num_threads)
    assert (caught.value.start, caught.value.end) == (2, 3)
    assert caught.value.__notes__ == ["in document 2 of the batch"]


@pytest.mark.parametrize(("num_threads", "error"), [(0, ValueError), (True, TypeError)])
def test_another_number_of_threads_is_refused(
    tok: Tokenizer, num_threads: Any, error: type[Exception]
) -> None:
    with pytest.raises(error, match="num_threads"):
        tok.encode_ragged_with_offsets(["a"], num_threads=num_threads)


def test_a_special_token_that_there_is_not_is_refused(tok: Tokenizer) -> None:
    with pytest.raises(ValueError, match=r"no special token '<\|x\|>'"):
        tok.encode_ragged_with_offsets(["a"], allowed_special={"<|x|>"})


@pytest.mark.parametrize("error", [LookupError, KeyboardInterrupt])
def test_an_error_of_the_callers_generator_passes_through(
    tok: Tokenizer, error: type[BaseException]
) -> None:
    def strings() -> Iterator[str]:
        yield "Hello world"
        raise error("no more")

    with pytest.raises(error, match="no more"):
        tok.encode_ragged_with_offsets(strings(), num_threads=2)


class Deceiver(str):
    """A str that says something else than what it is."""

    __slots__ = ()

    def encode(self, *_: object) -> bytes:  # type: ignore[override]
        return b"something else"

    def __len__(self) -> int:
        return 1 << 40

    def __getitem__(self, _: object) -> str:
        return "x"


def test_offsets_are_those_of_the_characters_whatever_a_subclass_says(tok: Tokenizer) -> None:
    strings = ["Hello", "é🙂", "你好"]
    batch, offsets = tok.encode_ragged_with_offsets(map(Deceiver, strings))
    expected, expected_offsets = tok.encode_ragged_with_offsets(strings)
    assert batch == expected
    assert offsets.tolist() == expected_offsets.tolist()
