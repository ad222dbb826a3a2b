/* What a kernel is: the hot loops of the encoder, made for one instruction set. */
#ifndef RWKV_TOK_KERNEL_H
#define RWKV_TOK_KERNEL_H

#include <stddef.h>
#include <stdint.h>

#include "cuts.h"
#include "memo.h"
#include "trie.h"

enum {
    /* Text that `encode` reads lies in a buffer with so many bytes more before and after it. */
    PAD_BEFORE = 8,
    PAD_AFTER = 80,
    /* It may write so many ids more than it appends. */
    SLACK_IDS = 8,
    /* `transcode` may write so many bytes at once, more than it counts. */
    TRANSCODE_ROOM = 32
};

typedef struct {
    const char *name;
    int (*supported)(void);
    /* Make what the other functions need. Called once, if it is supported. */
    void (*prepare)(void);
    /* Append the ids of the segments of [here, end), a whole number of them; return where the first
       one begins that is left over. With `last` the text ends at `end`, and none is. Otherwise at
       least CUT_LOOKAHEAD bytes are. There is room for an id for each byte, and SLACK_IDS more. */
    const uint8_t *(*encode)(const TrieView *trie, const Cuts *cuts, Memo *memo,
                             const uint8_t *here, const uint8_t *end, int last, uint16_t **ids);
    /* Write the UTF-8 of as many characters as surely fit, up to the first half of a UTF-16 pair,
       which UTF-8 cannot encode; return how many, and their bytes in `written`. */
    size_t (*transcode_1)(const uint8_t *text, size_t length, uint8_t *out, size_t capacity,
                          size_t *written);
    size_t (*transcode_2)(const uint16_t *text, size_t length, uint8_t *out, size_t capacity,
                          size_t *written);
    size_t (*transcode_4)(const uint32_t *text, size_t length, uint8_t *out, size_t capacity,
                          size_t *written);
} Kernel;

/* Those of this platform, the fastest first; ends with NULL. */
extern const Kernel *const kernels[];

_Static_assert((int)PAD_BEFORE >= (int)CUT_LOOKBACK && (int)PAD_AFTER >= 64 + (int)CUT_LOOKAHEAD,
               "a kernel looks at whole blocks of 64 bytes and at what is around them");

#if defined(__GNUC__)
#define LIKELY(condition) __builtin_expect(!!(condition), 1)
#define TRAILING_ZEROS(word) ((unsigned)__builtin_ctzll(word))
#define POPCOUNT(word) ((unsigned)__builtin_popcountll(word))
#elif defined(_MSC_VER)
#include <intrin.h>
#define LIKELY(condition) (condition)
static __forceinline unsigned TRAILING_ZEROS(uint64_t word)
{
    unsigned long index;
    _BitScanForward64(&index, word);
    return index;
}
static __forceinline unsigned POPCOUNT(uint64_t word)
{
    word -= word >> 1 & 0x5555555555555555u;
    word = (word & 0x3333333333333333u) + (word >> 2 & 0x3333333333333333u);
    return (unsigned)(((word + (word >> 4)) & 0x0F0F0F0F0F0F0F0Fu) * 0x0101010101010101u >> 56);
}
#endif

#endif
