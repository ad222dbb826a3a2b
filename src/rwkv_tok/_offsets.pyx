"""Where tokens lie in the text that they come from."""

cimport numpy as cnp
from cpython.exc cimport PyErr_CheckSignals
from libc.stdint cimport int64_t, uint8_t, uint16_t

from ._tokens cimport TokenTable, TokenView, token_length
from ._utf8 cimport is_continuation

import numpy as np

cnp.import_array()


cdef enum:
    STEP = 1 << 20      # tokens between two runs of the signal handlers


def byte_offsets(TokenTable tokens not None, cnp.ndarray ids not None):
    """Where each token begins and ends, in bytes: int64, shape (n, 2), half-open.

    `ids` are those of one text, uint16 and contiguous.
    """
    cdef Py_ssize_t count = cnp.PyArray_SIZE(ids)
    offsets = np.empty((count, 2), np.int64)
    cdef const uint16_t* token_ids = <const uint16_t*> cnp.PyArray_DATA(ids)
    cdef int64_t* out = <int64_t*> cnp.PyArray_DATA(offsets)
    cdef int64_t end = 0
    cdef Py_ssize_t start, step
    for start in range(0, count, STEP):
        step = min(<Py_ssize_t> STEP, count - start)
        with nogil:
            end = fill_byte_offsets(&tokens.view, token_ids + start, step, end, out + 2 * start)
        PyErr_CheckSignals()
    return offsets


def char_offsets(TokenTable tokens not None, cnp.ndarray ids not None, bytes text not None):
    """Where each token begins and ends, in characters: int64, shape (n, 2), half-open.

    A token covers every character that it touches. `text` is the valid UTF-8 that `ids` encode.
    """
    offsets = byte_offsets(tokens, ids)
    cdef const uint8_t* data = text
    cdef size_t size = len(text)
    cdef Py_ssize_t count = cnp.PyArray_SIZE(ids)
    cdef int64_t* out = <int64_t*> cnp.PyArray_DATA(offsets)
    cdef int64_t chars = 0
    cdef size_t here = 0
    cdef Py_ssize_t start, step
    for start in range(0, count, STEP):
        step = min(<Py_ssize_t> STEP, count - start)
        with nogil:
            bytes_to_chars(data, size, step, out + 2 * start, &here, &chars)
        PyErr_CheckSignals()
    return offsets


cdef int64_t fill_byte_offsets(
    const TokenView* tokens, const uint16_t* ids, Py_ssize_t count, int64_t end, int64_t* out
) noexcept nogil:
    """Write the offsets of tokens, the first of which begins at `end`; return the last end."""
    cdef Py_ssize_t i
    for i in range(count):
        out[2 * i] = end
        end += token_length(tokens, ids[i])
        out[2 * i + 1] = end
    return end


cdef void bytes_to_chars(
    const uint8_t* text,
    size_t size,
    Py_ssize_t count,
    int64_t* offsets,
    size_t* position,
    int64_t* chars_before,
) noexcept nogil:
    """Replace the byte offsets of tokens that follow one another by those of characters.

    Goes on from a position in the text and the number of characters that begin before it.
    """
    cdef int64_t chars = chars_before[0]
    cdef size_t here = position[0]
    cdef size_t end
    cdef Py_ssize_t i
    for i in range(count):
        end = min(<size_t> offsets[2 * i + 1], size)
        # The character that the first byte belongs to has begun before it, or begins with it.
        offsets[2 * i] = chars - (here < end and is_continuation(text[here]))
        while here < end:
            chars += not is_continuation(text[here])
            here += 1
        offsets[2 * i + 1] = chars
    position[0] = here
    chars_before[0] = chars
