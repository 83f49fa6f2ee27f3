/* Two memories of lateness, and a price for delay. */
#include "delay_estimator.h"

#include <string.h>

/* The depth is an economic choice. Each millisecond of delay has a price and each packet that comes too late has one; the
   buffer takes the depth at which the sum is least. In the currency "share of packets lost":

       price(depth) = DELAY_PRICE * depth + what the E-model (G.107, Idd) takes from long delays
                    + share of packets later than depth
                    + gaps by loss * BLIND_PRICE * chance that the packet after a gap is not there to bridge to

   So dense jitter is bridged to its end, a rare spike is not chased (a 300 ms one each 10 s is 1.5 % of the packets, but
   would cost 260 ms), spikes that keep coming are bridged as far as they pay, and a line that loses packets gets just the
   depth that lets concealment see both sides of a gap. A quantile, which is what others use, can not tell these apart.

   Lateness is remembered twice. The window holds the last 2.5 s packet by packet: it follows the jitter of the moment, and a
   route that became longer or shorter leaves it with its last packet. The long memory (about 40 s) holds how much later than
   the quickest neighbours packets were: it knows how often spikes come. A packet enters it only on leaving the window, when
   both sides of its neighbourhood are known, so a change of route does not look like a spike. The dearer of both counts.
   Both start with some packets in time to their credit: one spike in the first seconds proves nothing. */

#define DELAY_PRICE 0.08e-3f /* per ms */
#define FAR_MS 60.0f         /* from here on talking gets harder: */
#define FAR_PRICE 1.5e-6f    /* per ms and ms beyond */
#define BLIND_PRICE 0.8f     /* per gap: its first half concealed from the past only costs as much as a lost packet, nearly */
#define WINDOW_CREDIT 700.0f /* packets */
#define SPIKE_CREDIT 500.0f
#define SPIKE_MEMORY 2000.0f
#define LONGEST_GAP 6 /* packets */
#define LOSS_MEMORY 1000.0f
#define LOSS_CREDIT 256.0f
#define CLOCK_JITTER_US 1500 /* of whoever pulls: a packet that comes later than this before its time counts as late */
#define SKEW_SURE 500.0f /* us a second */
#define SKEW_AHEAD_S 3.0f /* until the next pause in which the delay can be changed */
#define REORDERED_WEIGHT 3 /* in the first seconds: overtaken packets are no spike, they will come again */
#define WORTH_IT 0.4e-3f /* gain below which the delay stays: half the price of one step of 10 ms */
#define RUN_MEANS_STEP 6 /* packets */
#define BASE_FOLLOWS_S 60.0f
#define BASE_JUMP 0.5f /* of the mean lateness */
#define BASE_JUMP_US 10000.0f

void ms_delay_init(ms_delay_estimator_t *e) {
    memset(e, 0, sizeof *e);
    e->spike_weight = 1.0f;
    e->expected = e->received = LOSS_CREDIT;
}

static void find_smallest(ms_delay_estimator_t *e) {
    int32_t smallest = e->offset_us[0];
    for (uint32_t i = 1; i < e->count; i++)
        smallest = e->offset_us[i] < smallest ? e->offset_us[i] : smallest;
    e->smallest_us = smallest;
}

/* Depths are counted from the base. The smallest offset of the window wanders up and down under heavy jitter, and a depth
   that wandered with it would change the delay for nothing. So the base follows slowly (and clock drift at its own pace),
   but at once when the whole window has gone above it by more than jitter explains: the route has become longer. */
static void move_base(ms_delay_estimator_t *e, float elapsed_s) {
    float smallest = (float)e->smallest_us, ahead = smallest - e->base_us;
    float jump = e->typical_us * BASE_JUMP > BASE_JUMP_US ? e->typical_us * BASE_JUMP : BASE_JUMP_US;
    if (e->count < MS_DELAY_WINDOW || ahead < 0.0f || ahead > jump) {
        e->base_us = smallest;
        return;
    }
    elapsed_s = elapsed_s < 1.0f ? elapsed_s : 1.0f;
    e->base_us += ahead * elapsed_s / BASE_FOLLOWS_S + e->skew * elapsed_s;
    e->base_us = e->base_us < smallest ? e->base_us : smallest;
}

