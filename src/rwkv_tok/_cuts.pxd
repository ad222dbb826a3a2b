"""Certified cuts: where no token of a vocabulary can reach across; kernels/cuts.h has the rules."""

from libc.stdint cimport uint8_t, uint32_t

cdef extern from "kernels/cuts.h":
    enum:
        PAIR_CUT, PAIR_CLOSED, PAIR_INNER, PAIR_OUT, PAIR_KANA
        RULES, KANA, KANA_LEAD

    ctypedef struct CutTables "Cuts":
        uint8_t pair[65536]
        uint8_t rules[2][4][16]
        uint8_t closed[16]
        uint32_t joined_kana[256][8]


cdef class Cuts:
    cdef CutTables tables
