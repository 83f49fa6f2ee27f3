/* The sender's clock against ours, measured over the whole call. */
#ifndef MS_CLOCK_SKEW_H
#define MS_CLOCK_SKEW_H

#include <stdint.h>

#define MS_SKEW_POINTS 16u

/* Zero-initialise. */
typedef struct ms_clock_skew {
    int32_t quickest_us[MS_SKEW_POINTS]; /* smallest offset of each period */
    uint32_t count;                      /* periods that are over */
    int64_t period_us, since_us;         /* length of a period; start of the present one */
    int32_t now_us;                      /* smallest offset in it */
    int known;
    float ppm;                           /* how much faster the sender's clock runs than ours */
} ms_clock_skew_t;

/* A packet came; offset: arrival minus sample time, relative to any constant. */
void ms_skew_arrival(ms_clock_skew_t *skew, int32_t offset_us, int64_t arrival_us);

/* Offsets before and after are no longer of one clock: begin anew, with the old figure until there is a new one. */
void ms_skew_restart(ms_clock_skew_t *skew);

#endif
