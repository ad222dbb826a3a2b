"""Special tokens, found in the bytes of a text: see _special.pxd."""

cimport numpy as cnp
from libc.stdint cimport int64_t, uint8_t, uint16_t
from libc.string cimport memcpy

from ._decode_table cimport id_t
from ._tokens cimport ID_SPACE
from ._trie cimport Trie

import numpy as np

from ._tokens import TokenTable

cnp.import_array()


cdef enum:
    BYTES = 256
    FIRST_SPECIAL = 257     # in the trie: an id no byte has


cdef class SpecialMatcher:
    """Finds the longest of some special tokens. Immutable.

    Parameters
    ----------
    tokens
        A mapping of their bytes, which are not empty, to their ids; at least one. TokenTable and
        Trie have their own limits.
    """

    def __cinit__(self, dict tokens not None):
        texts = [bytes([byte]) for byte in range(BYTES)]
        joined = np.zeros(BYTES * BYTES, np.uint8)
        begins = np.zeros(BYTES, np.uint8)
        ids = np.zeros(FIRST_SPECIAL + len(tokens), np.uint16)
        for number, (text, token_id) in enumerate(tokens.items(), FIRST_SPECIAL):
            if len(text) == 1:      # it takes the place of the byte
                texts[text[0]] = b""
            begins[text[0]] = 1
            data = np.frombuffer(text, np.uint8).astype(np.intp)
            joined[data[: len(data) - 1] | data[1:] << 8] = 1
            texts.append(text)
            ids[number] = token_id
        lengths = np.zeros(ID_SPACE, np.uint16)
        starts = np.zeros(ID_SPACE, np.uint32)
        lengths[1 : len(texts) + 1] = [len(text) for text in texts]
        starts[1:] = np.cumsum(lengths, dtype=np.uint32)[: ID_SPACE - 1]
        self._trie = Trie(TokenTable(b"".join(texts), starts, lengths))
        self._arrays = (ids, begins, joined)
        self.view.trie = self._trie.view
        self.view.ids = <const uint16_t*> cnp.PyArray_DATA(ids)
        self.view.begins = <const uint8_t*> cnp.PyArray_DATA(begins)
        self.view.joined = <const uint8_t*> cnp.PyArray_DATA(joined)
        self.view.first_byte = int(np.argmax(begins)) if begins.sum() == 1 else SEVERAL


cdef class IdSet:
    """A set of ids. Immutable."""

    def __cinit__(self, ids):
        for token_id in ids:
            if not 0 <= token_id < ID_SPACE:
                raise ValueError(f"id {token_id} is outside 0 ... {ID_SPACE - 1}")
            self._members[<size_t> token_id] = 1

    def silence(self, cnp.ndarray ids not None):
        """A copy of an array of ids, with 0 in place of those of the set.

        0 decodes to nothing, and the others keep their positions. The array is one that `read_ids`
        has returned: uint16 or int64, 1-D and contiguous.
        """
        cdef cnp.npy_intp count = cnp.PyArray_SIZE(ids)
        # Not ids.copy(), which a subclass may have made something else of.
        silenced = cnp.PyArray_SimpleNew(1, &count, cnp.PyArray_TYPE(ids))
        cdef void* out = cnp.PyArray_DATA(silenced)
        cdef bint narrow = cnp.PyArray_TYPE(ids) == cnp.NPY_UINT16
        memcpy(out, cnp.PyArray_DATA(ids), count * cnp.PyArray_ITEMSIZE(ids))
        with nogil:
            if narrow:
                silence_ids(self, <uint16_t*> out, count)
            else:
                silence_ids(self, <int64_t*> out, count)
        return silenced


cdef void silence_ids(IdSet members, id_t* ids, size_t count) noexcept nogil:
    cdef size_t i
    for i in range(count):
        if has_id(members, ids[i]):
            ids[i] = 0
