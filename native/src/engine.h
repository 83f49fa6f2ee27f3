/* An engine: its shards, its recording thread, and what callers' threads share. */
#ifndef MS_ENGINE_H
#define MS_ENGINE_H

#include "recorder.h"
#include "shard.h"

struct ms_engine {
    ms_notifier_t notifier;
    ms_mpsc_list_t rubbish;       /* what shards are done with; freed by callers' threads */
    ms_writer_t writer;
    bool manual, unhurried, pinned, stopped;
    uint32_t streams_max, load_max_percent; /* of a shard; 0: no limit */
    _Atomic uint64_t refused;     /* streams, by these limits */
    pid_t process;                /* that created it */
    _Atomic uint32_t next_stream_id;
    _Atomic uint32_t next_port;   /* where the search for a free pair begins */
    _Atomic uint32_t closing;     /* streams whose ports are not free yet */
    uint32_t shard_count;
    ms_shard_t *shards;
};

/* Free what has come out of the shards. By any caller's thread. */
void ms_engine_clean(ms_engine_t *engine);

#endif
