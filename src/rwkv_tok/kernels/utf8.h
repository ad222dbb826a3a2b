/* From the code units of a Python str to UTF-8.

   CPython keeps a str as 1, 2 or 4 bytes a character (PEP 393), whichever its largest needs. */
#ifndef RWKV_TOK_UTF8_H
#define RWKV_TOK_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* Half of a UTF-16 pair, which a str may hold but UTF-8 cannot encode. */
static inline int is_surrogate(uint32_t character)
{
    return (character & 0xFFFFF800u) == 0xD800;
}

/* Write one character, which is no surrogate, and return its length in bytes, 1 to 4. */
static inline size_t put_utf8(uint8_t *out, uint32_t character)
{
    if (character < 0x80) {
        out[0] = (uint8_t)character;
        return 1;
    }
    if (character < 0x800) {
        out[0] = (uint8_t)(0xC0 | character >> 6);
        out[1] = (uint8_t)(0x80 | (character & 0x3F));
        return 2;
    }
    if (character < 0x10000) {
        out[0] = (uint8_t)(0xE0 | character >> 12);
        out[1] = (uint8_t)(0x80 | (character >> 6 & 0x3F));
        out[2] = (uint8_t)(0x80 | (character & 0x3F));
        return 3;
    }
    out[0] = (uint8_t)(0xF0 | character >> 18);
    out[1] = (uint8_t)(0x80 | (character >> 12 & 0x3F));
    out[2] = (uint8_t)(0x80 | (character >> 6 & 0x3F));
    out[3] = (uint8_t)(0x80 | (character & 0x3F));
    return 4;
}

#endif
