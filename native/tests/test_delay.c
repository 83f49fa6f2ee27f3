/* The parts that set the delay, each by itself: the estimator, the choice of a depth, the rules of playing, the time line. */
#include "check.h"
#include "delay_choice.h"
#include "playout_decision.h"
#include "timeline.h"

static uint32_t dice_state;

static int64_t dice(uint32_t sides) {
    dice_state = dice_state * 1664525U + 1013904223U;
    return (int64_t)((dice_state >> 8) % sides);
}

/* Packets each 20 ms, later than the quickest by up to jitter_us; one in `lose` is lost (0: none), one in `spike` comes
   spike_us late. */
static void hear(ms_delay_estimator_t *e, int packets, uint32_t jitter_us, uint32_t lose, uint32_t spike, int64_t spike_us) {
    ms_delay_init(e);
    dice_state = 1;
    int64_t step = 1;
    for (int i = 0; i < packets; i++) {
        int64_t late = dice(jitter_us + 1) + (spike > 0 && dice(spike) == 0 ? spike_us : 0);
        if (lose > 0 && dice(lose) == 0) {
            step++;
            continue;
        }
        ms_delay_arrival(e, 7000000 + late, (int64_t)i * 20000 + late, step);
        step = 1;
    }
}

static int64_t depth(const ms_delay_estimator_t *e, int32_t step_us, int32_t min_us, int32_t max_us) {
    ms_delay_question_t q = {.tolerance_us = ms_delay_base(e) + 40000, .step_us = step_us, .frame_us = 20000,
                             .min_us = min_us, .max_us = max_us};
    return (ms_delay_choose(e, &q).tolerance_us - ms_delay_base(e)) / 1000;
}

static void the_base_is_the_quickest_way(void) {
    ms_delay_estimator_t e;
    hear(&e, 500, 30000, 0, 0, 0);
    CHECK(ms_delay_base(&e) >= 7000000 - 1000 && ms_delay_base(&e) < 7003000);
    for (int i = 500; i < 700; i++) /* a longer way: the base goes along once the old one has left the window */
        ms_delay_arrival(&e, 7080000 + dice(30000), (int64_t)i * 20000, 1);
    CHECK(ms_delay_base(&e) > 7075000);
    ms_delay_arrival(&e, 7000000, 700 * 20000, 1); /* a shorter one: at once */
    CHECK(ms_delay_base(&e) <= 7000000);
}

static void loss_is_the_share_of_gaps(void) {
    ms_delay_estimator_t e;
    hear(&e, 3000, 0, 0, 0, 0);
    CHECK(ms_delay_loss(&e) < 1e-4f);
    hear(&e, 5000, 0, 20, 0, 0);
    CHECK(ms_delay_loss(&e) > 0.035f && ms_delay_loss(&e) < 0.065f);
    ms_delay_init(&e);
    for (int i = 0; i < 2000; i++) /* outages too long to bridge are no reason to look ahead */
        ms_delay_arrival(&e, 0, (int64_t)i * 20000, i % 100 == 0 ? 15 : 1);
    CHECK(ms_delay_loss(&e) < 1e-4f);
}

static void the_depth_is_what_the_network_is_worth(void) {
    ms_delay_estimator_t e;
    hear(&e, 1000, 0, 0, 0, 0);
    CHECK_EQ(depth(&e, 10000, 0, 500000), 10);
    hear(&e, 1000, 60000, 0, 0, 0); /* dense jitter: to its end */
    CHECK(depth(&e, 10000, 0, 500000) >= 60 && depth(&e, 10000, 0, 500000) <= 70);
    hear(&e, 1000, 2000, 0, 500, 300000); /* a rare spike: not chased */
    CHECK(depth(&e, 10000, 0, 500000) <= 20);
    hear(&e, 1000, 2000, 20, 0, 0); /* losses: room to see the other side of a gap */
    CHECK(depth(&e, 10000, 0, 500000) >= 20 && depth(&e, 10000, 0, 500000) <= 40);
}

static void the_bounds_hold(void) {
    ms_delay_estimator_t e;
    hear(&e, 1000, 0, 0, 0, 0);
    CHECK_EQ(depth(&e, 10000, 80000, 500000), 80);
    hear(&e, 1000, 120000, 0, 0, 0);
    CHECK_EQ(depth(&e, 10000, 0, 50000), 50);
    CHECK_EQ(depth(&e, 10000, 100000, 109999), 100); /* fixed */
    ms_delay_init(&e);
    CHECK_EQ(depth(&e, 10000, 0, 500000), 40); /* nothing known: as it is */
}

