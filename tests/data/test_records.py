"""RecordReader: where records end, and to which part they belong."""

import io
import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rwkv_tok.data.reading import records
from rwkv_tok.data.reading.records import RecordReader, is_self_synchronizing

DELIMITERS = [b"\n", b"ab", b"\r\n", b"<|end|>", b"\n\n", b"aba", b"\n---\n"]
LONGEST = 20


class CountingStream(io.BytesIO):
    """Counts the bytes that are read."""

    count = 0

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        self.count += len(data)
        return data


def reader_of(stream: Any, delimiter: bytes) -> RecordReader:
    return RecordReader(stream, delimiter)


def expected_records(data: bytes, delimiter: bytes) -> list[bytes]:
    found = data.split(delimiter)
    return found if found[-1] else found[:-1]


def read_parts(reader: RecordReader, size: int, part_size: int) -> list[list[bytes | None]]:
    """The records of each part, read one after the other as a stream is."""
    parts: list[list[bytes | None]] = []
    while not reader.at_end or not parts:
        stop = (len(parts) + 1) * part_size
        parts.append([record for some in reader.read_until(stop) for record in some])
        assert len(parts) <= size + 2
    return parts


def seek_parts(
    data: bytes, delimiter: bytes, part_size: int
) -> tuple[list[list[bytes | None]], CountingStream]:
    """The same, but going to the beginning of each part."""
    stream = CountingStream(data)
    reader = reader_of(stream, delimiter)
    parts = []
    for start in range(0, max(1, len(data)), part_size):
        reader.seek(start, start + part_size)
        parts.append([record for some in reader.read_until(start + part_size) for record in some])
    return parts, stream


def starts_of(found: list[bytes], delimiter: bytes) -> list[int]:
    starts = [0]
    for record in found[:-1]:
        starts.append(starts[-1] + len(record) + len(delimiter))
    return starts[: len(found)]


@st.composite
def cases(draw: st.DrawFn) -> tuple[bytes, bytes, int, int]:
    """Data, a delimiter, the size of a part, and that of a block."""
    delimiter = draw(st.sampled_from(DELIMITERS))
    pieces = st.sampled_from([delimiter, delimiter[:1], delimiter[1:], b"a", b"b", b"x" * 9, b"\n"])
    data = b"".join(draw(st.lists(pieces, max_size=20)))
    return data, delimiter, draw(st.integers(1, 24)), draw(st.integers(1, 12))


@given(cases())
def test_records_are_those_of_split(case: tuple[bytes, bytes, int, int]) -> None:
    data, delimiter, part_size, block = case
    expected = expected_records(data, delimiter)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(records, "BLOCK_SIZE", block)
        parts = read_parts(reader_of(io.BytesIO(data), delimiter), len(data), part_size)
    assert [record for part in parts for record in part] == expected


@given(cases())
def test_a_record_belongs_to_the_part_it_begins_in(case: tuple[bytes, bytes, int, int]) -> None:
    data, delimiter, part_size, block = case
    found = expected_records(data, delimiter)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(records, "BLOCK_SIZE", block)
        parts = read_parts(reader_of(io.BytesIO(data), delimiter), len(data), part_size)
        if is_self_synchronizing(delimiter):
            sought, _ = seek_parts(data, delimiter, part_size)
            assert sought[: len(parts)] == parts
            assert not any(sought[len(parts) :])
    for record, start in zip(found, starts_of(found, delimiter), strict=True):
        assert parts[start // part_size].pop(0) == record


@given(cases(), st.integers(12, 40))
def test_records_that_are_too_long_are_none(
    case: tuple[bytes, bytes, int, int], longest: int
) -> None:
    data, delimiter, part_size, block = case
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(records, "BLOCK_SIZE", block)
        patch.setattr(records, "LONGEST_DOCUMENT", longest)
        parts = read_parts(reader_of(io.BytesIO(data), delimiter), len(data), part_size)
        if is_self_synchronizing(delimiter):
            sought, _ = seek_parts(data, delimiter, part_size)
            assert sought[: len(parts)] == parts
    assert [record for part in parts for record in part] == [
        record if len(record) <= longest else None for record in expected_records(data, delimiter)
    ]


def test_where_a_record_begins_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "BLOCK_SIZE", 4)
    monkeypatch.setattr(records, "LONGEST_DOCUMENT", 6)
    reader = reader_of(io.BytesIO(b"ab\nabcdefghijkl\n\nc"), b"\n")
    seen = []
    while not reader.at_end:
        offset = reader.offset
        seen.append((offset, next(reader.read_until(100))))
    assert seen == [(0, [b"ab"]), (3, [None]), (16, [b""]), (17, [b"c"])]


@pytest.mark.parametrize("delimiter", [b"\n", b"<|end|>"])
def test_a_record_of_many_parts_is_read_about_once(
    delimiter: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records, "BLOCK_SIZE", 64)
    data = b"x" + delimiter + b"y" * 100_000 + delimiter + b"z"
    parts, stream = seek_parts(data, delimiter, 256)
    assert [record for part in parts for record in part] == expected_records(data, delimiter)
    # Once by whom it belongs to, once by all others together.
    assert stream.count < 2.2 * len(data)


def test_a_record_that_is_too_long_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "BLOCK_SIZE", 1 << 12)
    monkeypatch.setattr(records, "LONGEST_DOCUMENT", 1 << 14)
    length = 1 << 22

    class Long:
        left = length

        def read(self, size: int) -> bytes:
            self.left -= size
            return b"x" * size if self.left >= 0 else b""

    reader = reader_of(Long(), b"\n")
    tracemalloc.start()
    assert list(reader.read_until(10)) == [[None]]
    assert tracemalloc.get_traced_memory()[1] < 1 << 16
    tracemalloc.stop()
    assert reader.offset == length
    assert reader.at_end


@pytest.mark.parametrize(
    ("delimiter", "expected"),
    [
        (b"\n", True),
        (b"\r\n", True),
        (b"<|endoftext|>", True),
        (b"\n\n", False),
        (b"aba", False),
        (b"abcab", False),
        (b"\n---\n", False),
    ],
)
def test_where_delimiters_may_overlap(delimiter: bytes, expected: bool) -> None:
    assert is_self_synchronizing(delimiter) is expected
