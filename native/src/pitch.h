/* Pitch of the end of a signal, by normalised correlation on a signal brought down to 8 kHz. */
#ifndef MS_PITCH_H
#define MS_PITCH_H

#include <stddef.h>
#include <stdint.h>

#define MS_PITCH_RATE 8000u
#define MS_PITCH_LAG_MIN 20  /* samples at 8 kHz: 400 Hz */
#define MS_PITCH_LAG_MAX 130 /* 61 Hz */
#define MS_PITCH_WINDOW 50   /* compared with what lies one period earlier: 6.25 ms */
#define MS_PITCH_SPAN (MS_PITCH_LAG_MAX + MS_PITCH_WINDOW)

typedef struct ms_pitch {
    float period;      /* in samples at 8 kHz, with a fraction */
    float correlation; /* at that period, -1..1; voiced speech lies above 0.7 */
} ms_pitch_t;

/* The correlation of the last samples with those `lag` earlier, for every lag. */
typedef struct ms_pitch_curve {
    float correlation[MS_PITCH_LAG_MAX - MS_PITCH_LAG_MIN + 1];
    int count; /* lags that the signal is long enough for, from MS_PITCH_LAG_MIN up */
} ms_pitch_curve_t;

/* x: newest sample last, at 8 kHz; n up to MS_PITCH_SPAN is looked at. */
void ms_pitch_curve(const float *x, size_t n, ms_pitch_curve_t *curve);

/* The shortest lag whose correlation comes close to the best: multiples of the period correlate as well. */
ms_pitch_t ms_pitch_pick(const ms_pitch_curve_t *curve);

/* The best lag in [low, high] (samples at 8 kHz); correlation -1 when the range holds none. */
ms_pitch_t ms_pitch_pick_near(const ms_pitch_curve_t *curve, float low, float high);

#endif
