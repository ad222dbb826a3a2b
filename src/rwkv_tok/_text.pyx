"""A text that a caller passed in: str or any contiguous buffer of bytes, read where it lies."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from cpython.memoryview cimport PyMemoryView_GET_BUFFER

import sys

import numpy as np


cdef extern from "Python.h":
    bint PyUnicode_IS_ASCII(object text)
    int PyUnicode_KIND(object text)
    void* PyUnicode_DATA(object text)
    Py_ssize_t PyUnicode_GetLength(object text) except -1


cdef object read_text(object text, Span* span):
    """Fill `span`; return the object that keeps its memory where it is.

    Raises TypeError for what is no text, ValueError for a buffer that is not contiguous.
    """
    if isinstance(text, str):
        read_str(text, span)
        return text
    span.unit_size = UTF8
    if isinstance(text, bytes):
        span.data = PyBytes_AS_STRING(text)
        span.length = PyBytes_GET_SIZE(text)
        return text
    return read_buffer(text, span)


cdef int read_str(object text, Span* span) except -1:
    # The function, not the macro: it also readies the few old-style strings of CPython 3.11.
    span.length = PyUnicode_GetLength(text)
    span.data = PyUnicode_DATA(text)
    span.unit_size = UTF8 if PyUnicode_IS_ASCII(text) else PyUnicode_KIND(text)
    return 0


cdef object read_buffer(object text, Span* span):
    view = open_buffer(text, "a text must be str or a buffer of bytes")
    if view.ndim == 0 or item_format(view) not in ("B", "b", "c"):
        raise TypeError(
            f"a text must be str or a buffer of bytes, not {type(text).__name__} "
            f"of {view.ndim} dimensions and format {view.format!r}"
        )
    if not view.c_contiguous:
        raise ValueError(f"this {type(text).__name__} is not contiguous: pass a copy of it")
    cdef Py_buffer* buffer = PyMemoryView_GET_BUFFER(view)
    span.data = buffer.buf
    span.length = buffer.len
    return view


cdef object open_buffer(object owner, str expectation):
    """A memoryview of an object; TypeError if it has no buffer."""
    try:
        # The scalars of NumPy export the bytes that they are made of, which are no text.
        if not isinstance(owner, np.generic):
            return memoryview(owner)
    except TypeError:
        pass
    except ValueError:
        # NumPy's word for a dtype without a format; but a closed mmap is a ValueError, too.
        if not isinstance(owner, np.ndarray):
            raise
    raise TypeError(f"{expectation}, not {type(owner).__name__}")


cdef str item_format(object view):
    """The format of a buffer's items, if it is that of this machine; see the struct module."""
    native = "<" if sys.byteorder == "little" else ">"
    return view.format.lstrip("@=" if view.itemsize > 1 else "@=<>!").removeprefix(native)
