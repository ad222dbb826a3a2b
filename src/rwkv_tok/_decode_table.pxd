"""The tokens of a vocabulary, laid out for decoding.

Each id has an entry of 16 bytes in two tables, one of UTF-8 and one of characters, so that a short
token and its length are found by one load from one cache line and copied by one store. Longer
tokens, and those that are not made of whole characters, are looked up in the TokenTable.
"""

from libc.stdint cimport int64_t, uint8_t, uint16_t

from ._tokens cimport ID_SPACE, TokenTable, TokenView, token_length
from ._utf8 cimport is_continuation


# Cython's own macro: it keeps the loops over ids free of jumps.
cdef extern from *:
    bint unlikely(bint condition) noexcept nogil


cdef enum:
    # An entry of `bytes`: 15 bytes and the mark, which is a length and flags.
    ENTRY = 16
    MARK = 15
    LENGTH = 0x0F
    NOT_ASCII = 0x10
    NOT_BYTES = 0x20        # the token is not here: longer, or there is none
    # An entry of `units`: 7 characters and the shape, which is their number and flags.
    UNITS = 8
    SHAPE = 7
    CHARACTERS = 0x00FF
    BEGINS_WITHIN = 0x0800  # the first byte goes on with a character
    NOT_UNITS = 0x1000      # not here: longer, beyond U+FFFF, no whole characters, or no token
    NOT_COUNTED = 0x2000    # nor is its number of characters: too large, or there is no token

# What the largest character of a text is beyond: how CPython keeps it.
cdef enum:
    ABOVE_ASCII = 0x0100
    ABOVE_LATIN1 = 0x0200
    ABOVE_UCS2 = 0x0400
    KINDS = 0x0700

# Ids as they lie in memory: uint16 as it is; everything else was widened, so nothing wraps.
ctypedef fused id_t:
    uint16_t
    int64_t

# What to do with an id that stands for no token.
cdef enum Unknown:
    RAISE
    SKIP
    REPLACE


# What the kernels see of a DecodeTable.
cdef struct DecodeView:
    const uint8_t* bytes
    const uint8_t* marks        # those of `bytes` once more, closer together for measuring
    const uint16_t* units
    const uint16_t* shapes      # those of `units` once more
    TokenView tokens


cdef class DecodeTable:
    cdef DecodeView view
    cdef TokenTable _tokens
    cdef tuple _arrays


cdef inline bint is_outside(int64_t token_id) noexcept nogil:
    return token_id < 0 or token_id >= ID_SPACE


cdef inline const uint8_t* find_token(
    const DecodeView* view, int64_t token_id, Unknown unknown, size_t* length
) noexcept nogil:
    """The bytes that any id decodes to; NULL if it has no token and that is to be raised."""
    if not is_outside(token_id):
        length[0] = token_length(&view.tokens, token_id)
        if length[0] or token_id == 0:
            return view.tokens.bytes + view.tokens.offsets[token_id]
    if unknown == RAISE:
        return NULL
    length[0] = 3 if unknown == REPLACE else 0
    return <const uint8_t*> b"\xEF\xBF\xBD"      # U+FFFD


cdef inline size_t count_characters(const uint8_t* text, size_t length) noexcept nogil:
    """The characters that begin in some bytes, whichever of them are complete."""
    cdef size_t count = 0
    cdef size_t i
    for i in range(length):
        count += not is_continuation(text[i])
    return count


cdef inline unsigned int kind_of_byte(uint8_t byte) noexcept nogil:
    """What is known of a character by its first byte; nothing by another."""
    if byte < 0xC0:
        return 0
    if byte < 0xC4:
        return ABOVE_ASCII
    if byte < 0xF0:
        return ABOVE_ASCII | ABOVE_LATIN1
    return ABOVE_ASCII | ABOVE_LATIN1 | ABOVE_UCS2
