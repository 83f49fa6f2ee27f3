/* SRTP of a stream: its packets sealed and opened, and what went wrong counted. */
#include "stream.h"

size_t ms_stream_seal(ms_stream_t *stream, ms_shard_t *shard, size_t length, bool rtcp) {
    size_t sealed = ms_srtp_protect(stream->srtp_send, shard->packet, length, rtcp);
    stream->counters.srtp_errors += sealed == 0;
    return sealed;
}

bool ms_stream_unseal(ms_stream_t *stream, ms_shard_t *shard, size_t *length, bool rtcp) {
    if (*length > sizeof shard->packet) { /* longer than what was read of it */
        stream->counters.srtp_errors++;
        return false;
    }
    switch (ms_srtp_unprotect(stream->srtp_receive, shard->packet, length, rtcp)) {
    case MS_SRTP_OK: return true;
    case MS_SRTP_FORGED: stream->counters.srtp_forged++; return false;
    case MS_SRTP_REPLAYED: stream->counters.srtp_replayed++; return false;
    case MS_SRTP_FAILED: break;
    }
    stream->counters.srtp_errors++;
    return false;
}
