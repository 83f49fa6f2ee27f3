/* A stream opened and closed, by callers. */
#include "stream.h"

#include "engine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PORT_TRIES 50

static void dispose(ms_node_t *node) {
    ms_stream_t *stream = (ms_stream_t *)node;
    ms_udp_close_pair(&stream->sockets);
    if (stream->close_command == NULL)
        atomic_fetch_sub(&stream->engine->closing, 1);
    free(stream->encoder);
    free(stream->playout);
    ms_converter_free(stream->converter);
    ms_srtp_free(stream->srtp_send);
    ms_srtp_free(stream->srtp_receive);
    free(stream->close_command);
    free(stream);
}

/* RFC 7022 s4.2: 96 random bits, in a form that needs no escaping. */
static void make_cname(const char *wanted, char cname[MS_CNAME_MAX + 1]) {
    static const char DIGITS[] = "0123456789abcdef";
    uint8_t bytes[12];
    if (wanted != NULL && wanted[0] != '\0') {
        strcpy(cname, wanted);
        return;
    }
    ms_random_bytes(bytes, sizeof bytes);
    for (size_t i = 0; i < sizeof bytes; i++) {
        cname[2 * i] = DIGITS[bytes[i] >> 4];
        cname[2 * i + 1] = DIGITS[bytes[i] & 15];
    }
    cname[2 * sizeof bytes] = '\0';
}

static ms_shard_t *emptiest_shard(ms_engine_t *engine) {
    ms_shard_t *best = &engine->shards[0];
    for (uint32_t i = 1; i < engine->shard_count; i++)
        if (atomic_load(&engine->shards[i].streams) < atomic_load(&best->streams))
            best = &engine->shards[i];
    return best;
}

/* Count a stream in where it fits; NULL: the engine is full. Better one call refused than all of them stuttering. */
static ms_shard_t *admit(ms_engine_t *engine) {
    ms_shard_t *shard = emptiest_shard(engine);
    uint32_t streams = atomic_fetch_add(&shard->streams, 1);
    if ((engine->streams_max > 0 && streams >= engine->streams_max) ||
        (engine->load_max_percent > 0 && atomic_load(&shard->load_permille) >= 10 * engine->load_max_percent)) {
        atomic_fetch_sub(&shard->streams, 1);
        atomic_fetch_add(&engine->refused, 1);
        return NULL;
    }
    return shard;
}

static void set_defaults(ms_stream_t *stream, const ms_stream_config_t *config) {
    stream->node.dispose = dispose;
    stream->ptime_ms = MS_PTIME_DEFAULT_MS;
    stream->telephone_event = -1;
    stream->timeout_ms = config->media_timeout_ms;
    stream->no_rtp_ms = config->no_rtp_ms;
    stream->send_gain = stream->receive_gain = MS_GAIN_ONE;
    stream->buffer_config = (ms_jb_config_t){.min_delay_ms = config->jitter_min_ms,
                                             .max_delay_ms = config->jitter_max_ms,
                                             .initial_delay_ms = config->jitter_initial_ms};
    stream->audio_rate = stream->caller_audio_rate = 8000;
    stream->caller_sample_rate = stream->counters.sample_rate = stream->counters.clock_rate = 8000;
    stream->counters.round_trip_us = stream->counters.round_trip_max_us = -1;
    stream->counters.remote_lost = stream->counters.remote_fraction_lost = stream->counters.remote_jitter_us = -1;
    make_cname(config->cname, stream->cname);
    ms_rtp_sender_init(&stream->sender);
}

/* A stream just closed keeps its ports until its shard has sent the BYE: worth a short wait when there is no other. */
static ms_status_t open_sockets(ms_engine_t *engine, const char *local_host, uint16_t first, uint16_t last,
                                ms_udp_pair_t *pair) {
    ms_address_t host;
    ms_status_t status = ms_address_parse(local_host, 0, &host);
    if (status != MS_OK)
        return status;
    for (int attempt = 0; attempt < PORT_TRIES; attempt++) {
        uint16_t cursor = (uint16_t)atomic_load(&engine->next_port);
        bool more_later = atomic_load(&engine->closing) > 0;
        status = ms_udp_open_pair(&host, first, last, &cursor, pair);
        atomic_store(&engine->next_port, cursor);
        if (status != MS_EBUSY || !more_later)
            return status;
        struct timespec pause = {0, MS_NS_PER_MS};
        nanosleep(&pause, NULL);
        ms_engine_clean(engine);
    }
    return status;
}

