"""Decoding batches, in one thread or several."""

cimport cython
cimport numpy as cnp
from cpython.exc cimport PyErr_CheckSignals
from cpython.list cimport PyList_New, PyList_SET_ITEM
from cpython.ref cimport Py_INCREF
from libc.stdint cimport int64_t, uint8_t, uint16_t

from ._decode cimport (
    check_errors,
    fill,
    is_filled,
    make_result,
    measure,
    read_policy,
    room_for,
)
from ._decode_table cimport DecodeTable, DecodeView, ENTRY, Unknown, id_t
from ._decode_text cimport Room, Size
from ._job cimport DONE, STOPPED, Job, Status, Watch, must_stop
from ._utf8 cimport is_continuation

import numpy as np

from ._decode import decode, decode_bytes
from .errors import TokenIdError
from .threads import check_num_threads

cnp.import_array()


cdef extern from "Python.h":
    void PyObject_GC_Track(object)
    void PyObject_GC_UnTrack(object)


cdef enum:
    # Ids in a unit: about a third of a millisecond of work.
    UNIT = 1 << 17
    # What a document costs besides its ids, in ids that could be decoded meanwhile.
    DOCUMENT_COST = 16
    # Ids among which a character surely begins, in most texts.
    CUT_RANGE = 64
    # Ids between two questions whether the call is to end.
    STEP = 1 << 18
    # What an id decodes to, about, in bytes.
    BYTES_PER_ID = 4
    # Documents between two runs of the signal handlers, with the GIL held.
    SIGNAL_STEP = 1 << 16
    # Not one of the KINDS: a piece that could not be written as it was measured.
    UNFINISHED = 1 << 15


def decode_batch(DecodeTable table not None, ids, offsets, errors, unknown, num_threads):
    """Decode documents that lie one after the other in an array of ids, uint16 or int64.

    A list of str. `offsets` are those of a TokenBatch.
    """
    check_errors(errors)
    cdef DecodeJob job = DecodeJob(table, ids, offsets, unknown, True)
    documents = job.measure_and_fill(num_threads)
    for i in job.unfinished():
        try:
            documents[i] = decode(table, job.ids_of(i), errors, unknown)
        except UnicodeDecodeError as error:
            error.add_note(f"in document {i} of the batch")
            raise
    return documents


def decode_bytes_batch(DecodeTable table not None, ids, offsets, unknown, num_threads):
    """Decode as decode_batch does, into a list of bytes."""
    cdef DecodeJob job = DecodeJob(table, ids, offsets, unknown, False)
    documents = job.measure_and_fill(num_threads)
    for i in job.unfinished():
        documents[i] = decode_bytes(table, job.ids_of(i), unknown)
    return documents


# A run of ids, a share of the work. It may begin and end within a document.
cdef struct Unit:
    size_t first                # the id that it begins with
    size_t document             # which that belongs to
    size_t before               # bytes or characters of this document before the unit
    bint has_unknown            # an id without a token that is to be raised ...
    size_t unknown_at           # ... and where it stands among the ids


# What is found out about a document; or, of a document that several units share, about the part in
# one unit, so that no two threads write to the same place.
cdef struct Part:
    Size size
    uint8_t* data               # where it is written; for documents only
    unsigned int seen           # kinds of the characters written, or UNFINISHED


