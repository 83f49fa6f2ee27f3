/* One pitch cycle next to a gap, as a wave form over phase instead of time. */
#ifndef MS_PITCH_CYCLE_H
#define MS_PITCH_CYCLE_H

#include <math.h>

#include "pitch.h"

#define MS_CYCLE_MAX 1024u /* points */

/* Points of a cycle at a sample rate: a power of two, at least as many as samples. */
uint32_t ms_cycle_points(uint32_t sample_rate);

/* A side of the gap seen from it: sample 0 is the one next to the gap, going away. */
typedef struct ms_side {
    const int16_t *edge;
    int step; /* -1 into the past, +1 into the future */
    size_t length;
    uint32_t sample_rate;
} ms_side_t;

static inline float ms_side_at(const ms_side_t *side, size_t i) {
    return (float)side->edge[(ptrdiff_t)i * side->step];
}

/* Correlation over lags at the edge, at MS_PITCH_RATE. */
void ms_side_pitch(const ms_side_t *side, ms_pitch_curve_t *curve);

/* The cycle next to the gap, `period` samples long. */
void ms_cycle_take(const ms_side_t *side, float period, float *points, size_t count);

/* Wave form at a phase in cycles; count is a power of two. */
static inline float ms_cycle_at(const float *points, size_t count, float phase) {
    float place = (phase - floorf(phase)) * (float)count;
    size_t i = (size_t)place & (count - 1), j = (i + 1) & (count - 1);
    float f = place - floorf(place);
    return points[i] + f * (points[j] - points[i]);
}

static inline int16_t ms_sample(float x) {
    x = x > 32767.0f ? 32767.0f : x < -32768.0f ? -32768.0f : x;
    return (int16_t)lrintf(x);
}

#endif