ms_status_t ms_stream_open(ms_engine_t *engine, const ms_stream_config_t *config, ms_stream_t **out) {
    *out = NULL;
    ms_engine_clean(engine); /* frees the ports of streams that were closed before */
    if (engine->stopped)
        return MS_ESTATE;
    if ((config->cname != NULL && strlen(config->cname) > MS_CNAME_MAX) || config->dscp > MS_DSCP_MAX)
        return MS_EINVAL;
    ms_shard_t *shard = admit(engine);
    if (shard == NULL)
        return MS_ELIMIT;
    ms_stream_t *stream = calloc(1, sizeof *stream);
    if (stream == NULL) {
        atomic_fetch_sub(&shard->streams, 1);
        return MS_ENOMEM;
    }
    set_defaults(stream, config);
    ms_command_t *command = ms_command_create(stream, MS_COMMAND_ADD);
    stream->close_command = ms_command_create(stream, MS_COMMAND_CLOSE); /* now, so that closing can not fail */
    ms_status_t status = MS_ENOMEM;
    if (command != NULL && stream->close_command != NULL)
        status = ms_playout_create(&stream->buffer_config, stream->caller_sample_rate, 0, &stream->playout);
    if (status == MS_OK)
        status = open_sockets(engine, config->local_host, config->port_first, config->port_last, &stream->sockets);
    if (status != MS_OK) {
        int reason = errno;
        atomic_fetch_sub(&shard->streams, 1);
        free(command);
        free(stream->close_command);
        free(stream->playout);
        free(stream);
        errno = reason;
        return status;
    }
    ms_udp_mark(&stream->sockets, config->dscp);
    stream->caller_dscp = config->dscp;
    stream->caller_rtp = stream->sockets.rtp_address;
    stream->caller_rtcp = stream->sockets.rtcp_address;
    stream->caller_decoder_bytes = stream->playout->decoder_bytes;
    stream->engine = engine;
    stream->id = atomic_fetch_add(&engine->next_stream_id, 1) + 1;
    stream->shard = shard;
    ms_stream_publish(stream); /* so that statistics are right before the first frame */
    *out = stream;
    ms_command_submit(command);
    return MS_OK;
}

void ms_stream_close(ms_stream_t *stream, ms_stream_statistics_t *last) {
    ms_engine_t *engine = stream->engine;
    if (last != NULL)
        ms_stream_get_statistics(stream, last);
    atomic_fetch_sub(&stream->shard->streams, 1);
    ms_command_t *command = stream->close_command;
    stream->close_command = NULL; /* now the shard's to throw away */
    atomic_fetch_add(&engine->closing, 1);
    ms_command_submit(command);
    ms_engine_clean(engine);
}

uint32_t ms_stream_id(const ms_stream_t *stream) { return stream->id; }

uint32_t ms_stream_sample_rate(const ms_stream_t *stream) { return stream->caller_audio_rate; }

void ms_stream_address(const ms_stream_t *stream, bool rtcp, char *host, uint16_t *port) {
    ms_address_format(rtcp ? &stream->caller_rtcp : &stream->caller_rtp, host, port);
}

ms_status_t ms_stream_move(ms_stream_t *stream, const char *local_host, uint16_t port_first, uint16_t port_last) {
    if (stream->engine->stopped)
        return MS_ESTATE;
    ms_command_t *command = ms_command_create(stream, MS_COMMAND_MOVE);
    if (command == NULL)
        return MS_ENOMEM;
    ms_status_t status = open_sockets(stream->engine, local_host, port_first, port_last, &command->as.sockets);
    if (status != MS_OK) {
        int reason = errno;
        free(command); /* there are no sockets in it to close */
        errno = reason;
        return status;
    }
    ms_udp_mark(&command->as.sockets, stream->caller_dscp);
    stream->caller_rtp = command->as.sockets.rtp_address;
    stream->caller_rtcp = command->as.sockets.rtcp_address;
    ms_command_submit(command);
    return MS_OK;
}
