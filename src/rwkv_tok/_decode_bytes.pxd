"""The kernels that decode ids into bytes.

Ids may be changed by another thread meanwhile. Each is read once; whatever it is, nothing is read
outside of the tables and nothing written outside of the room given.
"""

from libc.stdint cimport int64_t, uint8_t, uint16_t
from libc.string cimport memcpy

from ._decode_table cimport (
    DecodeView,
    ENTRY,
    LENGTH,
    MARK,
    NOT_BYTES,
    Unknown,
    find_token,
    id_t,
    is_outside,
    unlikely,
)


cdef inline size_t measure_bytes(
    const DecodeView* view, const id_t* ids, size_t count, Unknown unknown, size_t* size
) noexcept nogil:
    """Add the bytes that ids decode to; return how many ids were looked at.

    Less than `count` if the next one has no token and that is to be raised.
    """
    cdef const uint8_t* marks = view.marks
    cdef size_t total = size[0]
    cdef size_t i = 0
    cdef size_t length
    cdef int64_t token_id
    cdef uint8_t mark
    while i < count:
        token_id = ids[i]
        mark = marks[<uint16_t> token_id]
        if unlikely(mark & NOT_BYTES or is_outside(token_id)):
            if find_token(view, token_id, unknown, &length) == NULL:
                break
            total += length
        else:
            total += mark & LENGTH
        i += 1
    size[0] = total
    return i


cdef inline size_t put_bytes(
    const DecodeView* view,
    const id_t* ids,
    size_t count,
    Unknown unknown,
    uint8_t refused,
    uint8_t** out,
    const uint8_t* end,
) noexcept nogil:
    """Append what ids decode to while there is room for an entry; return how many ids were taken.

    Ends before an id whose mark has one of the flags `refused`, as well.
    """
    # Read once: for all that a compiler knows, what is written may be the view.
    cdef const uint8_t* table = view.bytes
    cdef uint8_t* here = out[0]
    cdef size_t i = 0
    cdef size_t length
    cdef int64_t token_id
    cdef const uint8_t* entry
    cdef uint8_t mark
    cdef const uint8_t* token
    cdef const uint8_t* last
    if end - here < ENTRY:
        return 0
    last = end - ENTRY
    while i < count and here <= last:
        token_id = ids[i]
        entry = table + ENTRY * <size_t> <uint16_t> token_id
        mark = entry[MARK]
        if unlikely(mark & (NOT_BYTES | refused) or is_outside(token_id)):
            if mark & refused and not is_outside(token_id):
                break
            token = find_token(view, token_id, unknown, &length)
            if token == NULL or length > <size_t> (end - here):
                break
            memcpy(here, token, length)
            here += length
        else:
            memcpy(here, entry, ENTRY)
            here += mark & LENGTH
        i += 1
    out[0] = here
    return i


cdef inline bint fill_bytes(
    const DecodeView* view,
    const id_t* ids,
    size_t count,
    Unknown unknown,
    uint8_t refused,
    uint8_t** out,
    const uint8_t* end,
) noexcept nogil:
    """Append what ids decode to, whole tokens only; whether all of it fits and none is refused."""
    cdef uint8_t[2 * ENTRY] tail
    cdef uint8_t* here = tail
    cdef size_t taken = put_bytes(view, ids, count, unknown, refused, out, end)
    if taken < count:
        # There is no room for entries any more, but perhaps for the bytes in them.
        taken += put_bytes(
            view, ids + taken, count - taken, unknown, refused, &here, tail + 2 * ENTRY
        )
        if here - tail > end - out[0]:
            return False
        memcpy(out[0], tail, here - tail)
        out[0] += here - tail
    return taken == count
