/* Two levels, the background's and the voice's, each quick one way and slow the other. */
#include "activity.h"

#define QUIET 1100.0f       /* -60 dBov: a pause whatever the levels */
#define BELOW_PEAK 1e-4f    /* so is what lies 40 dB under the voice */
#define ABOVE_FLOOR 4.0f    /* and what is within 6 dB of the background, */
#define CLEAR_OF_PEAK 0.03f /* if that lies 15 dB under the voice: a tone or music has no background */

void ms_activity_init(ms_activity_t *a) {
    a->floor = QUIET;
    a->peak = 0.0f;
}

float ms_mean_square(const int16_t *pcm, size_t n) {
    int64_t sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (int32_t)pcm[i] * pcm[i];
    return n > 0 ? (float)sum / (float)n : 0.0f;
}

void ms_activity_learn(ms_activity_t *a, float level, float ms) {
    float down = 0.02f * ms, up = 0.0005f * ms; /* floor: at once down, 2 dB a second up */
    if (level < a->floor)
        a->floor += (level - a->floor) * (down < 1.0f ? down : 1.0f);
    else
        a->floor += (a->floor + 1.0f) * up;
    if (level > a->peak)
        a->peak += (level - a->peak) * (0.03f * ms < 1.0f ? 0.03f * ms : 1.0f);
    else
        a->peak -= a->peak * 0.00005f * ms;
}

int ms_activity_pause(const ms_activity_t *a, float level) {
    if (level < QUIET || level < a->peak * BELOW_PEAK)
        return 1;
    return a->floor < a->peak * CLEAR_OF_PEAK && level < a->floor * ABOVE_FLOOR;
}
