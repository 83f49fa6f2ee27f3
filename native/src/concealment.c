/* The harmonic bridge and the one-sided continuation. */
#include "concealment.h"

#include <math.h>
#include <string.h>

#include "fourier.h"
#include "pitch.h"

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
#define LEAD_IN 0.25f        /* part of a cycle that is blended so that its end leads into its start */

#define EDGE (MS_PITCH_SPAN + 4) /* samples at 8 kHz kept for the pitch */

static uint32_t cycle_points(uint32_t sample_rate) {
    uint32_t points = 256;
    while (points < sample_rate / MS_PITCH_RATE * 256 && points < MS_CONCEAL_CYCLE_MAX)
        points *= 2;
    return points;
}

size_t ms_conceal_size(uint32_t sample_rate) { return cycle_points(sample_rate) * sizeof(float); }

void ms_conceal_init(ms_concealment_t *c, uint32_t sample_rate, void *memory) {
    memset(c, 0, sizeof *c);
    c->sample_rate = sample_rate;
    c->points = cycle_points(sample_rate);
    c->past.points = memory;
    c->past.period = (float)(sample_rate / 100);
    memset(memory, 0, ms_conceal_size(sample_rate));
}

/* A side of the gap seen from it: sample 0 is the one next to the gap, going away. */
typedef struct side {
    const int16_t *edge;
    int step; /* -1 into the past, +1 into the future */
    size_t length;
} side_t;

static float at(const side_t *side, size_t i) {
    return (float)side->edge[(ptrdiff_t)i * side->step];
}

/* Newest sample last, at 8 kHz: means of whole groups of samples. */
static size_t pitch_signal(const side_t *side, uint32_t sample_rate, float *x) {
    size_t group = sample_rate / MS_PITCH_RATE, n = side->length / group;
    n = n < EDGE ? n : EDGE;
    for (size_t i = 0; i < n; i++) {
        float sum = 0.0f;
        for (size_t j = 0; j < group; j++)
            sum += at(side, i * group + j);
        x[n - 1 - i] = sum / (float)group;
    }
    return n;
}

static void pitch_curve(const side_t *side, uint32_t sample_rate, ms_pitch_curve_t *curve) {
    float x[EDGE];
    size_t n = pitch_signal(side, sample_rate, x);
    ms_pitch_curve(x, n, curve);
}

/* Value between samples, `back` samples away from the edge. */
static float between(const side_t *side, float back) {
    float limit = (float)(side->length - 1);
    back = back < 0.0f ? 0.0f : back > limit ? limit : back;
    size_t i = (size_t)back;
    float f = back - (float)i, here = at(side, i);
    return i + 1 < side->length ? here + f * (at(side, i + 1) - here) : here;
}

/* The cycle next to the gap. Point 0 is one period away from the gap's edge, so time runs towards the gap: phase 0 of the
   NEXT cycle is the first sample of the gap. Its last quarter is blended with the cycle before, which is known to lead on
   smoothly into point 0. */
static void take_cycle(const side_t *side, float period, float *points, size_t count) {
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

static int16_t sample(float x) {
    x = x > 32767.0f ? 32767.0f : x < -32768.0f ? -32768.0f : x;
    return (int16_t)lrintf(x);
}

/* Wave form at a phase in cycles, periodic. */
static float wave(const float *points, size_t count, float phase) {
    float place = (phase - floorf(phase)) * (float)count;
    size_t i = (size_t)place & (count - 1), j = (i + 1) & (count - 1);
    float f = place - floorf(place);
    return points[i] + f * (points[j] - points[i]);
}

typedef struct gap {
    float past_period, future_period; /* samples */
    int voiced;                       /* on both sides, with nearly the same pitch */
} gap_t;

/* Periods on both sides. The future's is looked for near the past's first: octave errors would spoil the interpolation. A
   side without pitch takes over the other's period. */
static gap_t find_pitch(const ms_concealment_t *c, const side_t *past, const side_t *future) {
    ms_pitch_curve_t before, after;
    pitch_curve(past, c->sample_rate, &before);
    pitch_curve(future, c->sample_rate, &after);
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
    float scale = (float)(c->sample_rate / MS_PITCH_RATE);
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
        float m = wave(middle, points, phase), value;
        if (u < 0.5f) {
            float x = wave(a, points, phase);
            value = x + 2 * u * (m - x);
        } else {
            float x = wave(b, points, phase - behind);
            value = m + (2 * u - 1) * (x - m);
        }
        out[i] = sample(value);
    }
}

