/* Compare all kernels of the platform that this is compiled for with a file from make_vectors.py.

   Every buffer that a kernel is given has exactly the size that kernel.h promises and lies before or
   behind a page that may not be touched: a kernel that reads or writes there dies of it. */
#define _DEFAULT_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kernel.h"

/* Those that kernel_with_mask.c has found on this platform. */
extern uint64_t avx2_cut_mask(const Cuts *, const uint8_t *) __attribute__((weak));
extern uint64_t neon_cut_mask(const Cuts *, const uint8_t *) __attribute__((weak));
extern uint64_t portable_cut_mask(const Cuts *, const uint8_t *) __attribute__((weak));

static const struct {
    const char *name;
    uint64_t (*cut_mask)(const Cuts *, const uint8_t *);
    int by_boxes; /* it looks pairs up by nibbles */
} masks[] = {
    {"avx2", avx2_cut_mask, 1},
    {"neon", neon_cut_mask, 1},
    {"portable", portable_cut_mask, 0},
};

typedef struct {
    TrieView trie;
    Cuts cuts;
} Vocabulary;

typedef struct {
    uint32_t *characters; /* if it is not bytes */
    size_t length;
    size_t good; /* characters before the first surrogate */
    uint8_t *bytes;
    size_t size;
    uint16_t *ids;
    size_t num_ids;
} Text;

static size_t num_passed, num_failed;
static const char *kernel_name;
static size_t text_number;

static void check(int is_right, const char *what, size_t a, size_t b)
{
    if (is_right) {
        num_passed++;
    } else if (num_failed++ < 20) {
        printf("FAILED: kernel %s, text %zu: %s (%zu, %zu)\n", kernel_name, text_number, what, a,
               b);
    }
}

static void *allocate(size_t size)
{
    void *memory = calloc(size ? size : 1, 1);
    if (memory == NULL) {
        fputs("no memory\n", stderr);
        exit(2);
    }
    return memory;
}

/* The file. */

static uint32_t read_number(FILE *file, int bytes)
{
    uint32_t number = 0;
    for (int i = 0; i < bytes; i++) {
        int byte = getc(file);
        if (byte == EOF) {
            fputs("the file ends early\n", stderr);
            exit(2);
        }
        number |= (uint32_t)byte << (8 * i);
    }
    return number;
}

/* An array of words of this many bytes, as the machine has them. */
static void *read_array(FILE *file, int bytes, size_t *length)
{
    size_t n = read_number(file, 4);
    uint8_t *array = allocate(n * (size_t)bytes);
    for (size_t i = 0; i < n; i++) {
        uint32_t word = read_number(file, bytes);
        if (bytes == 1)
            array[i] = (uint8_t)word;
        else if (bytes == 2)
            ((uint16_t *)array)[i] = (uint16_t)word;
        else
            ((uint32_t *)array)[i] = word;
    }
    *length = n;
    return array;
}

static void read_vocabulary(FILE *file, Vocabulary *vocabulary)
{
    size_t length;
    vocabulary->trie.longest = read_number(file, 4);
    vocabulary->trie.nodes = read_array(file, 4, &length);
    vocabulary->trie.token_ids = read_array(file, 2, &length);
    uint8_t *bytes = read_array(file, 1, &length);
    if (length != sizeof(Cuts)) {
        fputs("the file was made for another struct Cuts\n", stderr);
        exit(2);
    }
    memcpy(&vocabulary->cuts, bytes, length);
    const uint8_t *word = bytes + offsetof(Cuts, joined_kana);
    for (size_t i = 0; i < KANA * KANA / 32; i++, word += 4)
        (&vocabulary->cuts.joined_kana[0][0])[i] =
            word[0] | (uint32_t)word[1] << 8 | (uint32_t)word[2] << 16 | (uint32_t)word[3] << 24;
    free(bytes);
}

