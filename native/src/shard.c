/* A media thread: a wheel of streams by when they are due, served at absolute deadlines. */
#include "shard.h"

#include "engine.h"
#include "mixer.h"
#include "stream.h"

#include <stdio.h>
#include <string.h>

/* Frames up to this late are made up for one after the other; later ones are skipped, because a burst of old audio
   helps nobody. */
#define SKIP_NS (60 * MS_NS_PER_MS)
#define LATE_NS (5 * MS_NS_PER_MS)
#define EVENTS 4096
#define SKIPS_TOLERATED 1000
#define OVERLOAD_PAUSE_NS (10 * MS_NS_PER_SECOND)
/* One frame in so many may be late in a second, and as many at most: others keep the processor busy, too. */
#define LATE_TOLERATED 10
#define LATE_FEW 50

const uint32_t ms_lateness_bounds[MS_LATENESS_BUCKETS - 1] = {50,   100,   200,   500,   1000,  2000,
                                                              5000, 10000, 20000, 50000, 100000};

/* One writer, so no read-modify-write is needed. */
static void add(_Atomic uint64_t *counter, uint64_t n) {
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + n, memory_order_relaxed);
}

static uint64_t get(const _Atomic uint64_t *counter) { return atomic_load_explicit(counter, memory_order_relaxed); }

int64_t ms_shard_deadline(const ms_shard_t *shard, uint64_t tick) { return shard->epoch + (int64_t)tick * MS_TICK_NS; }

static uint64_t tick_after(const ms_shard_t *shard, int64_t now) {
    return now < shard->epoch ? 0 : (uint64_t)((now - shard->epoch) / MS_TICK_NS) + 1;
}

static void append(ms_shard_t *shard, ms_stream_t *stream) {
    uint32_t index = stream->due % MS_WHEEL_SLOTS;
    ms_slot_t *slot = &shard->wheel[index];
    stream->next = NULL;
    stream->previous = slot->last;
    if (slot->first == NULL)
        slot->first = stream;
    else
        slot->last->next = stream;
    slot->last = stream;
    slot->count++;
    shard->occupied |= UINT64_C(1) << index;
}

void ms_shard_remove(ms_shard_t *shard, ms_stream_t *stream) {
    uint32_t index = stream->due % MS_WHEEL_SLOTS;
    ms_slot_t *slot = &shard->wheel[index];
    if (stream->previous != NULL)
        stream->previous->next = stream->next;
    else
        slot->first = stream->next;
    if (stream->next != NULL)
        stream->next->previous = stream->previous;
    else
        slot->last = stream->previous;
    slot->count--;
    if (slot->first == NULL)
        shard->occupied &= ~(UINT64_C(1) << index);
}

static ms_stream_t *empty_slot(ms_shard_t *shard, uint32_t index) {
    ms_stream_t *first = shard->wheel[index].first;
    shard->wheel[index] = (ms_slot_t){NULL, NULL, 0};
    shard->occupied &= ~(UINT64_C(1) << index);
    return first;
}

uint64_t ms_shard_next_tick(ms_shard_t *shard) {
    uint64_t next = tick_after(shard, shard->now);
    if ((shard->occupied | shard->mixing) == 0)
        shard->tick = next;
    return next > shard->tick ? next : shard->tick;
}

void ms_shard_place(ms_shard_t *shard, ms_stream_t *stream, uint32_t period) {
    uint64_t first = ms_shard_next_tick(shard), best = first;
    for (uint64_t tick = first; tick < first + period; tick++)
        if (shard->wheel[tick % MS_WHEEL_SLOTS].count < shard->wheel[best % MS_WHEEL_SLOTS].count)
            best = tick;
    stream->due = best;
    append(shard, stream);
}

static void count_lateness(ms_shard_t *shard, int64_t lateness) {
    uint64_t microseconds = lateness > 0 ? (uint64_t)(lateness / MS_NS_PER_US) : 0;
    uint32_t bucket = 0;
    while (bucket < MS_LATENESS_BUCKETS - 1 && microseconds >= ms_lateness_bounds[bucket])
        bucket++;
    add(&shard->counters.lateness[bucket], 1);
    add(&shard->counters.frames, 1);
    if (lateness > LATE_NS)
        add(&shard->counters.late, 1);
    if (microseconds > get(&shard->counters.lateness_max_us))
        atomic_store_explicit(&shard->counters.lateness_max_us, microseconds, memory_order_relaxed);
}

