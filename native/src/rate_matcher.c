/* Sample rate conversion by a ratio that may change a little at any time, for clocks that drift apart. */
#include "rate_matcher.h"

#include "resampler.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define RATE_MIN 4000
#define RATE_MAX 192000
#define BEND_MAX 0.05
/* Between two of so many filters the outputs are interpolated: an error of -94 dB at the band's edge, less below. */
#define PHASES 256

ms_status_t ms_rate_matcher_open(ms_rate_matcher_t *matcher, uint32_t from, uint32_t to, uint32_t most) {
    if (from < RATE_MIN || from > RATE_MAX || to < RATE_MIN || to > RATE_MAX || most == 0 || most > 1u << 20)
        return MS_EINVAL;
    *matcher = (ms_rate_matcher_t){.taps = ms_filter_taps(from, to), .nominal = (double)from / to};
    matcher->step = matcher->nominal;
    matcher->capacity = 2 * matcher->taps + (uint32_t)ceil(matcher->nominal) + most;
    matcher->have = matcher->taps - 1; /* silence came before */
    matcher->filter = malloc((size_t)(PHASES + 1) * matcher->taps * sizeof(float));
    matcher->window = calloc(matcher->capacity, sizeof(float));
    if (matcher->filter == NULL || matcher->window == NULL) {
        ms_rate_matcher_close(matcher);
        return MS_ENOMEM;
    }
    ms_filter_design(matcher->filter, from, to, PHASES, PHASES + 1);
    return MS_OK;
}

void ms_rate_matcher_close(ms_rate_matcher_t *matcher) {
    free(matcher->filter);
    free(matcher->window);
    matcher->filter = matcher->window = NULL;
}

void ms_rate_matcher_bend(ms_rate_matcher_t *matcher, double correction) {
    correction = correction > BEND_MAX ? BEND_MAX : correction < -BEND_MAX ? -BEND_MAX : correction;
    matcher->step = matcher->nominal * (1.0 + correction);
}

uint32_t ms_rate_matcher_needed(const ms_rate_matcher_t *matcher, uint32_t n) {
    if (n == 0)
        return 0;
    double position = matcher->position;
    for (uint32_t i = 1; i < n; i++) /* as process() adds it up, to the last bit */
        position += matcher->step;
    uint32_t end = (uint32_t)position + matcher->taps;
    return end > matcher->have ? end - matcher->have : 0;
}

static int16_t rounded(float value) {
    return value >= 32767.0f ? INT16_MAX : value <= -32768.0f ? INT16_MIN : (int16_t)lrintf(value);
}

static int16_t output_at(const ms_rate_matcher_t *matcher, double position) {
    uint32_t whole = (uint32_t)position;
    double phase = (position - whole) * PHASES;
    uint32_t row = (uint32_t)phase;
    float part = (float)(phase - row);
    const float *window = matcher->window + whole;
    const float *low = matcher->filter + (size_t)row * matcher->taps, *high = low + matcher->taps;
    float lows[4] = {0}, highs[4] = {0}; /* apart, so that they can be vectors; taps is a multiple of 4 */
    for (uint32_t i = 0; i < matcher->taps; i += 4)
        for (uint32_t lane = 0; lane < 4; lane++) {
            lows[lane] += window[i + lane] * low[i + lane];
            highs[lane] += window[i + lane] * high[i + lane];
        }
    float a = lows[0] + lows[1] + (lows[2] + lows[3]), b = highs[0] + highs[1] + (highs[2] + highs[3]);
    return rounded(a + (b - a) * part);
}

uint32_t ms_rate_matcher_process(ms_rate_matcher_t *matcher, const int16_t *in, uint32_t n, int16_t *out,
                                 uint32_t most) {
    uint32_t made = 0, room = matcher->capacity - matcher->have;
    n = n < room ? n : room;
    for (uint32_t i = 0; i < n; i++)
        matcher->window[matcher->have + i] = in[i];
    matcher->have += n;
    while (made < most && (uint32_t)matcher->position + matcher->taps <= matcher->have) {
        out[made++] = output_at(matcher, matcher->position);
        matcher->position += matcher->step;
    }
    uint32_t used = (uint32_t)matcher->position;
    used = used < matcher->have ? used : matcher->have;
    matcher->have -= used;
    memmove(matcher->window, matcher->window + used, matcher->have * sizeof(float));
    matcher->position -= used;
    return made;
}
