/* The kernel for x86-64 with AVX2: from Intel's Haswell and AMD's Excavator on. */
#include "kernel.h"
#include "utf8.h"

#if defined(__x86_64__) || defined(_M_X64)

#include "pack_tables.h"

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,bmi,bmi2,popcnt"))), apply_to = function)
#elif defined(__GNUC__)
#pragma GCC push_options
#pragma GCC target("avx2,bmi,bmi2,popcnt")
#endif

#include <immintrin.h>

#define KERNEL(name) avx2_##name

static inline __m256i load(const uint8_t *bytes)
{
    return _mm256_loadu_si256((const __m256i *)bytes);
}

static inline __m256i each(unsigned byte)
{
    return _mm256_set1_epi8((char)byte);
}

/* Look up bytes of 0 to 15 in a table. */
static inline __m256i look_up(const uint8_t table[16], __m256i indices)
{
    __m128i entries = _mm_loadu_si128((const __m128i *)table);
    return _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(entries), indices);
}

/* 0xFF where a byte is a continuation byte, 0x80 ... 0xBF. */
static inline __m256i is_continuation(__m256i bytes)
{
    return _mm256_cmpgt_epi8(each(0xC0), bytes);
}

/* Not 0 where there is a cut before a byte, by the first two rules: for 32 bytes. */
static inline __m256i find_cuts(const Cuts *cuts, const uint8_t *bytes)
{
    const __m256i nibble = each(0x0F);
    __m256i second = load(bytes);
    __m256i first = load(bytes - 1);
    __m256i first_low = _mm256_and_si256(first, nibble);
    __m256i first_high = _mm256_and_si256(_mm256_srli_epi16(first, 4), nibble);
    __m256i second_low = _mm256_and_si256(second, nibble);
    __m256i second_high = _mm256_and_si256(_mm256_srli_epi16(second, 4), nibble);
    __m256i found = _mm256_setzero_si256();

    for (int group = 0; group < RULES / 8; group++) {
        const uint8_t(*sets)[16] = cuts->rules[group];
        __m256i firsts = _mm256_and_si256(look_up(sets[0], first_low), look_up(sets[1], first_high));
        __m256i seconds = _mm256_and_si256(look_up(sets[2], second_low), look_up(sets[3], second_high));
        found = _mm256_or_si256(found, _mm256_and_si256(firsts, seconds));
    }

    __m256i lead = load(bytes - 3);
    __m256i closed = _mm256_and_si256(
        _mm256_cmpeq_epi8(_mm256_and_si256(lead, each(0xF0)), each(0xE0)),
        look_up(cuts->closed, _mm256_and_si256(lead, nibble)));
    __m256i inner = _mm256_and_si256(is_continuation(load(bytes - 2)), is_continuation(first));
    __m256i after = _mm256_andnot_si256(is_continuation(second), _mm256_and_si256(closed, inner));
    return _mm256_or_si256(found, after);
}

static inline uint32_t zero_bytes(__m256i bytes)
{
    return (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(bytes, _mm256_setzero_si256()));
}

/* 64 bits: whether a byte, masked, is `value`. */
static inline uint64_t where(const uint8_t *bytes, unsigned mask, unsigned value)
{
    uint32_t low = zero_bytes(_mm256_xor_si256(_mm256_and_si256(load(bytes), each(mask)), each(value)));
    uint32_t high = zero_bytes(_mm256_xor_si256(_mm256_and_si256(load(bytes + 32), each(mask)), each(value)));
    return low | (uint64_t)high << 32;
}

