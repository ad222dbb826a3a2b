"""Arrow strings, read in place through the C data interface.

The structs are those of https://arrow.apache.org/docs/format/CDataInterface.html and
https://arrow.apache.org/docs/format/CStreamInterface.html.
"""

from libc.stdint cimport int32_t, int64_t


cdef struct ArrowSchema:
    const char* format
    const char* name
    const char* metadata
    int64_t flags
    int64_t n_children
    ArrowSchema** children
    ArrowSchema* dictionary
    void (*release)(ArrowSchema*) noexcept
    void* private_data


cdef struct ArrowArray:
    int64_t length
    int64_t null_count
    int64_t offset
    int64_t n_buffers
    int64_t n_children
    const void** buffers
    ArrowArray** children
    ArrowArray* dictionary
    void (*release)(ArrowArray*) noexcept
    void* private_data


cdef struct ArrowArrayStream:
    int (*get_schema)(ArrowArrayStream*, ArrowSchema*) noexcept nogil
    int (*get_next)(ArrowArrayStream*, ArrowArray*) noexcept nogil
    const char* (*get_last_error)(ArrowArrayStream*) noexcept nogil
    void (*release)(ArrowArrayStream*) noexcept nogil
    void* private_data


cdef enum Layout:
    OFFSETS_32      # string and binary
    OFFSETS_64      # large_string and large_binary
    VIEWS           # string_view and binary_view


# A string view; one of up to 12 bytes lies where the last three members are.
cdef struct View:
    int32_t size
    int32_t prefix
    int32_t buffer
    int32_t offset


cdef class StringColumn:
    cdef readonly size_t length
    cdef ArrowArray array           # owned
    cdef ArrowArray* strings        # the array itself, or the only column of a struct
    cdef Layout layout
    cdef bint is_text               # strings, not binary
    cdef int64_t offset

    cdef int open(self, tuple kind) except -1
    cdef int read(self, size_t row, const void** data, size_t* size) noexcept nogil
    cdef int read_view(self, const View* view, const void** data, size_t* size) noexcept nogil
    cdef bint is_null(self, size_t row) noexcept nogil
    cdef object error(self, size_t row, size_t document)
