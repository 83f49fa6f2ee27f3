/* Changing the delay: how much is wanted, and where it is heard least. */
#include "playout.h"

#include "delay_choice.h"
#include "time_stretch.h"

#define SPLICE_MS 4u        /* cross-fade of a splice */
#define STEP_US 5000        /* smallest change of the depth worth thinking of */
#define SETTLED_PACKETS 100 /* until then the depth comes down from the initial one in proportion */
#define STALE_MS 200        /* too deep by so much: no time to splice */
#define INITIAL_MS 40       /* depth to begin with, when nothing is known, */
#define STEADY_US 1500      /* and one packet's length, when the first two come within so much of their time */

/* Offset that a packet may have and still be there when its first sample is pulled. */
static int64_t tolerance(const ms_jb_t *jb, size_t pull) {
    size_t grid = ms_common_divisor(pull, jb->frame);
    return jb->delay_us - ms_jb_us(jb, (int64_t)(pull - grid + jb->misaligned));
}

/* Two packets a packet's length apart are no proof of a steady network, but the odds are good: jitter of 60 ms does that to
   one call in twenty, and in the others a call begins 20 ms nearer to the speaker. */
static int steady_so_far(const ms_jb_t *jb) {
    const ms_delay_estimator_t *delays = &jb->delays;
    for (uint32_t i = 0; i < delays->count; i++)
        if (delays->offset_us[i] - delays->smallest_us > STEADY_US)
            return 0;
    return delays->count >= 2 && delays->count < MS_DELAY_WINDOW;
}

int32_t ms_playout_initial_delay(const ms_jb_t *jb) {
    int32_t depth = jb->config.initial_delay_ms * 1000;
    int32_t packet = (int32_t)ms_jb_us(jb, (int64_t)jb->store.packets[0].samples);
    if (depth == 0)
        depth = packet > 0 && packet < INITIAL_MS * 1000 && steady_so_far(jb) ? packet : INITIAL_MS * 1000;
    depth = depth < jb->config.min_delay_ms * 1000 ? jb->config.min_delay_ms * 1000 : depth;
    return depth > jb->config.max_delay_ms * 1000 ? jb->config.max_delay_ms * 1000 : depth;
}

/* Packets seen, up to as many as are needed to trust a smaller delay than the initial one. */
static uint32_t settled(const ms_jb_t *jb) {
    return jb->delays.count < SETTLED_PACKETS ? jb->delays.count : SETTLED_PACKETS;
}

void ms_playout_choose_delay(ms_jb_t *jb, size_t pull) {
    int32_t grid = (int32_t)ms_jb_us(jb, (int64_t)ms_common_divisor(pull, jb->frame));
    int32_t step = grid >= STEP_US ? grid : STEP_US;
    ms_delay_question_t q = {.tolerance_us = tolerance(jb, pull), .step_us = step,
                             .frame_us = (int32_t)ms_jb_us(jb, (int64_t)jb->frame),
                             .min_us = jb->config.min_delay_ms * 1000, .max_us = jb->config.max_delay_ms * 1000};
    int32_t cautious = jb->initial_us / SETTLED_PACKETS * (SETTLED_PACKETS - (int32_t)settled(jb));
    q.min_us = q.min_us > cautious ? q.min_us : cautious;
    q.max_us = q.max_us > q.min_us + step ? q.max_us : q.min_us + step - 1; /* a fixed delay follows the clocks, too */
    ms_delay_answer_t answer = ms_delay_choose(&jb->delays, &q);
    int64_t growth = answer.tolerance_us - q.tolerance_us;
    jb->late = answer.late;
    jb->change = ms_jb_samples(jb, growth) - (int64_t)jb->misaligned;
    jb->target_us = answer.tolerance_us - ms_delay_base(&jb->delays);
}

void ms_playout_skip_stale(ms_jb_t *jb) {
    int64_t skip = -jb->change, newest = jb->timeline.now.end - ms_playout_position(jb);
    skip = skip < newest ? skip : newest;
    if (skip < STALE_MS * (int64_t)ms_jb_per_ms(jb))
        return;
    int64_t to = ms_playout_position(jb) + skip;
    const ms_stored_packet_t *first = jb->store.packets;
    while (jb->store.count > 0 && first->position + first->samples <= to) {
        if (first->sequence > jb->last_sequence) {
            ms_loss_pattern_lost(&jb->pattern, (uint64_t)(first->sequence - jb->last_sequence));
            jb->last_sequence = first->sequence;
        }
        ms_store_remove_first(&jb->store, 1);
        jb->stats.discarded++;
    }
    ms_conceal_begin(&jb->concealment, jb->audio, jb->history); /* and what comes is cross-faded from it */
    jb->source = MS_SOURCE_GAP;
    jb->ahead = 0;
    jb->end = to;
    jb->delay_us -= ms_jb_us(jb, skip);
    jb->misaligned = 0;
    jb->change += skip;
    jb->stats.removed_samples += (uint64_t)skip;
}

