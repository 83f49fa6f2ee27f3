/* L16 (RFC 3551 4.5.11): 16-bit samples in network order, channels interleaved. */
#ifndef MS_L16_H
#define MS_L16_H

#include <stddef.h>
#include <stdint.h>

/* n samples of each channel; both ends of the engine are mono: stereo is mixed down on the way in, doubled on the way out. */
void ms_l16_decode(const uint8_t *restrict payload, size_t n, unsigned channels, int16_t *restrict pcm);
void ms_l16_encode(const int16_t *restrict pcm, size_t n, unsigned channels, uint8_t *restrict payload);

#endif
