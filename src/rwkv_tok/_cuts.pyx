"""Certified cuts: where no token of a vocabulary can reach across; kernels/cuts.h has the rules.

All pairs of bytes are known exactly, by a table of 65,536. A vector instruction has no such table,
only lookups by nibble. For those, boxes are chosen: all pairs whose four nibbles lie in four sets.
A box may hold no pair that a token joins; beyond that, one is as good as the pairs of
typical text that it finds. Each is grown from a pair, nibble by nibble, greedily.
"""

cimport cython
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memset

from ._tokens cimport ID_SPACE, TokenTable, TokenView, token_length
from ._utf8 cimport is_continuation

from . import typical_text


cdef enum:
    SEEDS = 6           # pairs that a box is tried to be grown from
    FIRST_LOW = 0       # the four sets of nibbles of a box
    FIRST_HIGH = 1
    SECOND_LOW = 2
    SECOND_HIGH = 3
    WORDS = 4           # of 64 bits, in a set of bytes

# What a pair weighs that typical text does not have.
cdef float RARE = 1.0 / 1024


cdef class Cuts:
    """Where a text may be cut, derived from the tokens of a vocabulary. Immutable."""

    def __cinit__(self, TokenTable tokens not None):
        memset(&self.tables, 0, sizeof(CutTables))
        find_pairs(&tokens.view, &self.tables)
        find_closed(&tokens.view, &self.tables)
        find_joined_kana(&tokens.view, &self.tables)
        BoxSearch(self).run(typical_text.TYPICAL_TEXT.encode())

    def between(self, uint8_t first, uint8_t second):
        """Whether there is a cut between two bytes, whatever stands around them."""
        return bool(self.tables.pair[pair(first, second)] & PAIR_CUT)

    def found(self):
        """The pairs of bytes between which a cut is found by nibble, too."""
        return [
            (first, second)
            for first in range(256)
            for second in range(256)
            if in_some_box(&self.tables, first, second)
        ]

    def dump(self):
        """The struct `Cuts` of kernels/cuts.h, in the byte order of this machine."""
        return (<const char*> &self.tables)[:sizeof(CutTables)]


cdef inline size_t pair(size_t first, size_t second) noexcept nogil:
    return first | second << 8


cdef void find_pairs(const TokenView* tokens, CutTables* tables) noexcept nogil:
    """Note which pairs stand inside a token, and of what kind a pair is; see cuts.h."""
    cdef size_t token_id, i, first, second
    cdef const uint8_t* token
    for first in range(256):
        for second in range(256):
            tables.pair[pair(first, second)] = PAIR_CUT
            if is_continuation(first):
                tables.pair[pair(first, second)] |= (
                    PAIR_INNER if is_continuation(second) else PAIR_OUT
                )
            if first == KANA_LEAD and 0x80 <= second < 0x84:
                tables.pair[pair(first, second)] |= PAIR_KANA
    for token_id in range(ID_SPACE):
        token = tokens.bytes + tokens.offsets[token_id]
        for i in range(1, token_length(tokens, token_id)):
            tables.pair[pair(token[i - 1], token[i])] &= ~PAIR_CUT


cdef void find_closed(const TokenView* tokens, CutTables* tables) noexcept nogil:
    """Find the leads of characters after which every token ends.

    After such a lead and two continuation bytes, what is no continuation byte comes in no token;
    nor may a token begin in the character and leave it.
    """
    cdef size_t token_id, i, length, second
    cdef const uint8_t* token
    cdef bint[16] is_open
    memset(is_open, 0, sizeof(is_open))
    for token_id in range(ID_SPACE):
        token = tokens.bytes + tokens.offsets[token_id]
        length = token_length(tokens, token_id)
        for i in range(min(length, <size_t> 3)):
            if not is_continuation(token[i]):
                if 0 < i:
                    return      # it begins with the end of a character, and leaves it
                break
        for i in range(length):
            if (
                token[i] >> 4 == 0xE
                and i + 3 < length
                and is_continuation(token[i + 1])
                and is_continuation(token[i + 2])
                and not is_continuation(token[i + 3])
            ):
                is_open[token[i] & 15] = True
    for i in range(16):
        if not is_open[i]:
            tables.closed[i] = 0xFF
            for second in range(0x80, 0xC0):
                tables.pair[pair(0xE0 | i, second)] |= PAIR_CLOSED


