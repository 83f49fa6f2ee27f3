/* How deep must the buffer be? Watches when packets arrive and weighs delay against packets that would come too late. */
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

/* What the choice depends on besides the arrivals. Tolerance is the largest offset that is still in time. */
typedef struct ms_delay_question {
    int64_t tolerance_us; /* of the buffer as it is */
    int32_t step_us;      /* tolerances that make sense lie this far apart */
    int32_t frame_us;     /* length of a packet */
    int32_t min_us, max_us; /* bounds above the base */
} ms_delay_question_t;

typedef struct ms_delay_answer {
    int64_t tolerance_us; /* best one: question's plus a whole number of steps */
    float gain;           /* what it is better by, as a share of packets lost */
    uint32_t late;        /* times lately that packets were too late for the question's tolerance */
} ms_delay_answer_t;

ms_delay_answer_t ms_delay_choose(const ms_delay_estimator_t *estimator, const ms_delay_question_t *question);

/* Offset of the quickest packets lately. */
int64_t ms_delay_base(const ms_delay_estimator_t *estimator);

/* Share of packets lost lately, 0..1. */
float ms_delay_loss(const ms_delay_estimator_t *estimator);

#endif