static void read_text(FILE *file, Text *text)
{
    text->characters = read_array(file, 4, &text->length);
    text->good = read_number(file, 4);
    text->bytes = read_array(file, 1, &text->size);
    text->ids = read_array(file, 2, &text->num_ids);
}

/* Memory between two pages that may not be touched. */
typedef struct {
    uint8_t *start, *end;
} Fence;

static Fence make_fence(void)
{
    const size_t size = (size_t)1 << 22;
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    uint8_t *memory = mmap(NULL, size + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED || mprotect(memory + page, size, PROT_READ | PROT_WRITE)) {
        perror("mmap");
        exit(2);
    }
    return (Fence){memory + page, memory + page + size};
}

static Fence fence_in, fence_out;

/* `size` bytes at an end of it. */
static uint8_t *place(Fence fence, size_t size, int at_end)
{
    if (size > (size_t)(fence.end - fence.start)) {
        fputs("a text is too long for this program\n", stderr);
        exit(2);
    }
    return at_end ? fence.end - size : fence.start;
}

/* Transcoding: through a buffer of some capacity, again and again. */

static size_t transcode(const Kernel *kernel, size_t width, const uint8_t *text, size_t start,
                        size_t length, uint8_t *out, size_t capacity, size_t *written)
{
    text += start * width;
    if (width == 1)
        return kernel->transcode_1(text, length, out, capacity, written);
    if (width == 2)
        return kernel->transcode_2((const uint16_t *)text, length, out, capacity, written);
    return kernel->transcode_4((const uint32_t *)text, length, out, capacity, written);
}

static void check_transcoding(const Kernel *kernel, const Text *text, size_t width, size_t capacity,
                              int at_end)
{
    uint8_t *units = place(fence_in, text->length * width, at_end);
    uint8_t *out = place(fence_out, capacity, at_end);
    size_t taken = 0;
    size_t size = 0;
    int is_right = 1;

    for (size_t i = 0; i < text->length; i++) {
        if (width == 1)
            units[i] = (uint8_t)text->characters[i];
        else if (width == 2)
            ((uint16_t *)units)[i] = (uint16_t)text->characters[i];
        else
            ((uint32_t *)units)[i] = text->characters[i];
    }
    while (is_right && taken < text->length) {
        size_t written = (size_t)-1;
        size_t step = transcode(kernel, width, units, taken, text->length - taken, out, capacity,
                                &written);
        is_right = step <= text->good - taken && written <= capacity && written <= text->size - size
            && memcmp(out, text->bytes + size, written) == 0;
        taken += step;
        size += written;
        if (step == 0)
            break;
    }
    is_right = is_right && (taken == text->good ? size == text->size : capacity < 4);
    check(is_right, "transcoded to other bytes (width, capacity)", width, capacity);
}

static void check_all_transcoding(const Kernel *kernel, const Text *text)
{
    const size_t capacities[] = {
        0, 1, 2, 3, 4, 5, 7, 31, 32, 33, 47, 65, 1 << 13, text->size, text->size + TRANSCODE_ROOM,
    };
    uint32_t largest = 0;
    if (text->length == 0)
        return;
    for (size_t i = 0; i < text->length; i++)
        largest = text->characters[i] > largest ? text->characters[i] : largest;
    for (size_t width = largest < 0x100 ? 1 : largest < 0x10000 ? 2 : 4; width <= 4; width *= 2) {
        for (size_t i = 0; i < sizeof capacities / sizeof *capacities; i++) {
            check_transcoding(kernel, text, width, capacities[i], 0);
            check_transcoding(kernel, text, width, capacities[i], 1);
        }
    }
}

/* Encoding. */

/* Place bytes with the margins that a kernel may read, filled with anything. */
static uint8_t *place_padded(const uint8_t *bytes, size_t size, int at_end, int margin)
{
    uint8_t *start = place(fence_in, PAD_BEFORE + size + PAD_AFTER, at_end);
    memset(start, margin, PAD_BEFORE + size + PAD_AFTER);
    if (margin == 0x80) {
        /* As if a character of three bytes went on before the text and behind it. */
        start[PAD_BEFORE - 1] = 0xE3;
        start[PAD_BEFORE + size + 2] = 0xE3;
    }
    memcpy(start + PAD_BEFORE, bytes, size);
    return start + PAD_BEFORE;
}

