/* Inside ms_jb_pull: making audio (playout_audio.c), and changing the delay (playout_delay.c). */
#ifndef MS_PLAYOUT_H
#define MS_PLAYOUT_H

#include "jitter_buffer_state.h"

static inline int16_t *ms_playout_ahead(ms_jb_t *jb) { return jb->audio + jb->history; }

/* Position of the next sample to be played. */
static inline int64_t ms_playout_position(const ms_jb_t *jb) { return jb->end - (int64_t)jb->ahead; }

static inline size_t ms_common_divisor(size_t a, size_t b) {
    while (b != 0) {
        size_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/* What the rules say comes after the audio ahead. */
ms_fill_t ms_playout_next(const ms_jb_t *jb);

/* One step towards `need` samples ahead: a packet, a bridge, or what else fills the time. */
ms_jb_kind_t ms_playout_fill_some(ms_jb_t *jb, size_t need, size_t pull);

/* The first packet of the store, from where the clock is. */
ms_jb_kind_t ms_playout_packet(ms_jb_t *jb, size_t pull);

/* Depth to begin with, within the bounds, as the packets so far advise, us. */
int32_t ms_playout_initial_delay(const ms_jb_t *jb);

/* Ask the estimator again; the change it wants is left in the buffer. */
void ms_playout_choose_delay(ms_jb_t *jb, size_t pull);

/* Jump over audio that has become far too old, because whoever pulls stood still. */
void ms_playout_skip_stale(ms_jb_t *jb);

/* Make the wanted change, or part of it, if it is the moment. */
ms_jb_kind_t ms_playout_change_delay(ms_jb_t *jb, size_t pull);

#endif
