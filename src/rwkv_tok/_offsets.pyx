"""Where tokens lie in the text that they come from, or that they become.

A token lies between two bytes, and in characters covers every one that it touches. Of a text that
was encoded only the ids are looked at: its characters are whole, so that each of them begins with a
byte that can only begin one, and how many of those a token has is known. What ids decode to need
not be valid UTF-8; there the bytes themselves are followed.
"""

cimport cython
cimport numpy as cnp
from libc.stdint cimport int64_t, uint8_t, uint16_t
from libc.string cimport memset

from ._decode cimport read_policy
from ._decode_table cimport (
    BEGINS_WITHIN,
    CHARACTERS,
    DecodeTable,
    DecodeView,
    LENGTH,
    NOT_BYTES,
    NOT_COUNTED,
    Unknown,
    count_characters,
    find_token,
    id_t,
)
from ._job cimport DONE, STOPPED, Job, Status, Watch, must_stop, raise_pending
from ._tokens cimport token_length
from ._utf8 cimport Pending, take_byte

import numpy as np

cnp.import_array()


cdef enum:
    STEP = 1 << 18          # ids between two questions whether the call is to end
    BYTES_PER_ID = 4        # about
    UNIT = 1 << 16          # ids in a unit of a batch


def text_offsets(DecodeTable table not None, cnp.ndarray ids not None, bint by_character):
    """Where each token of a text begins and ends: int64, shape (n, 2), half-open.

    `ids` are what `encode` has returned for it.
    """
    cdef Watch watch = Watch(signals=True, lock=NULL, stop=NULL, unwatched=0, own=NULL)
    cdef size_t count = cnp.PyArray_SIZE(ids)
    cdef const uint16_t* token_ids = <const uint16_t*> cnp.PyArray_DATA(ids)
    offsets = np.empty((count, 2), np.int64)
    cdef int64_t* out = <int64_t*> cnp.PyArray_DATA(offsets)
    cdef Status status
    with nogil:
        status = fill_offsets(&table.view, token_ids, count, by_character, out, &watch)
    if status == STOPPED:
        raise_pending()
    return offsets


cdef object batch_offsets(
    DecodeTable table, object ids, object offsets, bint by_character, object num_threads
):
    """The same for the documents of a batch, each counted from its own beginning."""
    cdef OffsetsJob job = OffsetsJob(table, ids, offsets, by_character)
    job.start(num_threads)
    return job.result


@cython.internal
cdef class OffsetsJob(Job):
    """Finds the offsets of the tokens of a batch."""

    cdef DecodeTable table
    cdef const uint16_t* ids
    cdef const int64_t* first_id        # of each document, and the end
    cdef const int64_t* first_document  # of each unit, and the end
    cdef bint by_character
    cdef object result
    cdef int64_t* out
    cdef tuple _arrays

    def __cinit__(self, DecodeTable table, ids, offsets, bint by_character):
        count = len(offsets) - 1
        self.table = table
        self.by_character = by_character
        self.num_units = 1 + len(ids) // UNIT
        bounds = np.searchsorted(offsets[:count], np.arange(self.num_units) * <size_t> UNIT)
        bounds = np.append(bounds, count).astype(np.int64)
        self.result = np.empty((len(ids), 2), np.int64)
        self._arrays = (ids, offsets, bounds)
        self.ids = <const uint16_t*> cnp.PyArray_DATA(ids)
        self.first_id = <const int64_t*> cnp.PyArray_DATA(offsets)
        self.first_document = <const int64_t*> cnp.PyArray_DATA(bounds)
        self.out = <int64_t*> cnp.PyArray_DATA(self.result)

    cdef Status do_unit(self, size_t unit, Watch* watch) noexcept nogil:
        cdef Status status = DONE
        cdef size_t document = self.first_document[unit]
        cdef size_t end = self.first_document[unit + 1]
        cdef size_t first
        while document < end and status == DONE:
            first = self.first_id[document]
            status = fill_offsets(
                &self.table.view,
                self.ids + first,
                self.first_id[document + 1] - first,
                self.by_character,
                self.out + 2 * first,
                watch,
            )
            document += 1
        return status


cdef Status fill_offsets(
    const DecodeView* view,
    const uint16_t* ids,
    size_t count,
    bint by_character,
    int64_t* out,
    Watch* watch,
) noexcept nogil:
    """Write the offsets of the tokens of one text."""
    cdef int64_t end = 0        # of the last token
    cdef size_t done = 0
    cdef size_t step
    while done < count:
        step = min(<size_t> STEP, count - done)
        if by_character:
            end = fill_characters(view, ids + done, step, end, out + 2 * done)
        else:
            end = fill_bytes(view, ids + done, step, end, out + 2 * done)
        done += step
        if must_stop(watch, step * BYTES_PER_ID):
            return STOPPED
    return DONE


cdef int64_t fill_bytes(
    const DecodeView* view, const uint16_t* ids, size_t count, int64_t end, int64_t* out
) noexcept nogil:
    """Write the offsets of tokens, the first of which begins at `end`; return the last end."""
    cdef size_t i
    cdef uint8_t mark
    for i in range(count):
        mark = view.marks[ids[i]]
        out[2 * i] = end
        end += token_length(&view.tokens, ids[i]) if mark & NOT_BYTES else mark & LENGTH
        out[2 * i + 1] = end
    return end


