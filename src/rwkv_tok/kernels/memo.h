/* A memory of segments that were encoded before: their bytes, and their ids.

   A table with one place for each segment of up to MEMO_KEY bytes, found by a hash; a new segment
   takes the place of an old one. What is in it never changes a result: an entry counts only if all
   bytes of the segment and its length agree. A memo belongs to one thread at a time. */
#ifndef RWKV_TOK_MEMO_H
#define RWKV_TOK_MEMO_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum {
    MEMO_BITS = 16,
    MEMO_KEY = 15, /* bytes of the longest segment that has an entry */
    MEMO_IDS = 7   /* ids of the longest result that has one */
};

/* The bytes, filled up with zeros, and in the last of the 16 the length; 0xFF there for the first
   MEMO_KEY bytes of a longer segment, an "open" one. All zeros stand for no segment, since the length of
   none is 0. */
typedef struct {
    uint64_t low, high;
} MemoKey;

typedef struct {
    MemoKey key;
    uint16_t ids[MEMO_IDS];
    uint8_t count;    /* ids */
    uint8_t consumed; /* of an open one: the bytes that they stand for, those that are certain */
} MemoEntry;

_Static_assert(sizeof(MemoEntry) == 32, "two entries to a cache line");

typedef struct {
    MemoEntry entries[1 << MEMO_BITS];
    /* Windows of text to encode without the memo, as it did not help in the last one; and how many
       the next time. */
    uint32_t rest, next_rest;
    void *block; /* the memory that it lies in */
} Memo;

/* By length: the bytes of a segment that count, of the first eight and of the next; and what is put
   into the last byte. */
#define F 0xFF
static const uint8_t KEEP_LOW[MEMO_KEY + 1][8] = {
    {0}, {F}, {F, F}, {F, F, F}, {F, F, F, F}, {F, F, F, F, F}, {F, F, F, F, F, F},
    {F, F, F, F, F, F, F}, {F, F, F, F, F, F, F, F}, {F, F, F, F, F, F, F, F},
    {F, F, F, F, F, F, F, F}, {F, F, F, F, F, F, F, F}, {F, F, F, F, F, F, F, F},
    {F, F, F, F, F, F, F, F}, {F, F, F, F, F, F, F, F}, {F, F, F, F, F, F, F, F},
};
static const uint8_t KEEP_HIGH[MEMO_KEY + 1][8] = {
    {0}, {0}, {0}, {0}, {0}, {0}, {0}, {0}, {0}, {F}, {F, F}, {F, F, F}, {F, F, F, F},
    {F, F, F, F, F}, {F, F, F, F, F, F}, {F, F, F, F, F, F, F},
};
#undef F
#define LAST(byte) {0, 0, 0, 0, 0, 0, 0, byte}
static const uint8_t MARK[MEMO_KEY + 1][8] = {
    LAST(0), LAST(1), LAST(2), LAST(3), LAST(4), LAST(5), LAST(6), LAST(7),
    LAST(8), LAST(9), LAST(10), LAST(11), LAST(12), LAST(13), LAST(14), LAST(15),
};
static const uint8_t OPEN_MARK[8] = LAST(0xFF);
#undef LAST

static inline uint64_t load64(const uint8_t *bytes)
{
    uint64_t word;
    memcpy(&word, bytes, sizeof word);
    return word;
}

/* The key of a segment of up to MEMO_KEY bytes; 16 bytes are read. */
static inline MemoKey memo_key(const uint8_t *segment, size_t length)
{
    MemoKey key;
    key.low = load64(segment) & load64(KEEP_LOW[length]);
    key.high = (load64(segment + 8) & load64(KEEP_HIGH[length])) | load64(MARK[length]);
    return key;
}

/* The key of the first MEMO_KEY bytes of a longer segment. */
static inline MemoKey memo_open_key(const uint8_t *segment)
{
    MemoKey key = memo_key(segment, MEMO_KEY);
    key.high |= load64(OPEN_MARK);
    return key;
}

/* Where the entry of a key is, if it has one. A multiplicative hash; most segments have no second
   half but the length, which the rotation puts among the bytes that differ. */
static inline MemoEntry *memo_entry(Memo *memo, MemoKey key)
{
    uint64_t mixed = key.low ^ (key.high << 29 | key.high >> 35);
    return &memo->entries[mixed * 0x9E3779B97F4A7C15u >> (64 - MEMO_BITS)];
}

static inline int memo_holds(const MemoEntry *entry, MemoKey key)
{
    return ((entry->key.low ^ key.low) | (entry->key.high ^ key.high)) == 0;
}

#endif