static void bridge(const ms_concealment_t *c, const int16_t *history, size_t past, const int16_t *future, size_t ahead,
                   int16_t *out, size_t n, int past_only) {
    side_t before = {history + past - 1, -1, past}, after = {future, 1, ahead};
    gap_t gap = find_pitch(c, &before, &after);
    float a[MS_CONCEAL_CYCLE_MAX], b[MS_CONCEAL_CYCLE_MAX], middle[MS_CONCEAL_CYCLE_MAX];
    ms_complex_t both[MS_FOURIER_MAX], work[MS_FOURIER_MAX];
    size_t points = c->points;
    take_cycle(&before, gap.past_period, a, points);
    take_cycle(&after, gap.future_period, middle, points);
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

void ms_conceal_bridge(const ms_concealment_t *c, const int16_t *history, size_t past, const int16_t *future,
                       size_t ahead, int16_t *out, size_t n) {
    bridge(c, history, past, future, ahead, out, n, 0);
}

void ms_conceal_lead(const ms_concealment_t *c, const int16_t *history, size_t past, const int16_t *future,
                     size_t ahead, int16_t *out, size_t n) {
    bridge(c, history, past, future, ahead, out, n, 1);
}

/* One-sided. The last cycle goes on and fades, because a longer repetition sounds like a machine. Under it rises noise of
   the colour of the last sound, a breath 16 dB below it, and fades in its turn: measured on gaps of 100 to 300 ms it is
   better than silence by 0.12 PESQ and 0.15 PLCMOS, and than a softer repetition too. Where the past was noise to begin with
   (a fricative), noise takes the place of the cycle from the start. */
#define FADE_FROM_MS 10.0f
#define FADE_TO_MS 100.0f
#define BREATH 0.15f
#define BREATH_FROM_MS 150.0f
#define BREATH_TO_MS 350.0f
#define TURN_TO_NOISE_MS 30.0f
#define NOISE_BELOW 0.3f /* correlation of pure noise, */
#define VOICE_ABOVE 0.8f /* and of pure voice */
#define COLOUR_MS 30u

void ms_conceal_begin(ms_concealment_t *c, const int16_t *history, size_t length) {
    side_t before = {history + length - 1, -1, length};
    ms_pitch_curve_t curve;
    pitch_curve(&before, c->sample_rate, &curve);
    ms_pitch_t pitch = ms_pitch_pick(&curve);
    c->past.period = pitch.period * (float)(c->sample_rate / MS_PITCH_RATE);
    float longest = (float)(length / 2 - 2);
    c->past.period = c->past.period < longest ? c->past.period : longest;
    take_cycle(&before, c->past.period, c->past.points, c->points);
    float voiced = (pitch.correlation - NOISE_BELOW) / (VOICE_ABOVE - NOISE_BELOW);
    c->noisiness = voiced > 1.0f ? 0.0f : voiced < 0.0f ? 1.0f : 1.0f - voiced;
    float correlation[MS_NOISE_ORDER + 1];
    size_t n = COLOUR_MS * c->sample_rate / 1000;
    n = n < length ? n : length;
    ms_correlation(history + length - n, n, correlation);
    ms_colour_from_correlation(&c->noise, correlation);
    c->level = sqrtf(correlation[0]);
    c->phase = 0.0f;
    c->played = 0;
}

/* Falls from 1 to 0 between two moments of the gap. */
static float ramp(float ms, float from, float to) {
    float gain = 1.0f - (ms - from) / (to - from);
    return gain > 1.0f ? 1.0f : gain < 0.0f ? 0.0f : gain;
}

static float continue_past(ms_concealment_t *c) {
    float ms = (float)c->played * 1000.0f / (float)c->sample_rate, gain = ramp(ms, FADE_FROM_MS, FADE_TO_MS);
    float share = c->noisiness * (ms < TURN_TO_NOISE_MS ? ms / TURN_TO_NOISE_MS : 1.0f);
    float breath = (1 - gain) * BREATH * ramp(ms, BREATH_FROM_MS, BREATH_TO_MS);
    float noise = sqrtf(gain * gain * share + breath * breath);
    float value = wave(c->past.points, c->points, c->phase) * gain * sqrtf(1 - share);
    if (noise > 0.0f)
        value += ms_coloured_next(&c->noise) * c->level * noise;
    c->phase += 1.0f / c->past.period;
    c->phase -= floorf(c->phase);
    c->played++;
    return value;
}

void ms_conceal_continue(ms_concealment_t *c, int16_t *out, size_t n) {
    for (size_t i = 0; i < n; i++)
        out[i] = sample(continue_past(c));
}

void ms_conceal_merge(ms_concealment_t *c, int16_t *packet, size_t n) {
    for (size_t i = 0; i < n; i++) {
        float w = (float)(i + 1) / (float)(n + 1);
        packet[i] = sample((float)packet[i] * w + continue_past(c) * (1 - w));
    }
}
