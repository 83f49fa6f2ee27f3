/* Sample rate conversion of whole clips; the streaming form is public. */
#ifndef MS_RESAMPLER_H
#define MS_RESAMPLER_H

#include "microsip_media.h"

/* A windowed sinc between two rates as `rows` rows of ms_filter_taps coefficients, newest input last: row p for outputs
   that lie p / phases of an input sample behind an input. */
uint32_t ms_filter_taps(uint32_t from, uint32_t to);
void ms_filter_design(float *filter, uint32_t from, uint32_t to, uint32_t phases, uint32_t rows);

/* A whole clip at once, without the delay: `*out` (to be freed) holds the input's duration. */
ms_status_t ms_resample_clip(const int16_t *in, size_t n, uint32_t from, uint32_t to, int16_t **out, size_t *out_n);

#endif
