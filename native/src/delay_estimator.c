/* Two memories of lateness, the loss, and the drift of the clocks. */
#include "delay_estimator.h"

#include <string.h>

/* Lateness is remembered twice. The window holds the last 2.5 s packet by packet: it follows the jitter of the moment, and a
   route that became longer or shorter leaves it with its last packet. The long memory (about 40 s) holds how much later than
   the quickest neighbours packets were: it knows how often spikes come. A packet enters it only on leaving the window, when
   both sides of its neighbourhood are known, so a change of route does not look like a spike. */

#define SPIKE_MEMORY 2000.0f /* packets */
#define LONGEST_GAP 6        /* packets: what a bridge can span */
#define LOSS_MEMORY 1000.0f  /* packets */
#define LOSS_CREDIT 256.0f   /* packets that came, assumed at the start */
#define SKEW_SURE 500.0f     /* us a second */
#define SKEW_MOST 20000.0f
#define REORDERED_WEIGHT 3   /* in the first seconds: overtaken packets are no spike, they will come again */
#define BASE_FOLLOWS_S 60.0f
#define BASE_JUMP 0.5f       /* of the mean lateness */
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

static float clamp(float x, float low, float high) { return x < low ? low : x > high ? high : x; }

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
    e->skew = clamp(slopes[n / 2], -SKEW_MOST, SKEW_MOST);
    e->skew_sure = slopes[n / 4] > SKEW_SURE ? clamp(slopes[n / 4], 0.0f, SKEW_MOST) : 0.0f;
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
