"""The vocabulary file, `ID LITERAL LENGTH` a line, read without evaluating anything.

A literal is what Python's `repr` writes for a str (its UTF-8 is the token) or for bytes.
"""

cimport numpy as cnp
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport uint8_t, uint16_t, uint32_t
from libc.string cimport memchr

import numpy as np

from ._tokens cimport ID_SPACE, MAX_TOKEN_LENGTH, TokenTable
from ._utf8 cimport Pending, put_utf8, take_byte

from .errors import VocabularyError

cnp.import_array()


# A position in the line being read; it never passes `end`.
cdef struct Cursor:
    const uint8_t* here
    const uint8_t* end


cdef enum Fault:
    NONE
    NO_ID
    ID_RANGE
    NO_LITERAL
    OPEN_LITERAL
    BAD_ESCAPE
    SURROGATE
    BEYOND_UNICODE
    NOT_ASCII
    NOT_UTF8
    NO_LENGTH
    WRONG_LENGTH
    EMPTY_TOKEN
    LONG_TOKEN
    DUPLICATE_ID


cdef dict REASONS = {
    NO_ID: "expected `ID LITERAL LENGTH`, and the id is not a decimal number",
    ID_RANGE: "the id is outside 1 ... 65535",
    NO_LITERAL: "expected a str or bytes literal after the id",
    OPEN_LITERAL: "the literal does not end",
    BAD_ESCAPE: "the literal has an escape sequence that repr does not write",
    SURROGATE: "the literal has a surrogate, which UTF-8 cannot encode",
    BEYOND_UNICODE: "the literal has a character beyond U+10FFFF",
    NOT_ASCII: "a bytes literal may hold ASCII characters only",
    NOT_UTF8: "not valid UTF-8",
    NO_LENGTH: "expected one space and the length in bytes after the literal, then the line's end",
    WRONG_LENGTH: "the length differs from that of the token",
    EMPTY_TOKEN: "the token is empty",
    LONG_TOKEN: f"the token is longer than {MAX_TOKEN_LENGTH} bytes",
    DUPLICATE_ID: "the id was assigned on an earlier line",
}


def parse(bytes data not None):
    """Read a vocabulary file.

    Parameters
    ----------
    data
        The file: UTF-8, lines that end with LF or CRLF, the last one perhaps with neither.

    Returns
    -------
    table : TokenTable
    lines : ndarray of uint32, shape (65536,)
        The line that assigns each id, counted from 1; 0 where none does.

    Raises
    ------
    VocabularyError
        With the line and the reason. That each token occurs once and that all bytes have one
        is not checked here.
    """
    # No literal is shorter than the token it stands for.
    cdef bytes tokens = PyBytes_FromStringAndSize(NULL, len(data))
    cdef uint8_t* out = <uint8_t*> PyBytes_AS_STRING(tokens)
    cdef cnp.ndarray starts = np.zeros(ID_SPACE, np.uint32)
    cdef cnp.ndarray lengths = np.zeros(ID_SPACE, np.uint16)
    cdef cnp.ndarray lines = np.zeros(ID_SPACE, np.uint32)
    cdef uint32_t* start = <uint32_t*> cnp.PyArray_DATA(starts)
    cdef uint16_t* length = <uint16_t*> cnp.PyArray_DATA(lengths)
    cdef uint32_t* line_of = <uint32_t*> cnp.PyArray_DATA(lines)
    cdef const uint8_t* here = <const uint8_t*> PyBytes_AS_STRING(data)
    cdef const uint8_t* begin
    cdef const uint8_t* end = here + len(data)
    cdef Cursor cursor
    cdef Fault fault
    cdef size_t token_id, size
    cdef size_t used = 0
    cdef uint32_t line = 0
    while here < end:
        line += 1
        cursor.here = begin = here
        cursor.end = <const uint8_t*> memchr(here, c"\n", end - here)
        if cursor.end == NULL:
            cursor.end = end
        here = cursor.end + 1
        if cursor.end > cursor.here and (cursor.end - 1)[0] == c"\r":
            cursor.end -= 1
        fault = read_line(&cursor, &token_id, out + used, &size)
        if fault == NONE and line_of[token_id]:
            fault = DUPLICATE_ID
        if fault != NONE:
            raise VocabularyError(reason(fault, begin[: cursor.end - begin]), line)
        start[token_id] = used
        length[token_id] = size
        line_of[token_id] = line
        used += size
    return TokenTable(tokens, starts, lengths), lines


cdef str reason(Fault fault, bytes line):
    """What is wrong with a line. Bytes that are not UTF-8 are named first, wherever they are."""
    try:
        line.decode()
    except UnicodeDecodeError:
        fault = NOT_UTF8
    return REASONS[fault]


