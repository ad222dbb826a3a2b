"""The encoder: greedy longest match from left to right, one text at a time.

A text goes through a window of UTF-8, transcoded or copied, whose margins a kernel may read: so it
need not watch for the ends of the caller's memory, nor of the window while it looks ahead.
"""

cimport numpy as cnp
from cpython.memoryview cimport PyMemoryView_GET_BUFFER
from libc.stdint cimport SIZE_MAX, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy, memmove, memset

from ._cuts cimport Cuts
from ._job cimport DONE, FULL, STOPPED, SURROGATE, Status, Watch, must_stop, raise_pending
from ._kernels cimport PAD_AFTER, PAD_BEFORE, SLACK_IDS, Memo, find_kernel
from ._special cimport SpecialMatcher
from ._text cimport UTF8, Span, item_format, most_bytes, open_buffer, read_text
from ._tokens cimport TokenTable
from ._trie cimport Trie
from ._utf8 cimport is_surrogate
from ._window cimport encode_certain, encode_window

cnp.import_array()

cdef extern from "Python.h":
    unsigned long PyThread_get_thread_ident() noexcept nogil


cdef enum:
    # A text of up to so many bytes is encoded on the stack and its ids copied: one allocation of
    # just the size.
    SMALL = 1 << 13
    # A kernel that has no more characters or bytes to do is done in about a microsecond: to release
    # the GIL and take it again would cost more.
    SHORT = 256
    # Bytes of the window, many times as many as the longest token has. It stays in the first-level
    # cache, together with as many ids.
    WINDOW = 1 << 13


cdef class Encoder:
    """A vocabulary as the kernels need it, and the memos that wait for the next call.

    Immutable but for the memos, which change no result.

    Parameters
    ----------
    trie, tokens
        The vocabulary.
    kernel
        The name of a kernel, one of `_kernels.available()`; by default the process's.
    """

    def __cinit__(self, Trie trie not None, TokenTable tokens not None, kernel=None):
        self.trie = trie
        self.cuts = Cuts(tokens)
        self.view = EncoderView(
            kernel=find_kernel(kernel),
            trie=&self.trie.view,
            cuts=&self.cuts.tables,
            special=NULL,
        )

    def __dealloc__(self):
        empty_stash(&self.stash)

    cdef EncoderView view_with(self, SpecialMatcher special) noexcept:
        """What the kernels need to find these special tokens as well; None: none."""
        cdef EncoderView view = self.view
        if special is not None:
            view.special = &special.view
        return view

    cdef Memo* take_memo(self, size_t bytes) noexcept nogil:
        """A memo for this thread, for so many bytes of text; NULL if it does not pay."""
        if self.view.kernel.encode == NULL:
            return NULL
        return take_memo(&self.stash, place_of_thread(), bytes)

    cdef void give_memo(self, Memo* memo) noexcept nogil:
        give_memo(&self.stash, place_of_thread(), memo)


cdef inline size_t place_of_thread() noexcept nogil:
    """A number that differs between most threads."""
    # The identifiers are addresses, most of whose bits are the same.
    return <size_t> (<uint64_t> PyThread_get_thread_ident() * 0x9E3779B97F4A7C15ULL >> 56)


def encode(Encoder encoder not None, text, SpecialMatcher special=None):
    """Encode one text into a new array of its own: uint16, 1-D."""
    cdef Span span
    _owner = read_text(text, &span)
    return encode_to_array(encoder, special, &span, text, NULL)


cdef object encode_to_array(
    Encoder encoder, SpecialMatcher special, const Span* span, object text, Tail* tail
):
    """Encode one text, or a piece of it if it has a tail, which is changed unless this raises."""
    cdef uint16_t[SMALL] small
    cdef size_t produced
    cdef size_t capacity = most_bytes(span)
    if tail != NULL:
        capacity += tail.size
    if capacity <= SMALL:
        produced = run(encoder, special, span, text, tail, small, SMALL)
        ids = new_ids(produced)
        memcpy(cnp.PyArray_DATA(ids), small, produced * sizeof(uint16_t))
        return ids
    # Memory that stays unused is never touched.
    ids = new_ids(capacity)
    produced = run(
        encoder, special, span, text, tail, <uint16_t*> cnp.PyArray_DATA(ids), capacity
    )
    shrink(ids, produced)
    return ids


def encode_into(Encoder encoder not None, text, out, SpecialMatcher special=None):
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
    return run(
        encoder, special, &span, text, NULL,
        <uint16_t*> buffer.buf, buffer.len // sizeof(uint16_t),
    )


def count(Encoder encoder not None, text, SpecialMatcher special=None):
    """The number of ids that `encode` gives; none is kept."""
    cdef Span span
    _owner = read_text(text, &span)
    return run(encoder, special, &span, text, NULL, NULL, SIZE_MAX)


