/* Filling a gap of which both sides are known. */
#ifndef MS_BRIDGE_H
#define MS_BRIDGE_H

#include <stddef.h>
#include <stdint.h>

/* n samples between `history` (its last sample is the last one played; 40 ms are looked at) and `future` (the first samples
   after the gap; at least 8 ms, 23 are looked at). */
void ms_bridge(uint32_t sample_rate, const int16_t *history, size_t past, const int16_t *future, size_t ahead,
               int16_t *out, size_t n);

/* The past alone, continued over n samples so that it arrives in step with `future`: what a decoder with memory is best led
   over, for its predictors take every unevenness of a real bridge for a sound. */
void ms_bridge_lead(uint32_t sample_rate, const int16_t *history, size_t past, const int16_t *future, size_t ahead,
                    int16_t *out, size_t n);

#endif
