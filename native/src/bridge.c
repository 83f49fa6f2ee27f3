/* The harmonic bridge. */
#include "bridge.h"

#include <string.h>

#include "fourier.h"
#include "pitch_cycle.h"

/* Why a bridge. Every receiver of the field fills a gap from the past alone, although its jitter buffer mostly holds the
   packet after the gap already. Knowing both sides turns a guess into an interpolation.

   How. The last pitch cycle before the gap (A) and the first one after it (B, read backwards) are resampled to the same
   number of points, so that they are wave forms over phase, not time. Three things then run from one side to the other:

   1. Phase: a cubic that leaves with A's period and arrives with B's, and advances by just so many cycles in total that
      the wave arrives in step with B. That total is the lag of the best circular correlation of A with B, close to what the
      two periods predict. This, with a pitch window short enough to be exact at the edge, is most of the gain.
   2. Phase of each harmonic: after that common shift they still differ. A plain cross-fade would cancel those that differ
      by half a turn, so half way a third cycle (M) stands whose harmonics have the phase in the middle of A's and B's.
   3. Amplitude of each harmonic: M has the geometric mean. Where one side is quiet that comes down to the quiet side fast;
      sound that was not there is heard more than sound that is missing.

   Noise goes the same way: its "cycle" is whatever lag correlates best, used on both sides. */

#define VOICED 0.7f
#define SAME_PITCH 0.2f      /* relative range in which the future's period is looked for */
#define SAME_PITCH_LOSS 0.3f /* how much worse it may correlate there than elsewhere */
#define WARP 0.1f            /* relative range of the total phase */
#define WARP_COST 1.0f       /* correlation given up for each unit of relative warp */

typedef struct gap {
    float past_period, future_period; /* samples */
    int voiced;                       /* on both sides, with nearly the same pitch */
} gap_t;

/* Periods on both sides. The future's is looked for near the past's first: octave errors would spoil the interpolation. A
   side without pitch takes over the other's period. */
static gap_t find_pitch(const ms_side_t *past, const ms_side_t *future) {
    ms_pitch_curve_t before, after;
    ms_side_pitch(past, &before);
    ms_side_pitch(future, &after);
    ms_pitch_t a = ms_pitch_pick(&before), b = ms_pitch_pick(&after);
    if (a.correlation > VOICED) {
        ms_pitch_t near = ms_pitch_pick_near(&after, a.period * (1 - SAME_PITCH), a.period * (1 + SAME_PITCH));
        if (near.correlation > b.correlation - SAME_PITCH_LOSS)
            b = near;
    }
    if (a.correlation < VOICED && b.correlation > a.correlation)
        a.period = b.period;
    else if (b.correlation < VOICED)
        b.period = a.period;
    float scale = (float)(past->sample_rate / MS_PITCH_RATE);
    float longest_past = (float)(past->length / 2 - 2), longest_future = (float)(future->length - 2);
    gap_t gap = {a.period * scale, b.period * scale, 0};
    gap.voiced = a.correlation > 0.5f && b.correlation > 0.5f && fabsf(a.period / b.period - 1.0f) < SAME_PITCH;
    gap.past_period = gap.past_period < longest_past ? gap.past_period : longest_past;
    gap.future_period = gap.future_period < longest_future ? gap.future_period : longest_future;
    return gap;
}

/* The spectra of two real cycles from one transform of A + iB. */
static void split(const ms_complex_t *both, size_t n, size_t k, ms_complex_t *a, ms_complex_t *b) {
    ms_complex_t x = both[k], y = both[(n - k) & (n - 1)];
    *a = (ms_complex_t){0.5f * (x.re + y.re), 0.5f * (x.im - y.im)};
    *b = (ms_complex_t){0.5f * (x.im + y.im), 0.5f * (y.re - x.re)};
}

static void real_spectrum(ms_complex_t *x, size_t n, size_t k, ms_complex_t value) {
    x[k] = value;
    if (k > 0)
        x[n - k] = (ms_complex_t){value.re, -value.im};
}

/* Total phase over the gap, in points: near `predicted` (cycles), where A turned by it is most like B. */
static size_t total_phase(const ms_complex_t *both, size_t n, size_t harmonics, float predicted, ms_complex_t *work) {
    memset(work, 0, n * sizeof *work);
    float energy_a = 0.0f, energy_b = 0.0f;
    for (size_t k = 0; k <= harmonics; k++) {
        ms_complex_t a, b;
        split(both, n, k, &a, &b);
        energy_a += a.re * a.re + a.im * a.im;
        energy_b += b.re * b.re + b.im * b.im;
        real_spectrum(work, n, k, (ms_complex_t){a.re * b.re + a.im * b.im, a.im * b.re - a.re * b.im});
    }
    ms_fourier(work, n, 1); /* at m: sum of conj(A) B exp(-2 pi i k m / n), both signs of k */
    float norm = 0.5f / (sqrtf(energy_a * energy_b) + 1.0f), best = -1e9f;
    float low = predicted * (1 - WARP) * (float)n, high = predicted * (1 + WARP) * (float)n;
    size_t found = (size_t)(predicted * (float)n);
    for (size_t m = (size_t)ceilf(low); (float)m <= high; m++) {
        float warp = fabsf((float)m / (predicted * (float)n) - 1.0f);
        float score = work[m & (n - 1)].re * norm - WARP_COST * warp;
        if (score > best) {
            best = score;
            found = m;
        }
    }
    return found;
}

