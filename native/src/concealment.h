/* What is played where a packet is missing: a bridge between both sides of the gap, or a continuation of the past. */
#ifndef MS_CONCEALMENT_H
#define MS_CONCEALMENT_H

#include <stddef.h>
#include <stdint.h>

#include "comfort_noise.h"

#define MS_CONCEAL_CYCLE_MAX 2048u
#define MS_CONCEAL_HISTORY_MS 40u /* of past that is looked at */
#define MS_CONCEAL_FUTURE_MS 23u  /* of future that is looked at, when there is so much */

/* One pitch cycle, resampled to a fixed number of points: a wave form over phase instead of time. */
typedef struct ms_cycle {
    float *points;
    float period; /* samples at the stream's rate */
} ms_cycle_t;

typedef struct ms_concealment {
    uint32_t sample_rate;
    uint32_t points; /* of a cycle */
    ms_cycle_t past; /* what continue_past repeats */
    float phase;     /* of the next sample, in cycles */
    uint32_t played; /* samples since the gap began */
    float noisiness; /* 0 voiced .. 1 noise */
    float level;     /* root mean square before the gap */
    ms_coloured_noise_t noise; /* of the colour of the last sound */
} ms_concealment_t;

/* Octets for ms_conceal_init. */
size_t ms_conceal_size(uint32_t sample_rate);
void ms_conceal_init(ms_concealment_t *concealment, uint32_t sample_rate, void *memory);

/* A gap begins after `history` (its last sample is the last one played; at least MS_CONCEAL_HISTORY_MS). */
void ms_conceal_begin(ms_concealment_t *concealment, const int16_t *history, size_t length);

/* The next n samples of a gap whose end is not known. They fade to nothing within 350 ms. */
void ms_conceal_continue(ms_concealment_t *concealment, int16_t *out, size_t n);

/* Cross-fade the continuation into the first samples of a packet that follows with no gap left. */
void ms_conceal_merge(ms_concealment_t *concealment, int16_t *packet, size_t n);

/* n samples between `history` and `future` (the first samples after the gap, at least 10 ms). */
void ms_conceal_bridge(const ms_concealment_t *concealment, const int16_t *history, size_t past,
                       const int16_t *future, size_t ahead, int16_t *out, size_t n);

/* The past alone, continued over n samples so that it arrives in step with `future`: what a decoder with memory is best led
   over, for its predictors take every unevenness of a real bridge for a sound. */
void ms_conceal_lead(const ms_concealment_t *concealment, const int16_t *history, size_t past,
                     const int16_t *future, size_t ahead, int16_t *out, size_t n);

#endif
