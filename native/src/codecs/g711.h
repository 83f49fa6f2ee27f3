/* G.711 mu-law and A-law: sample by sample companding, bit-exact with the ITU-T Software Tool Library. */
#ifndef MS_G711_H
#define MS_G711_H

#include <stddef.h>
#include <stdint.h>

/* Samples are 16-bit linear; codes are as transmitted (A-law with its even bits inverted). n is any count; the two
   buffers must not overlap. */
void ms_g711_ulaw_decode(const uint8_t *restrict codes, size_t n, int16_t *restrict samples);
void ms_g711_alaw_decode(const uint8_t *restrict codes, size_t n, int16_t *restrict samples);
void ms_g711_ulaw_encode(const int16_t *restrict samples, size_t n, uint8_t *restrict codes);
void ms_g711_alaw_encode(const int16_t *restrict samples, size_t n, uint8_t *restrict codes);

#endif
