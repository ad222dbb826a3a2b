"""Arrow strings, read in place through the C data interface: no copy, no Python objects, and no
need for a particular Arrow library (PyArrow, Polars, DuckDB and others speak it).
"""

from cpython.exc cimport PyErr_CheckSignals
from cpython.pycapsule cimport PyCapsule_GetPointer
from libc.stdint cimport int32_t, int64_t, uint8_t


cdef enum:
    READABLE = 0
    IS_NULL = -1
    OUT_OF_RANGE = -2
    INLINE_SIZE = 12        # bytes of the longest string that a View holds itself


cdef dict LAYOUTS = {
    "u": OFFSETS_32, "z": OFFSETS_32,
    "U": OFFSETS_64, "Z": OFFSETS_64,
    "vu": VIEWS, "vz": VIEWS,
}
cdef tuple TEXTS = ("u", "U", "vu")     # the others are binary


def has_arrow_interface(data):
    """Whether an object hands out Arrow data through the PyCapsule interface."""
    return hasattr(data, "__arrow_c_array__") or hasattr(data, "__arrow_c_stream__")


def read_columns(data):
    """Read an array or a stream of strings: a list of StringColumn, one for each chunk.

    A struct or a table with one column stands for that column.

    Raises
    ------
    TypeError
        The data are no strings.
    ValueError
        Somebody else has consumed them already.
    RuntimeError
        The producer failed.
    """
    if hasattr(data, "__arrow_c_array__"):
        schema_capsule, array_capsule = data.__arrow_c_array__()
        return [read_array(schema_capsule, array_capsule)]
    return read_stream(data.__arrow_c_stream__())


cdef StringColumn read_array(schema_capsule, array_capsule):
    cdef ArrowSchema* schema = <ArrowSchema*> PyCapsule_GetPointer(schema_capsule, "arrow_schema")
    cdef ArrowArray* array = <ArrowArray*> PyCapsule_GetPointer(array_capsule, "arrow_array")
    if schema.release == NULL or array.release == NULL:
        raise consumed()
    return take_array(array, string_kind(schema))


cdef list read_stream(capsule):
    cdef ArrowArrayStream* source = <ArrowArrayStream*> PyCapsule_GetPointer(
        capsule, "arrow_array_stream"
    )
    cdef ArrowArrayStream stream = source[0]
    cdef ArrowSchema schema
    cdef int failed
    if stream.release == NULL:
        raise consumed()
    source.release = NULL       # it is ours now
    # Without the GIL: the producer may have threads of its own that need it to go on.
    try:
        with nogil:
            failed = stream.get_schema(&stream, &schema)
        if failed:
            raise stream_error(&stream)
        try:
            kind = string_kind(&schema)
        finally:
            schema.release(&schema)
        columns = []
        while (column := next_array(&stream, kind)) is not None:
            columns.append(column)
            PyErr_CheckSignals()
        return columns
    finally:
        with nogil:
            stream.release(&stream)


cdef consumed():
    return ValueError("the Arrow data have been consumed already")


cdef next_array(ArrowArrayStream* stream, tuple kind):
    # It is there before the array, which it releases whatever happens.
    cdef StringColumn column = StringColumn()
    cdef int failed
    with nogil:
        failed = stream.get_next(stream, &column.array)
    if failed:
        column.array.release = NULL     # what it left there is no array
        raise stream_error(stream)
    if column.array.release == NULL:
        return None
    column.open(kind)
    return column


cdef stream_error(ArrowArrayStream* stream):
    cdef const char* message
    with nogil:
        message = stream.get_last_error(stream)
    reason = "no reason given" if message == NULL else message.decode(errors="replace")
    return RuntimeError(f"the Arrow stream failed: {reason}")


cdef tuple string_kind(const ArrowSchema* schema):
    """The format of the strings, and whether they are the only column of a struct."""
    cdef bint nested = schema.format == b"+s" and schema.n_children == 1
    if nested:
        schema = schema.children[0]
    format = schema.format.decode()
    if schema.dictionary != NULL:
        raise TypeError("the Arrow data are dictionary-encoded: cast them to strings")
    if format not in LAYOUTS:
        what = f"a struct of {schema.n_children} columns" if format == "+s" else repr(format)
        raise TypeError(
            f"expected Arrow data of type string or binary, not {what}: select a column of text"
        )
    return format, nested


cdef StringColumn take_array(ArrowArray* array, tuple kind):
    """Take over an array from its producer."""
    cdef StringColumn column = StringColumn()
    column.array = array[0]
    array.release = NULL
    column.open(kind)
    return column


cdef class StringColumn:
    """One chunk of Arrow strings."""

    def __dealloc__(self):
        if self.array.release != NULL:
            self.array.release(&self.array)

    cdef int open(self, tuple kind) except -1:
        """Find the strings of an array that has been taken over."""
        format, nested = kind
        self.layout = LAYOUTS[format]
        self.is_text = format in TEXTS
        self.length = self.array.length
        self.strings = &self.array
        self.offset = self.array.offset
        if nested:
            self.strings = self.array.children[0]
            self.offset += self.strings.offset
        return 0

    cdef int read(self, size_t row, const void** data, size_t* size) noexcept nogil:
        """Find one string; negative if it is null or its offsets make no sense."""
        cdef const void** buffers = self.strings.buffers
        cdef int64_t index = <int64_t> row + self.offset
        cdef int64_t begin, end
        if self.is_null(row):
            return IS_NULL
        if self.layout == VIEWS:
            return self.read_view(&(<const View*> buffers[1])[index], data, size)
        if self.layout == OFFSETS_32:
            begin = (<const int32_t*> buffers[1])[index]
            end = (<const int32_t*> buffers[1])[index + 1]
        else:
            begin = (<const int64_t*> buffers[1])[index]
            end = (<const int64_t*> buffers[1])[index + 1]
        if not 0 <= begin <= end:
            return OUT_OF_RANGE
        data[0] = <const uint8_t*> buffers[2] + begin
        size[0] = end - begin
        return READABLE

    cdef int read_view(self, const View* view, const void** data, size_t* size) noexcept nogil:
        cdef int64_t variadic = self.strings.n_buffers - 3
        cdef const int64_t* sizes
        if view.size < 0:
            return OUT_OF_RANGE
        size[0] = view.size
        if view.size <= INLINE_SIZE:
            data[0] = &view.prefix
            return READABLE
        sizes = <const int64_t*> self.strings.buffers[self.strings.n_buffers - 1]
        if (
            not 0 <= view.buffer < variadic
            or view.offset < 0
            or <int64_t> view.offset + view.size > sizes[view.buffer]
        ):
            return OUT_OF_RANGE
        data[0] = <const uint8_t*> self.strings.buffers[2 + view.buffer] + view.offset
        return READABLE

    cdef bint is_null(self, size_t row) noexcept nogil:
        if is_invalid(&self.array, row + self.array.offset):
            return True
        return self.strings != &self.array and is_invalid(self.strings, row + self.offset)

    cdef object error(self, size_t row, size_t document):
        """The exception for a string that cannot be read."""
        if self.is_null(row):
            return ValueError(f"row {document} is null: drop the nulls or fill them in")
        return ValueError(f"row {document} has offsets that lie outside the Arrow data")


cdef bint is_invalid(const ArrowArray* array, size_t index) noexcept nogil:
    cdef const uint8_t* validity
    if array.null_count == 0 or array.n_buffers == 0 or array.buffers[0] == NULL:
        return False
    validity = <const uint8_t*> array.buffers[0]
    return not validity[index // 8] >> (index % 8) & 1
