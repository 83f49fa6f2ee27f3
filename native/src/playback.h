/* What a stream plays: a clip from memory or tones, made by the caller, consumed at the tick. */
#ifndef MS_PLAYBACK_H
#define MS_PLAYBACK_H

#include "microsip_media.h"
#include "mpsc_list.h"
#include "pcm_ring.h"

#include <stdbool.h>

typedef struct ms_tone_step {
    uint32_t increments[MS_TONE_FREQUENCIES]; /* of the phase, per sample; 2^32 is a turn */
    uint32_t frequency_count;
    uint32_t on, off; /* samples; on 0 means for ever */
} ms_tone_step_t;

/* What a caller's thread writes while it plays. The stream's and the caller's; whoever lets go last frees it. */
struct ms_feed {
    _Atomic uint32_t owners;
    ms_pcm_ring_t ring;
    _Atomic bool ended;       /* nothing more will be written */
    _Atomic bool gone;        /* it is played no more */
    _Atomic uint64_t starved; /* samples of silence because the next came too late */
};

typedef struct ms_playback {
    ms_node_t node;
    uint32_t id;
    bool loop;
    uint64_t played;      /* samples */
    bool paused;
    ms_feed_t *feed;      /* NULL: clip or tones */
    ms_pcm_t *pcm;        /* NULL: feed or tones */
    size_t position;      /* in the clip */
    ms_tone_step_t steps[MS_TONE_STEPS];
    uint32_t step_count, step;
    uint32_t step_position;
    uint32_t phases[MS_TONE_FREQUENCIES];
} ms_playback_t;

/* Takes a reference of its own to the clip. */
ms_status_t ms_playback_open_clip(ms_pcm_t *pcm, bool loop, uint32_t id, ms_playback_t **playback);
ms_status_t ms_playback_open_tones(const ms_tone_t *tones, size_t count, uint32_t sample_rate, bool loop, uint32_t id,
                                   ms_playback_t **playback);

ms_status_t ms_playback_open_feed(uint32_t capacity, uint32_t id, ms_playback_t **playback);
/* Of a clip: go on at a sample, or at its end. */
void ms_playback_seek(ms_playback_t *playback, uint64_t position);

/* The next n samples, silence behind the end; how many of them were the playback's: fewer than n at its end.
   While it is paused, or its feed is late, silence counts as its own, but not as played. */
size_t ms_playback_read(ms_playback_t *playback, int16_t *out, size_t n);
static inline void ms_playback_close(ms_playback_t *playback) { playback->node.dispose(&playback->node); }

/* Fills the sine table; once, before any tone is read. */
void ms_tone_prepare(void);

#endif
