/* Taking samples out of a signal, or putting some in, where it is heard least. */
#ifndef MS_TIME_STRETCH_H
#define MS_TIME_STRETCH_H

#include <stddef.h>
#include <stdint.h>

/* Take `amount` samples out of pcm[0..n) from `place` on, with a cross-fade of `overlap` samples; the new length. Needs
   place + amount + overlap <= n. */
size_t ms_stretch_remove(int16_t *pcm, size_t n, size_t place, size_t amount, size_t overlap);

/* Repeat the `amount` samples before `place` (they may lie in the played past, before pcm), with a cross-fade of `overlap`
   samples; the new length. Needs place + overlap <= n, and room. */
size_t ms_stretch_insert(int16_t *pcm, size_t n, size_t place, size_t amount, size_t overlap);

/* The lag in [low, high] by which the `window` samples at pcm are most like those `lag` later (direction 1) or earlier
   (direction -1); their correlation in *likeness. First every `step`-th lag and sample is tried, then all near the best. */
size_t ms_stretch_lag(const int16_t *pcm, int direction, size_t low, size_t high, size_t window, size_t step,
                      float *likeness);

#endif
