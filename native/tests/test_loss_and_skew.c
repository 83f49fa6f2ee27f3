/* What the receiver says of losses and clocks: bursts and gaps as RFC 3611 has them, and the skew of the sender's clock. */
#include "check.h"
#include "clock_skew.h"
#include "loss_pattern.h"

/* "." played, "x" lost. */
static ms_loss_figures_t figures_of(const char *packets) {
    ms_loss_pattern_t pattern = {0};
    for (const char *p = packets; *p != '\0'; p++)
        if (*p == 'x')
            ms_loss_pattern_lost(&pattern, 1);
        else
            ms_loss_pattern_played(&pattern);
    return ms_loss_pattern_figures(&pattern);
}

#define P15 "..............."
#define P16 P15 "."

static void losses_near_each_other_are_a_burst(void) {
    static const struct { const char *packets; uint64_t bursts, burst_packets, burst_lost, gap_packets, gap_lost; } CASES[] = {
        {"", 0, 0, 0, 0, 0},
        {P16 P16, 0, 0, 0, 32, 0},
        {P16 "x" P16, 0, 0, 0, 33, 1},                       /* isolated: part of the gap */
        {P16 "xx" P16, 1, 2, 2, 32, 0},
        {"x" P15 "x", 1, 17, 2, 0, 0},                       /* 15 played between: one burst, */
        {"x" P16 "x", 0, 0, 0, 18, 2},                       /* 16: two isolated losses */
        {P16 "x.xx" P15, 1, 4, 3, 31, 0},
        {P16 "xx" P16 "x" P16 "x.x", 2, 5, 4, 49, 1},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        ms_loss_figures_t figures = figures_of(CASES[i].packets);
        CHECK_EQ(figures.bursts, CASES[i].bursts);
        CHECK_EQ(figures.burst_packets, CASES[i].burst_packets);
        CHECK_EQ(figures.burst_lost, CASES[i].burst_lost);
        CHECK_EQ(figures.gap_packets, CASES[i].gap_packets);
        CHECK_EQ(figures.gap_lost, CASES[i].gap_lost);
        CHECK_EQ(figures.burst_packets + figures.gap_packets, strlen(CASES[i].packets));
    }
}

static void a_run_of_losses_may_be_told_at_once(void) {
    ms_loss_pattern_t pattern = {0};
    ms_loss_pattern_played(&pattern);
    ms_loss_pattern_lost(&pattern, 0);
    ms_loss_pattern_lost(&pattern, 3000);
    ms_loss_figures_t figures = ms_loss_pattern_figures(&pattern);
    CHECK_EQ(figures.bursts, 1);
    CHECK_EQ(figures.burst_lost, 3000);
    CHECK_EQ(figures.gap_packets, 1);
    CHECK_EQ(figures.runs, 1);
    CHECK_EQ(figures_of("x.xx..xxx").runs, 3);
}

static uint32_t dice_state = 1;

static uint32_t dice(uint32_t sides) {
    dice_state = dice_state * 1664525U + 1013904223U;
    return (dice_state >> 8) % sides;
}

/* Packets each 20 ms of a sender whose clock is so much faster, with jitter; a longer route from `moved` on. */
static float measured(double ppm, int packets, uint32_t jitter_us, int moved) {
    ms_clock_skew_t skew = {0};
    for (int i = 0; i < packets; i++) {
        int64_t sent = (int64_t)(i * 20000.0 / (1 + ppm * 1e-6) + 0.5);
        int64_t arrival = sent + (int64_t)dice(jitter_us + 1) + (moved > 0 && i >= moved ? 30000 : 0);
        ms_skew_arrival(&skew, (int32_t)(arrival - (int64_t)i * 20000), arrival);
    }
    CHECK(skew.known);
    return skew.ppm;
}

static int near(float got, double want, double by) { return got > want - by && got < want + by; }

static void the_skew_of_the_clocks_is_found(void) {
    static const double PPM[] = {0, 50, -50, 200, -200, 5000, -5000};
    for (size_t i = 0; i < sizeof PPM / sizeof *PPM; i++) {
        double percent = (PPM[i] < 0 ? -PPM[i] : PPM[i]) / 100;
        CHECK(near(measured(PPM[i], 400, 0, 0), PPM[i], 2 + percent));           /* in 8 s of a perfect line */
        CHECK(near(measured(PPM[i], 1500, 5000, 0), PPM[i], 60 + percent));      /* in 30 s of jitter */
        CHECK(near(measured(PPM[i], 30000, 20000, 0), PPM[i], 5 + percent));     /* in 10 minutes of more */
        CHECK(near(measured(PPM[i], 30000, 5000, 10000), PPM[i], 30 + percent)); /* and with a change of route */
    }
}

static void a_pause_begins_a_new_measurement(void) {
    ms_clock_skew_t skew = {0};
    for (int64_t at = 0; at < 4000000; at += 20000)
        ms_skew_arrival(&skew, 0, at);
    CHECK(!skew.known);
    for (int64_t at = 9000000; at < 13000000; at += 20000)
        ms_skew_arrival(&skew, 700000, at);
    CHECK(!skew.known);
    for (int64_t at = 13000000; at < 17000000; at += 20000)
        ms_skew_arrival(&skew, 700000, at);
    CHECK(skew.known && near(skew.ppm, 0, 1));
    ms_skew_restart(&skew);
    CHECK(skew.known);
}

int main(void) {
    RUN(losses_near_each_other_are_a_burst);
    RUN(a_run_of_losses_may_be_told_at_once);
    RUN(the_skew_of_the_clocks_is_found);
    RUN(a_pause_begins_a_new_measurement);
    return check_result("loss_and_skew");
}
