/* The kernel for 64-bit ARM: NEON belongs to every processor of that kind. */
#include "kernel.h"
#include "utf8.h"

/* Little-endian only: bytes are taken for the halves of characters. */
#if defined(__AARCH64EL__) || defined(_M_ARM64)

#include "pack_tables.h"

#include <arm_neon.h>

#define KERNEL(name) neon_##name

/* Look up bytes of 0 to 15 in a table. */
static inline uint8x16_t look_up(const uint8_t table[16], uint8x16_t indices)
{
    return vqtbl1q_u8(vld1q_u8(table), indices);
}

/* 0xFF where a byte is a continuation byte, 0x80 ... 0xBF. */
static inline uint8x16_t is_continuation(uint8x16_t bytes)
{
    return vcltq_s8(vreinterpretq_s8_u8(bytes), vdupq_n_s8(-0x40));
}

/* 0xFF where there is a cut before a byte, by the first two rules: for 16 bytes. */
static inline uint8x16_t find_cuts(const Cuts *cuts, const uint8_t *bytes)
{
    const uint8x16_t nibble = vdupq_n_u8(0x0F);
    uint8x16_t second = vld1q_u8(bytes);
    uint8x16_t first = vld1q_u8(bytes - 1);
    uint8x16_t first_low = vandq_u8(first, nibble);
    uint8x16_t first_high = vshrq_n_u8(first, 4);
    uint8x16_t second_low = vandq_u8(second, nibble);
    uint8x16_t second_high = vshrq_n_u8(second, 4);
    uint8x16_t found = vdupq_n_u8(0);

    for (int group = 0; group < RULES / 8; group++) {
        const uint8_t(*sets)[16] = cuts->rules[group];
        uint8x16_t firsts = vandq_u8(look_up(sets[0], first_low), look_up(sets[1], first_high));
        uint8x16_t seconds = vandq_u8(look_up(sets[2], second_low), look_up(sets[3], second_high));
        found = vorrq_u8(found, vandq_u8(firsts, seconds));
    }

    uint8x16_t lead = vld1q_u8(bytes - 3);
    uint8x16_t closed = vandq_u8(vceqq_u8(vshrq_n_u8(lead, 4), vdupq_n_u8(0x0E)),
                                 look_up(cuts->closed, vandq_u8(lead, nibble)));
    uint8x16_t inner = vandq_u8(is_continuation(vld1q_u8(bytes - 2)), is_continuation(first));
    uint8x16_t after = vbicq_u8(vandq_u8(closed, inner), is_continuation(second));
    found = vorrq_u8(found, after);
    return vtstq_u8(found, found);
}

/* 64 bits: the lowest of each byte, which is 0xFF or 0. */
static inline uint64_t collect(uint8x16_t a, uint8x16_t b, uint8x16_t c, uint8x16_t d)
{
    static const uint8_t WEIGHTS[16] = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
    uint8x16_t weights = vld1q_u8(WEIGHTS);
    /* Sums of two bytes next to each other, then of four, then of eight. */
    uint8x16_t low = vpaddq_u8(vandq_u8(a, weights), vandq_u8(b, weights));
    uint8x16_t high = vpaddq_u8(vandq_u8(c, weights), vandq_u8(d, weights));
    uint8x16_t sums = vpaddq_u8(low, high);
    return vgetq_lane_u64(vreinterpretq_u64_u8(vpaddq_u8(sums, sums)), 0);
}

static inline uint8x16_t equal(const uint8_t *bytes, uint8_t mask, uint8_t value)
{
    return vceqq_u8(vandq_u8(vld1q_u8(bytes), vdupq_n_u8(mask)), vdupq_n_u8(value));
}

/* 64 bits: whether a byte, masked, is `value`. */
static inline uint64_t where(const uint8_t *bytes, uint8_t mask, uint8_t value)
{
    return collect(equal(bytes, mask, value), equal(bytes + 16, mask, value),
                   equal(bytes + 32, mask, value), equal(bytes + 48, mask, value));
}

