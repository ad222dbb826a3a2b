"""Encoding and counting batches, in one thread or several.

The documents are divided into units, which the threads take one after the other: runs of documents
of about as many bytes each, and pieces of long documents, cut where that is certain to make no
difference. A thread encodes a unit into a buffer that fits into its cache; once all units before
are done, the ids are appended to the result. So the result is written from front to back; besides
it there are the units that wait for an earlier one. A single thread writes it without a detour.
"""

cimport cython
cimport numpy as cnp
from cpython.exc cimport PyErr_CheckSignals
from cpython.pythread cimport PyThread_acquire_lock, PyThread_release_lock, WAIT_LOCK
from libc.stdint cimport SIZE_MAX, int64_t, uint8_t, uint16_t, uint32_t
from libc.stdlib cimport free, malloc, realloc
from libc.string cimport memcpy, memset

from ._cuts cimport PAIR_CUT
from ._decode_table cimport DecodeTable
from ._documents cimport Documents, collect
from ._encode cimport Encoder, EncoderView, encode_span, new_ids, raise_surrogate
from ._job cimport DONE, NO_MEMORY, SURROGATE, Job, Status, Watch
from ._kernels cimport Memo
from ._offsets cimport batch_offsets
from ._special cimport SpecialMatcher
from ._text cimport UTF8, Span, most_bytes

import numpy as np

from .threads import check_num_threads

cnp.import_array()

cdef extern from "kernels/pages.h":
    void prefer_large_pages(void* memory, size_t size) noexcept nogil


cdef enum:
    EOT = 0
    # Bytes in a unit: half a millisecond of work, so that taking one costs nothing, and ids that
    # fit into a core's second-level cache.
    UNIT = 1 << 18
    # A document of so many bytes is cut into pieces.
    LONG = 2 * UNIT
    # How far to look for a place to cut it.
    REACH = 64 * UNIT
    # Ids that fit into a buffer: enough for all units but pieces longer than they should be.
    BUFFER = UNIT + LONG
    # What a document costs besides its bytes, in bytes that could be encoded meanwhile.
    DOCUMENT_COST = 32
    # Of the bytes that a text can have at the most, so many at least have an id, mostly.
    BYTES_PER_ID = 3
    # Documents between two runs of the signal handlers where the GIL is held.
    SIGNAL_STEP = 1 << 16


def encode_ragged(
    Encoder encoder not None, texts, num_threads, bint append_eot, SpecialMatcher special=None
):
    """Encode a batch: all ids one after the other (uint16), and the offsets (int64)."""
    num_threads = check_num_threads(num_threads)
    return encode_documents(encoder, collect(texts), num_threads, append_eot, special)


cdef tuple encode_documents(
    Encoder encoder, Documents documents, num_threads, bint append_eot, SpecialMatcher special
):
    cdef EncodeJob job = EncodeJob(encoder, documents, True, append_eot, special)
    job.run_all(num_threads)
    ids, offsets = job.result.to_array(), job.offsets()
    # Then no view of them can be made writable either.
    ids.flags.writeable = offsets.flags.writeable = False
    return ids, offsets


def encode_ragged_with_offsets(
    Encoder encoder not None,
    DecodeTable table not None,
    texts,
    bint by_character,
    num_threads,
    SpecialMatcher special=None,
):
    """The same, and where each token lies in its document: int64, shape (ids, 2)."""
    num_threads = check_num_threads(num_threads)
    cdef Documents documents = collect(texts)
    if by_character:
        documents.require_characters()
    ids, offsets = encode_documents(encoder, documents, num_threads, False, special)
    return ids, offsets, batch_offsets(table, ids, offsets, by_character, num_threads)


def encode_batch(Encoder encoder not None, texts, num_threads, SpecialMatcher special=None):
    """Encode a batch: a list of arrays, each with its own memory."""
    cdef cnp.ndarray ids, offsets
    ids, offsets = encode_ragged(encoder, texts, num_threads, False, special)
    cdef const uint16_t* source = <const uint16_t*> cnp.PyArray_DATA(ids)
    cdef const int64_t* offset = <const int64_t*> cnp.PyArray_DATA(offsets)
    cdef size_t count = cnp.PyArray_SIZE(offsets) - 1
    cdef size_t i, size
    cdef list arrays = []
    for i in range(count):
        size = offset[i + 1] - offset[i]
        array = new_ids(size)
        memcpy(cnp.PyArray_DATA(array), source + offset[i], size * sizeof(uint16_t))
        arrays.append(array)
        if i % SIGNAL_STEP == SIGNAL_STEP - 1:
            PyErr_CheckSignals()
    return arrays


