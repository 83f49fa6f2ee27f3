/* One direction of a sound device: the ring between the callback of its driver and a stream's shard. */
#ifndef MS_DEVICE_H
#define MS_DEVICE_H

#include "drift.h"
#include "mpsc_list.h"
#include "pcm_ring.h"
#include "rate_matcher.h"

#define MS_DEVICE_CHUNK 1024

/* The program's, and while it is attached a stream's too; whoever lets go last frees it. The driver's callback owns
   nothing: the program ends it first. */
struct ms_device {
    ms_node_t node;              /* for the stream's part of the ownership */
    _Atomic uint32_t owners;
    ms_device_config_t config;
    bool caller_attached;        /* callers' only */
    ms_pcm_ring_t ring;          /* mono, at the device's rate */

    /* written by the callback, read by the shard */
    _Atomic int64_t touched;     /* ns of the last callback */
    _Atomic uint32_t block;      /* samples: the largest of the last callbacks */
    _Atomic uint64_t callbacks, host_faults, missing, dropped;
    _Atomic int64_t latency_us;  /* of the driver, -1: not told */
    _Atomic uint64_t power;
    /* the callback's own */
    uint32_t block_now, blocks;
    int16_t mono[MS_DEVICE_CHUNK], next[MS_DEVICE_CHUNK];

    /* written by the shard, read by the callback */
    _Atomic bool running;        /* sound goes through: silence is a fault */
    _Atomic uint32_t cut_wanted; /* playing: samples to leave out */
    /* the shard's own */
    ms_rate_matcher_t matcher;
    ms_drift_t drift;
    uint64_t missing_seen;
    uint32_t silent_ms;
    uint32_t room;               /* of each scratch */
    int16_t *scratch, *scratch_next;
    /* written by the shard, read by the program */
    _Atomic uint64_t cut;
    _Atomic int64_t delay_us, margin_us, correction_ppb;
};

/* What the callback does, at a time that is given. `input` is NULL for a device that plays, `output` for one that
   records; samples are interleaved. */
void ms_device_run(ms_device_t *device, const int16_t *input, int16_t *output, uint32_t frames, int64_t now);

/* At the tick, frames of n samples at the stream's rate: what the microphone has heard ... */
void ms_device_say(ms_device_t *device, int16_t *samples, uint32_t n, int64_t now);
/* ... and what the loudspeaker is to play. */
void ms_device_hear(ms_device_t *device, const int16_t *samples, uint32_t n, int64_t now);

/* At the tick, by the stream that is attached: no more sound goes through. */
void ms_device_halt(ms_device_t *device);

/* By one of the owners. */
void ms_device_let_go(ms_device_t *device);

#endif
