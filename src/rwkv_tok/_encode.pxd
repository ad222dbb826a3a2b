"""The encoder: from a Span to ids."""

from libc.stdint cimport uint8_t, uint16_t

from ._cuts cimport Cuts, CutTables
from ._job cimport Status, Watch
from ._kernels cimport Kernel, Memo
from ._special cimport SpecialMatcher, SpecialView
from ._text cimport Span
from ._tokens cimport MAX_TOKEN_LENGTH
from ._trie cimport Trie, TrieView

cdef extern from "kernels/stash.h":
    ctypedef struct Stash:
        pass

    Memo* take_memo(Stash* stash, size_t thread, size_t bytes) noexcept nogil
    void give_memo(Stash* stash, size_t thread, Memo* memo) noexcept nogil
    void empty_stash(Stash* stash) noexcept nogil


# What the kernels see of an Encoder, and of the special tokens that a call allows.
cdef struct EncoderView:
    const Kernel* kernel
    const TrieView* trie
    const CutTables* cuts
    const SpecialView* special      # NULL: none


# The bytes of a text that goes on, whose ids depend on what follows: fewer than the longest token
# has, and then perhaps the beginning of a special token.
cdef struct Tail:
    size_t size
    uint8_t[2 * MAX_TOKEN_LENGTH] bytes


cdef class Encoder:
    cdef EncoderView view
    cdef readonly Trie trie
    cdef readonly Cuts cuts
    cdef Stash stash

    cdef EncoderView view_with(self, SpecialMatcher special) noexcept
    cdef Memo* take_memo(self, size_t bytes) noexcept nogil
    cdef void give_memo(self, Memo* memo) noexcept nogil


cdef Status encode_span(
    const EncoderView* encoder,
    Memo* memo,                 # NULL: do without
    const Span* span,
    Tail* tail,                 # NULL: the text ends with the span
    uint16_t* out,              # NULL: only count
    size_t capacity,
    size_t* produced,
    Watch* watch,
) noexcept nogil


cdef object encode_to_array(
    Encoder encoder, SpecialMatcher special, const Span* span, object text, Tail* tail
)
cdef int raise_surrogate(object text) except -1
cdef object new_ids(size_t capacity)
