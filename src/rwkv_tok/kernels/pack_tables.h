/* Tables for vector instructions that move bytes: from characters of 2 or 4 bytes each, of which the
   first ones count, to those that count together. */
#ifndef RWKV_TOK_PACK_TABLES_H
#define RWKV_TOK_PACK_TABLES_H

#include <stdint.h>

/* By bits of 8 characters, set for those of one byte: pairs of bytes. */
static uint8_t pack_pairs[256][16];
/* By bits of 4 characters, set for those of at least two bytes, and 4 more, for those of three:
   groups of four bytes. */
static uint8_t pack_quads[256][16];

static void make_pack_tables(void)
{
    for (unsigned bits = 0; bits < 256; bits++) {
        unsigned n = 0;
        for (unsigned i = 0; i < 8; i++) {
            pack_pairs[bits][n++] = (uint8_t)(2 * i);
            if (!(bits >> i & 1))
                pack_pairs[bits][n++] = (uint8_t)(2 * i + 1);
        }
        n = 0;
        for (unsigned i = 0; i < 4; i++) {
            unsigned bytes = 1 + (bits >> i & 1) + (bits >> (i + 4) & 1);
            for (unsigned j = 0; j < bytes; j++)
                pack_quads[bits][n++] = (uint8_t)(4 * i + j);
        }
    }
}

#endif
