/* An engine: creation, events, statistics and end. */
#include "engine.h"

#include "playback.h"

#include <stdlib.h>
#include <unistd.h>

static ms_status_t open_shards(ms_engine_t *engine, int64_t now) {
    uint32_t opened = 0, started = 0;
    ms_status_t status = MS_OK;
    for (; status == MS_OK && opened < engine->shard_count; opened += status == MS_OK)
        status = ms_shard_open(&engine->shards[opened], engine, engine->manual, now);
    for (; status == MS_OK && started < engine->shard_count; started += status == MS_OK)
        status = ms_shard_start(&engine->shards[started]);
    if (status == MS_OK)
        return MS_OK;
    for (uint32_t i = 0; i < started; i++)
        ms_shard_stop(&engine->shards[i]);
    for (uint32_t i = 0; i < opened; i++)
        ms_shard_close(&engine->shards[i]);
    return status;
}

ms_status_t ms_engine_create(const ms_engine_config_t *config, ms_engine_t **out) {
    *out = NULL;
    if (config->shards < 1 || config->shards > MS_SHARDS_MAX || config->load_max_percent > 100)
        return MS_EINVAL;
    ms_engine_t *engine = calloc(1, sizeof *engine);
    if (engine == NULL)
        return MS_ENOMEM;
    ms_tone_prepare();
    ms_mpsc_init(&engine->rubbish);
    engine->process = getpid();
    engine->manual = config->manual;
    engine->unhurried = config->unhurried;
    engine->pinned = config->pinned;
    engine->streams_max = config->streams_max;
    engine->load_max_percent = config->load_max_percent;
    engine->shard_count = config->shards;
    engine->shards = calloc(config->shards, sizeof *engine->shards);
    ms_status_t status = engine->shards == NULL ? MS_ENOMEM : ms_notifier_open(&engine->notifier);
    if (status == MS_OK) {
        status = ms_writer_start(&engine->writer, &engine->notifier);
        if (status == MS_OK) {
            status = open_shards(engine, config->manual ? 0 : ms_clock_now());
            if (status == MS_OK) {
                *out = engine;
                return MS_OK;
            }
            ms_writer_stop(&engine->writer);
            ms_writer_free(&engine->writer);
        }
        ms_notifier_close(&engine->notifier);
    }
    free(engine->shards);
    free(engine);
    return status;
}

void ms_engine_clean(ms_engine_t *engine) { ms_mpsc_dispose_all(&engine->rubbish); }

void ms_engine_stop(ms_engine_t *engine) {
    /* in a forked child there are no threads to wait for, and the streams are its parent's */
    if (engine->stopped || engine->process != getpid())
        return;
    engine->stopped = true;
    for (uint32_t i = 0; i < engine->shard_count; i++)
        ms_shard_stop(&engine->shards[i]);
    ms_writer_stop(&engine->writer);
    ms_engine_clean(engine);
}

void ms_engine_free(ms_engine_t *engine) {
    if (engine == NULL || engine->process != getpid())
        return;
    ms_engine_stop(engine);
    for (uint32_t i = 0; i < engine->shard_count; i++)
        ms_shard_close(&engine->shards[i]);
    ms_writer_free(&engine->writer);
    ms_notifier_close(&engine->notifier);
    free(engine->shards);
    free(engine);
}

int ms_engine_event_fd(const ms_engine_t *engine) { return engine->notifier.read_fd; }

size_t ms_engine_poll_events(ms_engine_t *engine, ms_event_t *events, size_t capacity) {
    ms_engine_clean(engine);
    ms_notifier_lower(&engine->notifier);
    size_t n = ms_event_ring_take(&engine->writer.events, events, capacity);
    for (uint32_t i = 0; i < engine->shard_count; i++)
        n += ms_event_ring_take(&engine->shards[i].events, events + n, capacity - n);
    if (n == capacity)
        ms_notifier_raise(&engine->notifier); /* there may be more */
    return n;
}

void ms_engine_get_statistics(ms_engine_t *engine, ms_engine_statistics_t *statistics) {
    *statistics = (ms_engine_statistics_t){0};
    for (uint32_t i = 0; i < engine->shard_count; i++)
        ms_shard_get_statistics(&engine->shards[i], statistics);
    statistics->events_lost += atomic_load(&engine->writer.events.lost);
    statistics->streams_refused = atomic_load(&engine->refused);
}

int64_t ms_engine_tick(ms_engine_t *engine, int64_t now) {
    int64_t next = MS_FOREVER;
    for (uint32_t i = 0; engine->manual && i < engine->shard_count; i++) {
        int64_t due = ms_shard_tick(&engine->shards[i], now);
        next = due < next ? due : next;
    }
    return next;
}