static void what_comes_next(void) {
    enum { MS = 8, FRAME = 160 };
    const ms_fill_question_t base = {.have_packet = 1, .kind = MS_CODEC_AUDIO, .samples = FRAME, .follows = 1, .per_ms = MS,
                                     .longest_bridge = 100 * MS, .shortest_future = 8 * MS, .longest_rewind = 200 * MS};
    ms_fill_question_t q = base;
    CHECK_EQ(ms_playout_fill(&q), MS_FILL_DECODE);
    q.have_packet = 0;
    CHECK_EQ(ms_playout_fill(&q), MS_FILL_CONTINUE);
    q.source = MS_SOURCE_NOISE;
    CHECK_EQ(ms_playout_fill(&q), MS_FILL_NOISE);
    q = base, q.gap = FRAME, q.follows = 0; /* one is missing */
    CHECK_EQ(ms_playout_fill(&q), MS_FILL_BRIDGE);
    q.gap = 101 * MS; /* too many */
    CHECK_EQ(ms_playout_fill(&q), MS_FILL_CONTINUE);
    q = base, q.gap = 5 * FRAME; /* none is missing, but time: a pause of the sender */
    CHECK_EQ(ms_playout_fill(&q), MS_FILL_NOISE);
    q = base, q.gap = -FRAME / 2; /* late by half: its rest is played */
    CHECK_EQ(ms_playout_fill(&q), MS_FILL_DECODE);
    q.gap = -FRAME;
    CHECK_EQ(ms_playout_fill(&q), MS_FILL_DROP);
    q.source = MS_SOURCE_GAP, q.growth_wanted = FRAME, q.late = 3; /* but the delay should grow: played whole */
    CHECK_EQ(ms_playout_fill(&q), MS_FILL_REWIND);
    q = base, q.source = MS_SOURCE_NOISE, q.gap = -FRAME, q.quiet = 200 * MS; /* the first of a talk spurt */
    CHECK_EQ(ms_playout_fill(&q), MS_FILL_REWIND);
    q = base, q.kind = MS_CODEC_COMFORT_NOISE;
    CHECK_EQ(ms_playout_fill(&q), MS_FILL_DESCRIBE);
    q.kind = MS_CODEC_TELEPHONE_EVENT;
    CHECK_EQ(ms_playout_fill(&q), MS_FILL_SKIP);
}

static void when_the_delay_changes(void) {
    enum { MS = 8 };
    int64_t amount = 0;
    ms_change_question_t q = {.change = -30 * MS, .per_ms = MS, .pause = 1, .quiet = 200 * MS};
    CHECK_EQ(ms_playout_change(&q, &amount), MS_CHANGE_IN_PAUSE);
    CHECK_EQ(amount, -20 * MS); /* at most, at once */
    q.quiet = 199 * MS; /* a stop within a sentence */
    CHECK_EQ(ms_playout_change(&q, &amount), MS_CHANGE_NONE);
    q.pause = 0, q.since_change = 100 * MS;
    CHECK_EQ(ms_playout_change(&q, &amount), MS_CHANGE_NONE);
    q.change = -70 * MS; /* a queue too deep to wait for a pause */
    CHECK_EQ(ms_playout_change(&q, &amount), MS_CHANGE_IN_SPEECH);
    q.since_change = 59 * MS;
    CHECK_EQ(ms_playout_change(&q, &amount), MS_CHANGE_NONE);
    q.since_change = 60 * MS, q.change = 10 * MS;
    CHECK_EQ(ms_playout_change(&q, &amount), MS_CHANGE_NONE);
    q.late = 3; /* packets are late now */
    CHECK_EQ(ms_playout_change(&q, &amount), MS_CHANGE_IN_SPEECH);
    q.change = MS - 1;
    CHECK_EQ(ms_playout_change(&q, &amount), MS_CHANGE_NONE);
}

static ms_timeline_place_t place(ms_timeline_t *t, uint32_t ssrc, int sequence, int64_t timestamp, int64_t arrival_ms) {
    ms_timeline_packet_t packet = {.ssrc = ssrc, .timestamp = (uint32_t)timestamp, .clock_rate = 8000, .samples = 160,
                                   .sequence = (uint16_t)sequence, .arrival_us = arrival_ms * 1000};
    return ms_timeline_place(t, &packet, 40000);
}

static void numbers_wrap_and_jump_but_the_time_line_does_not(void) {
    ms_timeline_t t;
    ms_timeline_init(&t, 8000);
    int64_t stamp = 0xFFFFFFFF - 200;
    CHECK_EQ(place(&t, 1, 65535, stamp, 40).position, 0);
    ms_timeline_place_t at = place(&t, 1, 0, stamp + 160, 60);
    CHECK_EQ(at.position, 160);
    CHECK_EQ(at.step, 1);
    at = place(&t, 1, 2, stamp + 480, 100); /* wrapped; one missing */
    CHECK_EQ(at.position, 480);
    CHECK_EQ(at.step, 2);
    at = place(&t, 1, 1, stamp + 320, 101);
    CHECK(at.reordered && at.position == 320 && at.step == 0);
    at = place(&t, 2, 40000, 12345, 120); /* another source goes on right behind */
    CHECK(at.new_run && at.position == 640);
    CHECK_EQ(at.sequence, place(&t, 2, 40001, 12505, 140).sequence - 1);
    at = place(&t, 1, 3, stamp + 640, 141); /* the old one: new again */
    CHECK(at.new_run);
    at = place(&t, 1, 4, stamp + 800 + 3600 * 8000, 161); /* its time jumps by an hour */
    CHECK(at.new_run && at.position == t.before.end);
    at = place(&t, 3, 9, 77, 3161); /* another, three seconds later: by its arrival */
    CHECK_EQ(at.position, (3161 - 40) * 8);
}

static void reordered_stragglers_of_the_run_before_find_their_place(void) {
    ms_timeline_t t;
    ms_timeline_init(&t, 8000);
    place(&t, 1, 10, 1000, 40);
    place(&t, 1, 12, 1320, 80);
    place(&t, 2, 500, 90000, 100);
    ms_timeline_place_t at = place(&t, 1, 11, 1160, 101);
    CHECK(!at.new_run && at.reordered && at.position == 160);
}

int main(void) {
    RUN(the_base_is_the_quickest_way);
    RUN(loss_is_the_share_of_gaps);
    RUN(the_depth_is_what_the_network_is_worth);
    RUN(the_bounds_hold);
    RUN(what_comes_next);
    RUN(when_the_delay_changes);
    RUN(numbers_wrap_and_jump_but_the_time_line_does_not);
    RUN(reordered_stragglers_of_the_run_before_find_their_place);
    return check_result("delay");
}
