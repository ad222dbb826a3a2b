"""The decoder: from ids to bytes, one sequence at a time."""

cimport numpy as cnp
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from cpython.exc cimport PyErr_CheckSignals
from cpython.list cimport PyList_GET_SIZE
from libc.stdint cimport INT64_MAX, int64_t, uint8_t, uint16_t
from libc.string cimport memcpy

from ._tokens cimport ID_SPACE, TOKEN_SLACK, TokenTable, TokenView, token_length

import numpy as np

from .errors import TokenIdError

cnp.import_array()


cdef extern from "Python.h":
    long long PyLong_AsLongLongAndOverflow(object number, int* overflow) except? -1


cdef enum:
    # Below so many ids a kernel is done in about a microsecond.
    SHORT = 256
    # Ids between two runs of the signal handlers.
    STEP = 1 << 20
    REPLACEMENT_LENGTH = 3


# U+FFFD, for unknown="replace".
cdef const uint8_t* REPLACEMENT = b"\xEF\xBF\xBD"


cdef list CONTIGUOUS_AND_ALIGNED = ["C_CONTIGUOUS", "ALIGNED"]     # for np.require

cdef dict POLICIES = {"raise": RAISE, "skip": SKIP, "replace": REPLACE}


cdef Unknown read_policy(object unknown) except? RAISE:
    try:
        return POLICIES[unknown]
    except (KeyError, TypeError):
        raise ValueError(f"unknown must be one of {list(POLICIES)}, not {unknown!r}") from None


def decode_bytes(TokenTable tokens not None, ids, unknown):
    """Decode a sequence of ids into bytes."""
    cdef Unknown policy = read_policy(unknown)
    cdef cnp.ndarray array = read_ids(ids, unknown)
    cdef size_t count = cnp.PyArray_SIZE(array)
    if cnp.PyArray_TYPE(array) == cnp.NPY_UINT16:
        return decode_array(tokens, <const uint16_t*> cnp.PyArray_DATA(array), count, policy)
    return decode_array(tokens, <const int64_t*> cnp.PyArray_DATA(array), count, policy)


cdef bytes decode_array(TokenTable tokens, const id_t* ids, size_t count, Unknown unknown):
    cdef const TokenView* view = &tokens.view
    cdef size_t size = 0
    cdef size_t written = 0
    cdef size_t start, step, position
    cdef bytes result
    cdef uint8_t* out
    for start in range(0, count, STEP):
        step = min(<size_t> STEP, count - start)
        if step <= SHORT:
            size += decoded_size(view, ids + start, step, unknown, &position)
        else:
            with nogil:
                size += decoded_size(view, ids + start, step, unknown, &position)
            PyErr_CheckSignals()
        if position < step:
            raise TokenIdError(ids[start + position], start + position)
    result = PyBytes_FromStringAndSize(NULL, size)
    out = <uint8_t*> PyBytes_AS_STRING(result)
    for start in range(0, count, STEP):
        step = min(<size_t> STEP, count - start)
        if step <= SHORT:
            written += decode_ids(
                view, ids + start, step, unknown, out + written, size - written
            )
        else:
            with nogil:
                written += decode_ids(
                    view, ids + start, step, unknown, out + written, size - written
                )
            PyErr_CheckSignals()
    # Less only if another thread changed the ids meanwhile.
    return result if written == size else result[:written]


cdef size_t decoded_size(
    const TokenView* tokens, const id_t* ids, size_t count, Unknown unknown, size_t* position
) noexcept nogil:
    """The bytes that ids decode to.

    `position` becomes that of the first id without a token, if those are to be raised, and
    `count` if there is none.
    """
    cdef size_t size = 0
    cdef size_t i, length
    for i in range(count):
        length = length_of(tokens, ids[i])
        size += length
        if length == 0 and ids[i] != 0:
            if unknown == RAISE:
                position[0] = i
                return size
            if unknown == REPLACE:
                size += REPLACEMENT_LENGTH
    position[0] = count
    return size


