"""The encoder: from a Span to ids."""

from libc.stdint cimport uint16_t

from ._job cimport Status, Watch
from ._text cimport Span
from ._trie cimport TrieView

cdef Status encode_span(
    const TrieView* trie,
    const Span* span,
    uint16_t* out,              # NULL: only count
    size_t capacity,
    size_t* produced,
    Watch* watch,
) noexcept nogil


cdef int raise_surrogate(object text) except -1
cdef object new_ids(size_t capacity)
