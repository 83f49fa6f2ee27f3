/* A slope through the quickest packets: those that met no queue. */
#include "clock_skew.h"

#include <stddef.h>

/* The smallest offset of a period is the transit without queues, whatever the jitter. Periods double when the points are used
   up, so that the whole call is looked at with little memory, and the longer it lasts the surer the slope. The median over pairs
   near each other is hardly moved by a route that becomes longer or shorter once, which only few of them span. The buffer itself follows the drift of the last seconds
   (delay_estimator.c); this figure is for the user, and for whoever wonders which end's clock is off. */

#define FIRST_PERIOD_US 1000000
#define ENOUGH 6u
#define NEAR 3u /* periods between the two of a pair, at most */

static float slope_ppm(const ms_clock_skew_t *skew) {
    float slopes[MS_SKEW_POINTS * NEAR], seconds = (float)skew->period_us * 1e-6f;
    size_t n = 0;
    for (uint32_t i = 0; i < skew->count; i++)
        for (uint32_t j = i + 1; j < skew->count && j <= i + NEAR; j++) {
            float slope = (float)(skew->quickest_us[j] - skew->quickest_us[i]) / ((float)(j - i) * seconds);
            size_t place = n++;
            for (; place > 0 && slopes[place - 1] > slope; place--)
                slopes[place] = slopes[place - 1];
            slopes[place] = slope;
        }
    return n % 2 ? slopes[n / 2] : 0.5f * (slopes[n / 2 - 1] + slopes[n / 2]);
}

static void halve(ms_clock_skew_t *skew) {
    for (uint32_t i = 0; i < MS_SKEW_POINTS / 2; i++) {
        int32_t a = skew->quickest_us[2 * i], b = skew->quickest_us[2 * i + 1];
        skew->quickest_us[i] = a < b ? a : b;
    }
    skew->count = MS_SKEW_POINTS / 2;
    skew->period_us *= 2;
}

void ms_skew_arrival(ms_clock_skew_t *skew, int32_t offset_us, int64_t arrival_us) {
    int64_t elapsed = arrival_us - skew->since_us;
    if (skew->period_us == 0 || elapsed >= 2 * skew->period_us) { /* the first, or a pause: points are a period apart */
        ms_skew_restart(skew);
        skew->period_us = FIRST_PERIOD_US;
        skew->since_us = arrival_us;
        skew->now_us = offset_us;
        return;
    }
    if (elapsed >= skew->period_us) {
        skew->quickest_us[skew->count++] = skew->now_us;
        skew->since_us += skew->period_us;
        skew->now_us = offset_us;
        if (skew->count >= ENOUGH) {
            skew->ppm = -slope_ppm(skew);
            skew->known = 1;
        }
        if (skew->count == MS_SKEW_POINTS)
            halve(skew);
    }
    skew->now_us = offset_us < skew->now_us ? offset_us : skew->now_us;
}

void ms_skew_restart(ms_clock_skew_t *skew) {
    skew->count = 0;
    skew->period_us = 0;
}
