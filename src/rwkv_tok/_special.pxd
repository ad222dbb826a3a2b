"""Special tokens, found in the bytes of a text.

They are looked for in a trie of their own, which like every trie has each single byte as a token;
an id tells those apart from the special ones.
"""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t
from libc.string cimport memchr

from ._tokens cimport ID_SPACE
from ._trie cimport Trie, TrieView, longest_match, match_token

cdef enum:
    SEVERAL = -1        # special tokens begin with several bytes


# What the kernels see of a SpecialMatcher.
cdef struct SpecialView:
    TrieView trie
    const uint16_t* ids         # of the special tokens by their ids in the trie; 0: it is a byte
    const uint8_t* begins       # whether one begins with a byte
    int first_byte              # the one that all begin with, or SEVERAL
    # By first byte + 256 * second byte, as in Cuts: whether one has them next to each other.
    const uint8_t* joined


cdef class SpecialMatcher:
    cdef SpecialView view
    cdef Trie _trie
    cdef tuple _arrays


cdef class IdSet:
    cdef uint8_t[ID_SPACE] _members


cdef inline bint has_id(IdSet ids, int64_t token_id) noexcept nogil:
    return 0 <= token_id < ID_SPACE and ids._members[token_id]


cdef inline const uint8_t* find_special(
    const SpecialView* special,
    const uint8_t* here,
    const uint8_t* end,
    bint open,
    const uint8_t** after,
    uint16_t* token_id,
) noexcept nogil:
    """The first place where a special token begins; its id, and where it ends.

    The longest, if several begin there. With `open`, the text goes on beyond `end`: where a special
    token, or a longer one, could begin is a place as well, then with id 0. With `end`, the id is 0.
    """
    cdef uint32_t slot
    token_id[0] = 0
    while True:
        here = find_beginning(special, here, end)
        if here == end:
            return end
        after[0] = match_token(&special.trie, here, end, open, &slot)
        if after[0] == here:
            return here
        token_id[0] = special.ids[special.trie.token_ids[slot]]
        if token_id[0]:
            return here
        here += 1


cdef inline bint begins_special(
    const SpecialView* special, const uint8_t* here, const uint8_t* end
) noexcept nogil:
    """Whether a special token lies at a place before `end`, whatever follows."""
    cdef uint32_t slot
    longest_match(&special.trie, here, end, &slot)
    return special.ids[special.trie.token_ids[slot]] != 0


cdef inline const uint8_t* find_beginning(
    const SpecialView* special, const uint8_t* here, const uint8_t* end
) noexcept nogil:
    """The first byte that some special token begins with."""
    cdef const uint8_t* found
    if special.first_byte != SEVERAL:
        if here == end:
            return end
        found = <const uint8_t*> memchr(here, special.first_byte, end - here)
        return end if found == NULL else found
    while here < end and not special.begins[here[0]]:
        here += 1
    return here
