"""What the decoder of one sequence and that of batches share: bytes and str made in the same way.

What ids decode to is measured, a str or bytes of that size is made, and then it is filled.
"""

cimport numpy as cnp
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport uint8_t
from libc.string cimport memset

from ._decode_bytes cimport fill_bytes, measure_bytes
from ._decode_table cimport (
    ABOVE_ASCII,
    ABOVE_LATIN1,
    ABOVE_UCS2,
    DecodeTable,
    DecodeView,
    RAISE,
    Unknown,
    id_t,
)
from ._decode_text cimport Room, Size, fill_text, measure_text


cdef extern from "Python.h":
    object PyUnicode_New(Py_ssize_t length, Py_UCS4 largest)
    void* PyUnicode_DATA(object text)


cdef Unknown read_policy(object unknown) except? RAISE
cdef int check_errors(object errors) except -1
cdef cnp.ndarray read_array(object ids, Unknown policy)
cdef object decode_array(DecodeTable table, cnp.ndarray ids, Unknown unknown, bint as_text)


cdef inline size_t measure(
    const DecodeView* view,
    const id_t* ids,
    size_t count,
    Unknown unknown,
    bint as_text,
    Size* size,
) noexcept nogil:
    """Add what ids decode to; return how many were looked at.

    Less than `count` if the next one has no token and that is to be raised.
    """
    if as_text:
        return measure_text(view, ids, count, unknown, size)
    return measure_bytes(view, ids, count, unknown, &size.length)


cdef inline object make_result(const Size* size, bint as_text, uint8_t** data):
    """A str or bytes that is to be filled; nobody else may see it before."""
    if as_text:
        text = PyUnicode_New(size.length, largest_character(size.kinds))
        data[0] = <uint8_t*> PyUnicode_DATA(text)
        return text
    result = PyBytes_FromStringAndSize(NULL, size.length)
    data[0] = <uint8_t*> PyBytes_AS_STRING(result)
    return result


cdef inline Py_UCS4 largest_character(unsigned int kinds) noexcept nogil:
    if kinds & ABOVE_UCS2:
        return 0x10FFFF
    if kinds & ABOVE_LATIN1:
        return 0xFFFF
    return 0xFF if kinds & ABOVE_ASCII else 0x7F


cdef inline Room room_for(
    uint8_t* data, unsigned int kinds, size_t first, size_t last
) noexcept nogil:
    """The characters, or bytes, from the first to before the last of a str, or bytes."""
    cdef Room room
    cdef size_t unit_size = 4 if kinds & ABOVE_UCS2 else 2 if kinds & ABOVE_LATIN1 else 1
    memset(&room, 0, sizeof(room))
    room.here = data + unit_size * first
    room.end = data + unit_size * last
    room.kinds = kinds
    return room


cdef inline bint fill(
    const DecodeView* view,
    const id_t* ids,
    size_t count,
    Unknown unknown,
    bint as_text,
    Room* room,
) noexcept nogil:
    """Append what ids decode to; whether all of it fits and is valid UTF-8 if it must be."""
    if as_text:
        return fill_text(view, ids, count, unknown, room)
    return fill_bytes(view, ids, count, unknown, 0, &room.here, room.end)


cdef inline bint is_filled(const Room* room) noexcept nogil:
    """Whether all of the room was filled, with complete characters."""
    return room.here == room.end and not room.pending.missing
