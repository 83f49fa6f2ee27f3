/* G.711 companding (ITU-T G.711, 11/1988): two tables for decoding, arithmetic for encoding. */
#include "codecs/g711.h"

#include <string.h>

/* Both laws cut the magnitude into segments that double in size, sixteen steps each, so a code is a small floating
   point number: 3 bits of exponent, 4 of mantissa. Decoding is a table of 256 (half a kilobyte, stays in the first
   cache). For encoding a table would need 16 KiB and push everything else out, so the magnitude is turned into an
   IEEE float, whose own exponent and upper mantissa bits ARE the code but for a constant. Compilers vectorise that
   loop. Negative samples are taken in one's complement (-1 has magnitude 0), as the ITU-T G.191 software does. */

#define ULAW_BIAS 33        /* G.711 table 2a in 14-bit units: segment edges lie at 2^k - 33 */
#define ULAW_MAGNITUDE 8191 /* largest biased magnitude */

/* Values of table 2a/1a for one code: c is the code after the inversions of transmission are undone. */
#define ULAW_MAG(c) ((((((c) & 15) << 3) + 132) << (((c) >> 4) & 7)) - 132)
#define ULAW(c) (int16_t)(((c) & 0x80) ? ULAW_MAG(255 - (c)) : -ULAW_MAG(255 - (c)))
#define ALAW_STEP(c) ((((c) & 15) << 4) + 8)
#define ALAW_MAG(c) \
    ((((c) >> 4) & 7) == 0 ? ALAW_STEP(c) : (ALAW_STEP(c) + 256) << ((((c) >> 4) & 7) > 0 ? (((c) >> 4) & 7) - 1 : 0))
#define ALAW(c) (int16_t)(((c) & 0x80) ? ALAW_MAG((c) ^ 0x55) : -ALAW_MAG((c) ^ 0x55))

#define ROW4(law, c) law(c), law((c) + 1), law((c) + 2), law((c) + 3)
#define ROW16(law, c) ROW4(law, c), ROW4(law, (c) + 4), ROW4(law, (c) + 8), ROW4(law, (c) + 12)
#define ROW64(law, c) ROW16(law, c), ROW16(law, (c) + 16), ROW16(law, (c) + 32), ROW16(law, (c) + 48)
#define TABLE(law) {ROW64(law, 0), ROW64(law, 64), ROW64(law, 128), ROW64(law, 192)}

static const int16_t ulaw_table[256] = TABLE(ULAW);
static const int16_t alaw_table[256] = TABLE(ALAW);

static inline int32_t exponent_and_mantissa(int32_t magnitude) {
    float value = (float)magnitude;
    int32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits >> 19; /* 8 bits of exponent above 4 bits of mantissa */
}

void ms_g711_ulaw_decode(const uint8_t *restrict codes, size_t n, int16_t *restrict samples) {
    for (size_t i = 0; i < n; i++)
        samples[i] = ulaw_table[codes[i]];
}

void ms_g711_alaw_decode(const uint8_t *restrict codes, size_t n, int16_t *restrict samples) {
    for (size_t i = 0; i < n; i++)
        samples[i] = alaw_table[codes[i]];
}

void ms_g711_ulaw_encode(const int16_t *restrict samples, size_t n, uint8_t *restrict codes) {
    for (size_t i = 0; i < n; i++) {
        int32_t sign = samples[i] >> 15; /* 0 or -1 */
        int32_t magnitude = ((samples[i] ^ sign) >> 2) + ULAW_BIAS;
        magnitude = magnitude < ULAW_MAGNITUDE ? magnitude : ULAW_MAGNITUDE;
        int32_t code = exponent_and_mantissa(magnitude) - ((127 + 5) << 4); /* segment 0 starts at 2^5 */
        codes[i] = (uint8_t)(~code ^ (sign & 0x80));
    }
}

void ms_g711_alaw_encode(const int16_t *restrict samples, size_t n, uint8_t *restrict codes) {
    for (size_t i = 0; i < n; i++) {
        int32_t sign = samples[i] >> 15;
        int32_t magnitude = (samples[i] ^ sign) >> 4;
        int32_t code = exponent_and_mantissa(magnitude) - ((127 + 3) << 4); /* segment 1 starts at 2^4 */
        code = magnitude < 32 ? magnitude : code;                          /* segments 0 and 1 are one straight line */
        codes[i] = (uint8_t)(code ^ 0xD5 ^ (sign & 0x80));
    }
}
