"""The tokens of a vocabulary, found by id: one block of bytes and where each token begins in it."""

cimport numpy as cnp
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport uint8_t, uint16_t, uint32_t
from libc.string cimport memcpy, memset

import numpy as np

cnp.import_array()


cdef class TokenTable:
    """The tokens of a vocabulary by id. Immutable.

    Parameters
    ----------
    source
        The bytes of all tokens, in any order.
    starts, lengths
        Arrays of 65,536 integers: token `id` is `source[starts[id]:starts[id] + lengths[id]]`.
        A length of 0 assigns nothing. uint32 and uint16.

    Raises
    ------
    ValueError
        A token reaches past the end of `source` or is longer than 1 KiB, which the encoder relies
        on, id 0 has one, or an array has another dtype or length.
    """

    def __cinit__(self, bytes source not None, starts, lengths):
        if starts.dtype != np.uint32 or lengths.dtype != np.uint16:
            raise ValueError("starts must be uint32 and lengths uint16")
        if starts.shape != (ID_SPACE,) or lengths.shape != (ID_SPACE,):
            raise ValueError(f"starts and lengths must have {ID_SPACE} elements each")
        if lengths[0] != 0 or lengths.max() > MAX_TOKEN_LENGTH:
            raise ValueError(f"id 0 has a token, or one is longer than {MAX_TOKEN_LENGTH} bytes")
        starts = np.ascontiguousarray(starts)
        lengths = np.ascontiguousarray(lengths)
        cdef const uint32_t* start = <const uint32_t*> cnp.PyArray_DATA(starts)
        cdef const uint16_t* length = <const uint16_t*> cnp.PyArray_DATA(lengths)
        cdef const uint8_t* origin = <const uint8_t*> PyBytes_AS_STRING(source)
        cdef size_t available = len(source)
        cdef size_t total = 0
        cdef size_t token_id
        for token_id in range(ID_SPACE):
            if length[token_id] and <size_t> start[token_id] + length[token_id] > available:
                raise ValueError(f"token {token_id} reaches past the end of source")
            total += length[token_id]

        self._block = PyBytes_FromStringAndSize(NULL, total + TOKEN_SLACK)
        cdef uint8_t* block = <uint8_t*> PyBytes_AS_STRING(self._block)
        cdef uint32_t end = 0
        self._assigned = 0
        for token_id in range(ID_SPACE):
            self._offsets[token_id] = end
            memcpy(block + end, origin + start[token_id], length[token_id])
            end += length[token_id]
            self._assigned += length[token_id] != 0
        self._offsets[ID_SPACE] = end
        memset(block + end, 0, TOKEN_SLACK)
        self.view.bytes = block
        self.view.offsets = self._offsets

    def __len__(self):
        return self._assigned

    def __getitem__(self, Py_ssize_t token_id):
        """The bytes of a token; empty for id 0 and for an id without a token."""
        if not 0 <= token_id < ID_SPACE:
            raise IndexError(token_id)
        return PyBytes_FromStringAndSize(
            <const char*> self.view.bytes + self._offsets[token_id],
            token_length(&self.view, token_id),
        )

    def lengths(self):
        """The length of every token in bytes: uint16, shape (65536,), 0 where none is assigned."""
        cdef cnp.npy_intp size = ID_SPACE
        lengths = cnp.PyArray_SimpleNew(1, &size, cnp.NPY_UINT16)
        cdef uint16_t* out = <uint16_t*> cnp.PyArray_DATA(lengths)
        cdef size_t token_id
        for token_id in range(ID_SPACE):
            out[token_id] = <uint16_t> token_length(&self.view, token_id)
        return lengths

    def block(self):
        """The bytes of all tokens, one after the other in ascending order of their ids."""
        return self._block[: self._offsets[ID_SPACE]]

    def records(self):
        """What the fingerprint is taken over.

        For each token in ascending order of the ids: the id and the length in bytes, both as
        little-endian uint32, then the bytes.
        """
        cdef bytes result = PyBytes_FromStringAndSize(
            NULL, self._offsets[ID_SPACE] + 8 * self._assigned
        )
        cdef uint8_t* out = <uint8_t*> PyBytes_AS_STRING(result)
        cdef uint32_t token_id, length
        for token_id in range(ID_SPACE):
            length = <uint32_t> token_length(&self.view, token_id)
            if length:
                store_uint32(out, token_id)
                store_uint32(out + 4, length)
                memcpy(out + 8, self.view.bytes + self._offsets[token_id], length)
                out += 8 + length
        return result


cdef inline void store_uint32(uint8_t* out, uint32_t value) noexcept nogil:
    cdef int i
    for i in range(4):
        out[i] = <uint8_t> (value >> (8 * i))
