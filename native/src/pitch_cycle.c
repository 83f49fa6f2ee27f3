/* Cutting out a cycle, and making its end lead into its start. */
#include "pitch_cycle.h"

#define LEAD_IN 0.25f            /* part of a cycle that is blended so that its end leads into its start */
#define EDGE (MS_PITCH_SPAN + 4) /* samples at 8 kHz kept for the pitch */

uint32_t ms_cycle_points(uint32_t sample_rate) {
    uint32_t points = 256;
    while (points < sample_rate / MS_PITCH_RATE * 256 && points < MS_CYCLE_MAX)
        points *= 2;
    return points;
}

/* Newest sample last, at 8 kHz: means of whole groups of samples. */
static size_t pitch_signal(const ms_side_t *side, float *x) {
    size_t group = side->sample_rate / MS_PITCH_RATE, n = side->length / group;
    n = n < EDGE ? n : EDGE;
    for (size_t i = 0; i < n; i++) {
        float sum = 0.0f;
        for (size_t j = 0; j < group; j++)
            sum += ms_side_at(side, i * group + j);
        x[n - 1 - i] = sum / (float)group;
    }
    return n;
}

void ms_side_pitch(const ms_side_t *side, ms_pitch_curve_t *curve) {
    float x[EDGE];
    size_t n = pitch_signal(side, x);
    ms_pitch_curve(x, n, curve);
}

/* Value between samples, `back` samples away from the edge. */
static float between(const ms_side_t *side, float back) {
    float limit = (float)(side->length - 1);
    back = back < 0.0f ? 0.0f : back > limit ? limit : back;
    size_t i = (size_t)back;
    float f = back - (float)i, here = ms_side_at(side, i);
    return i + 1 < side->length ? here + f * (ms_side_at(side, i + 1) - here) : here;
}

/* The cycle next to the gap. Point 0 is one period away from the gap's edge, so time runs towards the gap: phase 0 of the
   NEXT cycle is the first sample of the gap. Its last quarter is blended with the cycle before, which is known to lead on
   smoothly into point 0. */
void ms_cycle_take(const ms_side_t *side, float period, float *points, size_t count) {
    float step = period / (float)count, lead = period * LEAD_IN;
    lead = lead < 4.0f ? 4.0f : lead;
    for (size_t i = 0; i < count; i++) {
        float phase = (float)i * step, back = period - 1.0f - phase;
        float value = between(side, back);
        float f = (phase - (period - lead)) / lead;
        if (f > 0.0f)
            value += f * (between(side, back + period) - value);
        points[i] = value;
    }
}