/* Through a window of this many bytes, as _encode.pyx does it. */
static void check_encoding(const Kernel *kernel, const Vocabulary *vocabulary, Memo *memo,
                           const Text *text, size_t window, int at_end, int margin)
{
    size_t start = 0; /* of the window */
    size_t end = 0;
    size_t num_ids = 0;
    int is_right = 1;
    int last = 0;

    while (is_right && !last) {
        end = text->size - start < window ? text->size : start + window;
        last = end == text->size;
        size_t size = end - start;
        const uint8_t *here = place_padded(text->bytes + start, size, at_end, margin);
        const uint8_t *begin = here;
        uint16_t *ids = (uint16_t *)place(fence_out, (size + SLACK_IDS) * sizeof *ids, at_end);
        uint16_t *out = ids;
        if (kernel->encode != NULL)
            here = kernel->encode(&vocabulary->trie, &vocabulary->cuts, memo, here, here + size,
                                  last, &out);
        if (kernel->encode == NULL || (!last && here - begin < (ptrdiff_t)(size / 2))) {
            const uint8_t *stop = begin + size - (last ? 0 : vocabulary->trie.longest - 1);
            uint32_t slot;
            while (here < stop) {
                here = longest_match(&vocabulary->trie, here, begin + size, &slot);
                *out++ = vocabulary->trie.token_ids[slot];
            }
        }
        size_t count = (size_t)(out - ids);
        is_right = here <= begin + size && (!last || here == begin + size)
            && count <= text->num_ids - num_ids
            && memcmp(ids, text->ids + num_ids, count * sizeof *ids) == 0;
        num_ids += count;
        start += (size_t)(here - begin);
    }
    check(is_right && num_ids == text->num_ids, "encoded to other ids (window, margin)", window,
          (size_t)margin);
}

static void check_all_encoding(const Kernel *kernel, const Vocabulary *vocabulary, Memo *memo,
                               const Text *text)
{
    const size_t longest = vocabulary->trie.longest;
    const size_t windows[] = {text->size + 1, 1 << 13, 3 * longest + 64, longest + 31};
    const int margins[] = {0x00, 0xFF, 0x80, 'a'};
    for (size_t i = 0; i < sizeof windows / sizeof *windows; i++) {
        if (i > 0 && windows[i] >= text->size)
            continue;
        for (size_t j = 0; j < sizeof margins / sizeof *margins; j++) {
            check_encoding(kernel, vocabulary, memo, text, windows[i], 0, margins[j]);
            check_encoding(kernel, vocabulary, memo, text, windows[i], 1, margins[j]);
        }
    }
}

/* Cuts: as cuts.h describes them, byte by byte. */

enum { FIRST_KANA = 0x3000 };

static int is_continuation(uint8_t byte)
{
    return (byte & 0xC0) == 0x80;
}

static int is_kana(const uint8_t *bytes)
{
    return bytes[0] == KANA_LEAD && (bytes[1] & 0xFC) == 0x80 && is_continuation(bytes[2]);
}

static int character_of(const uint8_t *bytes)
{
    return (bytes[0] & 0x0F) << 12 | (bytes[1] & 0x3F) << 6 | (bytes[2] & 0x3F);
}

