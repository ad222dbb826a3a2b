/* The encoder: certified cuts, a memo of what lies between them, the trie for the rest.

   A template: included by a file for each instruction set, which defines KERNEL(name) and
   `cut_mask` before. */

enum {
    /* Whether a memo helps is judged by so many lookups or more. */
    MIN_LOOKUPS = 64,
    /* It rests for so many windows at the most. */
    MAX_REST = 32
};

/* Append the ids of an entry. */
static inline uint16_t *put_ids(const MemoEntry *entry, uint16_t *out)
{
    /* 16 bytes, as one move; the last two are not counted. */
    memcpy(out, (const char *)entry + offsetof(MemoEntry, ids), 16);
    return out + entry->count;
}

/* Append the ids of a segment by walking the trie, and remember them. */
static uint16_t *encode_new(const TrieView *trie, MemoEntry *entry, MemoKey key,
                            const uint8_t *here, const uint8_t *end, uint16_t *out)
{
    unsigned count = 0;
    uint32_t slot;

    entry->key = key;
    while (here < end) {
        here = longest_match(trie, here, end, &slot);
        uint16_t id = trie->token_ids[slot];
        if (count < MEMO_IDS)
            entry->ids[count] = id;
        out[count++] = id;
    }
    entry->count = (uint8_t)count;
    if (count > MEMO_IDS)
        entry->key.low = entry->key.high = 0;
    return out + count;
}

/* The same for the first bytes of a long segment: for the tokens that end in them whatever follows.
   Those may be none. */
static void encode_open(const TrieView *trie, MemoEntry *entry, MemoKey key,
                            const uint8_t *segment)
{
    const uint8_t *here = segment;
    const uint8_t *end = segment + MEMO_KEY;
    unsigned count = 0;
    uint32_t slot;

    entry->key = key;
    while (count < MEMO_IDS && here < end) {
        const uint8_t *next = match_token(trie, here, end, 1, &slot);
        if (next == here)
            break;
        entry->ids[count++] = trie->token_ids[slot];
        here = next;
    }
    entry->count = (uint8_t)count;
    entry->consumed = (uint8_t)(here - segment);
}

/* Append the ids of a segment of any length. */
static uint16_t *encode_long(const TrieView *trie, Memo *memo, const uint8_t *here,
                             const uint8_t *end, uint16_t *out, size_t *lookups, size_t *misses)
{
    uint32_t slot;

    while (end - here > MEMO_KEY) {
        MemoKey key = memo_open_key(here);
        MemoEntry *entry = memo_entry(memo, key);
        ++*lookups;
        if (!memo_holds(entry, key)) {
            ++*misses;
            encode_open(trie, entry, key, here);
        }
        out = put_ids(entry, out);
        here += entry->consumed;
        if (entry->count == 0) {
            /* A token that fills all these bytes and perhaps goes on. */
            here = longest_match(trie, here, end, &slot);
            *out++ = trie->token_ids[slot];
        }
    }
    if (here < end) {
        size_t length = (size_t)(end - here);
        MemoKey key = memo_key(here, length);
        MemoEntry *entry = memo_entry(memo, key);
        if (!memo_holds(entry, key)) {
            ++*misses;
            return encode_new(trie, entry, key, here, end, out);
        }
        return put_ids(entry, out);
    }
    return out;
}

/* Let the memo rest for a while if the trie alone had been faster, the longer the more often.

   In cycles, about: a lookup costs 18, and 40 more, besides the walk, if it was in vain; what the
   hits save is a walk of 12 a byte. It loses on noise, whose segments are hardly longer than a byte,
   and where no segment comes again. Of text that repeats itself after a few bytes it believes the
   same as of other text, although the processor foresees every step of its walk. */
static void rest_if_useless(Memo *memo, size_t bytes, size_t lookups, size_t misses)
{
    size_t cost = (18 * lookups + 40 * misses) * lookups;
    size_t saved = 12 * bytes * (lookups - misses);

    if (lookups < MIN_LOOKUPS)
        return;
    if (cost <= saved) {
        memo->next_rest = 1;
    } else {
        memo->rest = memo->next_rest;
        memo->next_rest = memo->next_rest < MAX_REST ? 2 * memo->next_rest : MAX_REST;
    }
}

static const uint8_t *KERNEL(encode)(const TrieView *trie, const Cuts *cuts, Memo *memo,
                                     const uint8_t *here, const uint8_t *end, int last,
                                     uint16_t **ids)
{
    const uint8_t *segment = here;
    const uint8_t *limit = last ? end : end - CUT_LOOKAHEAD;
    uint16_t *out = *ids;
    size_t misses = 0;
    size_t lookups = 0;

    for (const uint8_t *block = here; block < limit || (last && segment < end); block += 64) {
        uint64_t mask = cut_mask(cuts, block);
        size_t left = (size_t)(limit - block);
        if (block == here)
            mask &= ~(uint64_t)1;
        if (left < 64)
            mask = (mask & (((uint64_t)1 << left) - 1)) | (uint64_t)(last != 0) << left;
        lookups += POPCOUNT(mask);
        while (mask) {
            const uint8_t *cut = block + TRAILING_ZEROS(mask);
            size_t length = (size_t)(cut - segment);
            mask &= mask - 1;
            if (LIKELY(length <= MEMO_KEY)) {
                MemoKey key = memo_key(segment, length);
                MemoEntry *entry = memo_entry(memo, key);
                if (LIKELY(memo_holds(entry, key))) {
                    out = put_ids(entry, out);
                } else {
                    ++misses;
                    out = encode_new(trie, entry, key, segment, cut, out);
                }
            } else {
                out = encode_long(trie, memo, segment, cut, out, &lookups, &misses);
            }
            segment = cut;
        }
    }
    *ids = out;
    rest_if_useless(memo, (size_t)(segment - here), lookups, misses);
    return segment;
}
