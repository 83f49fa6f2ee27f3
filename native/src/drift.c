/* Keeps the ring between a sound device and the network's clock at a small, steady fill, by bending the sample rate. */
#include "drift.h"

#include "clock.h"

#define WINDOW_NS (MS_NS_PER_SECOND / 2)
#define SETTLING_NS (4 * MS_NS_PER_SECOND)
#define CALM_NS (30 * MS_NS_PER_SECOND)
/* A loop of the second order, damped: it forgets an error in about 30 s and a clock's drift leaves none. */
#define PROPORTIONAL 0.04   /* relative, per second of error */
#define PROPORTIONAL_LOW 0.12 /* the same while too little is there: that is urgent */
#define INTEGRAL 0.0003     /* relative, per second of error and second */
#define LEARNED_MAX 0.001   /* clocks are not worse than that */
#define CORRECTION_MAX 0.004 /* 7 cents: nobody hears it */
#define MARGIN_STEP 0.005
#define MARGIN_MAX 0.06
#define EXCESS 0.06         /* s, that bending would need a quarter of a minute for */
#define EXCESS_SETTLING 0.015

void ms_drift_open(ms_drift_t *drift, double margin) {
    *drift = (ms_drift_t){.margin = margin, .least_margin = margin, .least = 1e9};
}

/* The fill has changed by itself: what it was before says nothing any more of what it is. */
static void forget(ms_drift_t *drift) {
    drift->count = 0;
    drift->least = 1e9;
    drift->correction = drift->learned;
}

void ms_drift_restart(ms_drift_t *drift, int64_t now) {
    forget(drift);
    drift->began = drift->calm_from = now;
    drift->window_end = now + WINDOW_NS;
}

static double limited(double value, double limit) { return value > limit ? limit : value < -limit ? -limit : value; }

/* The least of the last `n` windows. */
static double least_of(const ms_drift_t *drift, uint32_t n) {
    double least = 1e9;
    for (uint32_t i = 0; i < n && i < drift->count; i++) {
        double window = drift->windows[(drift->count - 1 - i) % MS_DRIFT_WINDOWS];
        least = window < least ? window : least;
    }
    return least;
}

static void close_window(ms_drift_t *drift, int64_t now) {
    drift->windows[drift->count++ % MS_DRIFT_WINDOWS] = drift->least;
    drift->least = 1e9;
    drift->window_end += WINDOW_NS;
    if (drift->window_end <= now)
        drift->window_end = now + WINDOW_NS;
    if (drift->count >= 2 * MS_DRIFT_WINDOWS)
        drift->count -= MS_DRIFT_WINDOWS; /* it only has to stay the same modulo their number */
    double error = least_of(drift, MS_DRIFT_WINDOWS) - drift->margin;
    if (!ms_drift_settling(drift, now))
        drift->learned = limited(drift->learned + INTEGRAL * error * WINDOW_NS / MS_NS_PER_SECOND, LEARNED_MAX);
    drift->correction = limited(drift->learned + (error < 0.0 ? PROPORTIONAL_LOW : PROPORTIONAL) * error,
                               CORRECTION_MAX);
    if (now - drift->calm_from > CALM_NS && drift->margin > drift->least_margin) {
        drift->margin -= MARGIN_STEP / 5;
        drift->margin = drift->margin > drift->least_margin ? drift->margin : drift->least_margin;
        drift->calm_from = now;
    }
}

double ms_drift_step(ms_drift_t *drift, double spare, int64_t now) {
    drift->least = spare < drift->least ? spare : drift->least;
    if (now >= drift->window_end)
        close_window(drift, now);
    return drift->correction;
}

void ms_drift_starved(ms_drift_t *drift, int64_t now) {
    forget(drift);
    drift->calm_from = now;
    drift->margin = drift->margin + MARGIN_STEP < MARGIN_MAX ? drift->margin + MARGIN_STEP : MARGIN_MAX;
}

bool ms_drift_settling(const ms_drift_t *drift, int64_t now) { return now - drift->began < SETTLING_NS; }

double ms_drift_excess(const ms_drift_t *drift, int64_t now) {
    if (drift->count == 0)
        return 0.0;
    bool settling = ms_drift_settling(drift, now);
    double excess = least_of(drift, settling ? 1 : MS_DRIFT_WINDOWS / 4) - drift->margin;
    return excess > (settling ? EXCESS_SETTLING : EXCESS) ? excess : 0.0;
}

void ms_drift_cut(ms_drift_t *drift) { forget(drift); }