def count_batch(Encoder encoder not None, texts, num_threads, SpecialMatcher special=None):
    """The number of ids of each document: int64, 1-D; none is kept."""
    num_threads = check_num_threads(num_threads)
    cdef EncodeJob job = EncodeJob(encoder, collect(texts), False, False, special)
    job.run_all(num_threads)
    return job.counts


@cython.internal
cdef class IdBuffer:
    """Ids that grow at their end."""

    cdef uint16_t* ids
    cdef size_t size
    cdef size_t capacity

    def __dealloc__(self):
        free(self.ids)

    cdef Status append(self, const uint16_t* ids, size_t count) noexcept nogil:
        if count == 0:      # there may be no memory yet, and memcpy takes no NULL
            return DONE
        if self.reserve(self.size + count) != DONE:
            return NO_MEMORY
        memcpy(self.ids + self.size, ids, count * sizeof(uint16_t))
        self.size += count
        return DONE

    cdef Status reserve(self, size_t size) noexcept nogil:
        cdef size_t capacity = self.capacity
        cdef uint16_t* grown
        if size <= capacity:
            return DONE
        capacity = max(size, capacity + capacity // 2)
        grown = <uint16_t*> realloc(self.ids, capacity * sizeof(uint16_t))
        if grown == NULL:
            return NO_MEMORY
        prefer_large_pages(grown, capacity * sizeof(uint16_t))
        self.ids = grown
        self.capacity = capacity
        return DONE

    cdef object to_array(self):
        """The ids as an array that keeps this buffer alive; nothing may be appended any more."""
        cdef cnp.npy_intp shape = self.size
        cdef uint16_t* fitted
        if self.size == 0:
            return new_ids(0)
        fitted = <uint16_t*> realloc(self.ids, self.size * sizeof(uint16_t))
        if fitted != NULL:
            self.ids = fitted
        array = cnp.PyArray_SimpleNewFromData(1, &shape, cnp.NPY_UINT16, self.ids)
        cnp.set_array_base(array, self)
        return array


# A run of documents, or a piece of one; and its ids until they are appended to the result.
cdef struct Unit:
    size_t first            # document
    size_t last             # exclusive
    size_t begin            # of a piece: code units of the document, the first and how many
    size_t length           # 0: whole documents
    bint ends               # a piece: whether it is the document's last
    size_t capacity         # the most ids it can have
    size_t produced
    bint done
    uint16_t* ids


@cython.internal
cdef class EncodeJob(Job):
    """Encodes a batch, or only counts the ids."""

    cdef Encoder encoder
    cdef SpecialMatcher special
    cdef EncoderView view
    cdef Documents documents
    cdef bint keep_ids
    cdef bint append_eot
    cdef object counts          # int64: ids of each document
    cdef int64_t* counts_data
    cdef Unit* units
    cdef size_t units_capacity
    cdef size_t total           # bytes, at most
    # Guarded by the lock:
    cdef IdBuffer result
    cdef uint16_t** buffers     # those that are not in use; room for one for each unit
    cdef size_t num_buffers
    cdef size_t next_commit     # the first unit whose ids are not in the result
    cdef size_t surrogate_in    # the first document found to hold a surrogate, or SIZE_MAX

    def __cinit__(
        self,
        Encoder encoder,
        Documents documents,
        bint keep_ids,
        bint append_eot,
        SpecialMatcher special,
    ):
        self.encoder = encoder
        self.special = special
        self.view = encoder.view_with(special)
        self.documents = documents
        self.keep_ids = keep_ids
        self.append_eot = append_eot
        self.counts = np.zeros(documents.count, np.int64)
        self.counts_data = <int64_t*> cnp.PyArray_DATA(self.counts)
        self.result = IdBuffer()
        self.surrogate_in = SIZE_MAX
        self.divide()
        self.buffers = <uint16_t**> malloc((self.num_units + 1) * sizeof(uint16_t*))
        if self.buffers == NULL:
            raise MemoryError

    def __dealloc__(self):
        cdef size_t i
        for i in range(self.num_units):
            free(self.units[i].ids)
        for i in range(self.num_buffers):
            free(self.buffers[i])
        free(self.buffers)
        free(self.units)

    cdef int divide(self) except -1:
        """Divide the documents into units."""
        cdef const Span* spans = self.documents.spans
        cdef Unit* unit = NULL
        cdef size_t cost = 0
        cdef size_t document, size
        for document in range(self.documents.count):
            size = most_bytes(&spans[document])
            self.total += size
            if size >= LONG:
                self.divide_document(document)
                unit = NULL
                continue
            if unit == NULL or cost >= UNIT:
                unit = self.add_unit(document)
                cost = 0
            cost += size + DOCUMENT_COST
            unit.capacity += size + self.append_eot
            unit.last = document + 1
        return 0

    cdef int divide_document(self, size_t document) except -1:
        """Divide a document into pieces that can be encoded alone, each a unit."""
        cdef Span piece = self.documents.spans[document]
        cdef size_t bytes_per_unit = most_bytes(&piece) // piece.length
        cdef size_t begin = 0
        cdef size_t end
        cdef Unit* unit
        while begin < piece.length:
            end = find_cut(&self.view, &piece, begin + UNIT // bytes_per_unit)
            unit = self.add_unit(document)
            unit.last = document + 1
            unit.begin = begin
            unit.length = end - begin
            unit.ends = end == piece.length
            unit.capacity = unit.length * bytes_per_unit + self.append_eot
            begin = end
        return 0

    cdef Unit* add_unit(self, size_t document) except NULL:
        """Make room for one more unit, which begins with a document."""
        cdef size_t capacity = 2 * self.units_capacity + 1
        cdef void* grown
        if self.num_units == self.units_capacity:
            grown = realloc(self.units, capacity * sizeof(Unit))
            if grown == NULL:
                raise MemoryError
            self.units = <Unit*> grown
            self.units_capacity = capacity
        cdef Unit* unit = &self.units[self.num_units]
        memset(unit, 0, sizeof(Unit))
        unit.first = document
        self.num_units += 1
        return unit

    cdef int run_all(self, num_threads) except -1:
        if self.keep_ids and self.num_units > 1:
            # More than most texts need. Memory that stays unused is never touched, and if there
            # is too little of it, the result grows step by step instead.
            self.result.reserve(self.total // BYTES_PER_ID + self.documents.count)
        self.start(num_threads)
        if self.surrogate_in != SIZE_MAX:
            try:
                raise_surrogate(self.documents.text(self.surrogate_in))
            except UnicodeEncodeError as error:
                error.add_note(f"in document {self.surrogate_in} of the batch")
                raise
        return 0

    cdef object offsets(self):
        """Where each document begins among the ids, and where the last one ends."""
        offsets = np.zeros(self.documents.count + 1, np.int64)
        np.cumsum(self.counts, out=offsets[1:])
        return offsets

    cdef void take_units(self, Watch* watch) noexcept nogil:
        cdef Memo* memo = self.encoder.take_memo(self.total)
        watch.own = memo
        Job.take_units(self, watch)
        self.encoder.give_memo(memo)

    cdef Status do_unit(self, size_t number, Watch* watch) noexcept nogil:
        cdef Unit* unit = &self.units[number]
        cdef Status status
        if not self.keep_ids:
            status = self.encode_unit(unit, NULL, watch)
        elif self.num_threads == 1:
            status = self.result.reserve(self.result.size + unit.capacity)
            if status == DONE:
                status = self.encode_unit(unit, self.result.ids + self.result.size, watch)
            self.result.size += unit.produced
        else:
            unit.ids = self.take_buffer(unit)
            if unit.ids == NULL:
                return NO_MEMORY
            status = self.encode_unit(unit, unit.ids, watch)
        return self.commit(unit) if status == DONE else status

    cdef Status encode_unit(self, Unit* unit, uint16_t* out, Watch* watch) noexcept nogil:
        cdef Span span
        cdef size_t document, before
        cdef Status status = DONE
        if unit.length:
            span = self.documents.spans[unit.first]
            span.data = <const uint8_t*> span.data + unit.begin * max(span.unit_size, 1)
            span.length = unit.length
            return self.encode_text(unit, unit.first, &span, unit.ends, out, watch)
        for document in range(unit.first, unit.last):
            before = unit.produced
            status = self.encode_text(
                unit, document, &self.documents.spans[document], True, out, watch
            )
            if status != DONE:
                break
            self.counts_data[document] = unit.produced - before
        return status

    cdef Status encode_text(
        self, Unit* unit, size_t document, const Span* span, bint ends, uint16_t* out, Watch* watch
    ) noexcept nogil:
        cdef size_t produced
        cdef Status status = encode_span(
            &self.view,
            <Memo*> watch.own,
            span,
            NULL,
            NULL if out == NULL else out + unit.produced,
            SIZE_MAX if out == NULL else unit.capacity - unit.produced,
            &produced,
            watch,
        )
        if status == SURROGATE:
            self.note_surrogate(document)
        if status != DONE:
            return status
        unit.produced += produced
        if ends and self.append_eot and out != NULL:
            out[unit.produced] = EOT
            unit.produced += 1
        return DONE

    cdef void note_surrogate(self, size_t document) noexcept nogil:
        PyThread_acquire_lock(self.lock, WAIT_LOCK)
        self.surrogate_in = min(self.surrogate_in, document)
        PyThread_release_lock(self.lock)

    cdef uint16_t* take_buffer(self, const Unit* unit) noexcept nogil:
        """Memory for the ids of a unit; NULL if there is none."""
        cdef uint16_t* buffer = NULL
        if unit.capacity > BUFFER:      # a long document that cannot be cut: hardly a second one
            return <uint16_t*> malloc(unit.capacity * sizeof(uint16_t))
        PyThread_acquire_lock(self.lock, WAIT_LOCK)
        if self.num_buffers:
            self.num_buffers -= 1
            buffer = self.buffers[self.num_buffers]
        PyThread_release_lock(self.lock)
        if buffer == NULL:
            buffer = <uint16_t*> malloc(BUFFER * sizeof(uint16_t))
        return buffer

    cdef Status commit(self, Unit* unit) noexcept nogil:
        """Note that a unit is done, and append what now can be appended to the result."""
        cdef Status status = DONE
        PyThread_acquire_lock(self.lock, WAIT_LOCK)
        unit.done = True
        if unit.length:
            self.counts_data[unit.first] += unit.produced
        while (
            status == DONE
            and self.next_commit < self.num_units
            and self.units[self.next_commit].done
        ):
            unit = &self.units[self.next_commit]
            if unit.ids != NULL:
                status = self.result.append(unit.ids, unit.produced)
                if unit.capacity > BUFFER:
                    free(unit.ids)
                else:
                    self.buffers[self.num_buffers] = unit.ids
                    self.num_buffers += 1
                unit.ids = NULL
            self.next_commit += 1
        PyThread_release_lock(self.lock)
        return status


cdef size_t find_cut(const EncoderView* encoder, const Span* span, size_t place) noexcept nogil:
    """The first certified cut of a text from a code unit on; the end if there is none in reach.

    Nor is it within a special token: where no pair of its bytes stands, none reaches across.
    """
    cdef size_t stop = min(span.length, place + REACH)
    cdef size_t pair
    while place < stop:
        pair = last_byte(span, place - 1) | first_byte(span, place) << 8
        if encoder.cuts.pair[pair] & PAIR_CUT and (
            encoder.special == NULL or not encoder.special.joined[pair]
        ):
            return place
        place += 1
    return span.length


cdef inline uint32_t code_unit(const Span* span, size_t place) noexcept nogil:
    if span.unit_size == 2:
        return (<const uint16_t*> span.data)[place]
    if span.unit_size == 4:
        return (<const uint32_t*> span.data)[place]
    return (<const uint8_t*> span.data)[place]


cdef inline uint32_t first_byte(const Span* span, size_t place) noexcept nogil:
    """The first byte of the UTF-8 of a character."""
    cdef uint32_t character = code_unit(span, place)
    if span.unit_size == UTF8 or character < 0x80:
        return character
    if character < 0x800:
        return 0xC0 | character >> 6
    if character < 0x10000:
        return 0xE0 | character >> 12
    return 0xF0 | character >> 18


cdef inline uint32_t last_byte(const Span* span, size_t place) noexcept nogil:
    """The last byte of the UTF-8 of a character."""
    cdef uint32_t character = code_unit(span, place)
    if span.unit_size == UTF8 or character < 0x80:
        return character
    return 0x80 | character & 0x3F
