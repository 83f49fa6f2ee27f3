/* Normalised correlation over the lags of the human voice. */
#include "pitch.h"

#include <math.h>

/* The window is short on purpose. What a gap needs is the period at its very edge, and a long window reports the mean of
   the last 20 to 30 ms instead: measured on random loss, 6 ms against 20 ms gained 0.1 PESQ. The price, octave errors, is
   paid by the rule of the shortest good lag and by comparing the two sides of a gap. */
#define SHORTEST_WINDOW 30
#define CLOSE_TO_BEST 0.02f

static float dot(const float *a, const float *b, int n) {
    float sum = 0.0f;
    for (int i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

void ms_pitch_curve(const float *x, size_t n, ms_pitch_curve_t *curve) {
    int length = (int)(n < MS_PITCH_SPAN ? n : MS_PITCH_SPAN);
    const float *end = x + n;
    curve->count = 0;
    for (int lag = MS_PITCH_LAG_MIN; lag <= MS_PITCH_LAG_MAX; lag++) {
        int window = length - lag < MS_PITCH_WINDOW ? length - lag : MS_PITCH_WINDOW;
        if (window < SHORTEST_WINDOW)
            break;
        const float *now = end - window, *then = now - lag;
        float energy = (dot(now, now, window) + 1.0f) * (dot(then, then, window) + 1.0f);
        curve->correlation[curve->count++] = dot(now, then, window) / sqrtf(energy);
    }
}

/* Vertex of the parabola through three neighbours. */
static ms_pitch_t refine(const ms_pitch_curve_t *curve, int k) {
    const float *c = curve->correlation;
    float shift = 0.0f;
    if (k > 0 && k < curve->count - 1) {
        float bend = c[k - 1] - 2.0f * c[k] + c[k + 1];
        if (bend < 0.0f)
            shift = 0.5f * (c[k - 1] - c[k + 1]) / bend;
        shift = shift > 1.0f ? 1.0f : shift < -1.0f ? -1.0f : shift;
    }
    return (ms_pitch_t){(float)(MS_PITCH_LAG_MIN + k) + shift, c[k]};
}

ms_pitch_t ms_pitch_pick(const ms_pitch_curve_t *curve) {
    const float *c = curve->correlation;
    if (curve->count == 0)
        return (ms_pitch_t){(float)MS_PITCH_LAG_MAX, -1.0f};
    float best = -1.0f;
    int k = 0;
    for (int i = 0; i < curve->count; i++)
        if (c[i] > best + CLOSE_TO_BEST) {
            best = c[i];
            k = i;
        }
    while (k + 1 < curve->count && c[k + 1] > c[k])
        k++;
    return refine(curve, k);
}

ms_pitch_t ms_pitch_pick_near(const ms_pitch_curve_t *curve, float low, float high) {
    int first = (int)low - MS_PITCH_LAG_MIN, last = (int)ceilf(high) - MS_PITCH_LAG_MIN;
    first = first < 0 ? 0 : first;
    last = last < curve->count - 1 ? last : curve->count - 1;
    if (first > last)
        return (ms_pitch_t){low, -1.0f};
    int k = first;
    for (int i = first + 1; i <= last; i++)
        if (curve->correlation[i] > curve->correlation[k])
            k = i;
    return refine(curve, k);
}
