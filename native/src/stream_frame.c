/* One frame of a stream's life, and its end. */
#include "engine.h"
#include "stream.h"

#include <stdio.h>
#include <string.h>

void ms_stream_tell(ms_stream_t *stream, ms_shard_t *shard, ms_event_kind_t kind, int64_t value, uint32_t reference,
                    const char *text) {
    ms_event_t event = {.kind = kind, .stream_id = stream->id, .reference = reference, .value = value,
                        .time = shard->now};
    if (text != NULL)
        snprintf(event.text, sizeof event.text, "%s", text);
    ms_event_ring_put(&shard->events, &event);
}

/* Release on every word keeps them behind the odd version without a fence; it costs nothing on x86, little on ARM. */
static void publish_part(ms_published_t *published, size_t offset, const void *part, size_t size) {
    _Atomic uint64_t *words = published->words + offset / 8;
    for (size_t i = 0; i < size / 8; i++) {
        uint64_t word;
        memcpy(&word, (const char *)part + 8 * i, 8);
        atomic_store_explicit(&words[i], word, memory_order_release);
    }
}

#define PUBLISH(published, member, value)                                                                    \
    do {                                                                                                     \
        _Static_assert(offsetof(ms_stream_snapshot_t, member) % 8 == 0 && sizeof(value) % 8 == 0, #member);   \
        publish_part(published, offsetof(ms_stream_snapshot_t, member), &(value), sizeof(value));            \
    } while (0)

void ms_stream_publish(ms_stream_t *stream) {
    ms_published_t *published = &stream->published;
    ms_jb_stats_t buffer;
    ms_jb_get_stats(stream->playout->jb, &buffer);
    uint32_t version = atomic_load_explicit(&published->version, memory_order_relaxed);
    atomic_store_explicit(&published->version, version + 1, memory_order_relaxed);
    PUBLISH(published, counters, stream->counters);
    PUBLISH(published, receiver, stream->receiver);
    PUBLISH(published, sender, stream->sender);
    PUBLISH(published, playing, stream->playing);
    PUBLISH(published, buffer, buffer);
    atomic_store_explicit(&published->version, version + 2, memory_order_release);
}

void ms_stream_frame(ms_stream_t *stream, ms_shard_t *shard, bool late) {
    if (stream->configured) {
        stream->counters.late += late;
        ms_stream_receive(stream, shard);
        ms_stream_playout(stream, shard);
        ms_stream_send(stream, shard);
        ms_stream_rtcp(stream, shard);
        ms_stream_watch(stream, shard);
    }
    stream->counters.ticks++;
    ms_stream_publish(stream);
}

/* The clock of what is sent runs on, so that the other side hears a gap and not a shift. */
void ms_stream_skip(ms_stream_t *stream, uint64_t frames) {
    stream->counters.skipped += frames;
    ms_rtp_sender_advance(&stream->sender, (uint32_t)frames * stream->frame_units);
}

void ms_stream_end(ms_stream_t *stream, ms_shard_t *shard) {
    ms_stream_send_bye(stream, shard);
    ms_stream_finish_playback(stream, shard, "stopped");
    if (stream->recorder != NULL) {
        ms_recorder_end(stream->recorder);
        stream->recorder = NULL;
    }
    ms_stream_link(stream, shard, NULL);
    ms_stream_drop_devices(stream, shard);
    if (stream->detector != NULL) {
        ms_mpsc_push(&shard->engine->rubbish, &stream->detector->node);
        stream->detector = NULL;
    }
    if (stream->listener != NULL) {
        ms_mpsc_push(&shard->engine->rubbish, &stream->listener->node);
        stream->listener = NULL;
    }
    if (stream->tap != NULL) {
        ms_mpsc_push(&shard->engine->rubbish, &stream->tap->node);
        stream->tap = NULL;
    }
    if (stream->packet_log != NULL) {
        ms_mpsc_push(&shard->engine->rubbish, &stream->packet_log->node);
        stream->packet_log = NULL;
    }
}