cdef int64_t fill_characters(
    const DecodeView* view, const uint16_t* ids, size_t count, int64_t end, int64_t* out
) noexcept nogil:
    """The same in characters: `end` is how many have begun."""
    cdef size_t i
    cdef unsigned int shape
    for i in range(count):
        shape = view.shapes[ids[i]]
        # In an Arrow string that is none there may be no character that it goes on with.
        out[2 * i] = end - ((shape & BEGINS_WITHIN) != 0 and end > 0)
        if shape & NOT_COUNTED:
            end += count_characters(
                view.tokens.bytes + view.tokens.offsets[ids[i]], token_length(&view.tokens, ids[i])
            )
        else:
            end += shape & CHARACTERS
        out[2 * i + 1] = end
    return end


# How far the bytes that ids decode to were followed: whole characters, or sequences that are none.
cdef struct Place:
    size_t bytes
    int64_t characters      # that begin before
    bint counts             # whether the last one counts: else it is no character of the text


def decoded_offsets(
    DecodeTable table not None,
    cnp.ndarray ids not None,
    unknown,
    bytes data not None,
    bint keep_invalid,
):
    """Where what each id decodes to lies in the characters of the decoded text: as text_offsets.

    `ids` are what `read_ids` has returned, and decode to `data`. With `keep_invalid`, U+FFFD stands
    for what is not valid UTF-8; else nothing does. What decodes to nothing has an empty place,
    after a character that has begun: so the ends always ascend.
    """
    cdef Watch watch = Watch(signals=True, lock=NULL, stop=NULL, unwatched=0, own=NULL)
    cdef Unknown policy = read_policy(unknown)
    cdef size_t count = cnp.PyArray_SIZE(ids)
    cdef const uint8_t* text = data
    cdef size_t length = len(data)
    cdef const uint16_t* narrow = NULL
    cdef const int64_t* wide = NULL
    cdef size_t done = 0
    cdef size_t end = 0
    cdef size_t step
    cdef Place place
    memset(&place, 0, sizeof(place))
    offsets = np.empty((count, 2), np.int64)
    cdef int64_t* out = <int64_t*> cnp.PyArray_DATA(offsets)
    if cnp.PyArray_TYPE(ids) == cnp.NPY_UINT16:
        narrow = <const uint16_t*> cnp.PyArray_DATA(ids)
    else:
        wide = <const int64_t*> cnp.PyArray_DATA(ids)
    with nogil:
        while done < count:
            step = min(<size_t> STEP, count - done)
            if narrow != NULL:
                end = fill_decoded(
                    &table.view, narrow + done, step, policy, text, length, keep_invalid, end,
                    &place, out + 2 * done,
                )
            else:
                end = fill_decoded(
                    &table.view, wide + done, step, policy, text, length, keep_invalid, end,
                    &place, out + 2 * done,
                )
            done += step
            if must_stop(&watch, step * BYTES_PER_ID):
                break
    raise_pending()
    return offsets


cdef size_t fill_decoded(
    const DecodeView* view,
    const id_t* ids,
    size_t count,
    Unknown unknown,
    const uint8_t* text,
    size_t text_length,
    bint keep_invalid,
    size_t end,
    Place* place,
    int64_t* out,
) noexcept nogil:
    """Write the offsets of tokens, the first of which begins at byte `end`; return the last end."""
    cdef size_t i, begin
    cdef size_t length = 0
    for i in range(count):
        if find_token(view, ids[i], unknown, &length) == NULL:
            length = 0      # another thread has changed the ids
        begin = end
        end += length
        out[2 * i] = characters_before(place, begin) if length else place.characters
        advance(text, text_length, keep_invalid, end, place)
        out[2 * i + 1] = place.characters
    return end


cdef inline int64_t characters_before(const Place* place, size_t byte) noexcept nogil:
    """The characters that end before a byte, the last one that was asked for, or with it."""
    return place.characters - (place.bytes > byte and place.counts)


cdef inline void advance(
    const uint8_t* text, size_t length, bint keep_invalid, size_t byte, Place* place
) noexcept nogil:
    """Count the characters that begin before a byte, and perhaps invalid sequences as well."""
    cdef size_t size
    cdef bint valid
    while place.bytes < byte and place.bytes < length:
        valid = True
        size = 1
        if text[place.bytes] >= 0x80:
            size = sequence_length(text + place.bytes, length - place.bytes, &valid)
        place.bytes += size
        place.counts = valid or keep_invalid
        place.characters += place.counts


cdef inline size_t sequence_length(
    const uint8_t* text, size_t length, bint* valid
) noexcept nogil:
    """The bytes of the first character, or of what Python's decoders replace by one U+FFFD.

    That is as much of a character as there is ("maximal subpart" in the Unicode Standard, 3.9).
    """
    cdef Pending pending
    cdef size_t i
    memset(&pending, 0, sizeof(pending))
    for i in range(length):
        if not take_byte(&pending, text[i]):
            valid[0] = False
            return max(i, <size_t> 1)
        if not pending.missing:
            return i + 1
    valid[0] = False
    return length
