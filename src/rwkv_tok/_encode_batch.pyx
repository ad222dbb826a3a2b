"""Encoding and counting batches, in one thread or several.

The documents are cut into units, runs of about equally many bytes, which the threads take one
after the other. A thread encodes a unit into a buffer that fits into its cache; once all units
before are done, the ids are appended to the result. So the result is written from front to back;
besides it there are the units that wait for an earlier one.
"""

cimport cython
cimport numpy as cnp
from cpython.exc cimport PyErr_CheckSignals
from cpython.pythread cimport PyThread_acquire_lock, PyThread_release_lock, WAIT_LOCK
from libc.stdint cimport SIZE_MAX, int64_t, uint16_t
from libc.stdlib cimport calloc, free, malloc, realloc
from libc.string cimport memcpy

from ._documents cimport Documents, collect
from ._encode cimport encode_span, new_ids, raise_surrogate
from ._job cimport DONE, NO_MEMORY, SURROGATE, Job, Status, Watch
from ._text cimport Span, most_bytes
from ._trie cimport Trie

import numpy as np

from .threads import check_num_threads

cnp.import_array()


cdef enum:
    EOT = 0
    # Bytes in a unit: about a millisecond of work, so that taking one costs nothing, and ids that
    # fit into a core's second-level cache.
    UNIT = 1 << 18
    # What a document costs besides its bytes, in bytes that could be encoded meanwhile.
    DOCUMENT_COST = 32
    # Documents between two runs of the signal handlers where the GIL is held.
    SIGNAL_STEP = 1 << 16


def encode_ragged(Trie trie not None, texts, num_threads, bint append_eot):
    """Encode a batch: all ids one after the other (uint16), and the offsets (int64)."""
    num_threads = check_num_threads(num_threads)
    cdef EncodeJob job = EncodeJob(trie, collect(texts), True, append_eot)
    job.run_all(num_threads)
    ids, offsets = job.result.to_array(), job.offsets()
    # Then no view of them can be made writable either.
    ids.flags.writeable = offsets.flags.writeable = False
    return ids, offsets


def encode_batch(Trie trie not None, texts, num_threads):
    """Encode a batch: a list of arrays, each with its own memory."""
    cdef cnp.ndarray ids, offsets
    ids, offsets = encode_ragged(trie, texts, num_threads, False)
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


def count_batch(Trie trie not None, texts, num_threads):
    """The number of ids of each document: int64, 1-D; none is kept."""
    num_threads = check_num_threads(num_threads)
    cdef EncodeJob job = EncodeJob(trie, collect(texts), False, False)
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
        if self.resize_to_hold(self.size + count) != DONE:
            return NO_MEMORY
        memcpy(self.ids + self.size, ids, count * sizeof(uint16_t))
        self.size += count
        return DONE

    cdef Status resize_to_hold(self, size_t size) noexcept nogil:
        cdef size_t capacity = self.capacity
        cdef uint16_t* grown
        if size <= capacity:
            return DONE
        capacity = max(size, capacity + capacity // 2)
        grown = <uint16_t*> realloc(self.ids, capacity * sizeof(uint16_t))
        if grown == NULL:
            return NO_MEMORY
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


# A run of documents, and its ids until they are appended to the result.
cdef struct Unit:
    size_t first
    size_t last             # exclusive
    size_t capacity         # the most ids it can have
    size_t produced
    bint done
    uint16_t* ids


@cython.internal
cdef class EncodeJob(Job):
    """Encodes a batch, or only counts the ids."""

    cdef Trie trie
    cdef Documents documents
    cdef bint keep_ids
    cdef bint append_eot
    cdef object counts          # int64: ids of each document
    cdef int64_t* counts_data
    cdef Unit* units
    # Guarded by the lock:
    cdef IdBuffer result
    cdef size_t next_commit     # the first unit whose ids are not in the result
    cdef size_t surrogate_in    # the first document found to hold a surrogate, or SIZE_MAX

    def __cinit__(self, Trie trie, Documents documents, bint keep_ids, bint append_eot):
        self.trie = trie
        self.documents = documents
        self.keep_ids = keep_ids
        self.append_eot = append_eot
        self.counts = np.zeros(documents.count, np.int64)
        self.counts_data = <int64_t*> cnp.PyArray_DATA(self.counts)
        self.result = IdBuffer()
        self.surrogate_in = SIZE_MAX
        self.divide()

    def __dealloc__(self):
        cdef size_t i
        for i in range(self.num_units):
            free(self.units[i].ids)
        free(self.units)

    cdef int divide(self) except -1:
        """Cut the documents into units."""
        cdef const Span* spans = self.documents.spans
        cdef size_t total = 0
        cdef size_t cost = 0
        cdef size_t document
        cdef Unit* unit
        for document in range(self.documents.count):
            total += most_bytes(&spans[document]) + DOCUMENT_COST
        # Each unit but the last costs at least UNIT.
        unit = self.units = <Unit*> calloc(total // UNIT + 1, sizeof(Unit))
        if self.units == NULL:
            raise MemoryError
        for document in range(self.documents.count):
            cost += most_bytes(&spans[document]) + DOCUMENT_COST
            unit.capacity += most_bytes(&spans[document]) + self.append_eot
            unit.last = document + 1
            if cost >= UNIT:
                cost = 0
                unit += 1
                unit.first = unit.last = document + 1
        self.num_units = unit - self.units + (unit.last > unit.first)
        return 0

    cdef int run_all(self, num_threads) except -1:
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

    cdef Status do_unit(self, size_t unit, Watch* watch) noexcept nogil:
        cdef Unit* this = &self.units[unit]
        cdef Status status
        if self.keep_ids:
            # One more, as malloc may return NULL for nothing.
            this.ids = <uint16_t*> malloc((this.capacity + 1) * sizeof(uint16_t))
            if this.ids == NULL:
                return NO_MEMORY
        status = self.encode_documents(this, watch)
        return self.commit(this) if status == DONE else status

    cdef Status encode_documents(self, Unit* unit, Watch* watch) noexcept nogil:
        cdef uint16_t* out = unit.ids
        cdef size_t document, produced
        cdef Status status
        for document in range(unit.first, unit.last):
            status = encode_span(
                &self.trie.view,
                &self.documents.spans[document],
                out,
                SIZE_MAX if out == NULL else unit.capacity - unit.produced,
                &produced,
                watch,
            )
            if status == SURROGATE:
                self.note_surrogate(document)
            if status != DONE:
                return status
            if out != NULL:
                out += produced
                if self.append_eot:
                    out[0] = EOT
                    out += 1
                    produced += 1
            self.counts_data[document] = produced
            unit.produced += produced
        return DONE

    cdef void note_surrogate(self, size_t document) noexcept nogil:
        PyThread_acquire_lock(self.lock, WAIT_LOCK)
        self.surrogate_in = min(self.surrogate_in, document)
        PyThread_release_lock(self.lock)

    cdef Status commit(self, Unit* unit) noexcept nogil:
        """Note that a unit is done, and append what now can be appended to the result."""
        cdef Status status = DONE
        PyThread_acquire_lock(self.lock, WAIT_LOCK)
        unit.done = True
        while (
            status == DONE
            and self.next_commit < self.num_units
            and self.units[self.next_commit].done
        ):
            unit = &self.units[self.next_commit]
            if self.keep_ids:
                status = self.result.append(unit.ids, unit.produced)
                free(unit.ids)
                unit.ids = NULL
            self.next_commit += 1
        PyThread_release_lock(self.lock)
        return status
