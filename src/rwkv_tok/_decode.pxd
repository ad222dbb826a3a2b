"""The decoder: from ids to bytes."""

from libc.stdint cimport int64_t, uint8_t, uint16_t

from ._tokens cimport TokenView

# Ids as they lie in memory: uint16 as it is; everything else was widened, so nothing wraps.
ctypedef fused id_t:
    uint16_t
    int64_t


cdef enum Unknown:
    RAISE       # what to do with an id that stands for no token
    SKIP
    REPLACE


cdef Unknown read_policy(object unknown) except? RAISE
cdef size_t decoded_size(
    const TokenView* tokens, const id_t* ids, size_t count, Unknown unknown, size_t* position
) noexcept nogil
cdef size_t decode_ids(
    const TokenView* tokens,
    const id_t* ids,
    size_t count,
    Unknown unknown,
    uint8_t* out,
    size_t capacity,
) noexcept nogil
