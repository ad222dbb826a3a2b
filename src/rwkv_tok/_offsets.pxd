"""Where tokens lie in the text that they come from, or that they become."""

from ._documents cimport Documents
from ._tokens cimport TokenTable


cdef object batch_offsets(
    TokenTable tokens,
    Documents documents,
    object ids,
    object offsets,
    bint by_character,
    object num_threads,
)
