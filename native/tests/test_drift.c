/* The fill of a ring between two clocks over hours: it neither runs dry nor grows, whatever the clocks and callbacks do. */
#include "check.h"
#include "clock.h"
#include "drift.h"

#define TICK_NS (20 * MS_NS_PER_MS)

typedef struct line {
    const char *name;
    double ppm;      /* how much faster the device's clock is */
    int block_us;    /* of a callback */
    int late_us;     /* most that a callback comes late by */
    int minutes;
} line_t;

typedef struct result {
    double least, most, learned; /* s; relative */
    unsigned starved;
} result_t;

static uint64_t state;

static double uniform(void) {
    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (double)(state >> 11) / 9007199254740992.0;
}

/* A microphone's ring in seconds of its own sound, read every 20 ms. Counted from the second minute on. */
static result_t record(const line_t *line) {
    ms_drift_t drift;
    result_t result = {.least = 1e9};
    double block = line->block_us * 1e-6, fill = block + 0.02 + 0.005, speed = 1.0 + line->ppm * 1e-6;
    double due = block / speed * 1e9, called = due + uniform() * line->late_us * 1000, touched = 0.0;
    int64_t end = (int64_t)line->minutes * 60 * MS_NS_PER_SECOND;
    double correction = 0.0;
    state = 1;
    ms_drift_open(&drift, 0.005);
    ms_drift_restart(&drift, 0);
    for (int64_t now = TICK_NS; now < end; now += TICK_NS) {
        while (called <= (double)now) {
            fill += block;
            touched = called;
            due += block / speed * 1e9;
            called = due + uniform() * line->late_us * 1000;
        }
        double since = ((double)now - touched) * 1e-9, needed = 0.02 * (1.0 + correction);
        since = since > block ? block : since;
        correction = ms_drift_step(&drift, fill + since - block - needed, now);
        if (fill < needed) {
            ms_drift_starved(&drift, now);
            result.starved += now > end / line->minutes;
        } else {
            fill -= needed;
        }
        if (now > end / line->minutes) {
            double waiting = fill + since;
            result.least = waiting < result.least ? waiting : result.least;
            result.most = waiting > result.most ? waiting : result.most;
        }
    }
    result.learned = drift.learned;
    return result;
}

static void test_eight_hours(void) {
    static const line_t LINES[] = {
        {"a fast clock", 100, 10000, 2000, 480},      {"a slow clock", -100, 10000, 2000, 480},
        {"large blocks", 100, 21333, 4000, 480},      {"small blocks", -100, 2667, 1000, 480},
        {"blocks of a tick", 100, 20000, 500, 480},   {"a very bad clock", -400, 10000, 2000, 480},
        {"the same clock", 0, 10000, 8000, 480},
    };
    for (size_t i = 0; i < sizeof LINES / sizeof *LINES; i++) {
        const line_t *line = &LINES[i];
        result_t result = record(line);
        double spread = (line->block_us + line->late_us) * 1e-6;
        printf("     %-17s %4.1f to %4.1f ms waiting, %u starved, %+.0f ppm learned\n", line->name, result.least * 1e3,
               result.most * 1e3, result.starved, result.learned * 1e6);
        CHECK_EQ(result.starved, 0);
        CHECK(result.most < 0.02 + spread + 0.015);
        CHECK(result.learned * 1e6 > line->ppm - 30 && result.learned * 1e6 < line->ppm + 30);
    }
}

static void test_margin_grows_with_trouble_and_shrinks_in_peace(void) {
    ms_drift_t drift;
    ms_drift_open(&drift, 0.005);
    ms_drift_restart(&drift, 0);
    for (int i = 0; i < 100; i++)
        ms_drift_starved(&drift, 0);
    CHECK(drift.margin > 0.05 && drift.margin <= 0.061);
    for (int64_t now = 0; now < 3600 * MS_NS_PER_SECOND; now += TICK_NS)
        ms_drift_step(&drift, drift.margin, now);
    CHECK(drift.margin == 0.005);
}

static void test_too_much_at_once_is_cut_not_bent(void) {
    ms_drift_t drift;
    int64_t now = 0;
    ms_drift_open(&drift, 0.005);
    ms_drift_restart(&drift, 0);
    for (; now < 10 * MS_NS_PER_SECOND; now += TICK_NS)
        ms_drift_step(&drift, 0.035, now);
    CHECK(ms_drift_excess(&drift, now) == 0.0); /* that much is bent away */
    for (; now < 20 * MS_NS_PER_SECOND; now += TICK_NS)
        CHECK(ms_drift_step(&drift, 0.405, now) <= 0.005);
    CHECK(ms_drift_excess(&drift, now) > 0.39 && ms_drift_excess(&drift, now) < 0.41);
    ms_drift_cut(&drift);
    CHECK(ms_drift_excess(&drift, now) == 0.0);
}

int main(void) {
    RUN(test_eight_hours);
    RUN(test_margin_grows_with_trouble_and_shrinks_in_peace);
    RUN(test_too_much_at_once_is_cut_not_bent);
    return check_result("drift");
}
