/* Loudness of samples: scaled, and measured. */
#include "level.h"

void ms_gain(int16_t *samples, size_t n, int32_t gain) {
    for (size_t i = 0; i < n; i++) {
        int32_t scaled = (samples[i] * gain) >> 12; /* 2^15 * 2^15 fits */
        samples[i] = (int16_t)(scaled > INT16_MAX ? INT16_MAX : scaled < INT16_MIN ? INT16_MIN : scaled);
    }
}

uint64_t ms_energy(const int16_t *samples, size_t n) {
    uint64_t sum = 0;
    size_t i = 0;
    for (; i + 2 <= n; i += 2) /* two squares fit in 32 bits: half the widening */
        sum += (uint32_t)(samples[i] * samples[i]) + (uint32_t)(samples[i + 1] * samples[i + 1]);
    return i < n ? sum + (uint32_t)(samples[i] * samples[i]) : sum;
}
