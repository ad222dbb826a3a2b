"""Parquet and Arrow IPC: a column of strings, read without making Python objects of them.

Strings are taken as the bytes that they are; only rows without a value are bad records.
"""

from __future__ import annotations

from contextlib import contextmanager
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from rwkv_tok.data.reading.documents import BLOCK_SIZE, BadRecord, Block
from rwkv_tok.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rwkv_tok.data.reading.documents import Reader, ReadOptions
    from rwkv_tok.data.reading.source import Source

__all__ = ["open_reader", "part_count"]

# Rows read at a time, at the most: how large they are shows only afterwards.
_MOST_ROWS = 1024
# Record batches of an Arrow file that make up a part. Those of `datasets` hold 1,000 rows.
_BATCHES_OF_PART = 16

_BINARY_OF = {
    pa.string(): pa.binary(),
    pa.large_string(): pa.large_binary(),
    pa.string_view(): pa.binary_view(),
}
_BINARY = (*_BINARY_OF.values(), pa.null())


def open_reader(source: Source, options: ReadOptions) -> Reader:
    """Open a source, to read its parts."""
    return _open(source, options.text_field)


def part_count(source: Source, options: ReadOptions) -> int:
    """How many parts there are: row groups of a Parquet file, 16 batches each of an Arrow file."""
    reader = _open(source, options.text_field)
    reader.close()
    return reader.part_count


def _open(source: Source, field: str) -> _ParquetReader | _ArrowReader:
    source.check_unchanged()
    with _complaints(source):
        if source.format == "parquet":
            return _ParquetReader(source, field)
        return _ArrowReader(source, field)


class _ParquetReader:
    """Reads the row groups of a Parquet file; see `documents.Reader`."""

    def __init__(self, source: Source, field: str) -> None:
        self._source = source
        self._field = field
        self._file = pq.ParquetFile(source.path, buffer_size=BLOCK_SIZE, pre_buffer=False)
        _check_field(source, self._file.schema_arrow, field)
        self.part_count: int = max(1, self._file.num_row_groups)
        self._done = 0
        metadata = self._file.metadata
        groups = (metadata.row_group(i).num_rows for i in range(metadata.num_row_groups))
        self._rows_before = [*accumulate(groups, initial=0)]
        self._share = 0.0  # of the rows that are done with

    def read(self, part: int) -> Iterator[Block]:
        """The documents of a row group."""
        if part < self._file.num_row_groups:
            with _complaints(self._source):
                batches = self._file.iter_batches(
                    batch_size=self._rows_of_block(part),
                    row_groups=[part],
                    columns=[self._field],
                    use_threads=False,
                )
                rows = self._rows_before[part]
                for batch in batches:
                    rows += len(batch)
                    self._share = rows / self._file.metadata.num_rows
                    yield _block(batch, self._field)
        self._done = part + 1

    def _rows_of_block(self, part: int) -> int:
        """As many rows as make up a block, as far as the sizes of columns tell."""
        group = self._file.metadata.row_group(part)
        columns = (group.column(i) for i in range(group.num_columns))
        size = sum(
            column.total_uncompressed_size
            for column in columns
            if f"{column.path_in_schema}.".startswith(f"{self._field}.")
        )
        rows: int = group.num_rows * BLOCK_SIZE // max(1, size)
        return max(1, min(_MOST_ROWS, rows))

    @property
    def at_end(self) -> bool:
        """Whether nothing comes after the part that was read last."""
        return self._done >= self.part_count

    @property
    def position(self) -> int:
        """How many bytes of the file are done with, about."""
        return round(self._source.size * self._share)

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class _ArrowReader:
    """Reads the record batches of an Arrow IPC file or stream; see `documents.Reader`."""

    def __init__(self, source: Source, field: str) -> None:
        self._source = source
        self._field = field
        self._memory = pa.memory_map(source.path)
        try:
            self._file: Any = pa.ipc.open_file(self._memory)
            count = self._file.num_record_batches
        except pa.ArrowInvalid:
            # A stream, as `datasets` writes them: to look for its batches reads none of their data.
            count = sum(1 for _ in self._open_stream())
            self._file = None
            self._stream, self._next_batch = self._open_stream(), 0
        _check_field(source, (self._file or self._stream).schema, field)
        self._batch_count = count
        self.part_count: int = max(1, -(-count // _BATCHES_OF_PART))
        self._done = 0
        self._share = 0.0  # of the batches that are done with

    def read(self, part: int) -> Iterator[Block]:
        """The documents of the record batches of a part."""
        first = part * _BATCHES_OF_PART
        with _complaints(self._source):
            for number in range(first, min(first + _BATCHES_OF_PART, self._batch_count)):
                batch = self._batch(number)
                for start in range(0, len(batch), _MOST_ROWS):
                    rows = batch.slice(start, _MOST_ROWS)
                    self._share = (number + (start + len(rows)) / len(batch)) / self._batch_count
                    yield _block(rows, self._field)
        self._done = part + 1

    def _batch(self, number: int) -> pa.RecordBatch:
        if self._file is not None:
            return self._file.get_batch(number)
        while self._next_batch < number:
            self._stream.read_next_batch()
            self._next_batch += 1
        self._next_batch += 1
        return self._stream.read_next_batch()

    def _open_stream(self) -> pa.RecordBatchStreamReader:
        self._memory.seek(0)
        return pa.ipc.open_stream(self._memory)

    @property
    def at_end(self) -> bool:
        """Whether nothing comes after the part that was read last."""
        return self._done >= self.part_count

    @property
    def position(self) -> int:
        """How many bytes of the file are done with, about."""
        return round(self._source.size * self._share)

    def close(self) -> None:
        """Close the file."""
        self._memory.close()


def _block(batch: pa.RecordBatch, field: str) -> Block:
    name, *inner = field.split(".")
    column = batch.column(name)
    # The offsets of a damaged file may point anywhere.
    column.validate(full=column.type not in _BINARY_OF)
    if inner:
        column = pc.struct_field(column, inner)
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if column.type in _BINARY_OF:
        column = column.view(_BINARY_OF[column.type])
    column.validate(full=True)
    is_null = column.is_null().to_numpy(zero_copy_only=False)
    bad = [BadRecord(row, f"no value in {field}") for row in is_null.nonzero()[0].tolist()]
    texts = column.drop_null() if bad else column
    if texts.type == pa.null():
        texts = texts.cast(pa.binary())
    numbers = (~is_null).nonzero()[0].tolist() if bad else None
    return Block(texts, len(column), bad=bad, numbers=numbers)


def _check_field(source: Source, schema: pa.Schema, field: str) -> None:
    """Raise DataError unless there is a column of strings where documents should be."""
    name, *inner = field.split(".")
    if schema.get_field_index(name) < 0:
        names = ", ".join(schema.names)
        raise DataError(f"{source.name} has no column {name}, only {names}: say --text-field")
    kind = schema.field(name).type
    for part in inner:
        if not pa.types.is_struct(kind) or kind.get_field_index(part) < 0:
            raise DataError(f"{source.name} has no field {field}: there is no {part} in {kind}")
        kind = kind.field(part).type
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if kind not in _BINARY_OF and kind not in _BINARY:
        raise DataError(f"{source.name}: {field} is {kind}, not text")


@contextmanager
def _complaints(source: Source) -> Iterator[None]:
    """Turn what pyarrow raises about a file into a DataError."""
    try:
        yield
    except (pa.ArrowException, OSError, UnicodeError) as error:  # names may be damaged, too
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DataError(f"{source.name} is damaged, or no {source.format}: {reason}") from error
