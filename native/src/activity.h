/* Is somebody talking? Tells the pauses, in which the delay may change unheard. */
#ifndef MS_ACTIVITY_H
#define MS_ACTIVITY_H

#include <stddef.h>
#include <stdint.h>

typedef struct ms_activity {
    float floor; /* mean square of the background */
    float peak;  /* mean square of loud speech */
} ms_activity_t;

void ms_activity_init(ms_activity_t *activity);
float ms_mean_square(const int16_t *pcm, size_t n);

/* Learn from about 10 ms of played audio. */
void ms_activity_learn(ms_activity_t *activity, float mean_square, float milliseconds);

/* Is a stretch of this level background only? */
int ms_activity_pause(const ms_activity_t *activity, float mean_square);

#endif
