"""A batch of texts that a caller passed in, read where they lie.

Either an iterable of texts, or Arrow data: whatever has the Arrow PyCapsule interface.
"""

from cpython.exc cimport PyErr_CheckSignals
from cpython.mem cimport PyMem_Free, PyMem_Realloc
from libc.stdint cimport SIZE_MAX

from ._arrow cimport StringColumn
from ._text cimport UTF8, Span, item_format, read_text

from ._arrow import has_arrow_interface, read_columns


cdef enum:
    SIGNAL_STEP = 1 << 16       # documents between two runs of the signal handlers


cdef class Documents:
    """The texts of one batch call; holds on to the objects whose memory it points to."""

    def __cinit__(self):
        self._owners = []
        self.first_bytes = SIZE_MAX

    def __dealloc__(self):
        PyMem_Free(self.spans)

    cdef int reserve(self, size_t count) except -1:
        """Make room for `count` more documents."""
        cdef size_t needed = self.count + count
        cdef void* grown
        if needed > self._capacity:
            needed = max(needed, self._capacity + self._capacity // 2)
            grown = PyMem_Realloc(self.spans, needed * sizeof(Span))
            if grown == NULL:
                raise MemoryError
            self.spans = <Span*> grown
            self._capacity = needed
        return 0

    cdef int append_items(self, list items) except -1:
        self.reserve(len(items))
        self._owners.append(items)
        for item in items:
            try:
                owner = read_text(item, &self.spans[self.count])
            except (TypeError, ValueError) as error:
                error.add_note(f"in document {self.count} of the batch")
                raise
            if owner is not item:
                self._owners.append(owner)
            if not isinstance(item, str):
                self.first_bytes = min(self.first_bytes, self.count)
            self.count += 1
            if self.count % SIGNAL_STEP == 0:
                PyErr_CheckSignals()
        return 0

    cdef int append_column(self, column) except -1:
        cdef StringColumn strings = column
        cdef size_t row = 0
        cdef size_t stop
        self.reserve(strings.length)
        self._owners.append(strings)
        if not strings.is_text and strings.length:
            self.first_bytes = min(self.first_bytes, self.count)
        while row < strings.length:
            stop = min(row + SIGNAL_STEP, strings.length)
            with nogil:
                row = self.append_rows(strings, row, stop)
            if row < stop:
                raise strings.error(row, self.count)
            PyErr_CheckSignals()
        return 0

    cdef size_t append_rows(self, StringColumn strings, size_t row, size_t stop) noexcept nogil:
        """Append rows up to `stop`, or to one that cannot be read; return which."""
        cdef Span* span
        while row < stop:
            span = &self.spans[self.count]
            if strings.read(row, &span.data, &span.length) < 0:
                break
            span.unit_size = UTF8
            self.count += 1
            row += 1
        return row

    cdef object text(self, size_t document):
        """The object that a document of an iterable is."""
        return self._owners[0][document]

    cdef int require_characters(self) except -1:
        """Raise ValueError if a document is bytes."""
        if self.first_bytes < self.count:
            raise ValueError(
                f"document {self.first_bytes} of the batch is bytes, which have no characters "
                "to count: say unit='byte'"
            )
        return 0


cdef Documents collect(object texts):
    """The texts of a batch.

    Raises TypeError for a single text, what cannot be iterated, or Arrow data that are not
    strings; ValueError for a null; and, with a note that names the document, what `read_text`
    raises.
    """
    cdef Documents documents = Documents()
    if isinstance(texts, str) or is_byte_buffer(texts):
        raise TypeError(
            f"a batch must be an iterable of texts, not a single {type(texts).__name__}: "
            "put it into a list"
        )
    if has_arrow_interface(texts):
        for column in read_columns(texts):
            documents.append_column(column)
        return documents
    try:
        # A copy: the caller's list may change while the GIL is released.
        items = list(texts)
    except TypeError:
        if hasattr(texts, "__iter__"):
            raise
        raise TypeError(
            f"a batch must be an iterable of texts or Arrow strings, not {type(texts).__name__}"
        ) from None
    documents.append_items(items)
    return documents


cdef bint is_byte_buffer(object texts):
    try:
        view = memoryview(texts)
    except (TypeError, ValueError):     # NumPy raises ValueError for dtypes without a format
        return False
    return view.ndim == 1 and item_format(view) in ("B", "b", "c")
