/* Keeps the ring between a sound device and the network's clock at a small, steady fill, by bending the sample rate. */
#ifndef MS_DRIFT_H
#define MS_DRIFT_H

#include <stdbool.h>
#include <stdint.h>

#define MS_DRIFT_WINDOWS 16

/* "Spare" is what would be left in the ring at the worst moment of a device's cycle, in seconds: below 0 something is
   missing. Of each half second only the least counts, of those the least of the last eight seconds: so callbacks and
   ticks that come late or in bunches make the ring fuller, all by themselves, and do not shake the rate. */
typedef struct ms_drift {
    double margin, least_margin; /* s: what is to be spare */
    double learned, correction;  /* relative: how much more input than the rates say */
    double windows[MS_DRIFT_WINDOWS], least;
    uint32_t count;              /* windows so far */
    int64_t began, window_end, calm_from;
} ms_drift_t;

void ms_drift_open(ms_drift_t *drift, double margin);
/* Begin anew; what was learned of the clocks stays. */
void ms_drift_restart(ms_drift_t *drift, int64_t now);
/* At every tick; `now` in ns. Returns the correction. */
double ms_drift_step(ms_drift_t *drift, double spare, int64_t now);
/* Something was missing: keep more in the ring for some time. */
void ms_drift_starved(ms_drift_t *drift, int64_t now);
/* How much too much has gathered, more than bending could take away soon, s; 0 for none. */
double ms_drift_excess(const ms_drift_t *drift, int64_t now);
/* That is being taken out at once. */
void ms_drift_cut(ms_drift_t *drift);
/* In its first seconds a device may deliver in any way. */
bool ms_drift_settling(const ms_drift_t *drift, int64_t now);

#endif
