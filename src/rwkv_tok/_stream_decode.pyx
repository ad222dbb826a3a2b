"""A streaming decoder: ids come one at a time, complete characters go out."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.stdint cimport int64_t, uint8_t
from libc.string cimport memcpy

from ._decode cimport check_errors, decode_array, read_array, read_policy
from ._decode_table cimport DecodeTable, Unknown, find_token
from ._special cimport IdSet, has_id
from ._tokens cimport MAX_TOKEN_LENGTH

import numpy as np

from .errors import TokenIdError


cdef extern from "Python.h":
    # What Python's own incremental decoder is made of.
    object PyUnicode_DecodeUTF8Stateful(
        const char* data, Py_ssize_t size, const char* errors, Py_ssize_t* consumed
    )
    object PyUnicode_DecodeUTF8(const char* data, Py_ssize_t size, const char* errors)
    object PyNumber_Index(object number)
    long long PyLong_AsLongLongAndOverflow(object number, int* overflow) except? -1


cdef enum:
    MAX_PENDING = 3         # bytes of a character of which at least one is missing


cdef dict ERRORS = {"replace": b"replace", "strict": b"strict", "ignore": b"ignore"}


cdef class StreamDecoder:
    """Decodes ids as they come, into complete characters. Made by `Tokenizer.stream_decoder`.

    All that `feed` and `flush` return, joined, is what `Tokenizer.decode` makes of all the ids at
    once, with the same `errors`, `unknown` and `skip_special_tokens`. At most 3 bytes are held
    back: those of a character that may still become complete.

    Thousands may be in use at once: one takes about a hundred bytes. It belongs to one thread at a
    time.

    Examples
    --------
    >>> import rwkv_tok
    >>> decoder = rwkv_tok.load().stream_decoder()
    >>> [decoder.feed(id) for id in [33155, 3319, 2417, 3319]]
    ['Hello', '', '🙂', '']
    >>> decoder.flush()
    '�'
    """

    cdef DecodeTable _table
    cdef const char* _errors
    cdef Unknown _unknown
    cdef IdSet _skipped             # ids that decode to nothing; or None
    cdef uint8_t[MAX_PENDING] _pending
    cdef uint8_t _num_pending

    def __cinit__(self, DecodeTable table not None, errors, unknown, IdSet skipped):
        check_errors(errors)
        self._table = table
        self._errors = <const char*> <bytes> ERRORS[errors]
        self._unknown = read_policy(unknown)
        self._skipped = skipped

    def feed(self, ids):
        """Take one id, or an array or sequence of them; return the characters that are complete.

        Raises
        ------
        TokenIdError
            An id stands for no token. Nothing of this call has been taken: the next one goes on
            where the one before it ended.
        UnicodeDecodeError
            With `errors="strict"`: the bytes are not valid UTF-8. All of this call is lost, and
            what was held back before it; the exception has them as its `object`.
        MemoryError
            Nothing of this call has been taken.
        """
        cdef int64_t token_id
        cdef size_t length
        cdef const uint8_t* token
        cdef uint8_t[MAX_PENDING + MAX_TOKEN_LENGTH] joined
        if not is_single(ids):
            if getattr(ids, "ndim", 1) == 0 or not hasattr(ids, "__iter__"):
                raise TypeError(
                    f"expected an id or a sequence of ids, not {type(ids).__name__}"
                )
            return self.feed_many(ids)
        number = read_number(ids)
        token_id = narrow(number)
        token = find_token(&self._table.view, token_id, self._unknown, &length)
        if token == NULL:
            raise TokenIdError(number)
        if self._skipped is not None and has_id(self._skipped, token_id):
            return ""
        if self._num_pending == 0:
            return self.decode(token, length)
        memcpy(joined, self._pending, self._num_pending)
        memcpy(joined + self._num_pending, token, length)
        return self.decode(joined, self._num_pending + length)

    cdef object feed_many(self, ids):
        array = read_array(ids, self._unknown)
        if self._skipped is not None:
            array = self._skipped.silence(array)
        data = decode_array(self._table, array, self._unknown, False)
        if self._num_pending:
            data = self._pending[: self._num_pending] + data
        return self.decode(<const uint8_t*> PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data))

    cdef object decode(self, const uint8_t* data, Py_ssize_t size):
        """Decode what was held back and what came after it."""
        cdef Py_ssize_t consumed = 0
        try:
            text = PyUnicode_DecodeUTF8Stateful(<const char*> data, size, self._errors, &consumed)
        except UnicodeDecodeError:
            self._num_pending = 0       # what is invalid must not come again
            raise
        self._num_pending = <uint8_t> (size - consumed)
        memcpy(self._pending, data + consumed, self._num_pending)
        return text

    def flush(self):
        """End the text: return what is made of the bytes that were held back, and begin anew.

        Raises UnicodeDecodeError with `errors="strict"` if there are any; they are lost. After a
        MemoryError they are still held back.
        """
        try:
            text = PyUnicode_DecodeUTF8(
                <const char*> self._pending, self._num_pending, self._errors
            )
        except UnicodeDecodeError:
            self._num_pending = 0
            raise
        self._num_pending = 0
        return text

    def reset(self):
        """Forget what was held back, and begin anew."""
        self._num_pending = 0

    def copy(self):
        """A decoder that goes on from here on its own."""
        cdef StreamDecoder other = StreamDecoder.__new__(
            StreamDecoder, self._table, "replace", "raise", self._skipped
        )
        other._errors = self._errors
        other._unknown = self._unknown
        other._num_pending = self._num_pending
        other._pending = self._pending
        return other

    def __copy__(self):
        return self.copy()

    def __deepcopy__(self, memo):
        return self.copy()

    def __reduce__(self):
        raise TypeError("a StreamDecoder cannot be pickled: pickle its Tokenizer")


cdef inline bint is_single(object ids):
    """Whether this is one id rather than many of them."""
    return type(ids) is int or (hasattr(ids, "__index__") and getattr(ids, "ndim", 0) == 0)


cdef inline object read_number(object token_id):
    """An id as a Python int."""
    if type(token_id) is int:
        return token_id
    if isinstance(token_id, (bool, np.bool_)):
        raise TypeError(f"an id must be an integer, not {type(token_id).__name__}")
    return PyNumber_Index(token_id)


cdef inline int64_t narrow(object number) except? -1:
    """An id as an int64: -1, which is none either, if that cannot hold it."""
    cdef int overflow
    return PyLong_AsLongLongAndOverflow(number, &overflow)