cdef size_t decode_ids(
    const TokenView* tokens,
    const id_t* ids,
    size_t count,
    Unknown unknown,
    uint8_t* out,
    size_t capacity,
) noexcept nogil:
    """Write the bytes that ids decode to, as far as they fit; return their number.

    With a capacity of `decoded_size` they all fit, unless another thread changed the ids meanwhile.
    """
    cdef const uint8_t* token
    cdef int64_t token_id
    cdef size_t written = 0
    cdef size_t i, length
    for i in range(count):
        token_id = ids[i]       # read once: what is checked is what is used
        length = length_of(tokens, token_id)
        if length:
            token = tokens.bytes + tokens.offsets[token_id]
        elif token_id == 0 or unknown != REPLACE:
            continue
        else:
            token = REPLACEMENT
            length = REPLACEMENT_LENGTH
        if length > capacity - written:
            break
        if length <= TOKEN_SLACK <= capacity - written and token != REPLACEMENT:
            # A block of known size is copied without a call.
            memcpy(out + written, token, TOKEN_SLACK)
        else:
            memcpy(out + written, token, length)
        written += length
    return written


cdef inline size_t length_of(const TokenView* tokens, int64_t token_id) noexcept nogil:
    """The length of a token in bytes; 0 for id 0 and for what stands for no token."""
    return token_length(tokens, token_id) if 0 <= token_id < ID_SPACE else 0


def read_ids(ids, unknown):
    """Ids in any form as a contiguous array: uint16 if they are uint16 already, else int64.

    What int64 cannot hold is no id either: TokenIdError, unless `unknown` is another policy than
    "raise"; then it becomes the largest value, which gets what that policy says.
    """
    cdef Unknown policy = read_policy(unknown)
    if isinstance(ids, (str, bytes, bytearray)):
        raise TypeError(f"ids must be a sequence of integers, not {type(ids).__name__}")
    if isinstance(ids, list):
        return read_objects(ids, policy)
    if isinstance(ids, np.ndarray) or hasattr(ids, "__array__") or is_buffer(ids):
        array = np.asarray(ids)
        if array.ndim == 0:
            raise single_id(ids)
        if array.ndim != 1:
            raise ValueError(f"ids must be 1-D, not {array.ndim}-D")
        if array.dtype == np.uint16:
            return np.require(array, np.uint16, CONTIGUOUS_AND_ALIGNED)
        if array.dtype.kind in "iu":
            if array.dtype.kind == "u" and array.dtype.itemsize == 8:
                if policy == RAISE and array.max(initial=0) > INT64_MAX:
                    position = int(np.argmax(array > INT64_MAX))
                    raise TokenIdError(int(array[position]), position)
                array = np.minimum(array, INT64_MAX)
            return np.require(array, np.int64, CONTIGUOUS_AND_ALIGNED)
        if array.size == 0:
            return np.empty(0, np.uint16)
        if array.dtype.kind != "O":
            raise TypeError(f"ids must be integers, not {array.dtype}")
    elif not hasattr(ids, "__iter__"):
        raise single_id(ids)
    return read_objects(list(ids), policy)


cdef single_id(ids):
    return TypeError(f"ids must be a sequence of integers, not a single {type(ids).__name__}")


cdef bint is_buffer(object ids):
    try:
        memoryview(ids)
    except TypeError:
        return False
    return True


cdef read_objects(list ids, Unknown policy):
    """A list of Python integers, NumPy's included, as an int64 array."""
    cdef cnp.npy_intp size = PyList_GET_SIZE(ids)
    cdef Py_ssize_t i
    cdef int overflow
    cdef int64_t value
    array = cnp.PyArray_SimpleNew(1, &size, cnp.NPY_INT64)
    cdef int64_t* out = <int64_t*> cnp.PyArray_DATA(array)
    for i in range(size):
        if i >= PyList_GET_SIZE(ids):
            raise RuntimeError("the list of ids changed while it was read")
        item = ids[i]
        if type(item) is not int:
            if isinstance(item, (bool, np.bool_, np.ndarray)) or not hasattr(item, "__index__"):
                raise TypeError(
                    f"ids must be integers, not {type(item).__name__} (at position {i})"
                )
            item = item.__index__()
        value = PyLong_AsLongLongAndOverflow(item, &overflow)
        if overflow:
            if policy == RAISE:
                raise TokenIdError(item, i)
            value = INT64_MAX
        out[i] = value
        if i % STEP == STEP - 1:
            PyErr_CheckSignals()
    return array
