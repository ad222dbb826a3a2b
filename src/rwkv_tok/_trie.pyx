"""Construction of the double array; kernels/trie.h has its layout and the walk through it.

First a plain trie is drafted, its nodes numbered as the tokens, in ascending order of their ids,
first reach them. Then each node with children gets a base where they fit, nodes that text visits
together one after the other. Hardly a slot stays empty.
"""

cimport cython
cimport numpy as cnp
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memset

import numpy as np

from ._tokens cimport ID_SPACE, TokenTable, TokenView, token_length

from .errors import VocabularyError

cnp.import_array()


cdef enum:
    EDGES = 256                 # children that a node can have
    ROOT = 0
    MAX_SLOTS = MAX_NODES + EDGES
    FIRST_TABLE_SIZE = 1 << 16
    WORD = 64                   # bits in a word of a bitmap
    LINE = 16                   # nodes in a cache line, usually
    NEAR = 64                   # words of a bitmap that a search goes back
    BUSY_DEPTH = 3              # nodes nearer to the root are busy in all texts


cdef class Trie:
    """The compiled trie of a vocabulary. Immutable.

    Parameters
    ----------
    tokens
        Its tokens.
    lines
        Where the ids stand in a file, as `parse` returns it, for the messages of errors.

    Raises
    ------
    VocabularyError
        Two ids for the same token, a byte without a token, or more than 2**23 nodes.
    """

    def __cinit__(self, TokenTable tokens not None, lines=None):
        cdef Draft draft = Draft(tokens, lines)
        cdef Layout layout = Layout(draft)
        cdef size_t node, slot
        self.num_nodes = draft.size
        self.num_slots = layout.num_slots
        self._nodes = np.zeros(layout.num_slots + EDGES, np.uint32)
        self._token_ids = np.zeros(layout.num_slots, np.uint16)
        cdef Node* nodes = <Node*> cnp.PyArray_DATA(self._nodes)
        cdef uint16_t* token_ids = <uint16_t*> cnp.PyArray_DATA(self._token_ids)
        for node in range(draft.size):
            slot = layout.slot[node]
            nodes[slot] = layout.base[node] << BASE_SHIFT | draft.label[node]
            if draft.token_id[node]:
                nodes[slot] |= TOKEN_ENDS
                token_ids[slot] = draft.token_id[node]
        self.view = TrieView(nodes=nodes, token_ids=token_ids, longest=tokens.lengths().max())

    def find(self, bytes token not None):
        """The id of a token; 0 if it is none."""
        cdef const uint8_t* here = token
        cdef const uint8_t* end = here + len(token)
        cdef uint32_t slot
        if here == end or longest_match(&self.view, here, end, &slot) != end:
            return 0
        return self.view.token_ids[slot]

    def dump(self):
        """Copies of its nodes, as kernels/trie.h describes them, and of the token ids by slot."""
        return self._nodes.copy(), self._token_ids.copy()


@cython.internal
cdef class Draft:
    """The trie as a list of nodes: node i hangs from node parent[i] < i by the byte label[i]."""

    cdef size_t size
    cdef uint32_t* parent
    cdef uint8_t* label
    cdef uint16_t* token_id         # 0 where no token ends
    cdef uint32_t* table            # the nodes, found by a hash of parent and label
    cdef size_t table_size          # a power of two
    cdef tuple _arrays
    cdef object _table

    def __cinit__(self, TokenTable tokens, lines):
        cdef const TokenView* view = &tokens.view
        cdef size_t bound = min(MAX_NODES, 1 + <size_t> view.offsets[ID_SPACE])
        parent = np.empty(bound, np.uint32)
        label = np.empty(bound, np.uint8)
        token_id = np.zeros(bound, np.uint16)
        self._arrays = (parent, label, token_id)
        self.parent = <uint32_t*> cnp.PyArray_DATA(parent)
        self.label = <uint8_t*> cnp.PyArray_DATA(label)
        self.token_id = <uint16_t*> cnp.PyArray_DATA(token_id)
        self.parent[ROOT] = ROOT
        self.label[ROOT] = 1        # not 0: see trie.h on empty slots
        self.size = 1

        cdef const uint8_t* token
        cdef size_t i, length
        cdef uint32_t node, this_id
        self.grow_table()
        for this_id in range(1, ID_SPACE):
            token = view.bytes + view.offsets[this_id]
            length = token_length(view, this_id)
            if length == 0:
                continue
            node = ROOT
            # Now the nodes of this token fit, whichever of them are new.
            while 2 * (self.size + length) > self.table_size:
                self.grow_table()
            for i in range(length):
                node = self.child(node, token[i])
                if node == ROOT:
                    raise self.error(
                        f"with token {this_id} the trie has more than {MAX_NODES} nodes",
                        [this_id], lines,
                    )
            if self.token_id[node]:
                raise self.error(
                    f"ids {self.token_id[node]} and {this_id} are the same token",
                    [self.token_id[node], this_id], lines,
                )
            self.token_id[node] = this_id
        self.require_every_byte()

    cdef uint32_t child(self, uint32_t node, uint8_t byte) noexcept:
        """The child of a node by a byte, made if there is none; ROOT if that would be too many."""
        cdef size_t where = self.find_edge(node, byte)
        if self.table[where] == ROOT and self.size < MAX_NODES:
            self.table[where] = <uint32_t> self.size
            self.parent[self.size] = node
            self.label[self.size] = byte
            self.size += 1
        return self.table[where]

    cdef size_t find_edge(self, uint32_t node, uint8_t byte) noexcept:
        """Where in the hash table the child of a node by a byte is, or where it would go."""
        cdef size_t where = hash_edge(node, byte) & (self.table_size - 1)
        cdef uint32_t child
        while True:
            child = self.table[where]
            if child == ROOT or (self.parent[child] == node and self.label[child] == byte):
                return where
            where = (where + 1) & (self.table_size - 1)

    cdef int grow_table(self) except -1:
        """Double the hash table. Open addressing; ROOT, nobody's child, stands for a free place."""
        cdef uint32_t node
        self.table_size = 2 * self.table_size if self.table_size else FIRST_TABLE_SIZE
        self._table = np.zeros(self.table_size, np.uint32)
        self.table = <uint32_t*> cnp.PyArray_DATA(self._table)
        for node in range(1, self.size):
            self.table[self.find_edge(self.parent[node], self.label[node])] = node
        return 0

    cdef require_every_byte(self):
        """Without a token for each byte some texts could not be encoded; the walk relies on it."""
        cdef uint8_t[EDGES] found
        cdef size_t node
        memset(found, 0, EDGES)
        for node in range(1, self.size):
            if self.parent[node] == ROOT and self.token_id[node]:
                found[self.label[node]] = 1
        for node in range(EDGES):
            if not found[node]:
                raise VocabularyError(f"the byte 0x{node:02X} has no token")

    cdef error(self, str message, list ids, lines):
        """An exception that has the last of the lines of these ids."""
        return VocabularyError(message, None if lines is None else int(lines[ids].max()))


