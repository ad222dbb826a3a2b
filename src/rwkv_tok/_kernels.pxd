"""The hot loops of the encoder, made for several instruction sets; kernels/kernel.h has more."""

from libc.stdint cimport uint8_t, uint16_t, uint32_t

from ._cuts cimport CutTables
from ._trie cimport TrieView

cdef extern from "kernels/memo.h":
    ctypedef struct Memo:
        uint32_t rest

cdef extern from "kernels/kernel.h":
    enum:
        PAD_BEFORE, PAD_AFTER, SLACK_IDS

    ctypedef struct Kernel:
        const char* name
        bint (*supported)() noexcept nogil
        void (*prepare)() noexcept nogil
        const uint8_t* (*encode)(
            const TrieView* trie,
            const CutTables* cuts,
            Memo* memo,
            const uint8_t* here,
            const uint8_t* end,
            bint last,
            uint16_t** ids,
        ) noexcept nogil
        size_t (*transcode_1)(
            const uint8_t* text, size_t length, uint8_t* out, size_t capacity, size_t* written
        ) noexcept nogil
        size_t (*transcode_2)(
            const uint16_t* text, size_t length, uint8_t* out, size_t capacity, size_t* written
        ) noexcept nogil
        size_t (*transcode_4)(
            const uint32_t* text, size_t length, uint8_t* out, size_t capacity, size_t* written
        ) noexcept nogil


cdef const Kernel* find_kernel(name) except NULL