/* The oldest packet of the window goes over into the long memory. */
static void remember(ms_delay_estimator_t *e, uint32_t slot) {
    int32_t base = (int32_t)e->base_us;
    base = e->base_then_us[slot] > base ? e->base_then_us[slot] : base;
    int32_t bin = (e->offset_us[slot] - base) / MS_DELAY_SPIKE_BIN_US;
    bin = bin < 0 ? 0 : bin >= (int32_t)MS_DELAY_SPIKE_BINS ? (int32_t)MS_DELAY_SPIKE_BINS - 1 : bin;
    e->spikes[bin] += e->spike_weight;
    e->spikes_total += e->spike_weight;
    e->spike_weight *= 1.0f + 1.0f / SPIKE_MEMORY;
    if (e->spike_weight > 1e6f) {
        for (uint32_t i = 0; i < MS_DELAY_SPIKE_BINS; i++)
            e->spikes[i] /= e->spike_weight;
        e->spikes_total /= e->spike_weight;
        e->spike_weight = 1.0f;
    }
}

static void count_loss(ms_delay_estimator_t *e, int64_t step) {
    float keep = 1.0f - 1.0f / LOSS_MEMORY;
    if (step > LONGEST_GAP)
        step = 1; /* too long to bridge: no reason to look ahead */
    step = step > 2 ? 2 : step; /* however many are missing, it is one gap */
    if (step > 0)
        e->expected = e->expected * keep + (float)step;
    e->received = e->received * (step > 0 ? keep : 1.0f) + 1.0f;
}

/* Once a second: the slope of the smallest offsets, as the median over all pairs, which steps of the route do not move. */
static void judge_skew(ms_delay_estimator_t *e) {
    float slopes[MS_DELAY_SKEW_POINTS * (MS_DELAY_SKEW_POINTS - 1) / 2];
    uint32_t n = 0, points = e->skew_count < MS_DELAY_SKEW_POINTS ? e->skew_count : MS_DELAY_SKEW_POINTS;
    if (points < 4)
        return;
    for (uint32_t i = 0; i < points; i++)
        for (uint32_t j = i + 1; j < points; j++) {
            uint32_t a = (e->skew_count - points + i) % MS_DELAY_SKEW_POINTS;
            uint32_t b = (e->skew_count - points + j) % MS_DELAY_SKEW_POINTS;
            float slope = (float)(e->skew_minimum_us[b] - e->skew_minimum_us[a]) / (float)(j - i);
            uint32_t place = n++;
            for (; place > 0 && slopes[place - 1] > slope; place--)
                slopes[place] = slopes[place - 1];
            slopes[place] = slope;
        }
    e->skew = slopes[n / 2];
    e->skew_sure = slopes[n / 4] > SKEW_SURE ? slopes[n / 4] : 0.0f;
}

static void watch_skew(ms_delay_estimator_t *e, int32_t offset_us, int64_t arrival_us) {
    if (e->count == 1 && e->skew_count == 0) {
        e->skew_since_us = arrival_us;
        e->skew_now_us = offset_us;
    }
    if (arrival_us - e->skew_since_us >= 1000000) {
        e->skew_minimum_us[e->skew_count++ % MS_DELAY_SKEW_POINTS] = e->skew_now_us;
        if (arrival_us - e->skew_since_us >= 2000000) /* a pause: the points would no longer be a second apart */
            e->skew_count = 0;
        e->skew_since_us = arrival_us;
        e->skew_now_us = offset_us;
        judge_skew(e);
    }
    e->skew_now_us = offset_us < e->skew_now_us ? offset_us : e->skew_now_us;
}

void ms_delay_arrival(ms_delay_estimator_t *e, int64_t offset_us, int64_t arrival_us, int64_t step) {
    if (e->count == 0)
        e->reference_us = offset_us;
    int64_t far = offset_us - e->reference_us;
    int32_t relative = (int32_t)(far > 1000000000 ? 1000000000 : far < -1000000000 ? -1000000000 : far);
    uint32_t slot = e->next;
    e->next = (slot + 1) % MS_DELAY_WINDOW;
    int lowest_left = 0;
    if (e->count == MS_DELAY_WINDOW) {
        remember(e, slot);
        lowest_left = e->offset_us[slot] == e->smallest_us;
    } else
        e->count++;
    e->offset_us[slot] = relative;
    e->weight[slot] = step > 0 || e->count == MS_DELAY_WINDOW ? 1 : REORDERED_WEIGHT;
    if (lowest_left)
        find_smallest(e);
    else if (e->count == 1 || relative < e->smallest_us)
        e->smallest_us = relative;
    move_base(e, (float)(arrival_us - e->newest_us) * 1e-6f);
    e->newest_us = arrival_us;
    e->base_then_us[slot] = (int32_t)e->base_us;
    float excess = (float)relative - e->base_us;
    e->typical_us += (excess - e->typical_us) * (e->count < 16 ? 1.0f / (float)e->count : 1.0f / 16);
    watch_skew(e, relative, arrival_us);
    count_loss(e, step);
}