cdef Py_ssize_t run(
    Encoder encoder,
    SpecialMatcher special,
    const Span* span,
    text,
    Tail* tail,
    uint16_t* out,
    size_t capacity,
) except -1:
    """Encode one text in the calling thread."""
    cdef Watch watch = Watch(signals=True, lock=NULL, stop=NULL, unwatched=0, own=NULL)
    cdef size_t produced
    cdef Status status
    cdef EncoderView view = encoder.view_with(special)
    cdef Memo* memo = encoder.take_memo(span.length)
    if span.length + (0 if tail == NULL else tail.size) <= SHORT:
        status = encode_span(&view, memo, span, tail, out, capacity, &produced, &watch)
    else:
        with nogil:
            status = encode_span(&view, memo, span, tail, out, capacity, &produced, &watch)
    encoder.give_memo(memo)
    if status == DONE:
        return produced
    if status == SURROGATE:
        raise_surrogate(text)
    if status == FULL:
        needed = run(encoder, special, span, text, NULL, NULL, SIZE_MAX)
        raise ValueError(f"out is too small: it holds {capacity} ids, the text has {needed}")
    return raise_pending()


cdef int raise_surrogate(object text) except -1:
    """Raise the UnicodeEncodeError that tells where the surrogate is."""
    # Not text.encode(), which a subclass may have made something else of.
    str.encode(text)
    raise UnicodeError("surrogates cannot be encoded")     # for whoever deceives str.encode


cdef Status encode_span(
    const EncoderView* encoder,
    Memo* memo,
    const Span* span,
    Tail* tail,
    uint16_t* out,
    size_t capacity,
    size_t* produced,
    Watch* watch,
) noexcept nogil:
    cdef uint8_t[PAD_BEFORE + WINDOW + PAD_AFTER] padded
    cdef uint16_t[WINDOW + SLACK_IDS] ids       # of the window
    cdef uint8_t* window = padded + PAD_BEFORE
    cdef const uint8_t* here
    cdef uint16_t* ids_end
    cdef size_t taken = 0       # code units that went into the window
    cdef size_t filled = 0      # bytes in the window
    cdef size_t added, count
    cdef bint last = False
    memset(padded, 0, PAD_BEFORE)
    produced[0] = 0
    if tail != NULL:
        filled = tail.size
        memcpy(window, tail.bytes, filled)
    while not last:
        if not fill(encoder, span, &taken, window + filled, WINDOW - filled, &added):
            return SURROGATE
        filled += added
        last = taken == span.length
        memset(window + filled, 0, PAD_AFTER)
        ids_end = ids
        here = encode_window(
            encoder, memo, window, window + filled, last and tail == NULL, &ids_end
        )
        if last and tail != NULL:
            here = encode_certain(encoder, here, window + filled, &ids_end)
        count = ids_end - ids
        if out != NULL:
            if count > capacity - produced[0]:
                return FULL
            memcpy(out + produced[0], ids, count * sizeof(uint16_t))
        produced[0] += count
        if must_stop(watch, added):
            return STOPPED
        filled = window + filled - here
        memmove(window, here, filled)
    if tail != NULL:
        tail.size = filled
        memcpy(tail.bytes, window, filled)
    return DONE


cdef inline bint fill(
    const EncoderView* encoder,
    const Span* span,
    size_t* taken,
    uint8_t* out,
    size_t room,
    size_t* added,
) noexcept nogil:
    """Write what follows of a text as UTF-8, as far as there is room.

    False if there is a surrogate, which UTF-8 cannot encode.
    """
    cdef const uint8_t* bytes = <const uint8_t*> span.data + taken[0]
    cdef const uint16_t* pairs = <const uint16_t*> span.data + taken[0]
    cdef const uint32_t* quads = <const uint32_t*> span.data + taken[0]
    cdef size_t left = span.length - taken[0]
    cdef size_t step
    if span.unit_size == UTF8:
        step = added[0] = min(left, room)
        memcpy(out, bytes, step)
    elif span.unit_size == 1:
        step = encoder.kernel.transcode_1(bytes, left, out, room, added)
    elif span.unit_size == 2:
        step = encoder.kernel.transcode_2(pairs, left, out, room, added)
        if step < left and is_surrogate(pairs[step]):
            return False
    else:
        step = encoder.kernel.transcode_4(quads, left, out, room, added)
        if step < left and is_surrogate(quads[step]):
            return False
    taken[0] += step
    return True


cdef object new_ids(size_t capacity):
    cdef cnp.npy_intp shape = capacity
    return cnp.PyArray_SimpleNew(1, &shape, cnp.NPY_UINT16)


cdef int shrink(cnp.ndarray ids, size_t size) except -1:
    """Give back the memory beyond the first `size` ids of an array that nothing else refers to."""
    cdef cnp.npy_intp length = size
    cdef cnp.PyArray_Dims shape = cnp.PyArray_Dims(ptr=&length, len=1)
    cnp.PyArray_Resize(ids, &shape, False, cnp.NPY_CORDER)
    return 0
