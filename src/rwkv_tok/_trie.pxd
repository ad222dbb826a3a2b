"""The trie of a vocabulary as a double array; kernels/trie.h has its layout and the walk."""

from libc.stdint cimport uint8_t, uint16_t, uint32_t

cdef extern from "kernels/trie.h":
    enum:
        LEAF_BASE, ROOT_BASE, TOKEN_ENDS, LABEL_MASK, BASE_SHIFT, MAX_NODES

    ctypedef uint32_t Node

    ctypedef struct TrieView:
        const Node* nodes
        const uint16_t* token_ids
        size_t longest

    const uint8_t* match_token(
        const TrieView* trie,
        const uint8_t* here,
        const uint8_t* end,
        bint open,
        uint32_t* match,
    ) noexcept nogil
    const uint8_t* longest_match(
        const TrieView* trie, const uint8_t* here, const uint8_t* end, uint32_t* match
    ) noexcept nogil


cdef class Trie:
    cdef TrieView view
    cdef object _nodes
    cdef object _token_ids
    cdef readonly Py_ssize_t num_nodes
    cdef readonly Py_ssize_t num_slots