cdef inline size_t hash_edge(uint64_t node, uint64_t byte) noexcept nogil:
    return <size_t> (((node << 8 | byte) * 0x9E3779B97F4A7C15ULL) >> 32)


@cython.internal
cdef class Layout:
    """A base for each node that has children, such that no two nodes meet in a slot."""

    cdef Draft draft
    cdef uint32_t* base
    cdef uint32_t* slot             # where a node lies
    cdef size_t num_slots
    cdef uint64_t* taken_slots      # bitmaps
    cdef uint64_t* taken_bases
    cdef size_t lowest_free         # no slot before it is
    cdef size_t[EDGES + 1] last     # the base last found for so many children
    cdef const uint32_t* children
    cdef tuple _arrays

    def __cinit__(self, Draft draft):
        cdef size_t words = MAX_SLOTS // WORD + 2
        base = np.full(draft.size, LEAF_BASE, np.uint32)
        taken_slots = np.zeros(words, np.uint64)
        taken_bases = np.zeros(words, np.uint64)
        slots = np.zeros(draft.size, np.uint32)
        self.base = <uint32_t*> cnp.PyArray_DATA(base)
        self.taken_slots = <uint64_t*> cnp.PyArray_DATA(taken_slots)
        self.taken_bases = <uint64_t*> cnp.PyArray_DATA(taken_bases)
        self.slot = <uint32_t*> cnp.PyArray_DATA(slots)
        self.num_slots = 0
        self.lowest_free = 0
        memset(self.last, 0, sizeof(self.last))
        set_bit(self.taken_slots, 0)
        set_bit(self.taken_bases, LEAF_BASE)

        # The children of all nodes, those of one node next to each other.
        cdef const uint32_t* count
        cdef const uint32_t* start
        counts = np.bincount(draft._arrays[0][1 : draft.size], minlength=draft.size)
        counts = counts.astype(np.uint32)
        starts = np.cumsum(counts, dtype=np.uint32) - counts
        children = group_children(draft, starts.copy())
        count = <const uint32_t*> cnp.PyArray_DATA(counts)
        start = <const uint32_t*> cnp.PyArray_DATA(starts)
        self.children = <const uint32_t*> cnp.PyArray_DATA(children)
        self.draft = draft
        order = self.order(draft)
        cdef const uint32_t* node = <const uint32_t*> cnp.PyArray_DATA(order)
        cdef size_t i
        self._arrays = (base, taken_slots, taken_bases, slots, children)
        for i in range(draft.size):
            if count[node[i]]:
                self.place(node[i], start[node[i]], count[node[i]])

    cdef order(self, Draft draft):
        """The nodes in the order in which their children are placed.

        First those that every text visits, as short tokens reach them; then the rest in depth-first
        order, so that the nodes of a rare token lie near each other.
        """
        sizes = np.ones(draft.size, np.uint32)
        ranks = np.zeros(draft.size, np.uint32)     # in depth-first order
        nexts = np.ones(draft.size, np.uint32)      # of the next child
        depths = np.zeros(draft.size, np.uint32)
        cdef uint32_t* size = <uint32_t*> cnp.PyArray_DATA(sizes)
        cdef uint32_t* rank = <uint32_t*> cnp.PyArray_DATA(ranks)
        cdef uint32_t* next_rank = <uint32_t*> cnp.PyArray_DATA(nexts)
        cdef uint32_t* depth = <uint32_t*> cnp.PyArray_DATA(depths)
        cdef size_t node, parent
        for node in range(draft.size - 1, 0, -1):
            size[draft.parent[node]] += size[node]
        for node in range(1, draft.size):
            parent = draft.parent[node]
            depth[node] = depth[parent] + 1
            rank[node] = next_rank[parent]
            next_rank[parent] += size[node]
            next_rank[node] = rank[node] + 1
        # In loops, not by NumPy's indexing with arrays: out of memory there, it ends the process.
        by_rank = np.empty(draft.size, np.uint32)
        order = np.empty(draft.size, np.uint32)
        cdef uint32_t* ranked = <uint32_t*> cnp.PyArray_DATA(by_rank)
        cdef uint32_t* ordered = <uint32_t*> cnp.PyArray_DATA(order)
        cdef size_t count = 0
        cdef size_t i
        for node in range(draft.size):
            ranked[rank[node]] = <uint32_t> node
            if depth[node] < BUSY_DEPTH:
                ordered[count] = <uint32_t> node
                count += 1
        for i in range(draft.size):
            if depth[ranked[i]] >= BUSY_DEPTH:
                ordered[count] = ranked[i]
                count += 1
        return order

    cdef int place(self, size_t node, size_t start, size_t count) except -1:
        """Give a node a base where all its children fit."""
        cdef uint8_t[EDGES] labels
        cdef size_t base = MAX_NODES
        cdef size_t i, lowest, word
        for i in range(count):
            labels[i] = self.draft.label[self.children[start + i]]
        if count == 1:
            base = self.find_base_nearby(labels[0], self.slot[node])
        if base == MAX_NODES:
            while has_bit(self.taken_slots, self.lowest_free):
                self.lowest_free += 1
            lowest = (max(self.lowest_free, EDGES) - EDGES) // WORD
            # Far before the last one that was found for as many children, hardly any would be now;
            # but those that there are must do when the end is reached.
            word = max(self.last[count] // WORD, <size_t> NEAR) - NEAR
            base = self.find_base(labels, count, max(word, lowest))
            if base == MAX_NODES:
                base = self.find_base(labels, count, lowest)
            self.last[count] = base
        if base == MAX_NODES:
            raise VocabularyError(f"the trie does not fit into {MAX_NODES} slots")
        self.base[node] = <uint32_t> base
        set_bit(self.taken_bases, base)
        for i in range(count):
            self.slot[self.children[start + i]] = <uint32_t> (base + labels[i])
            set_bit(self.taken_slots, base + labels[i])
            self.num_slots = max(self.num_slots, base + labels[i] + 1)
        return 0

    cdef size_t find_base_nearby(self, uint8_t label, size_t parent_slot) noexcept nogil:
        """A base that puts a child into the cache line of its parent or the next; or MAX_NODES."""
        cdef size_t slot
        cdef size_t line = parent_slot - parent_slot % LINE
        for slot in range(line, line + 2 * LINE):
            if (
                slot > label
                and slot - label < MAX_NODES
                and not has_bit(self.taken_slots, slot)
                and not has_bit(self.taken_bases, slot - label)
            ):
                return slot - label
        return MAX_NODES

    cdef size_t find_base(
        self, const uint8_t* labels, size_t count, size_t word
    ) noexcept nogil:
        """The lowest base from `word` on where a slot is free for each label; 64 at a time."""
        cdef uint64_t fits
        cdef size_t i, base
        while word * WORD < MAX_NODES:
            fits = ~self.taken_bases[word]
            for i in range(count):
                fits &= ~word_at(self.taken_slots, word * WORD + labels[i])
                if fits == 0:
                    break
            if fits:
                base = word * WORD
                while not fits & 1:
                    fits >>= 1
                    base += 1
                return base
            word += 1
        return MAX_NODES


cdef group_children(Draft draft, starts):
    """The children of all nodes: those of each from its start on."""
    children = np.empty(draft.size - 1, np.uint32)
    cdef uint32_t* child = <uint32_t*> cnp.PyArray_DATA(children)
    cdef uint32_t* end = <uint32_t*> cnp.PyArray_DATA(starts)
    cdef size_t node
    for node in range(1, draft.size):
        child[end[draft.parent[node]]] = <uint32_t> node
        end[draft.parent[node]] += 1
    return children


cdef inline void set_bit(uint64_t* bitmap, size_t index) noexcept nogil:
    bitmap[index // WORD] |= (<uint64_t> 1) << (index % WORD)


cdef inline bint has_bit(const uint64_t* bitmap, size_t index) noexcept nogil:
    return bitmap[index // WORD] >> (index % WORD) & 1


cdef inline uint64_t word_at(const uint64_t* bitmap, size_t index) noexcept nogil:
    """The 64 bits from `index` on."""
    cdef size_t shift = index % WORD
    cdef uint64_t word = bitmap[index // WORD] >> shift
    if shift:
        word |= bitmap[index // WORD + 1] << (WORD - shift)
    return word