/* Serve one stream at tick shard->tick; it goes back into the wheel. */
static void serve(ms_shard_t *shard, ms_stream_t *stream) {
    if (stream->due == shard->tick) {
        if (!shard->manual)
            shard->now = ms_clock_now();
        int64_t lateness = shard->now - ms_shard_deadline(shard, stream->due);
        int64_t period = stream->ptime_ms * MS_NS_PER_MS;
        count_lateness(shard, lateness);
        if (lateness >= SKIP_NS) {
            uint64_t frames = (uint64_t)(lateness / period);
            ms_stream_skip(stream, frames);
            add(&shard->counters.skipped, frames);
            stream->due += frames * stream->ptime_ms;
        } else {
            /* the period may change while the frame is done, from the next one on */
            uint32_t ticks = stream->ptime_ms;
            ms_stream_frame(stream, shard, lateness > LATE_NS);
            stream->due += ticks;
        }
    }
    append(shard, stream);
}

static void run_slot(ms_shard_t *shard) {
    ms_stream_t *stream = empty_slot(shard, shard->tick % MS_WHEEL_SLOTS);
    while (stream != NULL) {
        ms_stream_t *next = stream->next;
        if (next != NULL) {
            ms_stream_prefetch_buffer(next);
            if (next->next != NULL)
                ms_stream_prefetch(next->next);
        }
        serve(shard, stream);
        stream = next;
    }
}

static void apply_commands(ms_shard_t *shard) {
    for (ms_node_t *node = ms_mpsc_take_all(&shard->commands); node != NULL;) {
        ms_node_t *next = node->next;
        ms_command_apply((ms_command_t *)node, shard);
        ms_mpsc_push(&shard->engine->rubbish, node);
        node = next;
    }
}

/* How many ticks until the next slot with streams in it. */
static uint32_t ticks_to_next(const ms_shard_t *shard) {
    uint32_t here = shard->tick % MS_WHEEL_SLOTS;
    uint64_t occupied = shard->occupied | shard->mixing;
    uint64_t turned = occupied >> here;
    if (here > 0)
        turned |= occupied << (MS_WHEEL_SLOTS - here);
    return (uint32_t)__builtin_ctzll(turned);
}

int64_t ms_shard_tick(ms_shard_t *shard, int64_t now) {
    shard->now = now;
    for (;;) {
        apply_commands(shard);
        if ((shard->occupied | shard->mixing) == 0)
            return MS_FOREVER;
        shard->tick += ticks_to_next(shard);
        int64_t deadline = ms_shard_deadline(shard, shard->tick);
        if (deadline > shard->now)
            return deadline;
        if (!shard->manual)
            shard->wall_offset = ms_clock_wall() - ms_clock_now();
        run_slot(shard);
        ms_mixers_run(shard);
        shard->tick++;
    }
}

static void tell_overload(ms_shard_t *shard, uint64_t frames, uint64_t late, uint64_t skipped, int64_t now) {
    ms_event_t event = {.kind = MS_EVENT_OVERLOAD, .value = (int64_t)skipped, .time = now};
    snprintf(event.text, sizeof event.text, "%llu late of %llu frames, %u %% busy", (unsigned long long)late,
             (unsigned long long)frames, atomic_load(&shard->load_permille) / 10);
    ms_event_ring_put(&shard->events, &event);
    shard->window.told_at = now;
}

void ms_shard_worked(ms_shard_t *shard, int64_t nanoseconds, int64_t now) {
    ms_shard_window_t *window = &shard->window;
    const ms_shard_counters_t *counters = &shard->counters;
    window->busy_ns += nanoseconds;
    int64_t length = now - window->began;
    if (length < MS_NS_PER_SECOND)
        return;
    int64_t load = window->busy_ns * 1000 / length;
    atomic_store_explicit(&shard->load_permille, load > 1000 ? 1000U : (uint32_t)load, memory_order_relaxed);
    uint64_t frames = get(&counters->frames), late = get(&counters->late), skipped = get(&counters->skipped);
    uint64_t now_late = late - window->late;
    bool overload = skipped > window->skipped ||
                    (now_late > LATE_FEW && now_late * LATE_TOLERATED > frames - window->frames);
    if (overload && now - window->told_at >= OVERLOAD_PAUSE_NS)
        tell_overload(shard, frames - window->frames, late - window->late, skipped - window->skipped, now);
    *window = (ms_shard_window_t){now, 0, window->told_at, frames, late, skipped};
}

