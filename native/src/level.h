/* Loudness of samples: scaled, and measured. */
#ifndef MS_LEVEL_H
#define MS_LEVEL_H

#include <stddef.h>
#include <stdint.h>

/* Scale by gain / 4096, limited to what a sample holds; gain is 0..32768. */
void ms_gain(int16_t *samples, size_t n, int32_t gain);

/* Sum of squares. */
uint64_t ms_energy(const int16_t *samples, size_t n);

#endif
