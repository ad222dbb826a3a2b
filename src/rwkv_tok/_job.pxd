"""How a long call notices that it is to end, and work that several threads do together."""

from cpython.pythread cimport PyThread_type_lock


cdef enum Status:
    DONE
    FULL            # the result does not fit into the capacity
    STOPPED         # see Watch; if a signal handler raised, its exception is set
    SURROGATE       # a str holds half of a UTF-16 pair, which UTF-8 cannot encode
    NO_MEMORY


# Looked at by kernels that run for long, every few milliseconds.
cdef struct Watch:
    bint signals                # run signal handlers: for the thread that the call was made in
    PyThread_type_lock lock     # guards `stop`; NULL if there are no other threads
    const bint* stop            # set to end this one
    size_t unwatched            # bytes since the last look
    void* own                   # what a thread keeps from one unit of a Job to the next


cdef bint must_stop(Watch* watch, size_t bytes) noexcept nogil
cdef int raise_pending() except -1


cdef class Job:
    cdef size_t num_units
    cdef size_t num_threads
    cdef PyThread_type_lock lock
    cdef size_t next_unit       # the first that no thread has taken; guarded by the lock
    cdef bint stopped           # likewise
    cdef bint out_of_memory     # likewise
    cdef size_t busy            # how many threads are at a unit; likewise
    cdef bint is_awaited        # the last of them is to release `idle`; likewise
    cdef PyThread_type_lock idle    # held at all other times

    cdef int start(self, num_threads) except -1
    cdef Status do_unit(self, size_t unit, Watch* watch) noexcept nogil
    cdef void take_units(self, Watch* watch) noexcept nogil
    cdef void end(self) noexcept nogil
    cdef void wait_for_others(self, bint signals) noexcept nogil
