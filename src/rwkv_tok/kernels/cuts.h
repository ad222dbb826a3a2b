/* Where no token of a vocabulary can reach across: certified cuts.

   A token that covered both sides of a cut would hold the bytes around it next to each other. Where
   no token does, greedy matching always stops, whatever stands before and after, so the text may
   be cut there and its parts encoded alone. Three rules find such places:

   - Two bytes that stand next to each other inside no token.
   - A "closed" character of three bytes, such as a Han character: nothing goes on after it, nor after
     an end of it with which a token begins.
   - Two kana (U+3000 ... U+30FF) that follow one another inside no token, whole or in part.

   They are derived from the vocabulary (_cuts.pyx). To miss a cut costs time and nothing else. */
#ifndef RWKV_TOK_CUTS_H
#define RWKV_TOK_CUTS_H

#include <stdint.h>

enum {
    /* Flags of a pair of bytes; portable.c relies on the order of the bits. */
    PAIR_CUT = 1,       /* no token holds the two next to each other */
    PAIR_CLOSED = 2,    /* the lead of a closed character, and a continuation byte */
    PAIR_INNER = 4,     /* two continuation bytes */
    PAIR_OUT = 8,       /* a continuation byte, and one that is not */
    PAIR_KANA = 16,     /* the lead of a kana, and the second byte of one */

    RULES = 16,         /* boxes of byte pairs; see `rules` */
    KANA = 256,         /* characters of the block */
    KANA_LEAD = 0xE3,

    /* A kernel looks at so many bytes before a place and after it. */
    CUT_LOOKBACK = 3,
    CUT_LOOKAHEAD = 2
};

typedef struct {
    /* By first byte + 256 * second byte. */
    uint8_t pair[65536];
    /* The same pairs, most of those that text has, for kernels that cannot look up a byte in 256
       but a nibble in 16: in box k, bit k % 8 of group k / 8, lie the pairs with the low and high
       nibble of the first byte and those of the second in four sets. */
    uint8_t rules[RULES / 8][4][16];
    /* By the low nibble of a lead byte 0xE0 ... 0xEF: 0xFF if its characters are closed. */
    uint8_t closed[16];
    /* Bit `second % 32` of joined_kana[first][second / 32]: some token may join the two. */
    uint32_t joined_kana[KANA][KANA / 32];
} Cuts;

/* Whether there is a cut between two kana; both are known to be in the block. */
static inline uint32_t kana_cut(const Cuts *cuts, const uint8_t *second)
{
    uint32_t a = (second[-2] & 3u) << 6 | (second[-1] & 63u);
    uint32_t b = (second[1] & 3u) << 6 | (second[2] & 63u);
    return ~(cuts->joined_kana[a][b / 32] >> (b % 32)) & 1;
}

#endif