cdef Fault read_line(
    Cursor* cursor, size_t* token_id, uint8_t* token, size_t* length
) noexcept nogil:
    """Read one line without its end; `token` must have room for as many bytes as the line has."""
    cdef size_t stated
    cdef Fault fault
    if not read_number(cursor, token_id) or not read_char(cursor, c" "):
        return NO_ID
    if not 1 <= token_id[0] < ID_SPACE:
        return ID_RANGE
    fault = read_literal(cursor, token, length)
    if fault != NONE:
        return fault
    if (
        not read_char(cursor, c" ")
        or not read_number(cursor, &stated)
        or cursor.here != cursor.end
    ):
        return NO_LENGTH
    if stated != length[0]:
        return WRONG_LENGTH
    if length[0] == 0:
        return EMPTY_TOKEN
    if length[0] > MAX_TOKEN_LENGTH:
        return LONG_TOKEN
    return NONE


cdef Fault read_literal(Cursor* cursor, uint8_t* token, size_t* length) noexcept nogil:
    cdef bint is_bytes = read_char(cursor, c"b")
    cdef uint8_t quote, byte
    cdef uint8_t* out = token
    cdef Fault fault
    if read_char(cursor, c"'"):
        quote = c"'"
    elif read_char(cursor, c'"'):
        quote = c'"'
    else:
        return NO_LITERAL
    while cursor.here < cursor.end:
        byte = cursor.here[0]
        cursor.here += 1
        if byte == quote:
            length[0] = out - token
            return NONE
        if byte == c"\\":
            fault = read_escape(cursor, is_bytes, &out)
            if fault != NONE:
                return fault
        elif byte < 0x80:
            out[0] = byte
            out += 1
        elif is_bytes:
            return NOT_ASCII
        else:
            cursor.here -= 1
            if not read_utf8(cursor, &out):
                return NOT_UTF8
    return OPEN_LITERAL


cdef Fault read_escape(Cursor* cursor, bint is_bytes, uint8_t** out) noexcept nogil:
    """Read what follows a backslash and append what it stands for."""
    cdef uint32_t value
    cdef uint8_t kind
    if cursor.here == cursor.end:
        return OPEN_LITERAL
    kind = cursor.here[0]
    cursor.here += 1
    if kind == c"\\" or kind == c"'" or kind == c'"':
        value = kind
    elif kind == c"n":
        value = 0x0A
    elif kind == c"r":
        value = 0x0D
    elif kind == c"t":
        value = 0x09
    elif kind == c"x":
        if not read_hex(cursor, 2, &value):
            return BAD_ESCAPE
    elif kind == c"u" and not is_bytes:
        if not read_hex(cursor, 4, &value):
            return BAD_ESCAPE
    elif kind == c"U" and not is_bytes:
        if not read_hex(cursor, 8, &value):
            return BAD_ESCAPE
    else:
        return BAD_ESCAPE
    if is_bytes:
        out[0][0] = <uint8_t> value
        out[0] += 1
        return NONE
    if 0xD800 <= value < 0xE000:
        return SURROGATE
    if value > 0x10FFFF:
        return BEYOND_UNICODE
    out[0] += put_utf8(out[0], value)
    return NONE


cdef bint read_utf8(Cursor* cursor, uint8_t** out) noexcept nogil:
    """Copy one character, if it is valid."""
    cdef Pending pending
    pending.missing = 0
    while cursor.here < cursor.end and take_byte(&pending, cursor.here[0]):
        out[0][0] = cursor.here[0]
        out[0] += 1
        cursor.here += 1
        if not pending.missing:
            return True
    return False


cdef bint read_char(Cursor* cursor, uint8_t expected) noexcept nogil:
    if cursor.here < cursor.end and cursor.here[0] == expected:
        cursor.here += 1
        return True
    return False


cdef bint read_number(Cursor* cursor, size_t* value) noexcept nogil:
    """Read decimal digits, at least one; what is too large to matter stays too large."""
    cdef const uint8_t* first = cursor.here
    value[0] = 0
    while cursor.here < cursor.end and c"0" <= cursor.here[0] <= c"9":
        if value[0] < 1_000_000:
            value[0] = 10 * value[0] + (cursor.here[0] - c"0")
        cursor.here += 1
    return cursor.here > first


cdef bint read_hex(Cursor* cursor, int digits, uint32_t* value) noexcept nogil:
    cdef uint8_t digit
    value[0] = 0
    if cursor.end - cursor.here < digits:
        return False
    while digits:
        digit = cursor.here[0]
        if c"0" <= digit <= c"9":
            digit -= c"0"
        elif c"a" <= digit <= c"f":
            digit -= c"a" - 10
        elif c"A" <= digit <= c"F":
            digit -= c"A" - 10
        else:
            return False
        value[0] = value[0] << 4 | digit
        cursor.here += 1
        digits -= 1
    return True
