"""From the code units of a Python str to UTF-8, without the GIL and without caching anything.

CPython keeps a str as 1, 2 or 4 bytes a character (PEP 393), whichever its largest needs. A str of
ASCII characters is its own UTF-8; the functions here are for the others.
"""

from libc.stdint cimport uint8_t, uint16_t, uint32_t

ctypedef fused unit_t:
    uint8_t
    uint16_t
    uint32_t


cdef inline size_t put_utf8(uint8_t* out, uint32_t character) noexcept nogil:
    """Write one character, which is no surrogate, and return its length in bytes, 1 to 4."""
    if character < 0x80:
        out[0] = <uint8_t> character
        return 1
    if character < 0x800:
        out[0] = <uint8_t> (0xC0 | character >> 6)
        out[1] = <uint8_t> (0x80 | character & 0x3F)
        return 2
    if character < 0x10000:
        out[0] = <uint8_t> (0xE0 | character >> 12)
        out[1] = <uint8_t> (0x80 | character >> 6 & 0x3F)
        out[2] = <uint8_t> (0x80 | character & 0x3F)
        return 3
    out[0] = <uint8_t> (0xF0 | character >> 18)
    out[1] = <uint8_t> (0x80 | character >> 12 & 0x3F)
    out[2] = <uint8_t> (0x80 | character >> 6 & 0x3F)
    out[3] = <uint8_t> (0x80 | character & 0x3F)
    return 4


cdef enum:
    GROUP = 8       # characters that `transcode` looks at together


cdef inline bint is_surrogate(uint32_t character) noexcept nogil:
    """Half of a UTF-16 pair, which a str may hold but UTF-8 cannot encode."""
    return 0xD800 <= character < 0xE000


cdef inline size_t transcode(
    const unit_t* text, size_t length, uint8_t* out, size_t capacity, size_t* written
) noexcept nogil:
    """Write as many of the characters as surely fit; return how many, and their bytes in `written`.

    A character is taken while there is room for the longest one, 4 bytes, and it is no surrogate.
    Most text comes in runs of ASCII, of characters of at most two bytes, or of characters of three:
    groups of those go without a branch for every character.
    """
    cdef size_t i = 0
    cdef size_t n = 0
    cdef size_t j
    cdef uint32_t all_bits, character, two, long_ones, surrogates
    while i + GROUP <= length and n + 4 * GROUP <= capacity:
        all_bits = 0
        long_ones = 0
        surrogates = 0
        for j in range(GROUP):
            all_bits |= text[i + j]
            long_ones += text[i + j] >= 0x800
            surrogates += is_surrogate(text[i + j])
        if all_bits < 0x80:
            for j in range(GROUP):
                out[n + j] = <uint8_t> text[i + j]
            n += GROUP
        elif all_bits < 0x800:
            for j in range(GROUP):
                character = text[i + j]
                two = character >= 0x80
                out[n] = <uint8_t> (character ^ (character ^ (0xC0 | character >> 6)) & -two)
                out[n + 1] = <uint8_t> (0x80 | character & 0x3F)
                n += 1 + two
        elif surrogates:
            break
        elif long_ones == GROUP and all_bits < 0x10000:
            for j in range(GROUP):
                character = text[i + j]
                out[n] = <uint8_t> (0xE0 | character >> 12)
                out[n + 1] = <uint8_t> (0x80 | character >> 6 & 0x3F)
                out[n + 2] = <uint8_t> (0x80 | character & 0x3F)
                n += 3
        else:
            for j in range(GROUP):
                n += put_utf8(out + n, text[i + j])
        i += GROUP
    while i < length and n + 4 <= capacity and not is_surrogate(text[i]):
        n += put_utf8(out + n, text[i])
        i += 1
    written[0] = n
    return i
