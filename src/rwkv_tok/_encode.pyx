"""The encoder: greedy longest match from left to right, one text at a time."""

cimport numpy as cnp
from cpython.memoryview cimport PyMemoryView_GET_BUFFER
from libc.stdint cimport SIZE_MAX, uint8_t, uint16_t, uint32_t
from libc.string cimport memcpy, memmove

from ._job cimport DONE, FULL, STOPPED, SURROGATE, Status, Watch, must_stop, raise_pending
from ._text cimport UTF8, Span, item_format, most_bytes, open_buffer, read_text
from ._trie cimport Trie, TrieView, longest_match
from ._utf8 cimport is_surrogate, transcode, unit_t

cnp.import_array()


cdef enum:
    # A text of up to so many bytes is encoded on the stack and its ids copied: one allocation of
    # just the size.
    SMALL = 2048
    # A kernel that has no more characters or bytes to do is done in about a microsecond: to release
    # the GIL and take it again would cost more.
    SHORT = 256
    # Bytes between two questions whether the call is to end.
    STEP = 1 << 20
    # A str that is not its own UTF-8 is transcoded through a window of so many bytes, which stays
    # in the first-level cache and is many times as long as the longest token.
    WINDOW = 1 << 14


def encode(Trie trie not None, text):
    """Encode one text into a new array of its own: uint16, 1-D."""
    cdef uint16_t[SMALL] small
    cdef Span span
    cdef size_t produced
    _owner = read_text(text, &span)
    cdef size_t capacity = most_bytes(&span)
    if capacity <= SMALL:
        produced = run(trie, &span, text, small, SMALL)
        ids = new_ids(produced)
        memcpy(cnp.PyArray_DATA(ids), small, produced * sizeof(uint16_t))
        return ids
    # Memory that stays unused is never touched.
    ids = new_ids(capacity)
    produced = run(trie, &span, text, <uint16_t*> cnp.PyArray_DATA(ids), capacity)
    shrink(ids, produced)
    return ids