cdef void find_joined_kana(const TokenView* tokens, CutTables* tables) noexcept nogil:
    """Note which kana follow one another inside a token, or are touched by one at its ends."""
    cdef size_t token_id, i, length, first, second, first_of_all, second_of_all, firsts, seconds
    cdef const uint8_t* token
    for token_id in range(ID_SPACE):
        token = tokens.bytes + tokens.offsets[token_id]
        length = token_length(tokens, token_id)
        for i in range(1, length):
            if token[i] != KANA_LEAD:
                continue
            # Only at its ends does a token hold a part of a character, which may be of many.
            firsts = seconds = KANA
            first_of_all = second_of_all = 0
            if i >= 3:
                first_of_all = (token[i - 2] & 3) << 6 | token[i - 1] & 63
                firsts = first_of_all + 1
            if length - i >= 3:
                second_of_all = (token[i + 1] & 3) << 6 | token[i + 2] & 63
                seconds = second_of_all + 1
            for first in range(first_of_all, firsts):
                if not ends_like(first, token, i):
                    continue
                for second in range(second_of_all, seconds):
                    if begins_like(second, token + i, length - i):
                        tables.joined_kana[first][second // 32] |= <uint32_t> 1 << (second % 32)


cdef inline bint ends_like(size_t kana, const uint8_t* text, size_t length) noexcept nogil:
    """Whether the text ends with this character, or is the end of it."""
    return (
        text[length - 1] == (0x80 | kana & 63)
        and (length < 2 or text[length - 2] == (0x80 | kana >> 6))
        and (length < 3 or text[length - 3] == KANA_LEAD)
    )


cdef inline bint begins_like(size_t kana, const uint8_t* text, size_t length) noexcept nogil:
    """Whether the text, whose first byte is right, begins with this character or is its begin."""
    return (
        (length < 2 or text[1] == (0x80 | kana >> 6))
        and (length < 3 or text[2] == (0x80 | kana & 63))
    )


cdef bint in_some_box(const CutTables* tables, size_t first, size_t second) noexcept nogil:
    cdef int group
    cdef uint8_t boxes = 0
    for group in range(RULES // 8):
        boxes |= (
            tables.rules[group][FIRST_LOW][first & 15]
            & tables.rules[group][FIRST_HIGH][first >> 4]
            & tables.rules[group][SECOND_LOW][second & 15]
            & tables.rules[group][SECOND_HIGH][second >> 4]
        )
    return boxes != 0


ctypedef struct ByteSet:
    uint64_t words[WORDS]


# A box while it grows. It holds the pairs of `firsts` and `seconds`.
cdef struct Box:
    uint16_t sets[4]            # of nibbles
    uint64_t dead               # bit 16 * set + nibble: it cannot be added any more, or is in
    ByteSet firsts
    ByteSet seconds
    float[256] by_first         # what all the pairs of a first byte with `seconds` weigh
    float[256] by_second
    float weight


@cython.internal
cdef class BoxSearch:
    """The choice of the boxes, one after the other, each for what those before it leave."""

    cdef CutTables* tables
    cdef Cuts _owner
    cdef float[256][256] weights    # by first and second byte; 0 for what is no cut, or is found
    cdef ByteSet[256] joined_after  # the bytes that follow a byte in some token
    cdef ByteSet[256] joined_before

    def __cinit__(self, Cuts owner):
        cdef size_t first, second
        self._owner = owner
        self.tables = &owner.tables
        memset(self.joined_after, 0, sizeof(self.joined_after))
        memset(self.joined_before, 0, sizeof(self.joined_before))
        for first in range(256):
            for second in range(256):
                self.weights[first][second] = RARE
                if not self.tables.pair[pair(first, second)] & PAIR_CUT:
                    self.weights[first][second] = 0
                    add(&self.joined_after[first], second)
                    add(&self.joined_before[second], first)

    cdef run(self, const uint8_t[::1] text):
        """Choose the boxes by how often their pairs are in a text."""
        cdef size_t i
        cdef int rule
        for i in range(1, text.shape[0]):
            if self.weights[text[i - 1]][text[i]]:
                self.weights[text[i - 1]][text[i]] += 1
        with nogil:
            for rule in range(RULES):
                self.choose(rule)

    cdef void choose(self, int rule) noexcept nogil:
        """Grow boxes from the heaviest pairs, and keep the heaviest box."""
        cdef size_t[SEEDS] seeds
        cdef Box best, box
        cdef size_t i, first, second
        cdef int k, nibble
        best.weight = 0
        for k in range(self.heaviest(seeds)):
            self.grow(&box, seeds[k] >> 8, seeds[k] & 255)
            if box.weight > best.weight:
                best = box
        if best.weight == 0:
            return
        for i in range(4):
            for nibble in range(16):
                if best.sets[i] >> nibble & 1:
                    self.tables.rules[rule // 8][i][nibble] |= <uint8_t> (1 << (rule % 8))
        for first in range(256):
            for second in range(256):
                if has(&best.firsts, first) and has(&best.seconds, second):
                    self.weights[first][second] = 0

    cdef int heaviest(self, size_t* seeds) noexcept nogil:
        """Write the heaviest pairs, as 256 * first + second; return how many there are."""
        cdef float[SEEDS] found
        cdef float weight
        cdef size_t first, second
        cdef int count = 0
        cdef int place
        for first in range(256):
            for second in range(256):
                weight = self.weights[first][second]
                if weight == 0 or (count == SEEDS and weight <= found[SEEDS - 1]):
                    continue
                place = min(count, SEEDS - 1)
                while place > 0 and found[place - 1] < weight:
                    found[place] = found[place - 1]
                    seeds[place] = seeds[place - 1]
                    place -= 1
                found[place] = weight
                seeds[place] = first << 8 | second
                count = min(count + 1, <int> SEEDS)
        return count

    cdef void grow(self, Box* box, size_t first, size_t second) noexcept nogil:
        """Make a box of one pair, and add nibbles as long as one can be, the heaviest first."""
        cdef size_t byte
        cdef int i, nibble, best_set, best_nibble
        cdef float weight, best
        memset(box, 0, sizeof(Box))
        box.sets[FIRST_LOW] = <uint16_t> (1 << (first & 15))
        box.sets[FIRST_HIGH] = <uint16_t> (1 << (first >> 4))
        box.sets[SECOND_LOW] = <uint16_t> (1 << (second & 15))
        box.sets[SECOND_HIGH] = <uint16_t> (1 << (second >> 4))
        for i in range(4):
            box.dead |= <uint64_t> box.sets[i] << (16 * i)
        add(&box.firsts, first)
        add(&box.seconds, second)
        box.weight = self.weights[first][second]
        for byte in range(256):
            box.by_first[byte] = self.weights[byte][second]
            box.by_second[byte] = self.weights[first][byte]
        while True:
            best = -1
            best_set = best_nibble = 0
            for i in range(4):
                for nibble in range(16):
                    if box.dead >> (16 * i + nibble) & 1:
                        continue
                    weight = self.weigh(box, i, nibble)
                    if weight < 0:
                        box.dead |= <uint64_t> 1 << (16 * i + nibble)
                    elif weight > best:
                        best = weight
                        best_set = i
                        best_nibble = nibble
            if best < 0:
                return
            self.extend(box, best_set, best_nibble)
            box.weight += best

    cdef float weigh(self, Box* box, int i, int nibble) noexcept nogil:
        """What the pairs weigh that a nibble would add to a set; negative if one is no cut."""
        cdef const ByteSet* joined = self.joined_after
        cdef const ByteSet* others = &box.seconds
        cdef const float* weights = box.by_first
        cdef float weight = 0
        cdef size_t byte
        cdef int other
        if i >= SECOND_LOW:
            joined = self.joined_before
            others = &box.firsts
            weights = box.by_second
        for other in range(16):
            if box.sets[i ^ 1] >> other & 1:
                byte = join_nibbles(i, nibble, other)
                if meet(&joined[byte], others):
                    return -1
                weight += weights[byte]
        return weight

    cdef void extend(self, Box* box, int i, int nibble) noexcept nogil:
        """Add a nibble to a set."""
        cdef size_t byte, partner
        cdef int other
        box.sets[i] |= <uint16_t> (1 << nibble)
        box.dead |= <uint64_t> 1 << (16 * i + nibble)
        for other in range(16):
            if not box.sets[i ^ 1] >> other & 1:
                continue
            byte = join_nibbles(i, nibble, other)
            if i < SECOND_LOW:
                add(&box.firsts, byte)
                for partner in range(256):
                    box.by_second[partner] += self.weights[byte][partner]
            else:
                add(&box.seconds, byte)
                for partner in range(256):
                    box.by_first[partner] += self.weights[partner][byte]


cdef inline size_t join_nibbles(int i, size_t nibble, size_t other) noexcept nogil:
    """The byte of a nibble of set `i` and one of the set that goes with it."""
    return nibble << 4 | other if i & 1 else other << 4 | nibble


cdef inline void add(ByteSet* bytes, size_t byte) noexcept nogil:
    bytes.words[byte // 64] |= <uint64_t> 1 << (byte % 64)


cdef inline bint has(const ByteSet* bytes, size_t byte) noexcept nogil:
    return bytes.words[byte // 64] >> (byte % 64) & 1


cdef inline bint meet(const ByteSet* these, const ByteSet* others) noexcept nogil:
    cdef uint64_t both = 0
    cdef int i
    for i in range(WORDS):
        both |= these.words[i] & others.words[i]
    return both != 0
