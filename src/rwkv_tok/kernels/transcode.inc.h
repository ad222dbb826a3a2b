/* Transcoding without special instructions. A template: included for each kind of code unit, with
   UNIT its type and TRANSCODE the name of the function.

   Most text comes in runs of ASCII, of characters of at most two bytes, or of characters of three:
   groups of those go without a branch for every character. */

static size_t TRANSCODE(const UNIT *text, size_t length, uint8_t *out, size_t capacity,
                        size_t *written)
{
    enum { GROUP = 8 };
    size_t i = 0;
    size_t n = 0;

    while (i + GROUP <= length && n + 4 * GROUP <= capacity) {
        uint32_t all_bits = 0;
        unsigned long_ones = 0;
        unsigned surrogates = 0;
        for (int j = 0; j < GROUP; j++) {
            uint32_t character = text[i + j];
            all_bits |= character;
            long_ones += character >= 0x800;
            surrogates += (unsigned)is_surrogate(character);
        }
        if (all_bits < 0x80) {
            for (int j = 0; j < GROUP; j++)
                out[n + j] = (uint8_t)text[i + j];
            n += GROUP;
        } else if (all_bits < 0x800) {
            for (int j = 0; j < GROUP; j++) {
                uint32_t character = text[i + j];
                uint32_t two = character >= 0x80;
                uint32_t lead = 0xC0 | character >> 6;
                out[n] = (uint8_t)(character ^ ((character ^ lead) & (0 - two)));
                out[n + 1] = (uint8_t)(0x80 | (character & 0x3F));
                n += 1 + two;
            }
        } else if (surrogates) {
            break;
        } else if (long_ones == GROUP && all_bits < 0x10000) {
            for (int j = 0; j < GROUP; j++) {
                uint32_t character = text[i + j];
                out[n] = (uint8_t)(0xE0 | character >> 12);
                out[n + 1] = (uint8_t)(0x80 | (character >> 6 & 0x3F));
                out[n + 2] = (uint8_t)(0x80 | (character & 0x3F));
                n += 3;
            }
        } else {
            for (int j = 0; j < GROUP; j++)
                n += put_utf8(out + n, text[i + j]);
        }
        i += GROUP;
    }
    while (i < length && n + 4 <= capacity && !is_surrogate(text[i]))
        n += put_utf8(out + n, text[i++]);
    *written = n;
    return i;
}