def encode_into(Trie trie not None, text, out):
    """Encode one text into a writable buffer of uint16; return the number of ids."""
    cdef Span span
    _owner = read_text(text, &span)
    view = open_buffer(out, "out must be a buffer of uint16")
    if view.ndim != 1 or item_format(view) != "H":
        raise TypeError(
            f"out must be a 1-D buffer of uint16, not one of {view.ndim} dimensions "
            f"and format {view.format!r}"
        )
    if view.readonly:
        raise ValueError("out is read-only")
    if not view.c_contiguous:
        raise ValueError("out is not contiguous")
    cdef Py_buffer* buffer = PyMemoryView_GET_BUFFER(view)
    if <size_t> buffer.buf % sizeof(uint16_t):
        raise ValueError("out is not aligned: its address is odd")
    return run(trie, &span, text, <uint16_t*> buffer.buf, buffer.len // sizeof(uint16_t))


def count(Trie trie not None, text):
    """The number of ids that `encode` gives; none is kept."""
    cdef Span span
    _owner = read_text(text, &span)
    return run(trie, &span, text, NULL, SIZE_MAX)


cdef Py_ssize_t run(
    Trie trie, const Span* span, text, uint16_t* out, size_t capacity
) except -1:
    """Encode one text in the calling thread."""
    cdef Watch watch = Watch(signals=True, lock=NULL, stop=NULL, unwatched=0)
    cdef size_t produced
    cdef Status status
    if span.length <= SHORT:
        status = encode_span(&trie.view, span, out, capacity, &produced, &watch)
    else:
        with nogil:
            status = encode_span(&trie.view, span, out, capacity, &produced, &watch)
    if status == DONE:
        return produced
    if status == SURROGATE:
        raise_surrogate(text)
    if status == FULL:
        needed = run(trie, span, text, NULL, SIZE_MAX)
        raise ValueError(f"out is too small: it holds {capacity} ids, the text has {needed}")
    return raise_pending()


cdef int raise_surrogate(object text) except -1:
    """Raise the UnicodeEncodeError that tells where the surrogate is."""
    # Not text.encode(), which a subclass may have made something else of.
    str.encode(text)
    raise UnicodeError("surrogates cannot be encoded")     # for whoever deceives str.encode


cdef Status encode_span(
    const TrieView* trie,
    const Span* span,
    uint16_t* out,
    size_t capacity,
    size_t* produced,
    Watch* watch,
) noexcept nogil:
    cdef const void* text = span.data
    cdef size_t length = span.length
    if span.unit_size == UTF8:
        return encode_utf8(trie, <const uint8_t*> text, length, out, capacity, produced, watch)
    if span.unit_size == 1:
        return encode_units(trie, <const uint8_t*> text, length, out, capacity, produced, watch)
    if span.unit_size == 2:
        return encode_units(trie, <const uint16_t*> text, length, out, capacity, produced, watch)
    return encode_units(trie, <const uint32_t*> text, length, out, capacity, produced, watch)


cdef Status encode_utf8(
    const TrieView* trie,
    const uint8_t* text,
    size_t length,
    uint16_t* out,
    size_t capacity,
    size_t* produced,
    Watch* watch,
) noexcept nogil:
    cdef const uint8_t* here = text
    cdef const uint8_t* end = text + length
    cdef const uint8_t* stop
    cdef size_t step
    produced[0] = 0
    while here < end:
        step = min(<size_t> STEP, <size_t> (end - here))
        stop = here + step
        here = match_until(trie, here, stop, end, out, capacity, produced)
        if here < stop:
            return FULL
        if must_stop(watch, step):
            return STOPPED
    return DONE


cdef Status encode_units(
    const TrieView* trie,
    const unit_t* text,
    size_t length,
    uint16_t* out,
    size_t capacity,
    size_t* produced,
    Watch* watch,
) noexcept nogil:
    cdef uint8_t[WINDOW] window
    cdef const uint8_t* here
    cdef const uint8_t* stop
    cdef size_t taken = 0       # code units that went into the window
    cdef size_t filled = 0      # bytes in the window
    cdef size_t added
    produced[0] = 0
    while True:
        taken += transcode(text + taken, length - taken, window + filled, WINDOW - filled, &added)
        filled += added
        if taken < length and is_surrogate(text[taken]):
            return SURROGATE
        here = window
        stop = window + filled
        if taken < length:
            # A token that begins later could go on beyond the window.
            stop -= trie.longest - 1
        here = match_until(trie, here, stop, window + filled, out, capacity, produced)
        if here < stop:
            return FULL
        if must_stop(watch, added):
            return STOPPED
        if taken == length:
            return DONE
        filled = window + filled - here
        memmove(window, here, filled)


cdef inline const uint8_t* match_until(
    const TrieView* trie,
    const uint8_t* here,
    const uint8_t* stop,
    const uint8_t* end,
    uint16_t* out,
    size_t capacity,
    size_t* produced,
) noexcept nogil:
    """Append the ids of all tokens that begin before `stop`; return where the last one ends.

    That is before `stop` only if the capacity is reached. Text is read up to `end`.
    """
    if out == NULL:
        return match_loop(trie, here, stop, end, out, capacity, produced, False)
    return match_loop(trie, here, stop, end, out, capacity, produced, True)


cdef inline const uint8_t* match_loop(
    const TrieView* trie,
    const uint8_t* here,
    const uint8_t* stop,
    const uint8_t* end,
    uint16_t* out,
    size_t capacity,
    size_t* produced,
    bint keep,
) noexcept nogil:
    cdef size_t n = produced[0]
    cdef uint32_t slot
    while here < stop and n < capacity:
        here = longest_match(trie, here, end, &slot)
        if keep:
            out[n] = trie.token_ids[slot]
        n += 1
    produced[0] = n
    return here


cdef object new_ids(size_t capacity):
    cdef cnp.npy_intp shape = capacity
    return cnp.PyArray_SimpleNew(1, &shape, cnp.NPY_UINT16)


cdef int shrink(cnp.ndarray ids, size_t size) except -1:
    """Give back the memory beyond the first `size` ids of an array that nothing else refers to."""
    cdef cnp.npy_intp length = size
    cdef cnp.PyArray_Dims shape = cnp.PyArray_Dims(ptr=&length, len=1)
    cnp.PyArray_Resize(ids, &shape, False, cnp.NPY_CORDER)
    return 0
