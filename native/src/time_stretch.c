/* One splice: a cross-fade between the signal and itself some time later or earlier. */
#include "time_stretch.h"

#include <math.h>
#include <string.h>

/* Complementary ramps keep the level of a correlated signal (speech spliced at a period) exactly; that of background noise
   dips by up to 3 dB for a few milliseconds, which is less than it varies by itself. */
static void cross_fade(const int16_t *from, const int16_t *to, int16_t *out, size_t n) {
    for (size_t i = 0; i < n; i++) {
        int32_t w = (int32_t)((i + 1) * 32768 / (n + 1));
        out[i] = (int16_t)((from[i] * (32768 - w) + to[i] * w) >> 15);
    }
}

size_t ms_stretch_remove(int16_t *pcm, size_t n, size_t place, size_t amount, size_t overlap) {
    cross_fade(pcm + place, pcm + place + amount, pcm + place, overlap);
    size_t rest = n - place - amount - overlap;
    memmove(pcm + place + overlap, pcm + place + amount + overlap, rest * sizeof *pcm);
    return n - amount;
}

size_t ms_stretch_insert(int16_t *pcm, size_t n, size_t place, size_t amount, size_t overlap) {
    int16_t *after = pcm + place + amount;
    memmove(after, pcm + place, (n - place) * sizeof *pcm);
    /* pcm[place, place + overlap) still holds the signal going on; it fades into the signal `amount` earlier, which leads
       straight into what was moved. */
    const int16_t *earlier = pcm + place - amount;
    overlap = overlap < amount ? overlap : amount;
    for (size_t i = 0; i < amount; i++) {
        int32_t w = i < overlap ? (int32_t)((i + 1) * 32768 / (overlap + 1)) : 32768;
        int16_t going_on = i < n - place ? after[i] : earlier[i];
        pcm[place + i] = (int16_t)((going_on * (32768 - w) + earlier[i] * w) >> 15);
    }
    return n + amount;
}

static float likeness_at(const int16_t *pcm, const int16_t *other, size_t window, size_t step) {
    float own = 1.0f, energy = 1.0f, both = 0.0f;
    for (size_t i = 0; i < window; i += step) {
        float a = (float)pcm[i], b = (float)other[i];
        own += a * a;
        energy += b * b;
        both += a * b;
    }
    return both / sqrtf(own * energy);
}

static size_t best_lag(const int16_t *pcm, int direction, size_t low, size_t high, size_t window, size_t step,
                       float *likeness) {
    size_t found = low;
    *likeness = -1.0f;
    for (size_t lag = low; lag <= high; lag += step) {
        float c = likeness_at(pcm, direction > 0 ? pcm + lag : pcm - lag, window, step);
        if (c > *likeness) {
            *likeness = c;
            found = lag;
        }
    }
    return found;
}

size_t ms_stretch_lag(const int16_t *pcm, int direction, size_t low, size_t high, size_t window, size_t step,
                      float *likeness) {
    size_t near = best_lag(pcm, direction, low, high, window, step, likeness);
    if (step == 1)
        return near;
    size_t from = near < low + step ? low : near - step, to = near + step > high ? high : near + step;
    return best_lag(pcm, direction, from, to, window, 1, likeness);
}
