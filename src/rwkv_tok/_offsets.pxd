"""Where tokens lie in the text that they come from, or that they become."""

from ._decode_table cimport DecodeTable


cdef object batch_offsets(
    DecodeTable table, object ids, object offsets, bint by_character, object num_threads
)