static int is_cut(const Cuts *cuts, const uint8_t *here, int by_boxes)
{
    uint8_t first = here[-1];
    uint8_t second = here[0];
    uint8_t boxes = 0;
    for (int i = 0; i < RULES / 8; i++)
        boxes |= cuts->rules[i][0][first & 15] & cuts->rules[i][1][first >> 4]
            & cuts->rules[i][2][second & 15] & cuts->rules[i][3][second >> 4];
    if (by_boxes ? boxes : cuts->pair[first + 256 * second] & PAIR_CUT)
        return 1;
    if (here[-3] >> 4 == 0xE && cuts->closed[here[-3] & 15] && is_continuation(here[-2])
        && is_continuation(first) && !is_continuation(second))
        return 1;
    if (!is_kana(here - 3) || !is_kana(here))
        return 0;
    int before = character_of(here - 3) - FIRST_KANA, after = character_of(here) - FIRST_KANA;
    return !(cuts->joined_kana[before][after / 32] >> (after % 32) & 1);
}

static void check_cuts(const Kernel *kernel, const Cuts *cuts, const Text *text, int at_end)
{
    const uint8_t *bytes = place_padded(text->bytes, text->size, at_end, 0x80);
    for (size_t i = 0; i < sizeof masks / sizeof *masks; i++) {
        if (masks[i].cut_mask == NULL || strcmp(masks[i].name, kernel->name) != 0)
            continue;
        for (size_t block = 0; block < text->size; block += 64) {
            uint64_t expected = 0;
            for (size_t j = 0; j < 64; j++)
                expected |= (uint64_t)is_cut(cuts, bytes + block + j, masks[i].by_boxes) << j;
            check(masks[i].cut_mask(cuts, bytes + block) == expected, "found other cuts (block)",
                  block, 0);
        }
    }
}

static int has_mask(const Kernel *kernel)
{
    for (size_t i = 0; i < sizeof masks / sizeof *masks; i++)
        if (masks[i].cut_mask != NULL && strcmp(masks[i].name, kernel->name) == 0)
            return 1;
    return 0;
}

int main(int argc, char **argv)
{
    FILE *file = argc == 2 ? fopen(argv[1], "rb") : NULL;
    static Vocabulary vocabulary;
    int byte;

    if (file == NULL) {
        fputs("usage: check FILE, made by make_vectors.py\n", stderr);
        return 2;
    }
    fence_in = make_fence();
    fence_out = make_fence();
    printf("kernels:");
    for (const Kernel *const *kernel = kernels; *kernel != NULL; kernel++) {
        if ((*kernel)->supported()) {
            (*kernel)->prepare();
            printf(" %s", (*kernel)->name);
            if ((*kernel)->encode != NULL && !has_mask(*kernel)) {
                fprintf(stderr, "%s: its cuts are not checked\n", (*kernel)->name);
                return 2;
            }
        } else {
            printf(" (%s is NOT RUN: this processor lacks it)", (*kernel)->name);
        }
    }
    printf("\n");
    fflush(stdout);
    while ((byte = getc(file)) != EOF) {
        ungetc(byte, file);
        size_t num_texts = read_number(file, 4);
        read_vocabulary(file, &vocabulary);
        Text *texts = allocate(num_texts * sizeof *texts);
        for (size_t i = 0; i < num_texts; i++)
            read_text(file, &texts[i]);
        for (const Kernel *const *kernel = kernels; *kernel != NULL; kernel++) {
            if (!(*kernel)->supported())
                continue;
            kernel_name = (*kernel)->name;
            Memo *memo = allocate(sizeof *memo);
            memo->next_rest = 1;
            for (size_t i = 0; i < num_texts; i++) {
                text_number = i;
                check_all_encoding(*kernel, &vocabulary, memo, &texts[i]);
                check_cuts(*kernel, &vocabulary.cuts, &texts[i], 0);
                check_cuts(*kernel, &vocabulary.cuts, &texts[i], 1);
                check_all_transcoding(*kernel, &texts[i]);
            }
            free(memo);
        }
        for (size_t i = 0; i < num_texts; i++) {
            free(texts[i].characters);
            free(texts[i].bytes);
            free(texts[i].ids);
        }
        free(texts);
        free((void *)vocabulary.trie.nodes);
        free((void *)vocabulary.trie.token_ids);
    }
    fclose(file);
    printf("%zu passed, %zu failed\n", num_passed, num_failed);
    return num_failed != 0;
}
