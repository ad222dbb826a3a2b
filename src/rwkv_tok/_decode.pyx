"""The decoder: from ids to bytes and str, one sequence at a time."""

cimport numpy as cnp
from cpython.exc cimport PyErr_CheckSignals
from cpython.list cimport PyList_GET_SIZE
from libc.stdint cimport INT64_MAX, int64_t, uint8_t, uint16_t

from ._decode_table cimport DecodeTable, RAISE, REPLACE, SKIP, Unknown, id_t
from ._decode_text cimport Room, Size

import numpy as np

from .errors import TokenIdError

cnp.import_array()


cdef extern from "Python.h":
    long long PyLong_AsLongLongAndOverflow(object number, int* overflow) except? -1


cdef enum:
    # Up to so many ids a kernel is done in less than about a microsecond.
    SHORT_MEASURE = 2048
    SHORT_FILL = 512
    # Ids between two runs of the signal handlers.
    STEP = 1 << 20


cdef list CONTIGUOUS_AND_ALIGNED = ["C_CONTIGUOUS", "ALIGNED"]     # for np.require

cdef dict POLICIES = {"raise": RAISE, "skip": SKIP, "replace": REPLACE}
cdef tuple ERRORS = ("replace", "strict", "ignore")      # the usual one first


cdef Unknown read_policy(object unknown) except? RAISE:
    try:
        return POLICIES[unknown]
    except (KeyError, TypeError):
        raise ValueError(f"unknown must be one of {list(POLICIES)}, not {unknown!r}") from None


cdef int check_errors(object errors) except -1:
    """Raise ValueError unless this is what may be done with invalid UTF-8."""
    if errors not in ERRORS:
        raise ValueError(f"errors must be 'strict', 'replace' or 'ignore', not {errors!r}")
    return 0


def decode(DecodeTable table not None, ids, errors, unknown):
    """Decode a sequence of ids into a str."""
    check_errors(errors)
    cdef Unknown policy = read_policy(unknown)
    cdef cnp.ndarray array = read_array(ids, policy)
    text = decode_array(table, array, policy, True)
    if text is None:
        return decode_array(table, array, policy, False).decode("utf-8", errors)
    return text


def decode_bytes(DecodeTable table not None, ids, unknown):
    """Decode a sequence of ids into bytes."""
    cdef Unknown policy = read_policy(unknown)
    return decode_array(table, read_array(ids, policy), policy, False)


cdef object decode_array(DecodeTable table, cnp.ndarray ids, Unknown unknown, bint as_text):
    cdef size_t count = cnp.PyArray_SIZE(ids)
    if cnp.PyArray_TYPE(ids) == cnp.NPY_UINT16:
        return decode_ids(table, <const uint16_t*> cnp.PyArray_DATA(ids), count, unknown, as_text)
    return decode_ids(table, <const int64_t*> cnp.PyArray_DATA(ids), count, unknown, as_text)


cdef object decode_ids(
    DecodeTable table, const id_t* ids, size_t count, Unknown unknown, bint as_text
):
    """A bytes or a str; None instead of a str if the bytes of the tokens are not valid UTF-8."""
    cdef Size size = Size(0, 0)
    cdef Room room
    cdef uint8_t* data
    cdef size_t done = 0
    cdef size_t step, taken
    cdef bint filled = True
    while done < count:
        step = min(<size_t> STEP, count - done)
        if step <= SHORT_MEASURE:
            taken = measure(&table.view, ids + done, step, unknown, as_text, &size)
        else:
            with nogil:
                taken = measure(&table.view, ids + done, step, unknown, as_text, &size)
        done += taken
        if taken < step:
            raise TokenIdError(ids[done], done)
        if step == STEP:
            PyErr_CheckSignals()
    result = make_result(&size, as_text, &data)
    room = room_for(data, size.kinds, 0, size.length)
    done = 0
    while done < count and filled:
        step = min(<size_t> STEP, count - done)
        if step <= SHORT_FILL:
            filled = fill(&table.view, ids + done, step, unknown, as_text, &room)
        else:
            with nogil:
                filled = fill(&table.view, ids + done, step, unknown, as_text, &room)
        done += step
        if step == STEP:
            PyErr_CheckSignals()
    # What is wrong with bytes, or with the kinds of characters, is only that another thread
    # changed the ids meanwhile.
    if filled and is_filled(&room) and room.seen == room.kinds:
        return result
    return None if as_text else result[: room.here - data]


def read_ids(ids, unknown):
    """Ids in any form as a contiguous array: uint16 if they are uint16 already, else int64.

    What int64 cannot hold is no id either: TokenIdError, unless `unknown` is another policy than
    "raise"; then it becomes the largest value, which gets what that policy says.
    """
    return read_array(ids, read_policy(unknown))


cdef cnp.ndarray read_array(object ids, Unknown policy):
    # Of subclasses an array of the plain kind is made: they may have overridden anything.
    if cnp.PyArray_CheckExact(ids) and is_ready(ids):
        return ids
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


cdef bint is_ready(cnp.ndarray ids):
    """Whether the kernels can read an array as it is."""
    return (
        cnp.PyArray_NDIM(ids) == 1
        and cnp.PyArray_TYPE(ids) in (cnp.NPY_UINT16, cnp.NPY_INT64)
        and cnp.PyArray_ISCARRAY_RO(ids)
    )


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
