/* White noise through a lattice filter. */
#include "comfort_noise.h"

#include <math.h>
#include <string.h>

#define FORGET 0.9f         /* of the background's correlation, per call of ms_noise_hear */
#define GAIN_STEP 0.002f    /* how fast the level follows, per sample: about 60 ms at 8 kHz */
#define UNIFORM_RMS 18918.0f /* of 16-bit white noise: 32768 / sqrt(3) */

void ms_correlation(const int16_t *pcm, size_t n, float *correlation) {
    for (size_t lag = 0; lag <= MS_NOISE_ORDER; lag++) {
        float sum = 0.0f;
        for (size_t i = lag; i < n; i++)
            sum += (float)pcm[i] * (float)pcm[i - lag];
        correlation[lag] = n > 0 ? sum / (float)n : 0.0f;
    }
}

static void set_reflection(ms_coloured_noise_t *noise, int i, float k) {
    noise->reflection[i] = k > 0.98f ? 0.98f : k < -0.98f ? -0.98f : k;
}

/* Noise of power P leaves the filter with the power P / product(1 - k^2). */
static void set_scale(ms_coloured_noise_t *noise) {
    float product = 1.0f;
    for (int i = 0; i < MS_NOISE_ORDER; i++)
        product *= 1 - noise->reflection[i] * noise->reflection[i];
    noise->scale = sqrtf(product) / UNIFORM_RMS;
}

/* Levinson-Durbin; only the reflection coefficients are kept. */
void ms_colour_from_correlation(ms_coloured_noise_t *noise, const float *correlation) {
    float a[MS_NOISE_ORDER + 1] = {1.0f}, error = correlation[0] * 1.001f + 1.0f;
    for (int i = 1; i <= MS_NOISE_ORDER; i++) {
        float sum = correlation[i], before[MS_NOISE_ORDER + 1];
        for (int j = 1; j < i; j++)
            sum += a[j] * correlation[i - j];
        set_reflection(noise, i - 1, -sum / error);
        float k = noise->reflection[i - 1];
        memcpy(before, a, sizeof a);
        for (int j = 1; j < i; j++)
            a[j] = before[j] + k * before[i - j];
        a[i] = k;
        error *= 1 - k * k;
    }
    set_scale(noise);
}

float ms_coloured_next(ms_coloured_noise_t *noise) {
    noise->random = noise->random * 1664525u + 1013904223u;
    float x = (float)((int32_t)(noise->random >> 16) - 32768) * noise->scale;
    for (int k = MS_NOISE_ORDER; k-- > 0;) {
        x -= noise->reflection[k] * noise->state[k];
        if (k + 1 < MS_NOISE_ORDER)
            noise->state[k + 1] = noise->state[k] + noise->reflection[k] * x;
    }
    noise->state[0] = x;
    return x;
}

void ms_noise_init(ms_comfort_noise_t *noise) {
    memset(noise, 0, sizeof *noise);
    set_scale(&noise->source);
}

void ms_noise_hear(ms_comfort_noise_t *noise, const int16_t *pcm, size_t n) {
    float keep = noise->correlation[0] > 0.0f ? FORGET : 0.0f, now[MS_NOISE_ORDER + 1];
    ms_correlation(pcm, n, now);
    for (size_t lag = 0; lag <= MS_NOISE_ORDER; lag++)
        noise->correlation[lag] = noise->correlation[lag] * keep + now[lag] * (1 - keep);
}

void ms_noise_from_heard(ms_comfort_noise_t *noise) {
    ms_colour_from_correlation(&noise->source, noise->correlation);
    noise->level = sqrtf(noise->correlation[0]);
    noise->described = 0;
}

/* 10^(-dBov/20) * 32768 by repeated multiplication, which every machine does alike. RFC 3389 3.1: the level is in -dBov,
   the overload point a square wave of full scale. */
static float level_of(unsigned dbov) {
    float level = 32768.0f;
    for (unsigned i = 0; i < dbov; i++)
        level *= 0.89125094f;
    return level;
}

void ms_noise_describe(ms_comfort_noise_t *noise, const uint8_t *payload, size_t length) {
    if (length == 0)
        return;
    noise->level = level_of(payload[0] & 0x7F);
    noise->described = 1;
    if (length == 1 && noise->correlation[0] > 0.0f) {
        ms_colour_from_correlation(&noise->source, noise->correlation); /* no colour given: that of the background heard */
        return;
    }
    for (int i = 0; i < MS_NOISE_ORDER; i++) /* RFC 3389 3.2 */
        set_reflection(&noise->source, i, (size_t)i + 1 < length ? ((float)payload[i + 1] - 127.0f) / 128.0f : 0.0f);
    set_scale(&noise->source);
}

static float next(ms_comfort_noise_t *noise) {
    noise->gain += (noise->level - noise->gain) * GAIN_STEP;
    return ms_coloured_next(&noise->source) * noise->gain;
}

static int16_t sample(float x) {
    return (int16_t)lrintf(x > 32767.0f ? 32767.0f : x < -32768.0f ? -32768.0f : x);
}

void ms_noise_generate(ms_comfort_noise_t *noise, int16_t *out, size_t n) {
    for (size_t i = 0; i < n; i++)
        out[i] = sample(next(noise));
}

void ms_noise_add(ms_comfort_noise_t *noise, int16_t *out, size_t n) {
    for (size_t i = 0; i < n; i++)
        out[i] = sample((float)out[i] + next(noise));
}
