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
    MEMO_KEY = 15,  /* bytes of the longest segment that has an entry */
    MEMO_IDS = 7,   /* ids of the longest result that has one */
    OPEN_KEY = 0xFF /* in place of a length: the first MEMO_KEY bytes of a longer segment */
};

/* The bytes, filled up with zeros, and in the last of the 16 the length. All zeros stand for no
   segment, since the length of none is 0. */
typedef struct {
    uint64_t low, high;
} MemoKey;

typedef struct {
    MemoKey key;
    uint16_t ids[MEMO_IDS];
    uint8_t count;    /* ids */
    uint8_t consumed; /* for OPEN_KEY: the bytes that they stand for, those that are certain */
} MemoEntry;

typedef struct {
    MemoEntry entries[1 << MEMO_BITS];
    /* Windows of text to encode without the memo, as it did not help in the last one; and how many
       the next time. */
    uint32_t rest, next_rest;
    void *block; /* the memory that it lies in */
} Memo;

/* `length` bytes of ones and zeros after them, from KEEP + MEMO_KEY - length. */
static const uint8_t KEEP[MEMO_KEY + 16] = {
    255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
};

static inline uint64_t load64(const uint8_t *bytes)
{
    uint64_t word;
    memcpy(&word, bytes, sizeof word);
    return word;
}

/* The key of a segment of up to MEMO_KEY bytes; 16 bytes are read. */
static inline MemoKey memo_key(const uint8_t *segment, size_t length, uint64_t mark)
{
    const uint8_t *keep = KEEP + MEMO_KEY - length;
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    const int shift = 0;
#else
    const int shift = 56;
#endif
    MemoKey key;
    key.low = load64(segment) & load64(keep);
    key.high = (load64(segment + 8) & load64(keep + 8)) | mark << shift;
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
