/* A media thread: a wheel of streams by when they are due, served at absolute deadlines. */
#ifndef MS_SHARD_H
#define MS_SHARD_H

#include "clock.h"
#include "event_ring.h"
#include "mpsc_list.h"
#include "rtp_packet.h"
#include "srtp.h"

#include <pthread.h>

/* Streams are spread over the milliseconds of their ptime, so that sends do not bunch; a stream's slot is its due time
   modulo the wheel, which is longer than the longest ptime. */
#define MS_TICK_NS MS_NS_PER_MS
#define MS_WHEEL_SLOTS 64
/* 60 ms at 48 kHz. */
#define MS_FRAME_MAX 2880

typedef struct ms_slot {
    struct ms_stream *first, *last;
    uint32_t count;
} ms_slot_t;

/* Written by the shard's thread only, read by any. */
typedef struct ms_shard_counters {
    _Atomic uint64_t wakeups, frames, late, skipped, lateness_max_us;
    _Atomic uint64_t lateness[MS_LATENESS_BUCKETS];
} ms_shard_counters_t;

/* A second of a shard's work, to see whether it keeps up. */
typedef struct ms_shard_window {
    int64_t began, busy_ns, told_at;
    uint64_t frames, late, skipped; /* of the shard when it began */
} ms_shard_window_t;

typedef struct ms_shard {
    struct ms_engine *engine;
    pthread_t thread;
    bool manual;
    _Atomic bool stopping;
    _Atomic int hurry;           /* ms_hurry_t */
    _Atomic uint32_t streams;    /* open, as callers count them */
    ms_waker_t waker;
    ms_mpsc_list_t commands;
    ms_event_ring_t events;
    int64_t epoch;               /* ns of tick 0 */
    uint64_t tick;               /* the next to be run */
    uint64_t occupied;           /* bit per slot */
    ms_slot_t wheel[MS_WHEEL_SLOTS];
    uint64_t mixing;             /* bit per slot with mixers */
    struct ms_mixer *mixers[MS_WHEEL_SLOTS];
    int64_t now;
    ms_shard_window_t window;
    _Atomic uint32_t load_permille; /* time used up in the last second */
    int64_t wall_offset;         /* wall clock minus monotonic clock */
    ms_shard_counters_t counters;
    uint64_t random;             /* state, for RTCP intervals */
    /* scratch for the stream at hand */
    int16_t received[MS_FRAME_MAX + 1], sent[MS_FRAME_MAX], coded[MS_FRAME_MAX + 1];
    uint8_t packet[MS_RTP_PACKET_MAX + MS_SRTP_TRAILER_MAX];
} ms_shard_t;

/* `now`: when its time begins. */
ms_status_t ms_shard_open(ms_shard_t *shard, struct ms_engine *engine, bool manual, int64_t now);
ms_status_t ms_shard_start(ms_shard_t *shard);
/* End its streams and the thread. */
void ms_shard_stop(ms_shard_t *shard);
void ms_shard_close(ms_shard_t *shard);

/* Apply commands and serve what is due until `now`; returns when the next thing is, MS_FOREVER if nothing is. With
   threads only the shard's own calls it. */
int64_t ms_shard_tick(ms_shard_t *shard, int64_t now);

/* The first tick that is still to come, for somebody new. At the tick. */
uint64_t ms_shard_next_tick(ms_shard_t *shard);
/* When a tick is due, ns. */
int64_t ms_shard_deadline(const ms_shard_t *shard, uint64_t tick);

/* Put a new stream into the emptiest slot of its first `period` ticks. At the tick. */
void ms_shard_place(ms_shard_t *shard, struct ms_stream *stream, uint32_t period);

/* At the tick, but not while the stream is served. */
void ms_shard_remove(ms_shard_t *shard, struct ms_stream *stream);

/* So long was worked until `now`: when a second is full, see whether the thread keeps up. Its own thread. */
void ms_shard_worked(ms_shard_t *shard, int64_t nanoseconds, int64_t now);

/* Uniform in 0..1. */
double ms_shard_random(ms_shard_t *shard);

void ms_shard_get_statistics(const ms_shard_t *shard, ms_engine_statistics_t *sum);

#endif
