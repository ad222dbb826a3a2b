"""A text that a caller passed in, as the kernels see it."""

cdef enum:
    UTF8 = 0    # a Span's unit_size where the bytes can be read as they are


# Where a text lies. Either bytes to be read as they are (unit_size is UTF8: buffers, and a str of
# ASCII characters), or the code units of another str, of 1, 2 or 4 bytes each, without surrogates.
cdef struct Span:
    const void* data
    size_t length               # bytes or code units
    size_t size                 # bytes of its UTF-8
    int unit_size


cdef object read_text(object text, Span* span)