/* Bit i: whether there is a cut before byte i of a block of 64. */
static inline uint64_t cut_mask(const Cuts *cuts, const uint8_t *block)
{
    uint64_t mask = collect(find_cuts(cuts, block), find_cuts(cuts, block + 16),
                            find_cuts(cuts, block + 32), find_cuts(cuts, block + 48));
    uint64_t kana = where(block, 0xFF, KANA_LEAD);
    if (kana) {
        kana &= where(block - 3, 0xFF, KANA_LEAD) & where(block - 2, 0xFC, 0x80)
            & where(block - 1, 0xC0, 0x80) & where(block + 1, 0xFC, 0x80)
            & where(block + 2, 0xC0, 0x80) & ~mask;
        for (; kana; kana &= kana - 1) {
            unsigned place = TRAILING_ZEROS(kana);
            mask |= (uint64_t)kana_cut(cuts, block + place) << place;
        }
    }
    return mask;
}

#include "encode.inc.h"

/* Transcoding: characters become 2 or 4 bytes each, those that are theirs first, and a table lookup
   moves the bytes that count together.

   How many bytes they have is added up across a vector: in the low byte of the sum are the bits for
   the pack tables, in the one above is their number. */

static inline void put_packed(uint8_t *out, uint8x16_t bytes, const uint8_t table[16])
{
    vst1q_u8(out, vqtbl1q_u8(bytes, vld1q_u8(table)));
}

/* Write 8 characters below 0x800; return their bytes. */
static inline size_t put_short(uint16x8_t characters, uint8_t *out)
{
    static const uint16_t ONE[8] = {0x101, 0x102, 0x104, 0x108, 0x110, 0x120, 0x140, 0x180};
    uint16x8_t one = vcltq_u16(characters, vdupq_n_u16(0x80));
    uint16x8_t lead = vorrq_u16(vshrq_n_u16(characters, 6), vdupq_n_u16(0xC0));
    uint16x8_t rest = vorrq_u16(vandq_u16(characters, vdupq_n_u16(0x3F)), vdupq_n_u16(0x80));
    uint16x8_t two = vorrq_u16(lead, vshlq_n_u16(rest, 8));
    uint16x8_t bytes = vbslq_u16(one, characters, two);
    unsigned sum = vaddvq_u16(vandq_u16(one, vld1q_u16(ONE)));
    put_packed(out, vreinterpretq_u8_u16(bytes), pack_pairs[sum & 0xFF]);
    return 16 - (sum >> 8);
}

/* Write 4 characters of up to three bytes, no surrogates; return their bytes. Writes 16. */
static inline size_t put_four(uint32x4_t wide, uint8_t *out)
{
    static const uint32_t TWO[4] = {0x101, 0x102, 0x104, 0x108};
    static const uint32_t THREE[4] = {0x110, 0x120, 0x140, 0x180};
    const uint32x4_t six = vdupq_n_u32(0x3F);
    uint32x4_t two = vcgtq_u32(wide, vdupq_n_u32(0x7F));
    uint32x4_t three = vcgtq_u32(wide, vdupq_n_u32(0x7FF));
    uint32x4_t last = vandq_u32(wide, six);
    uint32x4_t middle = vandq_u32(vshrq_n_u32(wide, 6), six);
    /* 1110aaaa 10bbbbbb 10cccccc, the first byte lowest */
    uint32x4_t of_three = vorrq_u32(
        vorrq_u32(vshrq_n_u32(wide, 12), vshlq_n_u32(middle, 8)),
        vorrq_u32(vshlq_n_u32(last, 16), vdupq_n_u32(0x8080E0)));
    /* 110bbbbb 10cccccc */
    uint32x4_t of_two = vorrq_u32(
        vorrq_u32(vshrq_n_u32(wide, 6), vshlq_n_u32(last, 8)), vdupq_n_u32(0x80C0));
    uint32x4_t bytes = vbslq_u32(three, of_three, vbslq_u32(two, of_two, wide));
    unsigned sum = vaddvq_u32(vaddq_u32(vandq_u32(two, vld1q_u32(TWO)),
                                        vandq_u32(three, vld1q_u32(THREE))));
    put_packed(out, vreinterpretq_u8_u32(bytes), pack_quads[sum & 0xFF]);
    return 4 + (sum >> 8);
}

