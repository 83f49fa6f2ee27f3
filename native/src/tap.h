/* A tap: the rings through which a program hears and says what a stream receives and sends. */
#ifndef MS_TAP_H
#define MS_TAP_H

#include "mpsc_list.h"
#include "pcm_ring.h"

#include <stdbool.h>

/* Two own it, the stream and the program; whoever lets go last frees it. */
struct ms_tap {
    ms_node_t node; /* for the stream's part of the ownership */
    _Atomic uint32_t owners;
    ms_pcm_ring_t received; /* stream to program */
    ms_pcm_ring_t sent;     /* program to stream */
    _Atomic uint64_t dropped; /* received samples that found no room */
    _Atomic uint64_t starved; /* samples missing in the middle of what was to be sent */
    uint32_t gap;           /* samples of silence since something was last said; the stream's */
};

/* At the tick: hand over what was received. */
void ms_tap_hear(ms_tap_t *tap, const int16_t *samples, uint32_t n);
/* At the tick: a frame to send, filled up with silence; false when nothing waits. */
bool ms_tap_say(ms_tap_t *tap, int16_t *samples, uint32_t n);

ms_status_t ms_tap_create(uint32_t capacity, ms_tap_t **tap);
void ms_tap_let_go(ms_tap_t *tap);

#endif
