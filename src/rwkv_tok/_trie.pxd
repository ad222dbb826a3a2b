"""The trie of a vocabulary as a double array, and the walk that finds the longest token.

The children of a node lie at `base + byte` in one array, those of all nodes interleaved. No two
nodes share a base, so a slot whose label is the byte that led to it is a child of the very node
one came from. The label is all there is to check, and a node fits into 4 bytes:

    bits 9 ... 31   the base of its children; LEAF_BASE, which is nobody else's, if it has none
    bit  8          a token ends here (its id lies in a parallel array, touched only then)
    bits 0 ... 7    the label: the byte that leads here

A slot that stayed empty is all zero. A walk can step into one where the next byte is NUL, but no
token ends there and nothing follows: the slots of LEAF_BASE are the root (slot 0, never a child)
and the root's children, whose labels differ from the bytes that would lead to them.
"""

from libc.stdint cimport uint8_t, uint16_t, uint32_t

ctypedef uint32_t Node

cdef enum:
    LEAF_BASE = 0
    ROOT_BASE = 1
    TOKEN_ENDS = 0x100
    LABEL_MASK = 0xFF
    BASE_SHIFT = 9
    MAX_NODES = 1 << 23         # as many as 23 bits of base can tell apart


# What the kernels see of a Trie.
cdef struct TrieView:
    const Node* nodes
    const uint16_t* token_ids   # by slot, as nodes
    size_t longest              # length of the longest token in bytes


cdef class Trie:
    cdef TrieView view
    cdef object _nodes
    cdef object _token_ids
    cdef readonly Py_ssize_t num_nodes
    cdef readonly Py_ssize_t num_slots


cdef inline const uint8_t* longest_match(
    const TrieView* trie, const uint8_t* here, const uint8_t* end, uint32_t* match
) noexcept nogil:
    """Find the longest token at `here`, which is before `end`: its slot, and where it ends.

    There always is one: the children of the root are complete, since each byte is a token.
    """
    cdef const uint8_t* token_end = here + 1
    cdef uint32_t token_slot = ROOT_BASE + here[0]
    cdef uint32_t slot
    cdef uint8_t byte
    cdef Node node = trie.nodes[token_slot]
    here += 1
    while here < end:
        byte = here[0]
        slot = (node >> BASE_SHIFT) + byte
        node = trie.nodes[slot]
        if (node & LABEL_MASK) != byte:
            break
        here += 1
        if node & TOKEN_ENDS:
            token_slot = slot
            token_end = here
            if (node >> BASE_SHIFT) == LEAF_BASE:
                break
    match[0] = token_slot
    return token_end
