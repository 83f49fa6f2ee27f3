/* What a stream tells when nothing is heard: that the first packet does not come, and why; that the peer fell silent. */
#include "stream.h"

#include <stdio.h>

void ms_stream_await(ms_stream_t *stream, int64_t now) {
    const ms_stream_counters_t *counters = &stream->counters;
    stream->heard_at = now;
    stream->awaiting = true;
    stream->strays_before = (ms_strays_t){.forged = counters->srtp_forged, .unknown_payload = counters->unknown_payload,
                                          .invalid = counters->invalid, .foreign = counters->foreign,
                                          .rtcp = counters->rtcp_received};
}

/* What came instead of a packet that could be played tells most; `text` is for a program to read. */
static void likely_cause(const ms_stream_t *stream, char text[MS_EVENT_TEXT]) {
    const ms_stream_counters_t *counters = &stream->counters;
    const ms_strays_t *before = &stream->strays_before;
    char host[MS_HOST_TEXT];
    uint16_t port;
    if (counters->srtp_forged > before->forged) {
        snprintf(text, MS_EVENT_TEXT, "not_authentic");
    } else if (counters->unknown_payload > before->unknown_payload) {
        snprintf(text, MS_EVENT_TEXT, "payload_type %u", stream->stray_type);
    } else if (counters->foreign > before->foreign) {
        ms_address_format(&stream->stray_from, host, &port);
        snprintf(text, MS_EVENT_TEXT, stream->stray_from.any.sa_family == AF_INET6 ? "foreign [%s]:%u" : "foreign %s:%u",
                 host, port);
    } else if (counters->invalid > before->invalid) {
        snprintf(text, MS_EVENT_TEXT, "not_rtp");
    } else if (counters->rtcp_received > before->rtcp) {
        snprintf(text, MS_EVENT_TEXT, "rtcp_only");
    } else {
        snprintf(text, MS_EVENT_TEXT, "nothing");
    }
}

static void watch_first(ms_stream_t *stream, ms_shard_t *shard, int64_t silence) {
    char text[MS_EVENT_TEXT];
    if (!stream->awaiting || stream->no_rtp_ms == 0 || silence < stream->no_rtp_ms * MS_NS_PER_MS)
        return;
    stream->awaiting = false;
    likely_cause(stream, text);
    ms_stream_tell(stream, shard, MS_EVENT_NO_RTP, silence / MS_NS_PER_MS, 0, text);
}

void ms_stream_watch(ms_stream_t *stream, ms_shard_t *shard) {
    int64_t silence = shard->now - stream->heard_at;
    if (!stream->receiving)
        return;
    watch_first(stream, shard, silence);
    if (stream->timeout_ms == 0 || stream->timed_out || silence < stream->timeout_ms * MS_NS_PER_MS)
        return;
    stream->timed_out = true;
    ms_stream_tell(stream, shard, MS_EVENT_MEDIA_TIMEOUT, silence / MS_NS_PER_MS, 0,
                   stream->counters.received == 0 ? "never" : NULL);
}
