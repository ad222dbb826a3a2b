"""Characters and UTF-8, without the GIL and without caching anything.

CPython keeps a str as 1, 2 or 4 bytes a character (PEP 393), whichever its largest needs. A str of
ASCII characters is its own UTF-8.
"""

from libc.stdint cimport uint8_t, uint16_t, uint32_t

cdef extern from "kernels/utf8.h":
    bint is_surrogate(uint32_t character) noexcept nogil
    size_t put_utf8(uint8_t* out, uint32_t character) noexcept nogil


# The characters of a str as they lie in memory.
ctypedef fused unit_t:
    uint8_t
    uint16_t
    uint32_t


cdef inline bint is_continuation(uint8_t byte) noexcept nogil:
    """Whether a byte goes on with a character, rather than begins one."""
    return (byte & 0xC0) == 0x80


# A character of which not all bytes have come. All zeros: none is begun.
cdef struct Pending:
    uint32_t character          # as far as it is known; all of it when `missing` is 0
    uint8_t missing             # bytes that are still to come
    uint8_t lowest              # what the next of them may be
    uint8_t highest


cdef inline bint take_byte(Pending* pending, uint8_t byte) noexcept nogil:
    """Take one byte of UTF-8; whether it may stand here by the Unicode Standard, table 3-7."""
    if pending.missing:
        if not pending.lowest <= byte <= pending.highest:
            return False
        pending.character = pending.character << 6 | byte & 0x3F
        pending.missing -= 1
        pending.lowest = 0x80
        pending.highest = 0xBF
        return True
    if byte < 0x80:
        pending.character = byte
        return True
    pending.lowest = 0x80
    pending.highest = 0xBF
    if 0xC2 <= byte <= 0xDF:
        pending.character = byte & 0x1F
        pending.missing = 1
    elif 0xE0 <= byte <= 0xEF:
        pending.character = byte & 0x0F
        pending.missing = 2
        if byte == 0xE0:
            pending.lowest = 0xA0       # else there is a shorter form
        elif byte == 0xED:
            pending.highest = 0x9F      # else it is a surrogate
    elif 0xF0 <= byte <= 0xF4:
        pending.character = byte & 0x07
        pending.missing = 3
        if byte == 0xF0:
            pending.lowest = 0x90       # else there is a shorter form
        elif byte == 0xF4:
            pending.highest = 0x8F      # else it is beyond U+10FFFF
    else:
        return False
    return True