/* Write 8 characters below 0x10000; return their bytes, 0 if there is a surrogate among them. */
static inline size_t put_eight(uint16x8_t characters, uint8_t *out)
{
    if (vmaxvq_u16(characters) < 0x800)
        return put_short(characters, out);
    uint16x8_t high = vandq_u16(characters, vdupq_n_u16(0xF800));
    if (vmaxvq_u16(vceqq_u16(high, vdupq_n_u16(0xD800))))
        return 0;
    size_t size = put_four(vmovl_u16(vget_low_u16(characters)), out);
    return size + put_four(vmovl_u16(vget_high_u16(characters)), out + size);
}

static size_t neon_transcode_1(const uint8_t *text, size_t length, uint8_t *out, size_t capacity,
                               size_t *written)
{
    size_t i = 0;
    size_t n = 0;
    while (i + 16 <= length && n + TRANSCODE_ROOM <= capacity) {
        uint8x16_t bytes = vld1q_u8(text + i);
        if (vmaxvq_u8(bytes) < 0x80) {
            vst1q_u8(out + n, bytes);
            n += 16;
        } else {
            n += put_short(vmovl_u8(vget_low_u8(bytes)), out + n);
            n += put_short(vmovl_u8(vget_high_u8(bytes)), out + n);
        }
        i += 16;
    }
    while (i < length && n + 2 <= capacity)
        n += put_utf8(out + n, text[i++]);
    *written = n;
    return i;
}

static size_t neon_transcode_2(const uint16_t *text, size_t length, uint8_t *out, size_t capacity,
                               size_t *written)
{
    size_t i = 0;
    size_t n = 0;
    while (i + 16 <= length && n + TRANSCODE_ROOM <= capacity) {
        uint16x8_t low = vld1q_u16(text + i);
        uint16x8_t high = vld1q_u16(text + i + 8);
        if (vmaxvq_u16(vorrq_u16(low, high)) < 0x80) {
            vst1q_u8(out + n, vcombine_u8(vmovn_u16(low), vmovn_u16(high)));
            n += 16;
            i += 16;
            continue;
        }
        size_t size = put_eight(low, out + n);
        if (size == 0)
            break;
        n += size;
        i += 8;
    }
    while (i < length && n + 4 <= capacity && !is_surrogate(text[i]))
        n += put_utf8(out + n, text[i++]);
    *written = n;
    return i;
}

static size_t neon_transcode_4(const uint32_t *text, size_t length, uint8_t *out, size_t capacity,
                               size_t *written)
{
    size_t i = 0;
    size_t n = 0;
    while (i + 8 <= length && n + TRANSCODE_ROOM <= capacity) {
        uint32x4_t low = vld1q_u32(text + i);
        uint32x4_t high = vld1q_u32(text + i + 4);
        size_t size = 0;
        if (vmaxvq_u32(vorrq_u32(low, high)) < 0x10000) {
            size = put_eight(vcombine_u16(vmovn_u32(low), vmovn_u32(high)), out + n);
            if (size == 0)
                break;
        } else {
            for (int j = 0; j < 8; j++) {
                if (is_surrogate(text[i + j]))
                    goto rest;
                size += put_utf8(out + n + size, text[i + j]);
            }
        }
        n += size;
        i += 8;
    }
rest:
    while (i < length && n + 4 <= capacity && !is_surrogate(text[i]))
        n += put_utf8(out + n, text[i++]);
    *written = n;
    return i;
}

static int always(void)
{
    return 1;
}

const Kernel kernel_neon = {
    "neon", always, make_pack_tables, neon_encode,
    neon_transcode_1, neon_transcode_2, neon_transcode_4,
};

#endif
