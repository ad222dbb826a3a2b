"""A batch of texts, as the kernels see it."""

from ._arrow cimport StringColumn
from ._text cimport Span


cdef class Documents:
    cdef Span* spans
    cdef size_t count
    cdef size_t first_bytes     # the first document that is bytes, not characters
    cdef size_t _capacity
    cdef list _owners           # whatever keeps the memory that the spans point to

    cdef int reserve(self, size_t count) except -1
    cdef int append_items(self, list items) except -1
    cdef int append_column(self, column) except -1
    cdef size_t append_rows(self, StringColumn strings, size_t row, size_t stop) noexcept nogil
    cdef object text(self, size_t document)
    cdef int require_characters(self) except -1


cdef Documents collect(object texts)
