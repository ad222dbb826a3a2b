"""Encoding and counting batches, in one thread or several.

The documents are cut into units, runs of about equally many bytes, which the threads take one
after the other. The ids go into one array in order: the thread that has the earliest unfinished
unit writes them to their place at once, the others to a buffer that fits into their cache and is
copied as soon as all units before are done. So the array is written once, from front to back.
"""

cimport numpy as cnp
from cpython.pythread cimport PyThread_acquire_lock, PyThread_release_lock, WAIT_LOCK
from libc.stdint cimport int64_t, uint16_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcpy

from ._documents cimport Documents, collect
from ._encode cimport encode_span, new_ids, shrink
from ._job cimport DONE, NO_MEMORY, Job, Status, Watch
from ._text cimport Span
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


def encode_ragged(Trie trie not None, texts, num_threads, bint append_eot):
    """Encode a batch: all ids one after the other (uint16), and the offsets (int64)."""
    num_threads = check_num_threads(num_threads)
    cdef Documents documents = collect(texts)
    cdef size_t capacity = documents.size + (documents.count if append_eot else 0)
    ids = new_ids(capacity)
    cdef EncodeJob job = EncodeJob(trie, documents, append_eot)
    job.out = <uint16_t*> cnp.PyArray_DATA(ids)
    job.start(num_threads)
    shrink(ids, job.committed)
    return ids, job.offsets()


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
    return arrays


def count_batch(Trie trie not None, texts, num_threads):
    """The number of ids of each document: int64, 1-D; none is kept."""
    num_threads = check_num_threads(num_threads)
    cdef EncodeJob job = EncodeJob(trie, collect(texts), False)
    job.start(num_threads)
    return job.counts


# A run of documents, and their ids while they wait to be copied to their place.
cdef struct Unit:
    size_t first
    size_t last             # exclusive
    size_t capacity         # the most ids it can have
    size_t produced
    bint done
    uint16_t* waiting       # NULL where they went to their place at once


cdef class EncodeJob(Job):
    """Encodes a batch, or only counts where `out` is NULL."""

    cdef Trie trie
    cdef Documents documents
    cdef bint append_eot
    cdef uint16_t* out

    cdef object counts                  # ids of each document
    cdef int64_t* counts_data

    cdef Unit* units
    cdef size_t next_commit             # the first unit whose ids are not all in their place
    cdef size_t committed               # ids in their place; both guarded by the lock

    def __cinit__(self, Trie trie, Documents documents, bint append_eot):
        cdef cnp.npy_intp shape = documents.count
        self.trie = trie
        self.documents = documents
        self.append_eot = append_eot
        self.counts = cnp.PyArray_SimpleNew(1, &shape, cnp.NPY_INT64)
        self.counts_data = <int64_t*> cnp.PyArray_DATA(self.counts)
        # Each unit but the last costs at least UNIT.
        self.units = <Unit*> calloc(
            (documents.size + documents.count * DOCUMENT_COST) // UNIT + 1, sizeof(Unit)
        )
        if self.units == NULL:
            raise MemoryError
        self.divide()

    def __dealloc__(self):
        cdef size_t i
        for i in range(self.num_units):
            free(self.units[i].waiting)
        free(self.units)

    cdef void divide(self) noexcept:
        """Cut the documents into units."""
        cdef size_t document
        cdef size_t cost = 0
        cdef Unit* unit = self.units
        for document in range(self.documents.count):
            cost += self.documents.spans[document].size + DOCUMENT_COST
            unit.last = document + 1
            unit.capacity += self.documents.spans[document].size + self.append_eot
            if cost >= UNIT:
                cost = 0
                unit += 1
                unit.first = unit.last = document + 1
        self.num_units = unit - self.units + (unit.last > unit.first)

    cdef object offsets(self):
        """Where each document begins among the ids, and where the last one ends."""
        offsets = np.zeros(self.documents.count + 1, np.int64)
        np.cumsum(self.counts, out=offsets[1:])
        return offsets

    cdef Status do_unit(self, size_t unit, Watch* watch) noexcept nogil:
        cdef Unit* this = &self.units[unit]
        cdef uint16_t* buffer = NULL
        cdef uint16_t* place = self.place(unit)
        cdef Status status
        if self.out != NULL and place == NULL:
            place = buffer = <uint16_t*> malloc((this.capacity + 1) * sizeof(uint16_t))
            if buffer == NULL:
                return NO_MEMORY
        status = self.encode_unit(this, place, watch)
        if status == DONE:
            self.commit(this, buffer)
        else:
            free(buffer)
        return status

    cdef uint16_t* place(self, size_t unit) noexcept nogil:
        """Where the ids of a unit go; NULL while units before it are at work."""
        cdef uint16_t* place = NULL
        PyThread_acquire_lock(self.lock, WAIT_LOCK)
        if unit == self.next_commit and self.out != NULL:
            place = self.out + self.committed
        PyThread_release_lock(self.lock)
        return place

    cdef Status encode_unit(self, Unit* unit, uint16_t* out, Watch* watch) noexcept nogil:
        cdef const Span* span
        cdef size_t document, produced
        cdef Status status
        for document in range(unit.first, unit.last):
            span = &self.documents.spans[document]
            status = encode_span(&self.trie.view, span, out, span.size, &produced, watch)
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

    cdef void commit(self, Unit* unit, uint16_t* buffer) noexcept nogil:
        """Note that a unit is done, and put ids to their place as far as it is known now."""
        PyThread_acquire_lock(self.lock, WAIT_LOCK)
        unit.done = True
        unit.waiting = buffer
        while self.next_commit < self.num_units and self.units[self.next_commit].done:
            unit = &self.units[self.next_commit]
            if unit.waiting != NULL:
                memcpy(self.out + self.committed, unit.waiting, unit.produced * sizeof(uint16_t))
                free(unit.waiting)
                unit.waiting = NULL
            self.committed += unit.produced
            self.next_commit += 1
        PyThread_release_lock(self.lock)