@cython.internal
cdef class DecodeJob(Job):
    """Measures what documents decode to and then, given a str or bytes for each, fills those."""

    cdef DecodeTable table
    cdef Unknown unknown
    cdef bint as_text
    cdef bint filling           # the second pass
    cdef const uint16_t* ids    # one of the two is NULL
    cdef const int64_t* wide_ids
    cdef size_t count           # of documents
    cdef const int64_t* offset  # where each of them begins among the ids, and the end
    cdef Unit* units            # and one behind the last
    cdef Part* parts            # of each document; then of the one that each unit goes on with
    cdef tuple _arrays

    def __cinit__(self, DecodeTable table, ids, offsets, unknown, bint as_text):
        # A copy, and checked: whoever made the batch may still change its offsets.
        offsets = np.array(offsets, np.int64)
        self.offset = <const int64_t*> cnp.PyArray_DATA(offsets)
        self.count = max(1, len(offsets)) - 1
        if len(offsets) == 0 or not self.are_offsets(len(ids)):
            raise ValueError("the offsets of the batch have been changed")
        self.table = table
        self.unknown = read_policy(unknown)
        self.as_text = as_text
        self.num_units = 1 + self.cost_before(self.count) // UNIT
        units = np.zeros((self.num_units + 1) * sizeof(Unit), np.uint8)
        parts = np.zeros((self.count + self.num_units) * sizeof(Part), np.uint8)
        self.units = <Unit*> cnp.PyArray_DATA(units)
        self.parts = <Part*> cnp.PyArray_DATA(parts)
        self._arrays = (ids, offsets, units, parts)
        if ids.dtype == np.uint16:
            self.ids = <const uint16_t*> cnp.PyArray_DATA(ids)
            self.plan(self.ids)
        else:
            self.wide_ids = <const int64_t*> cnp.PyArray_DATA(ids)
            self.plan(self.wide_ids)

    cdef bint are_offsets(self, int64_t size) noexcept:
        cdef bint right = self.offset[0] == 0 and self.offset[self.count] == size
        cdef size_t i
        for i in range(self.count):
            right &= self.offset[i] <= self.offset[i + 1]
        return right

    cdef size_t cost_before(self, size_t document) noexcept:
        return self.offset[document] + DOCUMENT_COST * document

    cdef void plan(self, const id_t* ids) noexcept:
        """Cut the batch into units of about the same cost.

        Only documents as long as a unit are cut, and those where a character begins, as each part
        is read alone.
        """
        cdef size_t spacing = self.cost_before(self.count) // self.num_units
        cdef size_t document = 0
        cdef size_t i, first, last, limit
        cdef const uint8_t* entry
        for i in range(self.num_units):
            while document < self.count and self.cost_before(document + 1) <= i * spacing:
                document += 1
            first = self.offset[document]
            if document < self.count and self.offset[document + 1] - first >= UNIT:
                last = self.offset[document + 1] - 1
                first = min(first + i * spacing - self.cost_before(document), last)
                limit = min(first + CUT_RANGE, last)
                while first < limit and first > <size_t> self.offset[document]:
                    entry = self.table.view.bytes + ENTRY * <size_t> <uint16_t> ids[first]
                    if ids[first] != 0 and not is_continuation(entry[0]):
                        break
                    first += 1
            self.units[i].first = first
            self.units[i].document = document
        self.units[self.num_units].first = self.offset[self.count]
        self.units[self.num_units].document = self.count

    cdef bint goes_on(self, size_t i) noexcept nogil:
        """Whether a unit begins within a document."""
        return self.units[i].first > <size_t> self.offset[self.units[i].document]

    cdef list measure_and_fill(self, num_threads):
        num_threads = check_num_threads(num_threads)
        self.start(num_threads)
        self.raise_unknown_id()
        documents = self.allocate()
        self.filling = True
        self.start(num_threads)
        PyObject_GC_Track(documents)
        return documents

    cdef int raise_unknown_id(self) except -1:
        """Raise TokenIdError if an id that stands for no token was found."""
        cdef size_t i, position
        ids, offsets = self._arrays[:2]
        for i in range(self.num_units):
            if self.units[i].has_unknown:
                position = self.units[i].unknown_at
                document = int(np.searchsorted(offsets, position, side="right")) - 1
                raise TokenIdError(
                    int(ids[position]), position - int(offsets[document]), document
                )
        return 0

    cdef list allocate(self):
        """Put together what was measured and make a bytes or str of that size for each document."""
        cdef size_t i
        cdef Size* size
        for i in range(self.num_units):
            if self.goes_on(i):
                size = &self.parts[self.units[i].document].size
                self.units[i].before = size.length
                size.length += self.parts[self.count + i].size.length
                size.kinds |= self.parts[self.count + i].size.kinds
        documents = PyList_New(self.count)
        # Nobody is to find what is not yet filled.
        PyObject_GC_UnTrack(documents)
        for i in range(self.count):
            document = make_result(&self.parts[i].size, self.as_text, &self.parts[i].data)
            Py_INCREF(document)
            PyList_SET_ITEM(documents, i, document)
            if i % SIGNAL_STEP == SIGNAL_STEP - 1:
                PyErr_CheckSignals()
        return documents

    cdef list unfinished(self):
        """The documents that are not valid UTF-8, or whose ids another thread has changed."""
        cdef list unfinished = []
        cdef size_t i
        for i in range(self.num_units):
            if self.goes_on(i):
                self.parts[self.units[i].document].seen |= self.parts[self.count + i].seen
        for i in range(self.count):
            if self.parts[i].seen != self.parts[i].size.kinds:
                unfinished.append(i)
        return unfinished

    cdef ids_of(self, size_t document):
        return self._arrays[0][self.offset[document] : self.offset[document + 1]]

    cdef Status do_unit(self, size_t unit, Watch* watch) noexcept nogil:
        cdef Status status = DONE
        cdef size_t document = self.units[unit].document
        cdef size_t end = self.units[unit + 1].document + self.goes_on(unit + 1)
        while document < end and status == DONE:
            if self.ids != NULL:
                status = self.do_part(unit, document, self.ids, watch)
            else:
                status = self.do_part(unit, document, self.wide_ids, watch)
            document += 1
        return status

    cdef Status do_part(
        self, size_t unit, size_t document, const id_t* ids, Watch* watch
    ) noexcept nogil:
        """Do what of a document lies in a unit."""
        cdef const DecodeView* view = &self.table.view
        cdef size_t here = max(<size_t> self.offset[document], self.units[unit].first)
        cdef size_t end = min(<size_t> self.offset[document + 1], self.units[unit + 1].first)
        cdef bint goes_on = here > <size_t> self.offset[document]
        cdef Part* part = &self.parts[self.count + unit if goes_on else document]
        cdef size_t step, taken
        cdef Room room
        if self.filling:
            room = self.room_of(unit, document, goes_on, end)
        while here < end:
            step = min(<size_t> STEP, end - here)
            if self.filling:
                taken = 0
                if fill(view, ids + here, step, self.unknown, self.as_text, &room):
                    taken = step
            else:
                taken = measure(
                    view, ids + here, step, self.unknown, self.as_text, &part.size
                )
            here += taken
            if taken < step:
                break
            if must_stop(watch, step * BYTES_PER_ID):
                return STOPPED
        if self.filling:
            part.seen = room.seen if here == end and is_filled(&room) else UNFINISHED
        elif here < end and not self.units[unit].has_unknown:   # the first one is named
            self.units[unit].has_unknown = True
            self.units[unit].unknown_at = here
        return DONE

    cdef Room room_of(
        self, size_t unit, size_t document, bint goes_on, size_t end
    ) noexcept nogil:
        """Where the part of a document in a unit is written; it ends before the id at `end`."""
        cdef const Part* whole = &self.parts[document]
        cdef size_t first = self.units[unit].before if goes_on else 0
        cdef size_t last = whole.size.length
        if end < <size_t> self.offset[document + 1]:
            last = self.units[unit + 1].before
        return room_for(whole.data, whole.size.kinds, first, last)
