/* White noise through a lattice filter. */
#include "comfort_noise.h"

#include <math.h>
#include <string.h>

#define FORGET 0.9f         /* of the background's correlation, per call of ms_noise_hear */
#define GAIN_STEP 0.002f    /* how fast the level follows, per sample: about 60 ms at 8 kHz */
#define UNIFORM_RMS 18918.7f /* of 16-bit white noise: 32768 / sqrt(3) */

/* 10^(-dBov/20) * 32768 for 0..127 dBov by repeated multiplication, which every machine does alike. RFC 3389 3.1: the
   level is in -dBov, the overload point a square wave of full scale. */
static float level_of(unsigned dbov) {
    float level = 32768.0f;
    for (unsigned i = 0; i < dbov; i++)
        level *= 0.89125094f;
    return level;
}

void ms_noise_init(ms_comfort_noise_t *noise) {
    memset(noise, 0, sizeof *noise);
    noise->random = 1;
}

void ms_noise_hear(ms_comfort_noise_t *noise, const int16_t *pcm, size_t n) {
    float keep = noise->correlation[0] > 0.0f ? FORGET : 0.0f;
    for (size_t lag = 0; lag <= MS_NOISE_ORDER; lag++) {
        float sum = 0.0f;
        for (size_t i = lag; i < n; i++)
            sum += (float)pcm[i] * (float)pcm[i - lag];
        sum /= n > 0 ? (float)n : 1.0f;
        noise->correlation[lag] = noise->correlation[lag] * keep + sum * (1 - keep);
    }
}

/* Levinson-Durbin; only the reflection coefficients are kept. */
static void reflections(const float *correlation, float *reflection) {
    float a[MS_NOISE_ORDER + 1] = {1.0f}, error = correlation[0] * 1.001f + 1.0f;
    for (int i = 1; i <= MS_NOISE_ORDER; i++) {
        float sum = correlation[i];
        for (int j = 1; j < i; j++)
            sum += a[j] * correlation[i - j];
        float k = -sum / error;
        k = k > 0.98f ? 0.98f : k < -0.98f ? -0.98f : k;
        float before[MS_NOISE_ORDER + 1];
        memcpy(before, a, sizeof a);
        for (int j = 1; j < i; j++)
            a[j] = before[j] + k * before[i - j];
        a[i] = k;
        reflection[i - 1] = k;
        error *= 1 - k * k;
    }
}

/* Noise of power P through the filter has the power P / product(1 - k^2). */
static float filter_loss(const float *reflection) {
    float product = 1.0f;
    for (int i = 0; i < MS_NOISE_ORDER; i++)
        product *= 1 - reflection[i] * reflection[i];
    return sqrtf(product);
}

void ms_noise_from_heard(ms_comfort_noise_t *noise) {
    reflections(noise->correlation, noise->reflection);
    noise->level = sqrtf(noise->correlation[0]);
    noise->described = 0;
}

void ms_noise_describe(ms_comfort_noise_t *noise, const uint8_t *payload, size_t length) {
    if (length == 0)
        return;
    noise->level = level_of(payload[0] & 0x7F);
    noise->described = 1;
    if (length == 1 && noise->correlation[0] > 0.0f) {
        reflections(noise->correlation, noise->reflection); /* no colour given: that of the background heard */
        return;
    }
    for (size_t i = 0; i < MS_NOISE_ORDER; i++) {
        float k = i + 1 < length ? ((float)payload[i + 1] - 127.0f) / 128.0f : 0.0f; /* RFC 3389 3.2 */
        noise->reflection[i] = k > 0.98f ? 0.98f : k < -0.98f ? -0.98f : k;
    }
}

static float white(ms_comfort_noise_t *noise) {
    noise->random = noise->random * 1664525u + 1013904223u;
    return (float)(int16_t)(noise->random >> 16);
}

void ms_noise_generate(ms_comfort_noise_t *noise, int16_t *out, size_t n) {
    float aim = noise->level / UNIFORM_RMS * filter_loss(noise->reflection);
    for (size_t i = 0; i < n; i++) {
        noise->gain += (aim - noise->gain) * GAIN_STEP;
        float x = white(noise) * noise->gain;
        for (int k = MS_NOISE_ORDER; k-- > 0;) {
            x -= noise->reflection[k] * noise->state[k];
            if (k + 1 < MS_NOISE_ORDER)
                noise->state[k + 1] = noise->state[k] + noise->reflection[k] * x;
        }
        noise->state[0] = x;
        out[i] = (int16_t)lrintf(x > 32767.0f ? 32767.0f : x < -32768.0f ? -32768.0f : x);
    }
}
