/* Swapping octets, and halving or doubling channels. */
#include "codecs/l16.h"

static int16_t word(const uint8_t *octets) { return (int16_t)(octets[0] << 8 | octets[1]); }

void ms_l16_decode(const uint8_t *restrict payload, size_t n, unsigned channels, int16_t *restrict pcm) {
    if (channels == 1) {
        for (size_t i = 0; i < n; i++)
            pcm[i] = word(payload + 2 * i);
        return;
    }
    for (size_t i = 0; i < n; i++) /* the mean can not overflow */
        pcm[i] = (int16_t)((word(payload + 4 * i) + word(payload + 4 * i + 2)) >> 1);
}

void ms_l16_encode(const int16_t *restrict pcm, size_t n, unsigned channels, uint8_t *restrict payload) {
    for (size_t i = 0; i < n; i++)
        for (unsigned channel = 0; channel < channels; channel++) {
            *payload++ = (uint8_t)((uint16_t)pcm[i] >> 8);
            *payload++ = (uint8_t)pcm[i];
        }
}
