"""Decoding batches, in one thread or several."""

cimport cython
cimport numpy as cnp
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from cpython.exc cimport PyErr_CheckSignals
from cpython.unicode cimport PyUnicode_DecodeUTF8
from libc.stdint cimport int64_t, uint8_t, uint16_t

from ._decode cimport Unknown, decode_ids, decoded_size, id_t, read_policy
from ._job cimport DONE, STOPPED, Job, Status, Watch, must_stop
from ._tokens cimport TokenTable, TokenView

import numpy as np

from .errors import TokenIdError
from .threads import check_num_threads

cnp.import_array()


cdef enum:
    # Ids in a unit: about a millisecond of work.
    UNIT = 1 << 17
    # What a document costs besides its ids, in ids that could be decoded meanwhile.
    DOCUMENT_COST = 16
    # Ids between two questions whether the call is to end.
    STEP = 1 << 18
    # What an id decodes to, about, in bytes.
    BYTES_PER_ID = 4
    # Documents between two runs of the signal handlers, with the GIL held.
    SIGNAL_STEP = 1 << 16


def decode_batch(TokenTable tokens not None, ids, offsets, errors, unknown, num_threads):
    """Decode documents that lie one after the other in an array of ids, uint16 or int64.

    A list of str, or of bytes if `errors` is None. `offsets` are those of a TokenBatch.
    """
    num_threads = check_num_threads(num_threads)
    cdef DecodeJob job = DecodeJob(tokens, ids, offsets, read_policy(unknown))
    job.start(num_threads)
    job.raise_unknown_id()
    job.allocate()
    job.start(num_threads)
    return job.documents(errors)


@cython.internal
cdef class DecodeJob(Job):
    """Measures what each document decodes to and then, given memory to write to, decodes it."""

    cdef TokenTable tokens
    cdef Unknown unknown
    cdef size_t count               # of documents
    cdef const uint16_t* ids        # one of the two is NULL
    cdef const int64_t* wide_ids
    cdef const int64_t* offset      # where each document begins among the ids, and the end
    cdef const int64_t* first       # the document that each unit begins with, and the end
    cdef int64_t* size              # bytes of each document
    cdef int64_t* unknown_at        # where in each document an unknown id stands, or -1
    cdef bytes text                 # the documents one after the other; None while measuring
    cdef uint8_t* out
    cdef int64_t* start_of          # where each document begins in `text`, and the end
    cdef tuple _arrays

    def __cinit__(self, TokenTable tokens, ids, offsets, Unknown unknown):
        # A copy, and checked: whoever made the batch may still change its offsets.
        offsets = np.array(offsets, np.int64)
        self.count = len(offsets) - 1
        if offsets[0] != 0 or offsets[self.count] != len(ids) or np.any(np.diff(offsets) < 0):
            raise ValueError("the offsets of the batch have been changed")
        self.tokens = tokens
        self.unknown = unknown
        cost = offsets + DOCUMENT_COST * np.arange(self.count + 1)
        self.num_units = 1 + cost[self.count] // UNIT
        firsts = np.searchsorted(cost, np.linspace(0, cost[self.count], self.num_units + 1))
        firsts = firsts.astype(np.int64)
        sizes = np.zeros(self.count, np.int64)
        unknown_at = np.full(self.count, -1, np.int64)
        starts = np.zeros(self.count + 1, np.int64)
        self._arrays = (ids, offsets, firsts, sizes, unknown_at, starts)
        if ids.dtype == np.uint16:
            self.ids = <const uint16_t*> cnp.PyArray_DATA(ids)
        else:
            self.wide_ids = <const int64_t*> cnp.PyArray_DATA(ids)
        self.offset = <const int64_t*> cnp.PyArray_DATA(offsets)
        self.first = <const int64_t*> cnp.PyArray_DATA(firsts)
        self.size = <int64_t*> cnp.PyArray_DATA(sizes)
        self.unknown_at = <int64_t*> cnp.PyArray_DATA(unknown_at)
        self.start_of = <int64_t*> cnp.PyArray_DATA(starts)

    cdef int raise_unknown_id(self) except -1:
        """Raise TokenIdError if an id that stands for no token was found."""
        cdef size_t document
        for document in range(self.count):
            if self.unknown_at[document] >= 0:
                position = self.unknown_at[document]
                value = self._arrays[0][self.offset[document] + position]
                raise TokenIdError(int(value), position, document)
        return 0

    cdef int allocate(self) except -1:
        """Make room for what was measured."""
        np.cumsum(self._arrays[3], out=self._arrays[5][1:])
        self.text = PyBytes_FromStringAndSize(NULL, self.start_of[self.count])
        self.out = <uint8_t*> PyBytes_AS_STRING(self.text)
        return 0

    cdef list documents(self, errors):
        """The decoded documents: bytes, or str if `errors` says what to do with invalid UTF-8."""
        cdef const char* text = <const char*> self.out
        cdef const char* policy = NULL
        cdef list documents = []
        cdef size_t i
        if errors is not None:
            errors = errors.encode()
            policy = errors
        for i in range(self.count):
            if policy == NULL:
                documents.append(PyBytes_FromStringAndSize(text + self.start_of[i], self.size[i]))
            else:
                try:
                    document = PyUnicode_DecodeUTF8(text + self.start_of[i], self.size[i], policy)
                except UnicodeDecodeError as error:
                    error.add_note(f"in document {i} of the batch")
                    raise
                documents.append(document)
            if i % SIGNAL_STEP == SIGNAL_STEP - 1:
                PyErr_CheckSignals()
        return documents

    cdef Status do_unit(self, size_t unit, Watch* watch) noexcept nogil:
        cdef Status status = DONE
        cdef int64_t document
        for document in range(self.first[unit], self.first[unit + 1]):
            if self.ids != NULL:
                status = self.do_document(document, self.ids, watch)
            else:
                status = self.do_document(document, self.wide_ids, watch)
            if status != DONE:
                break
        return status

    cdef Status do_document(
        self, size_t document, const id_t* ids, Watch* watch
    ) noexcept nogil:
        cdef const TokenView* tokens = &self.tokens.view
        cdef size_t count = self.offset[document + 1] - self.offset[document]
        cdef size_t size = 0
        cdef size_t done = 0
        cdef size_t step, position
        ids += self.offset[document]
        while done < count:
            step = min(<size_t> STEP, count - done)
            if self.out == NULL:
                size += decoded_size(tokens, ids + done, step, self.unknown, &position)
                if position < step:
                    self.unknown_at[document] = done + position
                    break
            else:
                size += decode_ids(
                    tokens,
                    ids + done,
                    step,
                    self.unknown,
                    self.out + self.start_of[document] + size,
                    self.size[document] - size,
                )
            done += step
            if must_stop(watch, step * BYTES_PER_ID):
                return STOPPED
        # Less than was measured only if another thread changed the ids meanwhile.
        self.size[document] = size
        return DONE