int64_t ms_delay_base(const ms_delay_estimator_t *e) { return e->reference_us + (int64_t)e->base_us; }

float ms_delay_loss(const ms_delay_estimator_t *e) {
    float loss = 1.0f - e->received / e->expected;
    return loss > 0.0f ? loss : 0.0f;
}

/* Share of packets later than a depth above the base. */
static float later_lately(const ms_delay_estimator_t *e, int32_t depth_us) {
    uint32_t late = 0;
    int32_t limit = (int32_t)(e->base_us - e->skew_sure * SKEW_AHEAD_S) + depth_us - CLOCK_JITTER_US;
    for (uint32_t i = 0; i < e->count; i++)
        late += e->offset_us[i] > limit ? e->weight[i] : 0;
    return (float)late / ((float)e->count + WINDOW_CREDIT);
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

static float later_ever(const ms_delay_estimator_t *e, int32_t depth_us) {
    float late = 0.0f;
    int32_t bin = depth_us < 0 ? 0 : depth_us / MS_DELAY_SPIKE_BIN_US;
    for (uint32_t i = (uint32_t)bin + 1; i < MS_DELAY_SPIKE_BINS; i++)
        late += e->spikes[i];
    if (bin < (int32_t)MS_DELAY_SPIKE_BINS) /* the bin that depth lies in counts in part */
        late += e->spikes[bin] * (1.0f - (float)(depth_us - bin * MS_DELAY_SPIKE_BIN_US) / MS_DELAY_SPIKE_BIN_US);
    return late / (e->spikes_total + SPIKE_CREDIT * e->spike_weight);
}

static float later(const ms_delay_estimator_t *e, int32_t depth_us) {
    float lately = later_lately(e, depth_us), ever = later_ever(e, depth_us);
    return lately > ever ? lately : ever;
}

static float price(const ms_delay_estimator_t *e, const ms_delay_question_t *q, int32_t depth_us) {
    float ms = (float)depth_us / 1000.0f, far = ms > FAR_MS ? ms - FAR_MS : 0.0f;
    float blind = (float)e->count / ((float)e->count + WINDOW_CREDIT);
    blind = later_lately(e, depth_us - q->frame_us) / (blind > 0.0f ? blind : 1.0f);
    return DELAY_PRICE * ms + FAR_PRICE * far * far + later(e, depth_us) + ms_delay_loss(e) * BLIND_PRICE * blind;
}

ms_delay_answer_t ms_delay_choose(const ms_delay_estimator_t *e, const ms_delay_question_t *q) {
    ms_delay_answer_t answer = {q->tolerance_us, 0.0f, 0};
    int64_t base = ms_delay_base(e);
    int32_t now = (int32_t)(q->tolerance_us - base);
    float unchanged = price(e, q, now), best = 0.0f;
    int found = 0;
    int32_t lowest = now - (now - q->min_us) / q->step_us * q->step_us;
    while (lowest < q->min_us)
        lowest += q->step_us;
    for (int32_t depth = lowest; depth <= q->max_us; depth += q->step_us) {
        float cost = price(e, q, depth);
        if (!found || cost < best) {
            best = cost;
            answer.tolerance_us = base + depth;
            found = 1;
        }
        if (DELAY_PRICE * (float)depth / 1000.0f > best)
            break; /* nothing deeper can be cheaper */
    }
    answer.gain = unchanged - best;
    if (answer.gain < WORTH_IT && e->count == MS_DELAY_WINDOW && now >= q->min_us && now <= q->max_us) {
        answer.tolerance_us = q->tolerance_us;
        answer.gain = 0.0f;
    }
    answer.late = late_events(e, now);
    return answer;
}