static void end_streams(ms_shard_t *shard) {
    apply_commands(shard);
    ms_mixers_end(shard);
    for (uint32_t index = 0; index < MS_WHEEL_SLOTS; index++) {
        for (ms_stream_t *next, *stream = empty_slot(shard, index); stream != NULL; stream = next) {
            next = stream->next;
            ms_stream_end(stream, shard);
            ms_mpsc_push(&shard->engine->rubbish, &stream->node);
        }
    }
}

static void *shard_main(void *context) {
    ms_shard_t *shard = context;
    ms_thread_name("microsip-media");
    if (shard->engine->pinned)
        ms_thread_pin((uint32_t)(shard - shard->engine->shards));
    if (!shard->engine->unhurried)
        atomic_store(&shard->hurry, (int)ms_thread_hurry());
    while (!atomic_load(&shard->stopping)) {
        int64_t began = ms_clock_now(), next = ms_shard_tick(shard, began), ended = ms_clock_now();
        add(&shard->counters.wakeups, 1);
        ms_shard_worked(shard, ended - began, ended);
        /* Who can not keep up even so must not keep everybody else from running as well. */
        if (atomic_load(&shard->hurry) == MS_HURRY_REALTIME && get(&shard->counters.skipped) > SKIPS_TOLERATED) {
            ms_thread_calm_down();
            atomic_store(&shard->hurry, MS_HURRY_NONE);
        }
        ms_waker_wait(&shard->waker, next);
    }
    shard->now = ms_clock_now();
    end_streams(shard);
    return NULL;
}

ms_status_t ms_shard_open(ms_shard_t *shard, ms_engine_t *engine, bool manual, int64_t now) {
    memset(shard, 0, sizeof *shard);
    shard->engine = engine;
    shard->manual = manual;
    shard->epoch = shard->now = shard->window.began = now;
    shard->window.told_at = now - OVERLOAD_PAUSE_NS;
    shard->wall_offset = ms_clock_wall() - now;
    ms_random_bytes(&shard->random, sizeof shard->random);
    shard->random |= 1;
    ms_mpsc_init(&shard->commands);
    ms_status_t status = ms_event_ring_open(&shard->events, EVENTS, &engine->notifier);
    if (status != MS_OK)
        return status;
    status = ms_waker_open(&shard->waker);
    if (status != MS_OK)
        ms_event_ring_close(&shard->events);
    return status;
}

ms_status_t ms_shard_start(ms_shard_t *shard) {
    return shard->manual ? MS_OK : ms_thread_start(&shard->thread, shard_main, shard);
}

void ms_shard_stop(ms_shard_t *shard) {
    atomic_store(&shard->stopping, true);
    if (shard->manual) {
        end_streams(shard);
    } else {
        ms_waker_ring(&shard->waker);
        pthread_join(shard->thread, NULL);
    }
}

void ms_shard_close(ms_shard_t *shard) {
    ms_waker_close(&shard->waker);
    ms_event_ring_close(&shard->events);
}

double ms_shard_random(ms_shard_t *shard) {
    shard->random ^= shard->random << 13; /* xorshift64 (Marsaglia): spreads reports in time, keeps no secret */
    shard->random ^= shard->random >> 7;
    shard->random ^= shard->random << 17;
    return (double)(shard->random >> 11) / (double)(UINT64_C(1) << 53);
}

void ms_shard_get_statistics(const ms_shard_t *shard, ms_engine_statistics_t *sum) {
    const ms_shard_counters_t *counters = &shard->counters;
    sum->shards++;
    if (atomic_load(&shard->hurry) == MS_HURRY_REALTIME)
        sum->shards_realtime++;
    sum->streams += atomic_load_explicit(&shard->streams, memory_order_relaxed);
    uint32_t load = atomic_load_explicit(&shard->load_permille, memory_order_relaxed) / 10;
    if (load > sum->load_percent)
        sum->load_percent = load;
    sum->wakeups += get(&counters->wakeups);
    sum->frames += get(&counters->frames);
    sum->frames_late += get(&counters->late);
    sum->frames_skipped += get(&counters->skipped);
    for (uint32_t i = 0; i < MS_LATENESS_BUCKETS; i++)
        sum->lateness[i] += get(&counters->lateness[i]);
    if (get(&counters->lateness_max_us) > sum->lateness_max_us)
        sum->lateness_max_us = get(&counters->lateness_max_us);
    sum->events_lost += atomic_load_explicit(&shard->events.lost, memory_order_relaxed);
    if (!shard->manual && !atomic_load(&shard->stopping))
        sum->cpu_ns += ms_thread_cpu_time(shard->thread);
}
