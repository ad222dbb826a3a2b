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
    # Characters that `measure` adds up in 32 bits: few enough that 3 for each cannot overflow.
    STRIDE = 1 << 16
    # Characters that `transcode` looks at together.
    GROUP = 8


cdef inline Py_ssize_t measure(const unit_t* text, size_t length) noexcept nogil:
    """The length of a str in UTF-8, in bytes; -1 if it has a surrogate, which UTF-8 cannot encode.

    Plain sums without a branch, which compilers turn into vector instructions.
    """
    cdef size_t total = length
    cdef uint32_t surrogates = 0
    cdef uint32_t extra
    cdef size_t i, stop
    i = 0
    while i < length:
        stop = min(length, i + STRIDE)
        extra = 0
        while i < stop:
            extra += text[i] >= 0x80
            if unit_t is not uint8_t:
                extra += text[i] >= 0x800
                surrogates |= 0xD800 <= text[i] < 0xE000
            if unit_t is uint32_t:
                extra += text[i] >= 0x10000
            i += 1
        total += extra
    return -1 if surrogates else <Py_ssize_t> total


cdef inline size_t transcode(
    const unit_t* text, size_t length, uint8_t* out, size_t capacity, size_t* written
) noexcept nogil:
    """Write as many of the characters as surely fit; return how many, and their bytes in `written`.

    A character is taken while there is room for the longest one, 4 bytes. Most text comes in runs
    of ASCII, of characters of at most two bytes, or of characters of three: groups of those go
    without a branch for every character.
    """
    cdef size_t i = 0
    cdef size_t n = 0
    cdef size_t j
    cdef uint32_t all_bits, character, two, long_ones
    while i + GROUP <= length and n + 4 * GROUP <= capacity:
        all_bits = 0
        long_ones = 0
        for j in range(GROUP):
            all_bits |= text[i + j]
            long_ones += text[i + j] >= 0x800
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
    while i < length and n + 4 <= capacity:
        n += put_utf8(out + n, text[i])
        i += 1
    written[0] = n
    return i
