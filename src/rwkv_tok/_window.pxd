"""Encoding what lies in a window of UTF-8: a run of bytes between margins that may be read.

Unless it is the last of its text, what follows may change the ids of its last bytes: those are left
over, and the next window begins with them.
"""

from libc.stdint cimport uint8_t, uint16_t, uint32_t

from ._encode cimport EncoderView
from ._kernels cimport Memo
from ._special cimport begins_special, find_special
from ._trie cimport TrieView, longest_match, match_token


cdef inline const uint8_t* encode_window(
    const EncoderView* encoder,
    Memo* memo,
    const uint8_t* here,
    const uint8_t* end,
    bint last,
    uint16_t** ids,
) noexcept nogil:
    """Append the ids of most of a window, all of it if it is the last; return how far it came."""
    cdef const uint8_t* place
    cdef const uint8_t* after = here
    cdef uint16_t token_id
    if encoder.special == NULL:
        return encode_plain(encoder, memo, here, end, last, ids)
    while True:
        place = find_special(encoder.special, here, end, not last, &after, &token_id)
        if not token_id:
            return encode_plain(encoder, memo, here, place, last, ids)
        encode_plain(encoder, memo, here, place, True, ids)
        ids[0][0] = token_id
        ids[0] += 1
        here = after


cdef inline const uint8_t* encode_plain(
    const EncoderView* encoder,
    Memo* memo,
    const uint8_t* here,
    const uint8_t* end,
    bint last,
    uint16_t** ids,
) noexcept nogil:
    """The same for bytes without special tokens."""
    cdef size_t size = end - here
    if memo != NULL and memo.rest == 0:
        here = encoder.kernel.encode(encoder.trie, encoder.cuts, memo, here, end, last, ids)
        if last or <size_t> (end - here) <= size // 2:
            return here
        # There is hardly a cut in it.
    elif memo != NULL:
        memo.rest -= 1
    return walk(encoder.trie, here, end, last, ids)


cdef inline const uint8_t* walk(
    const TrieView* trie, const uint8_t* here, const uint8_t* end, bint last, uint16_t** ids
) noexcept nogil:
    """Append the ids of all tokens that surely end in a window; return where the last one does."""
    # A token that begins later could go on beyond the window.
    cdef const uint8_t* stop = end if last else end - (trie.longest - 1)
    cdef uint16_t* out = ids[0]
    cdef uint32_t slot
    while here < stop:
        here = longest_match(trie, here, end, &slot)
        out[0] = trie.token_ids[slot]
        out += 1
    ids[0] = out
    return here


cdef inline const uint8_t* encode_certain(
    const EncoderView* encoder, const uint8_t* here, const uint8_t* end, uint16_t** ids
) noexcept nogil:
    """Append the ids that nothing after `end` can change, all of them; return what is left over.

    That is shorter than the longest token, unless it ends with the beginning of a special one.
    """
    cdef const uint8_t* place = end     # of the next special token
    cdef const uint8_t* after = end
    cdef uint16_t token_id = 0
    cdef bint certain = False           # whether there is one, though a longer one may come of it
    cdef const uint8_t* token_end
    cdef uint32_t slot
    while here < end:
        if encoder.special != NULL:
            place = find_special(encoder.special, here, end, True, &after, &token_id)
            certain = token_id or (place < end and begins_special(encoder.special, place, end))
        while here < place:
            # If a special token may begin at `place`, the text either ends there or goes on: the
            # next token is certain if it is the same in both cases.
            token_end = match_token(
                encoder.trie, here, place if certain else end, not certain, &slot
            )
            if token_end == here or token_end > place:
                return here
            ids[0][0] = encoder.trie.token_ids[slot]
            ids[0] += 1
            here = token_end
        if not token_id:
            break
        ids[0][0] = token_id
        ids[0] += 1
        here = after
    return here