/* Bit i: whether there is a cut before byte i of a block of 64. */
static inline uint64_t cut_mask(const Cuts *cuts, const uint8_t *block)
{
    uint64_t mask = ~(zero_bytes(find_cuts(cuts, block))
                      | (uint64_t)zero_bytes(find_cuts(cuts, block + 32)) << 32);
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

/* Transcoding: characters become 2 or 4 bytes each, those that are theirs first, and a shuffle
   moves the bytes that count together. */

static inline __m128i shuffle_from(__m128i bytes, const uint8_t table[16])
{
    return _mm_shuffle_epi8(bytes, _mm_loadu_si128((const __m128i *)table));
}

/* Write 8 characters below 0x800; return their bytes. */
static inline size_t put_short(__m128i characters, uint8_t *out)
{
    __m128i one = _mm_cmpgt_epi16(_mm_set1_epi16(0x80), characters);
    __m128i lead = _mm_or_si128(_mm_srli_epi16(characters, 6), _mm_set1_epi16(0xC0));
    __m128i rest = _mm_or_si128(_mm_and_si128(characters, _mm_set1_epi16(0x3F)), _mm_set1_epi16(0x80));
    __m128i two = _mm_or_si128(lead, _mm_slli_epi16(rest, 8));
    __m128i bytes = _mm_blendv_epi8(two, characters, one);
    unsigned bits = (unsigned)_mm_movemask_epi8(_mm_packs_epi16(one, _mm_setzero_si128()));
    _mm_storeu_si128((__m128i *)out, shuffle_from(bytes, pack_pairs[bits]));
    return 16 - POPCOUNT(bits);
}

/* Write 8 characters of up to three bytes, no surrogates; return their bytes. Writes up to 28. */
static inline size_t put_long(__m128i characters, uint8_t *out)
{
    const __m256i six = _mm256_set1_epi32(0x3F);
    __m256i wide = _mm256_cvtepu16_epi32(characters);
    __m256i two = _mm256_cmpgt_epi32(wide, _mm256_set1_epi32(0x7F));
    __m256i three = _mm256_cmpgt_epi32(wide, _mm256_set1_epi32(0x7FF));
    __m256i last = _mm256_and_si256(wide, six);
    __m256i middle = _mm256_and_si256(_mm256_srli_epi32(wide, 6), six);
    /* 1110aaaa 10bbbbbb 10cccccc, the first byte lowest */
    __m256i of_three = _mm256_or_si256(
        _mm256_or_si256(_mm256_srli_epi32(wide, 12), _mm256_slli_epi32(middle, 8)),
        _mm256_or_si256(_mm256_slli_epi32(last, 16), _mm256_set1_epi32(0x8080E0)));
    /* 110bbbbb 10cccccc */
    __m256i of_two = _mm256_or_si256(
        _mm256_or_si256(_mm256_srli_epi32(wide, 6), _mm256_slli_epi32(last, 8)),
        _mm256_set1_epi32(0x80C0));
    __m256i bytes = _mm256_blendv_epi8(_mm256_blendv_epi8(wide, of_two, two), of_three, three);
    unsigned bits_two = (unsigned)_mm256_movemask_ps(_mm256_castsi256_ps(two));
    unsigned bits_three = (unsigned)_mm256_movemask_ps(_mm256_castsi256_ps(three));
    unsigned low = (bits_two & 15) | (bits_three & 15) << 4;
    unsigned high = bits_two >> 4 | (bits_three & 0xF0);
    size_t low_size = 4 + POPCOUNT(low);
    _mm_storeu_si128((__m128i *)out, shuffle_from(_mm256_castsi256_si128(bytes), pack_quads[low]));
    _mm_storeu_si128((__m128i *)(out + low_size),
                     shuffle_from(_mm256_extracti128_si256(bytes, 1), pack_quads[high]));
    return low_size + 4 + POPCOUNT(high);
}

/* Write 8 characters below 0x10000; return their bytes, 0 if there is a surrogate among them. */
static inline size_t put_eight(__m128i characters, uint8_t *out)
{
    if (_mm_testz_si128(characters, _mm_set1_epi16((short)0xF800)))
        return put_short(characters, out);
    __m128i high = _mm_and_si128(characters, _mm_set1_epi16((short)0xF800));
    if (_mm_movemask_epi8(_mm_cmpeq_epi16(high, _mm_set1_epi16((short)0xD800))))
        return 0;
    return put_long(characters, out);
}

static size_t avx2_transcode_1(const uint8_t *text, size_t length, uint8_t *out, size_t capacity,
                               size_t *written)
{
    size_t i = 0;
    size_t n = 0;
    while (i + 16 <= length && n + TRANSCODE_ROOM <= capacity) {
        __m128i bytes = _mm_loadu_si128((const __m128i *)(text + i));
        if (_mm_movemask_epi8(bytes) == 0) {
            _mm_storeu_si128((__m128i *)(out + n), bytes);
            n += 16;
        } else {
            n += put_short(_mm_cvtepu8_epi16(bytes), out + n);
            n += put_short(_mm_cvtepu8_epi16(_mm_srli_si128(bytes, 8)), out + n);
        }
        i += 16;
    }
    while (i < length && n + 2 <= capacity)
        n += put_utf8(out + n, text[i++]);
    *written = n;
    return i;
}

static size_t avx2_transcode_2(const uint16_t *text, size_t length, uint8_t *out, size_t capacity,
                               size_t *written)
{
    size_t i = 0;
    size_t n = 0;
    while (i + 16 <= length && n + TRANSCODE_ROOM <= capacity) {
        __m128i low = _mm_loadu_si128((const __m128i *)(text + i));
        __m128i high = _mm_loadu_si128((const __m128i *)(text + i + 8));
        if (_mm_testz_si128(_mm_or_si128(low, high), _mm_set1_epi16((short)0xFF80))) {
            _mm_storeu_si128((__m128i *)(out + n), _mm_packus_epi16(low, high));
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

static size_t avx2_transcode_4(const uint32_t *text, size_t length, uint8_t *out, size_t capacity,
                               size_t *written)
{
    size_t i = 0;
    size_t n = 0;
    while (i + 8 <= length && n + TRANSCODE_ROOM <= capacity) {
        __m128i low = _mm_loadu_si128((const __m128i *)(text + i));
        __m128i high = _mm_loadu_si128((const __m128i *)(text + i + 4));
        size_t size = 0;
        if (_mm_testz_si128(_mm_or_si128(low, high), _mm_set1_epi32((int)0xFFFF0000))) {
            size = put_eight(_mm_packus_epi32(low, high), out + n);
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

#if defined(__clang__)
#pragma clang attribute pop
#elif defined(__GNUC__)
#pragma GCC pop_options
#endif

static int avx2_supported(void)
{
#if defined(__GNUC__)
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi")
        && __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("popcnt");
#else
    int info[4];
    __cpuid(info, 0);
    if (info[0] < 7)
        return 0;
    __cpuid(info, 1);
    const int needed = 1 << 27 | 1 << 28 | 1 << 23; /* OSXSAVE, AVX, POPCNT */
    if ((info[2] & needed) != needed || (_xgetbv(0) & 6) != 6)
        return 0;
    __cpuidex(info, 7, 0);
    const int also = 1 << 3 | 1 << 5 | 1 << 8; /* BMI1, AVX2, BMI2 */
    return (info[1] & also) == also;
#endif
}

const Kernel kernel_avx2 = {
    "avx2", avx2_supported, make_pack_tables, avx2_encode,
    avx2_transcode_1, avx2_transcode_2, avx2_transcode_4,
};

#endif
