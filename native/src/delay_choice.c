/* The price of delay, and the cheapest depth. */
#include "delay_choice.h"

#include <string.h>

/* The depth is an economic choice. Each millisecond of delay has a price and each packet that comes too late has one; the
   buffer takes the depth at which the sum is least. In the currency "share of packets lost":

       price(depth) = DELAY_PRICE * depth + what the E-model (G.107, Idd) takes from long delays
                    + share of packets later than depth
                    + gaps by loss * BLIND_PRICE * chance that the packet after a gap is not there to bridge to

   So dense jitter is bridged to its end, a rare spike is not chased (a 300 ms one each 10 s is 1.5 % of the packets, but
   would cost 260 ms), spikes that keep coming are bridged as far as they pay, and a line that loses packets gets just the
   depth that lets concealment see both sides of a gap. A quantile, which is what others use, can not tell these apart.

   Of the estimator's two memories the dearer one counts. Both start with some packets in time to their credit: one spike in
   the first seconds proves nothing. */

#define DELAY_PRICE 0.08e-3f  /* per ms */
#define FAR_MS 60.0f          /* from here on talking gets harder: */
#define FAR_PRICE 1.5e-6f     /* per ms, for each ms beyond */
#define BLIND_PRICE 0.8f      /* a gap whose first half is concealed from the past only: nearly as bad as a packet lost */
/* The same where the next depth is a whole 20 ms away. That is not what a gap sounds like but what such a step may cost:
   at 10 % of burst loss up to 0.1 of PESQ buys 7 ms, at 20 % 0.03 buys 5. */
#define BLIND_COARSE 0.2f
#define COARSE_US 20000
#define WINDOW_CREDIT 700.0f  /* packets */
#define SPIKE_CREDIT 500.0f
#define SKEW_AHEAD_S 3.0f     /* until the next pause in which the delay can be changed */
#define CLOCK_JITTER_US 1500  /* of whoever pulls: a packet this short before its time counts as late */
#define WORTH_IT 0.4e-3f      /* gain below which the delay stays: half the price of one step of 10 ms */
#define RUN_MEANS_STEP 6      /* packets */
#define DEPTHS 64             /* tried at most */

/* Share of the window's packets with an offset beyond first, first + step, ... */
static void later_lately(const ms_delay_estimator_t *e, float first_us, float step_us, int n, float *share) {
    uint32_t late[DEPTHS + 1] = {0};
    for (uint32_t i = 0; i < e->count; i++) {
        float beyond = ((float)e->offset_us[i] - first_us) / step_us; /* depths 0..beyond are too small for it */
        int many = beyond <= 0.0f ? 0 : beyond >= (float)n ? n : (int)beyond + ((float)(int)beyond < beyond);
        late[many] += e->weight[i];
    }
    for (int i = n - 1; i >= 0; i--) {
        late[i] += late[i + 1];
        share[i] = (float)late[i + 1] / ((float)e->count + WINDOW_CREDIT);
    }
}

/* Share of packets ever that were later than first, first + step, ... above the base. */
static void later_ever(const ms_delay_estimator_t *e, int32_t first_us, int32_t step_us, int n, float *share) {
    float total = e->spikes_total + SPIKE_CREDIT * e->spike_weight, beyond = 0.0f;
    int32_t next = (int32_t)MS_DELAY_SPIKE_BINS;
    for (int i = n - 1; i >= 0; i--) {
        int32_t depth = first_us + i * step_us, bin = depth < 0 ? 0 : depth / MS_DELAY_SPIKE_BIN_US;
        while (next > bin + 1 && next > 0)
            beyond += e->spikes[--next];
        share[i] = beyond / total;
        if (bin < (int32_t)MS_DELAY_SPIKE_BINS) /* the bin that depth lies in counts in part */
            share[i] += e->spikes[bin] * (1.0f - (float)(depth - bin * MS_DELAY_SPIKE_BIN_US) / MS_DELAY_SPIKE_BIN_US) / total;
    }
}

/* How often lately a packet was later than a depth, a run of such packets counting once: what tells jitter, which goes on,
   from a spike, which is over when its packets come. A run that has not ended for RUN_MEANS_STEP counts as many. */
static uint32_t late_events(const ms_delay_estimator_t *e, int32_t depth_us) {
    uint32_t events = 0, run = 0, oldest = e->count < MS_DELAY_WINDOW ? 0 : e->next;
    int32_t limit = (int32_t)e->base_us + depth_us;
    for (uint32_t i = 0; i < e->count; i++) {
        int late = e->offset_us[(oldest + i) % MS_DELAY_WINDOW] > limit;
        run = late ? run + 1 : 0;
        events += run == 1;
    }
    return run >= RUN_MEANS_STEP ? events + run : events;
}

/* The price of n depths from `first` on. */
static void price(const ms_delay_estimator_t *e, const ms_delay_question_t *q, int32_t first_us, int n, float *cost) {
    float lately[DEPTHS], blind[DEPTHS], ever[DEPTHS], step = (float)q->step_us;
    float limit = e->base_us - e->skew_sure * SKEW_AHEAD_S + (float)(first_us - CLOCK_JITTER_US);
    float unseen = q->step_us < COARSE_US ? BLIND_PRICE : BLIND_COARSE;
    float gaps = ms_delay_loss(e) * unseen * ((float)e->count + WINDOW_CREDIT) / (float)e->count;
    later_lately(e, limit, step, n, lately);
    later_lately(e, limit - (float)q->frame_us, step, n, blind);
    later_ever(e, first_us, q->step_us, n, ever);
    for (int i = 0; i < n; i++) {
        float ms = (float)(first_us + i * q->step_us) / 1000.0f, far = ms > FAR_MS ? ms - FAR_MS : 0.0f;
        cost[i] = DELAY_PRICE * ms + FAR_PRICE * far * far + (lately[i] > ever[i] ? lately[i] : ever[i]) + gaps * blind[i];
    }
}

ms_delay_answer_t ms_delay_choose(const ms_delay_estimator_t *e, const ms_delay_question_t *q) {
    int64_t base = ms_delay_base(e), above = q->tolerance_us - base;
    int32_t now = (int32_t)(above > 100000000 ? 100000000 : above < -100000000 ? -100000000 : above);
    int32_t lowest = now - (now - q->min_us) / q->step_us * q->step_us;
    lowest += lowest < q->min_us ? q->step_us : 0;
    int n = lowest > q->max_us ? 0 : (q->max_us - lowest) / q->step_us + 1, best = 0;
    ms_delay_answer_t answer = {q->tolerance_us, 0};
    if (e->count == 0 || n == 0)
        return answer;
    float cost[DEPTHS];
    n = n < DEPTHS ? n : DEPTHS;
    price(e, q, lowest, n, cost);
    for (int i = 1; i < n; i++)
        if (cost[i] < cost[best])
            best = i;
    int same = now >= lowest ? (now - lowest) / q->step_us : n; /* which of them the present depth is, if any */
    int stay = same < n && e->count == MS_DELAY_WINDOW && cost[same] - cost[best] < WORTH_IT;
    answer.tolerance_us += stay ? 0 : (int64_t)lowest + (int64_t)best * q->step_us - now;
    answer.late = late_events(e, now);
    return answer;
}
