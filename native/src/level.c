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
    for (; i + 8 <= n; i += 8) { /* eight squares shifted by 3 fit in 32 bits: no widening in the inner loop */
        uint32_t part = 0;
        for (size_t k = 0; k < 8; k++)
            part += (uint32_t)(samples[i + k] * samples[i + k]) >> 3;
        sum += part;
    }
    sum <<= 3;
    for (; i < n; i++)
        sum += (uint64_t)(samples[i] * samples[i]);
    return sum;
}
