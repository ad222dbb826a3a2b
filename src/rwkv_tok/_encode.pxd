"""The encoder: from a Span to ids."""

from libc.stdint cimport uint8_t, uint16_t

from ._cuts cimport Cuts, CutTables
from ._job cimport Status, Watch
from ._kernels cimport Kernel, Memo
from ._text cimport Span
from ._trie cimport Trie, TrieView

cdef extern from "kernels/stash.h":
    ctypedef struct Stash:
        pass

    Memo* take_memo(Stash* stash, size_t thread, size_t bytes) noexcept nogil
    void give_memo(Stash* stash, size_t thread, Memo* memo) noexcept nogil
    void empty_stash(Stash* stash) noexcept nogil


# What the kernels see of an Encoder.
cdef struct EncoderView:
    const Kernel* kernel
    const TrieView* trie
    const CutTables* cuts


cdef class Encoder:
    cdef EncoderView view
    cdef readonly Trie trie
    cdef readonly Cuts cuts
    cdef Stash stash

    cdef Memo* take_memo(self, size_t bytes) noexcept nogil
    cdef void give_memo(self, Memo* memo) noexcept nogil


cdef Status encode_span(
    const EncoderView* encoder,
    Memo* memo,                 # NULL: do without
    const Span* span,
    uint16_t* out,              # NULL: only count
    size_t capacity,
    size_t* produced,
    Watch* watch,
) noexcept nogil


cdef int raise_surrogate(object text) except -1
cdef object new_ids(size_t capacity)