/* The cycle half way: geometric mean of the amplitudes, phase in the middle of the shorter turn. */
static void middle_cycle(const ms_complex_t *both, size_t n, size_t harmonics, size_t total, ms_complex_t *work,
                         float *points) {
    ms_complex_t turn = {1.0f, 0.0f}, step = ms_fourier_root(total & (n - 1), n);
    memset(work, 0, n * sizeof *work);
    for (size_t k = 0; k <= harmonics; k++, turn = ms_complex_mul(turn, step)) {
        ms_complex_t a, b;
        split(both, n, k, &a, &b);
        b = ms_complex_mul(b, turn);
        float size_a = sqrtf(a.re * a.re + a.im * a.im) + 1e-3f, size_b = sqrtf(b.re * b.re + b.im * b.im) + 1e-3f;
        ms_complex_t way = {a.re / size_a + b.re / size_b, a.im / size_a + b.im / size_b};
        float length = sqrtf(way.re * way.re + way.im * way.im);
        if (length < 1e-3f)
            way = (ms_complex_t){-a.im / size_a, a.re / size_a}, length = 1.0f;
        float scale = sqrtf(size_a * size_b) / (length * (float)n);
        real_spectrum(work, n, k, (ms_complex_t){way.re * scale, way.im * scale});
    }
    ms_fourier(work, n, 1);
    for (size_t i = 0; i < n; i++)
        points[i] = work[i].re;
}

/* Play the three cycles along the phase curve; b's phase is `behind` by so many cycles. */
static void play_bridge(const float *a, const float *middle, const float *b, size_t points, const gap_t *gap, float total,
                        float behind, int16_t *out, size_t n) {
    float leave = gap->voiced ? (float)n / gap->past_period : total;
    float arrive = gap->voiced ? (float)n / gap->future_period : total;
    float cubic = leave + arrive - 2 * total, square = 3 * total - 2 * leave - arrive;
    for (size_t i = 0; i < n; i++) {
        float u = (float)i / (float)n;
        float phase = ((cubic * u + square) * u + leave) * u;
        float m = ms_cycle_at(middle, points, phase), value;
        if (u < 0.5f) {
            float x = ms_cycle_at(a, points, phase);
            value = x + 2 * u * (m - x);
        } else {
            float x = ms_cycle_at(b, points, phase - behind);
            value = m + (2 * u - 1) * (x - m);
        }
        out[i] = ms_sample(value);
    }
}

static void bridge(uint32_t sample_rate, const int16_t *history, size_t past, const int16_t *future, size_t ahead,
                   int16_t *out, size_t n, int past_only) {
    ms_side_t before = {history + past - 1, -1, past, sample_rate}, after = {future, 1, ahead, sample_rate};
    gap_t gap = find_pitch(&before, &after);
    float a[MS_CYCLE_MAX], b[MS_CYCLE_MAX], middle[MS_CYCLE_MAX];
    ms_complex_t both[MS_CYCLE_MAX], work[MS_CYCLE_MAX];
    size_t points = ms_cycle_points(sample_rate);
    ms_cycle_take(&before, gap.past_period, a, points);
    ms_cycle_take(&after, gap.future_period, middle, points);
    for (size_t i = 0; i < points; i++)
        b[i] = middle[points - 1 - i];
    for (size_t i = 0; i < points; i++)
        both[i] = (ms_complex_t){a[i], b[i]};
    ms_fourier(both, points, 0);
    float shorter = gap.past_period < gap.future_period ? gap.past_period : gap.future_period;
    size_t harmonics = (size_t)(shorter / 2);
    harmonics = harmonics < points / 2 - 1 ? harmonics : points / 2 - 1;
    float predicted = 0.5f * (float)n * (1 / gap.past_period + 1 / gap.future_period);
    size_t total = total_phase(both, points, harmonics, predicted, work);
    float cycles = (float)total / (float)points;
    if (past_only) {
        play_bridge(a, a, a, points, &gap, cycles, 0.0f, out, n);
        return;
    }
    middle_cycle(both, points, harmonics, total, work, middle);
    play_bridge(a, middle, b, points, &gap, cycles, cycles, out, n);
}

void ms_bridge(uint32_t sample_rate, const int16_t *history, size_t past, const int16_t *future, size_t ahead,
               int16_t *out, size_t n) {
    bridge(sample_rate, history, past, future, ahead, out, n, 0);
}

void ms_bridge_lead(uint32_t sample_rate, const int16_t *history, size_t past, const int16_t *future, size_t ahead,
                    int16_t *out, size_t n) {
    bridge(sample_rate, history, past, future, ahead, out, n, 1);
}
