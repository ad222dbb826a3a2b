"""The kernels that decode ids into the characters of a str.

A str is made of the characters of the tokens, without their UTF-8 in between: only the tokens that
are no whole characters are put together byte by byte. What is not valid UTF-8 is left to CPython,
as is the choice what to do with it.

Ids may be changed by another thread meanwhile, as in _decode_bytes.pxd.
"""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t
from libc.string cimport memcpy

from ._decode_bytes cimport fill_bytes
from ._decode_table cimport (
    ABOVE_ASCII,
    ABOVE_LATIN1,
    ABOVE_UCS2,
    CHARACTERS,
    DecodeView,
    ENTRY,
    KINDS,
    LENGTH,
    MARK,
    NOT_ASCII,
    NOT_BYTES,
    NOT_COUNTED,
    NOT_UNITS,
    RAISE,
    REPLACE,
    SHAPE,
    UNITS,
    Unknown,
    count_characters,
    find_token,
    id_t,
    is_outside,
    kind_of_byte,
    unlikely,
)
from ._utf8 cimport Pending, take_byte, unit_t


# What is needed to make a str, or a bytes, as far as it is known.
cdef struct Size:
    size_t length               # in characters, or bytes
    unsigned int kinds          # those of the characters


# Where a str, or a bytes, is written.
cdef struct Room:
    uint8_t* here
    const uint8_t* end
    unsigned int kinds          # those that the str was made for
    unsigned int seen           # those that were written
    Pending pending             # the last character
    bint invalid                # what came is not valid UTF-8


cdef inline size_t measure_text(
    const DecodeView* view, const id_t* ids, size_t count, Unknown unknown, Size* size
) noexcept nogil:
    """Add the characters that begin in what ids decode to; return how many ids were looked at.

    Less than `count` if the next one has no token and that is to be raised.
    """
    cdef const uint16_t* shapes = view.shapes
    cdef size_t total = size.length
    cdef unsigned int kinds = size.kinds
    cdef size_t i = 0
    cdef size_t length
    cdef int64_t token_id
    cdef unsigned int shape
    cdef const uint8_t* token
    while i < count:
        token_id = ids[i]
        shape = shapes[<uint16_t> token_id]
        if unlikely(shape & NOT_COUNTED or is_outside(token_id)):
            token = find_token(view, token_id, unknown, &length)
            if token == NULL:
                break
            total += count_characters(token, length)
            while length:
                length -= 1
                kinds |= kind_of_byte(token[length])
        else:
            total += shape & CHARACTERS
            kinds |= shape
        i += 1
    size.length = total
    size.kinds = kinds & KINDS
    return i


cdef inline bint fill_text(
    const DecodeView* view, const id_t* ids, size_t count, Unknown unknown, Room* room
) noexcept nogil:
    """Append the characters that ids decode to; whether that is valid UTF-8 and all of it fits.

    The last character may be `pending`.
    """
    if not room.kinds:
        # Nothing unknown is to be replaced there, or it would not be ASCII.
        return fill_bytes(
            view, ids, count, RAISE if unknown == REPLACE else unknown, NOT_ASCII,
            &room.here, room.end,
        )
    if room.kinds & ABOVE_UCS2:
        return fill_units(view, ids, count, unknown, <uint32_t*> NULL, room)
    if room.kinds & ABOVE_LATIN1:
        return fill_units(view, ids, count, unknown, <uint16_t*> NULL, room)
    return fill_units(view, ids, count, unknown, <uint8_t*> NULL, room)


cdef inline bint fill_units(
    const DecodeView* view,
    const id_t* ids,
    size_t count,
    Unknown unknown,
    unit_t* none,
    Room* room,
) noexcept nogil:
    """fill_text for a kind of str; `none` has its type only."""
    cdef unit_t[2 * UNITS] tail
    cdef unit_t* here = <unit_t*> room.here
    cdef const unit_t* end = <const unit_t*> room.end
    cdef size_t taken = put_units(view, ids, count, unknown, &here, end, room)
    cdef unit_t* here_in_tail = tail
    if taken < count and not room.invalid:
        # There is no room for entries any more, but perhaps for the characters in them.
        taken += put_units(
            view, ids + taken, count - taken, unknown, &here_in_tail, tail + 2 * UNITS, room
        )
        if here_in_tail - tail > end - here:
            return False
        memcpy(here, tail, (here_in_tail - tail) * sizeof(unit_t))
        here += here_in_tail - tail
    room.here = <uint8_t*> here
    return taken == count


