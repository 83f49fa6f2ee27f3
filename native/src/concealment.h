/* What is played where packets are missing and the other side of the gap is not known: the past goes on, and fades. */
#ifndef MS_CONCEALMENT_H
#define MS_CONCEALMENT_H

#include <stddef.h>
#include <stdint.h>

#include "comfort_noise.h"

typedef struct ms_concealment {
    uint32_t sample_rate;
    uint32_t points;  /* of the cycle that is repeated */
    float *cycle;
    float period;     /* samples */
    float phase;      /* of the next sample, in cycles */
    uint32_t played;  /* samples since the gap began */
    float noisiness;  /* 0 voiced .. 1 noise */
    float level;      /* root mean square before the gap */
    ms_coloured_noise_t noise; /* of the colour of the last sound */
} ms_concealment_t;

/* Octets for ms_conceal_init. */
size_t ms_conceal_size(uint32_t sample_rate);
void ms_conceal_init(ms_concealment_t *concealment, uint32_t sample_rate, void *memory);

/* A gap begins after `history` (its last sample is the last one played; 40 ms are looked at). */
void ms_conceal_begin(ms_concealment_t *concealment, const int16_t *history, size_t length);

/* The next n samples of the gap. They fade to nothing within 350 ms. */
void ms_conceal_continue(ms_concealment_t *concealment, int16_t *out, size_t n);

/* Cross-fade the continuation into the first n samples of a packet that follows with no gap left. */
void ms_conceal_merge(ms_concealment_t *concealment, int16_t *packet, size_t n);

#endif
