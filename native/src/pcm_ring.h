/* A ring of int16 samples between one writing and one reading thread, without locks. */
#ifndef MS_PCM_RING_H
#define MS_PCM_RING_H

#include "microsip_media.h"

#include <stdatomic.h>

/* Positions only ever grow, so their difference is the fill; the mask makes them indices. `cleared` is the position
   before which the writer wants nothing played any more: the reader skips to it, so the ring empties at once although
   only the reader may move `tail`. */
typedef struct ms_pcm_ring {
    int16_t *samples;
    uint32_t mask;
    _Atomic uint64_t head;    /* written up to here: the writer's */
    _Atomic uint64_t tail;    /* read up to here: the reader's */
    _Atomic uint64_t cleared; /* the writer's */
} ms_pcm_ring_t;

/* Capacity is rounded up to a power of two, at most 2^24. */
ms_status_t ms_pcm_ring_open(ms_pcm_ring_t *ring, uint32_t capacity);
void ms_pcm_ring_close(ms_pcm_ring_t *ring);
uint32_t ms_pcm_ring_readable(const ms_pcm_ring_t *ring);
uint32_t ms_pcm_ring_space(const ms_pcm_ring_t *ring);
/* Both return how many samples were taken, at most n. */
uint32_t ms_pcm_ring_write(ms_pcm_ring_t *ring, const int16_t *samples, uint32_t n);
uint32_t ms_pcm_ring_read(ms_pcm_ring_t *ring, int16_t *samples, uint32_t n);
/* By the reader: n samples, which have to be there, are not read. */
void ms_pcm_ring_skip(ms_pcm_ring_t *ring, uint32_t n);
/* By the writer: everything written so far is not to be read; how many samples that were. */
uint32_t ms_pcm_ring_clear(ms_pcm_ring_t *ring);

#endif