cdef inline size_t put_units(
    const DecodeView* view,
    const id_t* ids,
    size_t count,
    Unknown unknown,
    unit_t** out,
    const unit_t* end,
    Room* room,
) noexcept nogil:
    """Append characters while there is room for an entry; return how many ids were taken.

    Ids are taken from one table for as long as they are there, then from the other one: an English
    text with a few typographic quotes has long words of ASCII, a Russian one short and other ones.
    """
    cdef size_t i = 0
    cdef size_t before, length
    cdef int64_t token_id
    cdef const uint8_t* token
    while i < count:
        before = i
        if not room.pending.missing:
            i += put_ascii_run(view, ids + i, count - i, out, end)
            i += put_units_run(view, ids + i, count - i, out, end, &room.seen)
        if i > before:
            continue
        if end - out[0] < UNITS:
            break
        token_id = ids[i]
        token = find_token(view, token_id, unknown, &length)
        if token == NULL or not put_token(token, length, out, end, room):
            break
        i += 1
    return i


cdef inline size_t put_ascii_run(
    const DecodeView* view, const id_t* ids, size_t count, unit_t** out, const unit_t* end
) noexcept nogil:
    """Append characters as long as they are ASCII; return how many ids were taken."""
    cdef const uint8_t* table = view.bytes
    cdef unit_t* here = out[0]
    cdef size_t i = 0
    cdef int64_t token_id
    cdef const uint8_t* entry
    cdef uint8_t[ENTRY] ascii
    cdef uint8_t mark
    cdef int j
    cdef const unit_t* last
    if end - here < ENTRY:
        return 0
    last = end - ENTRY
    while i < count and here <= last:
        token_id = ids[i]
        entry = table + ENTRY * <size_t> <uint16_t> token_id
        mark = entry[MARK]
        if unlikely(mark > LENGTH or is_outside(token_id)):
            break
        memcpy(ascii, entry, ENTRY)
        for j in range(ENTRY):
            here[j] = ascii[j]
        here += mark
        i += 1
    out[0] = here
    return i


cdef inline size_t put_units_run(
    const DecodeView* view,
    const id_t* ids,
    size_t count,
    unit_t** out,
    const unit_t* end,
    unsigned int* seen,
) noexcept nogil:
    """Append characters as long as all those of a token have an entry; return how many ids."""
    cdef const uint16_t* table = view.units
    cdef unit_t* here = out[0]
    cdef size_t i = 0
    cdef unsigned int shapes = 0
    cdef unsigned int shape
    cdef int64_t token_id
    cdef const uint16_t* entry
    cdef uint16_t[UNITS] units
    cdef int j
    cdef const unit_t* last
    if end - here < UNITS:
        return 0
    last = end - UNITS
    while i < count and here <= last:
        token_id = ids[i]
        entry = table + UNITS * <size_t> <uint16_t> token_id
        shape = entry[SHAPE]
        if unlikely(shape & NOT_UNITS or is_outside(token_id)):
            break
        memcpy(units, entry, sizeof(units))
        for j in range(UNITS):
            here[j] = <unit_t> units[j]
        here += shape & CHARACTERS
        shapes |= shape
        i += 1
    seen[0] |= shapes & KINDS
    out[0] = here
    return i


cdef inline bint put_token(
    const uint8_t* token, size_t length, unit_t** out, const unit_t* end, Room* room
) noexcept nogil:
    """Append the characters that a token completes, if they are valid and there is room for all."""
    cdef unit_t* here = out[0]
    cdef unsigned int kind
    cdef size_t i
    if count_characters(token, length) + (room.pending.missing > 0) > <size_t> (end - here):
        return False
    for i in range(length):
        kind = kind_of_byte(token[i])
        if not take_byte(&room.pending, token[i]) or kind & ~room.kinds:
            room.invalid = True
            return False
        room.seen |= kind
        if not room.pending.missing:
            here[0] = <unit_t> room.pending.character
            here += 1
    out[0] = here
    return True