/* In noise the delay changes by how much of it is played. */
static void change_in_noise(ms_jb_t *jb) {
    if (jb->change > 0) {
        jb->end -= jb->change; /* the packets to come move away */
        jb->stats.inserted_samples += (uint64_t)jb->change;
    } else {
        int64_t gap = jb->store.count > 0 ? jb->store.packets[0].position - jb->end : -jb->change;
        if (gap < -jb->change)
            jb->change = gap > 0 ? -gap : 0;
        jb->end -= jb->change;
        jb->stats.removed_samples += (uint64_t)-jb->change;
    }
    jb->delay_us += ms_jb_us(jb, jb->change);
    jb->misaligned = 0;
    jb->change = 0;
}

static int is_pause(const ms_jb_t *jb, const int16_t *pcm, size_t n) {
    size_t part = 5 * ms_jb_per_ms(jb);
    for (size_t i = 0; i < n; i += part)
        if (!ms_activity_pause(&jb->activity, ms_mean_square(pcm + i, n - i < part ? n - i : part)))
            return 0;
    return 1;
}

/* Decode until there are `need` samples ahead, as long as packets follow each other. */
static int have_ahead(ms_jb_t *jb, size_t need, size_t pull) {
    while (jb->ahead < need) {
        if (jb->store.count == 0 || ms_playout_next(jb) != MS_FILL_DECODE || jb->store.packets[0].position != jb->end)
            return 0;
        size_t misaligned = jb->misaligned;
        ms_playout_packet(jb, pull);
        jb->misaligned = misaligned;
    }
    return 1;
}

static ms_jb_kind_t apply(ms_jb_t *jb, int64_t amount, size_t overlap, size_t pull) {
    size_t n = (size_t)(amount < 0 ? -amount : amount);
    if (amount < 0) {
        jb->ahead = ms_stretch_remove(ms_playout_ahead(jb), jb->ahead, 0, n, overlap);
        jb->stats.removed_samples += n;
    } else {
        jb->ahead = ms_stretch_insert(ms_playout_ahead(jb), jb->ahead, 0, n, overlap);
        jb->stats.inserted_samples += n;
    }
    size_t grid = ms_common_divisor(pull, jb->frame);
    jb->delay_us += ms_jb_us(jb, amount);
    jb->misaligned = (size_t)(((int64_t)jb->misaligned + amount) % (int64_t)grid + (int64_t)grid) % grid;
    jb->change -= amount;
    return amount < 0 ? MS_JB_ACCELERATE : MS_JB_DECELERATE;
}

/* Splice a pitch period out of, or into, speech. Where packets begin at the pulls, and both are long, less than the whole
   growth would only add delay: what a packet gains in time is lost to its beginning inside a pull. Then as many periods as
   the growth takes are inserted at once, and what is too much goes in the next pause. */
static ms_jb_kind_t change_in_speech(ms_jb_t *jb, int64_t amount, size_t pull) {
    size_t ms = ms_jb_per_ms(jb), low = ms * 5 / 2, high = 16 * ms, window = 10 * ms;
    float likeness;
    if (amount > 0 && ms_common_divisor(pull, jb->frame) > high && (size_t)amount > low && (size_t)amount <= 24 * ms) {
        low = (size_t)amount;
        high += low;
    }
    if (amount < 0 && !have_ahead(jb, high + window + pull, pull))
        return MS_JB_NORMAL;
    if (jb->ahead < window)
        return MS_JB_NORMAL;
    size_t lag = ms_stretch_lag(ms_playout_ahead(jb), amount < 0 ? 1 : -1, low, high, window, ms / 8, &likeness);
    if (likeness < 0.8f)
        return MS_JB_NORMAL;
    jb->since_change = 0;
    return apply(jb, amount < 0 ? -(int64_t)lag : (int64_t)lag, window, pull);
}

ms_jb_kind_t ms_playout_change_delay(ms_jb_t *jb, size_t pull) {
    size_t overlap = SPLICE_MS * ms_jb_per_ms(jb);
    if (jb->change == 0 || jb->source == MS_SOURCE_GAP)
        return MS_JB_NORMAL;
    ms_change_question_t q = {.change = jb->change, .per_ms = (int64_t)ms_jb_per_ms(jb), .quiet = jb->quiet,
                              .late = jb->late,
                              .since_change = jb->since_change};
    int64_t amount;
    if (jb->source == MS_SOURCE_NOISE) {
        q.pause = 1;
        if (ms_playout_change(&q, &amount) == MS_CHANGE_IN_PAUSE)
            change_in_noise(jb);
        return MS_JB_NOISE;
    }
    q.pause = 1;
    ms_playout_change(&q, &amount);
    if (amount < 0)
        q.pause = have_ahead(jb, (size_t)-amount + (pull > overlap ? pull : overlap), pull) &&
                  is_pause(jb, ms_playout_ahead(jb), (size_t)-amount + overlap);
    else
        q.pause = is_pause(jb, ms_playout_ahead(jb) - amount, (size_t)amount + overlap);
    switch (ms_playout_change(&q, &amount)) {
    case MS_CHANGE_IN_PAUSE:
        return apply(jb, amount, overlap, pull);
    case MS_CHANGE_IN_SPEECH:
        return change_in_speech(jb, amount, pull);
    case MS_CHANGE_NONE:
        break;
    }
    return MS_JB_NORMAL;
}
