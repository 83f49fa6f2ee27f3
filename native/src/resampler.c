/* Sample rate conversion by a polyphase windowed-sinc filter: for files when they are loaded, and for taps. */
#include "resampler.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define RATE_MIN 4000
#define RATE_MAX 192000
#define HALF_WIDTH 16       /* zero crossings each side, at the lower rate */
#define KAISER_BETA 8.0     /* stop band about -80 dB */
#define PASS_BAND 0.92      /* of the lower Nyquist frequency */
#define BLOCK 256

/* Output sample k lies at input time k * down / up. Its fraction is one of `up` phases, each with its own `taps`
   coefficients; the state is the last taps - 1 inputs. */
struct ms_resampler {
    uint32_t up, down;
    uint32_t taps;
    uint64_t phase;    /* of the next output, in 1/up of an input sample, counted from the block's first new input */
    float *filter;     /* up * taps, newest input last; taps is a multiple of 4 */
    float *history;    /* taps - 1 + BLOCK */
};

static uint32_t common_divisor(uint32_t a, uint32_t b) {
    while (b != 0) {
        uint32_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/* Modified Bessel function of the first kind, order 0, for the Kaiser window. */
static double bessel(double x) {
    double sum = 1.0, term = 1.0;
    for (int k = 1; k < 40; k++) {
        term *= (x / (2 * k)) * (x / (2 * k));
        sum += term;
    }
    return sum;
}

/* `distance` from the filter's centre in input samples; `cutoff` as part of the input's Nyquist frequency. */
static double tap_at(double distance, double cutoff, double half) {
    if (fabs(distance) >= half)
        return 0.0;
    double angle = acos(-1.0) * distance * cutoff;
    double sinc = fabs(angle) < 1e-9 ? 1.0 : sin(angle) / angle;
    double edge = distance / half;
    return cutoff * sinc * bessel(KAISER_BETA * sqrt(1 - edge * edge)); /* its sum is made 1 afterwards */
}

uint32_t ms_filter_taps(uint32_t from, uint32_t to) {
    double stretch = from > to ? (double)from / to : 1.0;
    return 4 * (uint32_t)ceil(HALF_WIDTH * stretch / 2);
}

void ms_filter_design(float *filter, uint32_t from, uint32_t to, uint32_t phases, uint32_t rows) {
    uint32_t width = ms_filter_taps(from, to);
    double ratio = to < from ? (double)to / from : 1.0;
    double half = HALF_WIDTH / ratio, cutoff = ratio * PASS_BAND;
    for (uint32_t phase = 0; phase < rows; phase++) {
        float *taps = filter + (size_t)phase * width;
        double sum = 0.0;
        for (uint32_t i = 0; i < width; i++) {
            double distance = (double)i - (width / 2 - 1) - (double)phase / phases;
            double value = tap_at(distance, cutoff, half);
            taps[i] = (float)value;
            sum += value;
        }
        for (uint32_t i = 0; i < width; i++)
            taps[i] = (float)(taps[i] / sum); /* every phase passes a constant unchanged */
    }
}

ms_status_t ms_resampler_open(uint32_t from, uint32_t to, ms_resampler_t **out) {
    *out = NULL;
    if (from < RATE_MIN || from > RATE_MAX || to < RATE_MIN || to > RATE_MAX)
        return MS_EINVAL;
    ms_resampler_t *resampler = calloc(1, sizeof *resampler);
    if (resampler == NULL)
        return MS_ENOMEM;
    uint32_t divisor = common_divisor(from, to);
    resampler->up = to / divisor;
    resampler->down = from / divisor;
    resampler->taps = ms_filter_taps(from, to);
    resampler->filter = malloc((size_t)resampler->up * resampler->taps * sizeof(float));
    resampler->history = calloc(resampler->taps - 1 + BLOCK, sizeof(float));
    if (resampler->filter == NULL || resampler->history == NULL) {
        ms_resampler_close(resampler);
        return MS_ENOMEM;
    }
    ms_filter_design(resampler->filter, from, to, resampler->up, resampler->up);
    *out = resampler;
    return MS_OK;
}

void ms_resampler_close(ms_resampler_t *resampler) {
    if (resampler == NULL)
        return;
    free(resampler->filter);
    free(resampler->history);
    free(resampler);
}

void ms_resampler_reset(ms_resampler_t *resampler) {
    memset(resampler->history, 0, (resampler->taps - 1) * sizeof(float));
    resampler->phase = 0;
}

size_t ms_resampler_bound(const ms_resampler_t *resampler, size_t n) {
    return (n * resampler->up) / resampler->down + 1;
}

static int16_t rounded(float value) {
    return value >= 32767.0f ? INT16_MAX : value <= -32768.0f ? INT16_MIN : (int16_t)lrintf(value);
}

static size_t process_block(ms_resampler_t *resampler, const int16_t *in, size_t n, int16_t *out) {
    size_t made = 0, past = resampler->taps - 1;
    for (size_t i = 0; i < n; i++)
        resampler->history[past + i] = in[i];
    while (resampler->phase < (uint64_t)n * resampler->up) {
        const float *window = resampler->history + resampler->phase / resampler->up;
        const float *taps = resampler->filter + resampler->phase % resampler->up * resampler->taps;
        float sums[4] = {0.0f, 0.0f, 0.0f, 0.0f}; /* apart, so that they can be one vector */
        for (uint32_t i = 0; i < resampler->taps; i += 4)
            for (uint32_t lane = 0; lane < 4; lane++)
                sums[lane] += window[i + lane] * taps[i + lane];
        out[made++] = rounded(sums[0] + sums[1] + (sums[2] + sums[3]));
        resampler->phase += resampler->down;
    }
    resampler->phase -= (uint64_t)n * resampler->up;
    memmove(resampler->history, resampler->history + n, past * sizeof(float));
    return made;
}

size_t ms_resampler_process(ms_resampler_t *resampler, const int16_t *in, size_t n, int16_t *out) {
    size_t made = 0;
    while (n > 0) {
        size_t part = n < BLOCK ? n : BLOCK;
        made += process_block(resampler, in, part, out + made);
        in += part;
        n -= part;
    }
    return made;
}

ms_status_t ms_resample_clip(const int16_t *in, size_t n, uint32_t from, uint32_t to, int16_t **out, size_t *out_n) {
    ms_resampler_t *resampler = NULL;
    ms_status_t status = ms_resampler_open(from, to, &resampler);
    if (status != MS_OK)
        return status;
    /* The filter's centre lies taps / 2 behind its newest input: begin that much later, and push as much silence after
       the clip. */
    size_t tail = resampler->taps / 2;
    resampler->phase = (uint64_t)tail * resampler->up;
    size_t wanted = (size_t)((uint64_t)n * to / from);
    int16_t *samples = malloc((ms_resampler_bound(resampler, n + tail + BLOCK) + 2) * sizeof *samples);
    int16_t *silence = calloc(tail + BLOCK, sizeof *silence);
    if (samples == NULL || silence == NULL) {
        status = MS_ENOMEM;
    } else {
        size_t made = ms_resampler_process(resampler, in, n, samples);
        made += ms_resampler_process(resampler, silence, tail + BLOCK, samples + made);
        *out_n = wanted < made ? wanted : made;
        *out = samples;
    }
    free(silence);
    if (status != MS_OK)
        free(samples);
    ms_resampler_close(resampler);
    return status;
}
