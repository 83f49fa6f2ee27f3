/* When packets arrive: how late they were lately and ever, how many are lost, and how the clocks drift. */
#ifndef MS_DELAY_ESTIMATOR_H
#define MS_DELAY_ESTIMATOR_H

#include <stdint.h>

#define MS_DELAY_WINDOW 128u      /* packets remembered one by one: 2.5 s of 20 ms packets */
#define MS_DELAY_SPIKE_BINS 160u  /* of MS_DELAY_SPIKE_BIN_US each: the long memory */
#define MS_DELAY_SPIKE_BIN_US 2500
#define MS_DELAY_SKEW_POINTS 12u  /* seconds over which clock drift is judged */

/* An offset is arrival time minus sample time: transit time plus an unknown constant. All are kept relative to the first. */
typedef struct ms_delay_estimator {
    int64_t reference_us;
    int32_t offset_us[MS_DELAY_WINDOW];
    int32_t base_then_us[MS_DELAY_WINDOW]; /* base when the packet arrived */
    uint8_t weight[MS_DELAY_WINDOW];
    uint32_t count, next;                  /* of the ring */
    int32_t smallest_us;                   /* in the ring */
    float base_us;                         /* offset of the quickest packets, steadier than `smallest` */
    float typical_us;                      /* mean of offset minus base */
    float spikes[MS_DELAY_SPIKE_BINS];     /* how often packets of the past were so much later than the quickest */
    float spikes_total, spike_weight;      /* weight of the next one; grows instead of every bin decaying */
    int64_t newest_us;                     /* arrival of the newest packet */
    float expected, received;              /* packets, forgetting: share of loss */
    int32_t skew_minimum_us[MS_DELAY_SKEW_POINTS];
    uint32_t skew_count;
    int64_t skew_since_us;
    int32_t skew_now_us;                   /* smallest offset of the present second */
    float skew;                            /* us per second that offsets grow */
    float skew_sure;                       /* the same, 0 unless growth is beyond doubt */
} ms_delay_estimator_t;

void ms_delay_init(ms_delay_estimator_t *estimator);

/* A packet has arrived; step: by how many sequence numbers the newest packet moved on (0: reordered). */
void ms_delay_arrival(ms_delay_estimator_t *estimator, int64_t offset_us, int64_t arrival_us, int64_t step);

/* Offset of the newest packet, relative to that of the first. */
static inline int32_t ms_delay_newest(const ms_delay_estimator_t *estimator) {
    return estimator->offset_us[(estimator->next + MS_DELAY_WINDOW - 1) % MS_DELAY_WINDOW];
}

/* Offset of the quickest packets lately. */
int64_t ms_delay_base(const ms_delay_estimator_t *estimator);

/* Share of packets lost lately, 0..1. */
float ms_delay_loss(const ms_delay_estimator_t *estimator);

#endif
