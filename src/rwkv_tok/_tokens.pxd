"""The tokens of a vocabulary, found by id."""

from libc.stdint cimport uint8_t, uint32_t

# For Python as well.
cpdef enum:
    ID_SPACE = 65536            # an id is a uint16
    MAX_TOKEN_LENGTH = 1024     # bytes

cdef enum:
    # Readable bytes after the last token, so that a short token can be copied as one block.
    TOKEN_SLACK = 16


# What the kernels see of a TokenTable: token `id` is `bytes[offsets[id]:offsets[id + 1]]`,
# empty for id 0 and wherever nothing is assigned.
cdef struct TokenView:
    const uint8_t* bytes
    const uint32_t* offsets


cdef class TokenTable:
    cdef TokenView view
    cdef bytes _block
    cdef uint32_t _offsets[ID_SPACE + 1]
    cdef Py_ssize_t _assigned


cdef inline size_t token_length(const TokenView* tokens, size_t token_id) noexcept nogil:
    return tokens.offsets[token_id + 1] - tokens.offsets[token_id]
