"""How a long call notices that it is to end, and work that several threads do together."""

from cpython.pythread cimport (
    NOWAIT_LOCK,
    PY_LOCK_ACQUIRED,
    PyLockStatus,
    PyThread_acquire_lock,
    PyThread_allocate_lock,
    PyThread_free_lock,
    PyThread_release_lock,
    WAIT_LOCK,
)

from .threads import available_cpus, run_in_threads


cdef extern from "Python.h":
    # Cython's own declarations would make an exception of the result at once, also in functions
    # that cannot raise.
    int PyErr_CheckSignals() noexcept
    void* PyErr_Occurred() noexcept
    PyLockStatus PyThread_acquire_lock_timed(
        PyThread_type_lock lock, long long microseconds, int is_interruptible
    ) noexcept nogil


cdef enum:
    # Bytes between two looks: some 10 to 20 ms. Each run of the signal handlers waits for the GIL.
    STEP = 1 << 22
    WORTH_THREADS = 4           # units, of about a millisecond each
    # Microseconds between two runs of the signal handlers while other threads are waited for.
    PATIENCE = 20_000


cdef bint must_stop(Watch* watch, size_t bytes) noexcept nogil:
    """Whether to end with STOPPED; `bytes` is the work done since the last question."""
    cdef bint stop = False
    watch.unwatched += bytes
    if watch.unwatched < STEP:
        return False
    watch.unwatched = 0
    if watch.lock != NULL:
        PyThread_acquire_lock(watch.lock, WAIT_LOCK)
        stop = watch.stop[0]
        PyThread_release_lock(watch.lock)
    if watch.signals and not stop:
        with gil:
            stop = PyErr_CheckSignals() < 0
    return stop


cdef int raise_pending() except -1:
    """Raise the exception that a signal handler has set, if it has."""
    return -1 if PyErr_Occurred() != NULL else 0


cdef class Job:
    """Work in units that threads take one after the other; `do_unit` does one of them.

    It belongs to one call. See threads.Job for how it is run.
    """

    def __cinit__(self):
        self.lock = PyThread_allocate_lock()
        self.idle = PyThread_allocate_lock()
        if self.lock == NULL or self.idle == NULL:
            raise MemoryError
        PyThread_acquire_lock(self.idle, NOWAIT_LOCK)

    def __dealloc__(self):
        if self.lock != NULL:
            PyThread_free_lock(self.lock)
        if self.idle != NULL:
            PyThread_free_lock(self.idle)

    cdef int start(self, num_threads) except -1:
        """Do all the units, in as many threads as there is work for and `num_threads` allows."""
        if num_threads is None:
            # To find out how many cores there are takes a good part of a millisecond, too.
            num_threads = available_cpus() if self.num_units >= WORTH_THREADS else 1
        self.num_threads = max(min(num_threads, self.num_units), 1)
        PyThread_acquire_lock(self.lock, WAIT_LOCK)
        self.next_unit = 0
        PyThread_release_lock(self.lock)
        cdef bint is_complete = False
        try:
            run_in_threads(self, self.num_threads)
            is_complete = True
        finally:
            # The caller's memory is given back now. That threading has waited is not certain: its
            # join gives up for good if Ctrl-C (up to 3.12) or a lack of memory interrupts it.
            with nogil:
                if not is_complete:
                    self.end()
                self.wait_for_others(False)
        if self.out_of_memory:
            raise MemoryError
        return 0

    def run(self, bint signals):
        """Take units until none is left; with `signals`, run signal handlers meanwhile."""
        cdef Watch watch = Watch(
            signals=signals, lock=self.lock, stop=&self.stopped, unwatched=0, own=NULL
        )
        with nogil:
            self.take_units(&watch)
            if signals:
                self.wait_for_others(True)
        raise_pending()

    def stop(self):
        """Make every `run` return soon."""
        self.end()

    cdef void end(self) noexcept nogil:
        PyThread_acquire_lock(self.lock, WAIT_LOCK)
        self.stopped = True
        PyThread_release_lock(self.lock)

    cdef void take_units(self, Watch* watch) noexcept nogil:
        cdef Status status = DONE
        cdef size_t unit = 0
        cdef bint has_done_one = False
        while True:
            PyThread_acquire_lock(self.lock, WAIT_LOCK)
            if has_done_one:
                self.busy -= 1
                if self.busy == 0 and self.is_awaited:
                    self.is_awaited = False
                    PyThread_release_lock(self.idle)
            if status != DONE:
                # Units that other threads have taken already are finished, so that the first of
                # several errors is found whichever thread comes to its own first.
                self.next_unit = self.num_units
                self.stopped |= status == STOPPED
                self.out_of_memory |= status == NO_MEMORY
            if self.stopped or self.next_unit == self.num_units:
                PyThread_release_lock(self.lock)
                return
            unit = self.next_unit
            self.next_unit += 1
            self.busy += 1
            PyThread_release_lock(self.lock)
            status = self.do_unit(unit, watch)
            has_done_one = True

    cdef void wait_for_others(self, bint signals) noexcept nogil:
        """Wait until no thread is at a unit; all are taken, or the job was ended. Takes no memory.

        With `signals`, run signal handlers meanwhile, and end the job if one raises.
        """
        PyThread_acquire_lock(self.lock, WAIT_LOCK)
        cdef bint must_wait = self.busy > 0
        self.is_awaited = must_wait
        PyThread_release_lock(self.lock)
        while must_wait:
            must_wait = PyThread_acquire_lock_timed(self.idle, PATIENCE, 0) != PY_LOCK_ACQUIRED
            if must_wait and signals:
                with gil:
                    signals = PyErr_CheckSignals() == 0
                if not signals:
                    self.end()

    cdef Status do_unit(self, size_t unit, Watch* watch) noexcept nogil:
        return DONE
