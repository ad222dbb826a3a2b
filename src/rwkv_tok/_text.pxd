"""A text that a caller passed in, as the kernels see it."""

cdef enum:
    UTF8 = 0    # a Span's unit_size where the bytes can be read as they are


# Where a text lies. Either bytes to be read as they are (unit_size is UTF8: buffers, and a str of
# ASCII characters), or the code units of another str, of 1, 2 or 4 bytes each.
cdef struct Span:
    const void* data
    size_t length               # bytes or code units
    int unit_size               # 1, 2 or 4; or UTF8


cdef inline size_t most_bytes(const Span* span) noexcept nogil:
    """The most bytes that the UTF-8 of a text can have, and so the most ids."""
    # A character that CPython keeps in 1, 2 or 4 bytes takes up to 2, 3 or 4 in UTF-8.
    return span.length * (4 if span.unit_size == 4 else span.unit_size + 1)


cdef object read_text(object text, Span* span)
cdef object open_buffer(object owner, str expectation)
cdef str item_format(object view)
