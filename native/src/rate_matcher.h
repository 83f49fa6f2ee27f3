/* Sample rate conversion by a ratio that may change a little at any time, for clocks that drift apart. */
#ifndef MS_RATE_MATCHER_H
#define MS_RATE_MATCHER_H

#include "microsip_media.h"

typedef struct ms_rate_matcher {
    uint32_t taps, capacity, have; /* have: inputs in `window` */
    double nominal, step;          /* inputs per output */
    double position;               /* of the next output's first tap in `window` */
    float *filter, *window;
} ms_rate_matcher_t;

/* From and to 4000..192000 Hz. `most`: inputs of one call. Delays by 16 samples of the lower rate. */
ms_status_t ms_rate_matcher_open(ms_rate_matcher_t *matcher, uint32_t from, uint32_t to, uint32_t most);
void ms_rate_matcher_close(ms_rate_matcher_t *matcher);
/* Take so much more input per output than the rates say: 0.001 is 0.1 %, at most 0.05 either way. */
void ms_rate_matcher_bend(ms_rate_matcher_t *matcher, double correction);
/* Inputs that are missing for n outputs. */
uint32_t ms_rate_matcher_needed(const ms_rate_matcher_t *matcher, uint32_t n);
/* Take n inputs, give up to `most` outputs; how many there are. */
uint32_t ms_rate_matcher_process(ms_rate_matcher_t *matcher, const int16_t *in, uint32_t n, int16_t *out, uint32_t most);

#endif
