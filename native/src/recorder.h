/* Recording: the tick puts samples into a ring; one thread of the engine writes them to WAV files, or the caller reads
   them to encode them himself. */
#ifndef MS_RECORDER_H
#define MS_RECORDER_H

#include "clock.h"
#include "event_ring.h"
#include "pcm_ring.h"

#include <pthread.h>

/* The stream's until it is ended, the writer's for good then. */
struct ms_recorder {
    struct ms_recorder *next;  /* in the writer's list */
    uint32_t id, stream_id;
    uint16_t channels;
    uint32_t sample_rate;
    int fd;                    /* -1: the caller reads */
    bool paused, stalled;      /* the stream's: nothing is put; no room was left for what was put last */
    ms_pcm_ring_t ring;
    _Atomic bool ended;        /* set by the stream, with its last access */
    _Atomic bool finished;     /* set by the caller who reads, with his last access */
    _Atomic int failure;       /* errno, set by who writes */
    _Atomic uint64_t dropped;  /* frames that found no room */
    uint64_t frames;           /* written */
    int64_t header_written;    /* when */
};

typedef struct ms_writer {
    pthread_t thread;
    ms_waker_t waker;
    pthread_mutex_t mutex;     /* of `added`, between callers and the writer: never at a tick */
    ms_recorder_t *added;
    _Atomic bool stopping;
    ms_event_ring_t events;
} ms_writer_t;

ms_status_t ms_writer_start(ms_writer_t *writer, ms_notifier_t *notifier);
/* Every recorder has to be ended; returns when all files are complete, those of callers within 5 s. Its events can still
   be taken. */
void ms_writer_stop(ms_writer_t *writer);
void ms_writer_free(ms_writer_t *writer);

/* Make the file, with no path none, and hand the recorder to the writer. */
ms_status_t ms_recorder_open(ms_writer_t *writer, const char *path, bool stereo, uint32_t sample_rate, uint32_t id,
                             uint32_t stream_id, ms_recorder_t **recorder);
/* At the tick: record n frames, at most MS_RECORDER_FRAMES; `received` NULL: only the other. Tells when whoever writes has
   fallen so far behind that they are lost. What goes on: NULL when the file has failed and the recorder is ended. */
#define MS_RECORDER_FRAMES 2880
ms_recorder_t *ms_recorder_put(ms_recorder_t *recorder, const int16_t *sent, const int16_t *received, uint32_t n,
                               ms_event_ring_t *events, int64_t now);
/* At the tick; the recorder is not the stream's any more. */
void ms_recorder_end(ms_recorder_t *recorder);

#endif
