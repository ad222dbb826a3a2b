"""A streaming encoder: text comes in pieces, ids go out as soon as nothing can change them."""

from libc.string cimport memcpy

from ._encode cimport Encoder, Tail, encode_to_array
from ._special cimport SpecialMatcher
from ._text cimport UTF8, Span, read_text


cdef class StreamEncoder:
    """Encodes a text that comes in pieces. Made by `Tokenizer.stream_encoder`.

    All ids that `feed` and `flush` return, joined, are those that `Tokenizer.encode` gives for the
    whole text at once, however it was cut. An id comes out as soon as nothing that may follow can
    change it, and what is held back is shorter than the longest token. Where special tokens are
    allowed, the beginning of one may be held back besides, and a token that would contain one is
    waited for although it cannot come.

    It belongs to one thread at a time.

    Examples
    --------
    >>> import rwkv_tok
    >>> encoder = rwkv_tok.load().stream_encoder()
    >>> [encoder.feed(piece).tolist() for piece in ["Hel", "lo wor", "ld"]]
    [[], [33155], []]
    >>> encoder.flush().tolist()
    [40213]
    """

    cdef Encoder _encoder
    cdef SpecialMatcher _special
    cdef Tail _tail

    def __cinit__(self, Encoder encoder not None, SpecialMatcher special):
        self._encoder = encoder
        self._special = special

    def feed(self, text):
        """Take the next piece of the text; return the ids that are certain: uint16, 1-D.

        A piece is a str or a buffer of bytes, as for `Tokenizer.encode`; bytes may end within a
        character. After an error nothing of this call has been taken.
        """
        cdef Span span
        cdef Tail tail
        _owner = read_text(text, &span)
        # A copy, so that no other thread can change it while the GIL is released.
        copy_tail(&tail, &self._tail)
        ids = encode_to_array(self._encoder, self._special, &span, text, &tail)
        copy_tail(&self._tail, &tail)
        return ids

    def flush(self):
        """End the text: return the ids of what was held back, and begin anew.

        After an error it is still held back.
        """
        cdef Tail tail
        cdef Span span
        copy_tail(&tail, &self._tail)
        span.data = <const void*> tail.bytes
        span.length = tail.size
        span.unit_size = UTF8
        ids = encode_to_array(self._encoder, self._special, &span, None, NULL)
        self._tail.size = 0
        return ids

    def reset(self):
        """Forget what was held back, and begin anew."""
        self._tail.size = 0

    def copy(self):
        """An encoder that goes on from here on its own."""
        cdef StreamEncoder other = StreamEncoder.__new__(
            StreamEncoder, self._encoder, self._special
        )
        copy_tail(&other._tail, &self._tail)
        return other

    def __copy__(self):
        return self.copy()

    def __deepcopy__(self, memo):
        return self.copy()

    def __reduce__(self):
        raise TypeError("a StreamEncoder cannot be pickled: pickle its Tokenizer")


cdef inline void copy_tail(Tail* to, const Tail* source) noexcept nogil:
    to.size = source.size
    memcpy(to.bytes, source.bytes, to.size)
