/* The kernel in plain C, for every platform. */
#include "kernel.h"
#include "utf8.h"

#define KERNEL(name) portable_##name

/* Bit k of the result is the lowest bit of byte k, for 8 bytes. */
static inline uint64_t collect(uint64_t bytes)
{
    /* The factor moves bit 8 * k to bit 56 + k, and no two of them to the same place. */
    return ((bytes & 0x0101010101010101u) * 0x0102040810204080u) >> 56;
}

static inline uint64_t load_ordered(const uint8_t *bytes)
{
    uint64_t word = load64(bytes);
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    return word;
}

/* Bit i: whether there is a cut before byte i of a block of 64. */
static inline uint64_t cut_mask(const Cuts *cuts, const uint8_t *block)
{
    /* flags[BEFORE + i]: of the pair that ends with byte i. */
    enum { BEFORE = 2, AFTER = 2 };
    uint8_t flags[BEFORE + 64 + AFTER];
    uint64_t mask = 0;
    uint64_t all_flags = 0;

    for (int i = 0; i < BEFORE + 64 + AFTER; i++) {
        const uint8_t *second = block - BEFORE + i;
        flags[i] = cuts->pair[second[-1] | second[0] << 8];
    }
    for (int i = 0; i < 64; i += 8) {
        uint64_t here = load_ordered(flags + BEFORE + i);
        mask |= collect(here) << i;
        all_flags |= load_ordered(flags + i) | here;
    }
    if (!(all_flags & (PAIR_CLOSED | PAIR_KANA) * 0x0101010101010101u))
        return mask;

    uint64_t kana = 0;
    for (int i = 0; i < 64; i += 8) {
        /* Of the character before byte i: its lead and second byte, its second and third. */
        uint64_t lead = load_ordered(flags + BEFORE + i - 2);
        uint64_t rest = load_ordered(flags + BEFORE + i - 1);
        uint64_t here = load_ordered(flags + BEFORE + i);
        uint64_t next_lead = load_ordered(flags + BEFORE + i + 1);
        uint64_t next_rest = load_ordered(flags + BEFORE + i + 2);
        mask |= collect(lead >> 1 & rest >> 2 & here >> 3) << i;
        kana |= collect(lead >> 4 & rest >> 2 & next_lead >> 4 & next_rest >> 2) << i;
    }
    for (kana &= ~mask; kana; kana &= kana - 1) {
        unsigned place = TRAILING_ZEROS(kana);
        mask |= (uint64_t)kana_cut(cuts, block + place) << place;
    }
    return mask;
}

#include "encode.inc.h"

#define UNIT uint8_t
#define TRANSCODE portable_transcode_1
#include "transcode.inc.h"
#undef UNIT
#undef TRANSCODE
#define UNIT uint16_t
#define TRANSCODE portable_transcode_2
#include "transcode.inc.h"
#undef UNIT
#undef TRANSCODE
#define UNIT uint32_t
#define TRANSCODE portable_transcode_4
#include "transcode.inc.h"

static int always(void)
{
    return 1;
}

static void nothing(void)
{
}

const Kernel kernel_portable = {
    "portable", always, nothing, portable_encode,
    portable_transcode_1, portable_transcode_2, portable_transcode_4,
};

/* For comparison: every byte through the trie. */
const Kernel kernel_walk = {
    "walk", always, nothing, NULL,
    portable_transcode_1, portable_transcode_2, portable_transcode_4,
};
