"""A text that a caller passed in: str or any contiguous buffer of bytes, read where it lies."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from cpython.memoryview cimport PyMemoryView_GET_BUFFER
from libc.stdint cimport uint8_t, uint16_t, uint32_t

from ._utf8 cimport measure


cdef extern from "Python.h":
    bint PyUnicode_IS_ASCII(object text)
    int PyUnicode_KIND(object text)
    void* PyUnicode_DATA(object text)
    Py_ssize_t PyUnicode_GetLength(object text) except -1


cdef enum:
    # Below so many code units a kernel is done in about a microsecond: not worth another thread's
    # chance to run.
    SHORT = 1024


cdef object read_text(object text, Span* span):
    """Fill `span`; return the object that keeps its memory where it is.

    Raises TypeError for what is no text, ValueError for a buffer that is not contiguous and
    UnicodeEncodeError for a str with lone surrogates.
    """
    if isinstance(text, str):
        read_str(text, span)
        return text
    span.unit_size = UTF8
    if isinstance(text, bytes):
        span.data = PyBytes_AS_STRING(text)
        span.length = span.size = PyBytes_GET_SIZE(text)
        return text
    return read_buffer(text, span)


cdef int read_str(str text, Span* span) except -1:
    cdef Py_ssize_t size
    # The function, not the macro: it also readies the few old-style strings of CPython 3.11.
    span.length = span.size = PyUnicode_GetLength(text)
    span.data = PyUnicode_DATA(text)
    if PyUnicode_IS_ASCII(text):
        span.unit_size = UTF8
        return 0
    span.unit_size = PyUnicode_KIND(text)
    if span.length <= SHORT:
        size = measure_span(span)
    else:
        with nogil:
            size = measure_span(span)
    if size < 0:
        text.encode()   # raises the UnicodeEncodeError that says where
    span.size = size
    return 0


cdef Py_ssize_t measure_span(const Span* span) noexcept nogil:
    if span.unit_size == 1:
        return measure(<const uint8_t*> span.data, span.length)
    if span.unit_size == 2:
        return measure(<const uint16_t*> span.data, span.length)
    return measure(<const uint32_t*> span.data, span.length)


cdef object read_buffer(object text, Span* span):
    try:
        view = memoryview(text)
    except TypeError:
        raise TypeError(
            f"a text must be str or a buffer of bytes, not {type(text).__name__}"
        ) from None
    if view.ndim == 0 or view.format not in ("B", "b", "c"):
        raise TypeError(
            f"a text must be str or a buffer of bytes, not {type(text).__name__} "
            f"with {view.ndim} dimensions of format {view.format!r}"
        )
    if not view.c_contiguous:
        raise ValueError(f"this {type(text).__name__} is not contiguous: pass a copy of it")
    cdef Py_buffer* buffer = PyMemoryView_GET_BUFFER(view)
    span.data = buffer.buf
    span.length = span.size = buffer.len
    return view
