/* Commands of callers, applied to a stream at the tick. */
#include "engine.h"
#include "mixer.h"
#include "stream.h"

static void retire(ms_shard_t *shard, ms_node_t *node) { ms_mpsc_push(&shard->engine->rubbish, node); }

static void set_formats(ms_stream_t *stream, ms_shard_t *shard, ms_settings_t *settings) {
    if (settings->playout != NULL) {
        retire(shard, &stream->playout->node);
        stream->playout = settings->playout;
    }
    if (stream->converter != NULL)
        retire(shard, &stream->converter->node);
    stream->converter = settings->converter;
    if (settings->encoder != NULL) {
        if (stream->encoder != NULL)
            retire(shard, &stream->encoder->node);
        stream->encoder = settings->encoder;
        stream->send_type = settings->send_type;
    }
    for (uint32_t i = 0; i < stream->receive.count; i++)
        ms_jb_set_payload(stream->playout->jb, stream->receive.types[i], NULL);
    stream->receive.count = 0;
    for (uint32_t i = 0; i < settings->receive.count; i++) {
        const ms_codec_t *codec = settings->receive.codecs[i];
        /* one of another rate than the stream's can not be played here, so its packets count as not negotiated */
        if (ms_jb_set_payload(stream->playout->jb, settings->receive.types[i], codec) != MS_OK)
            continue;
        stream->receive.types[stream->receive.count] = settings->receive.types[i];
        stream->receive.codecs[stream->receive.count++] = codec;
    }
}

static void set_srtp(ms_shard_t *shard, ms_srtp_t **current, ms_srtp_t *next, bool wanted) {
    if (wanted && next == NULL)
        return;
    if (*current != NULL)
        retire(shard, &(*current)->node);
    *current = next;
}

/* The peer takes no digits any more. */
static void forget_digits(ms_stream_t *stream) {
    stream->counters.dtmf_forgotten += stream->dtmf_out.count;
    stream->dtmf_out = (ms_dtmf_sender_t){0};
    stream->dtmf_batch = 0;
}

static void configure(ms_stream_t *stream, ms_shard_t *shard, ms_settings_t *settings) {
    bool was_receiving = stream->configured && stream->receiving;
    set_formats(stream, shard, settings);
    set_srtp(shard, &stream->srtp_send, settings->srtp_send, settings->srtp);
    set_srtp(shard, &stream->srtp_receive, settings->srtp_receive, settings->srtp);
    uint32_t clock_rate = stream->encoder != NULL ? stream->encoder->codec->clock_rate : settings->sample_rate;
    stream->ptime_ms = settings->ptime_ms;
    stream->audio_rate = settings->audio_rate;
    stream->frame_samples = settings->audio_rate / 1000 * settings->ptime_ms;
    stream->codec_samples = settings->sample_rate / 1000 * settings->ptime_ms;
    stream->frame_units = clock_rate / 1000 * settings->ptime_ms;
    stream->counters.frame_samples = stream->frame_samples;
    stream->counters.sample_rate = settings->sample_rate;
    stream->counters.clock_rate = clock_rate;
    stream->telephone_event = settings->telephone_event;
    stream->telephone_event_rate = settings->telephone_event_rate;
    if (settings->telephone_event < 0)
        forget_digits(stream);
    stream->sending = settings->sending;
    stream->silence_suppression = settings->silence_suppression;
    stream->receiving = settings->receiving;
    stream->rtcp_mux = settings->rtcp_mux;
    stream->rtcp_reduced_size = settings->rtcp_reduced_size;
    stream->rtcp_voip_metrics = settings->rtcp_voip_metrics;
    ms_address_t before = stream->peer.signaled;
    ms_peer_configure(&stream->peer, &settings->remote, &settings->remote_rtcp);
    bool moved = stream->configured && !ms_address_equal(&before, &settings->remote);
    if (moved)
        ms_rtp_receiver_restart(&stream->receiver);
    ms_stream_follow_peer(stream, shard);
    if (settings->receiving && (moved || !was_receiving))
        ms_stream_await(stream, shard->now);
    if (!was_receiving && settings->receiving)
        ms_jb_reset(stream->playout->jb); /* what was heard before a hold is no part of what comes after it */
    stream->configured = true;
}

static void put_digits(ms_stream_t *stream, const ms_digits_t *digits) {
    for (uint32_t i = 0; i < digits->count; i++) {
        ms_dtmf_order_t order = {digits->codes[i], digits->duration_ms, digits->gap_ms};
        if (!ms_dtmf_sender_put(&stream->dtmf_out, &order))
            stream->counters.dtmf_forgotten++;
    }
}

static void record(ms_stream_t *stream, ms_recorder_t *recorder) {
    if (stream->recorder != NULL)
        ms_recorder_end(stream->recorder);
    stream->recorder = recorder;
}

static void set_tap(ms_stream_t *stream, ms_shard_t *shard, ms_tap_t *tap) {
    if (stream->tap != NULL)
        retire(shard, &stream->tap->node);
    stream->tap = tap;
}

static void set_packet_log(ms_stream_t *stream, ms_shard_t *shard, ms_packet_log_t *log) {
    if (stream->packet_log != NULL)
        retire(shard, &stream->packet_log->node);
    stream->packet_log = log;
}

/* Other sockets, by which the peer has to learn anew where we are; all else goes on. */
static void move(ms_stream_t *stream, ms_udp_pair_t *sockets) {
    ms_udp_pair_t before = stream->sockets;
    stream->sockets = *sockets;
    *sockets = before;
    stream->connected = false;
    stream->unreachable = false;
}

void ms_stream_link(ms_stream_t *stream, ms_shard_t *shard, ms_end_t *end) {
    if (stream->end != NULL) {
        atomic_store(&stream->end->link->left, true); /* now, not when the end is freed */
        retire(shard, &stream->end->node);
    }
    stream->end = end;
}

void ms_command_apply(ms_command_t *command, ms_shard_t *shard) {
    ms_stream_t *stream = command->stream;
    switch (command->kind) {
    case MS_COMMAND_ADD: ms_shard_place(shard, stream, stream->ptime_ms); break;
    case MS_COMMAND_CONFIGURE: configure(stream, shard, command->as.settings); break;
    case MS_COMMAND_PLAY:
        ms_stream_finish_playback(stream, shard, command->as.playback == NULL ? "stopped" : "replaced");
        stream->playback = command->as.playback;
        break;
    case MS_COMMAND_PAUSE:
        if (stream->playback != NULL && stream->playback->id == command->as.play.id)
            stream->playback->paused = command->as.play.paused;
        break;
    case MS_COMMAND_SEEK:
        if (stream->playback != NULL && stream->playback->id == command->as.play.id)
            ms_playback_seek(stream->playback, command->as.play.position);
        break;
    case MS_COMMAND_RECORD: record(stream, command->as.recorder); break;
    case MS_COMMAND_PAUSE_RECORD:
        if (stream->recorder != NULL && stream->recorder->id == command->as.play.id)
            stream->recorder->paused = command->as.play.paused;
        break;
    case MS_COMMAND_TAP: set_tap(stream, shard, command->as.tap); break;
    case MS_COMMAND_UNTAP:
        if (stream->tap == command->as.tap) /* else it has been replaced already */
            set_tap(stream, shard, NULL);
        break;
    case MS_COMMAND_LOG: set_packet_log(stream, shard, command->as.packet_log); break;
    case MS_COMMAND_UNLOG:
        if (stream->packet_log == command->as.packet_log)
            set_packet_log(stream, shard, NULL);
        break;
    case MS_COMMAND_DEVICE: ms_stream_take_device(stream, shard, command->as.device); break;
    case MS_COMMAND_UNDEVICE: ms_stream_drop_device(stream, shard, command->as.device); break;
    case MS_COMMAND_ECHO: stream->echo = command->as.on; break;
    case MS_COMMAND_MUTE: stream->muted = command->as.on; break;
    case MS_COMMAND_GAIN:
        stream->send_gain = command->as.gain.send;
        stream->receive_gain = command->as.gain.receive;
        break;
    case MS_COMMAND_DTMF: put_digits(stream, &command->as.digits); break;
    case MS_COMMAND_DETECT:
        if (stream->detector != NULL)
            retire(shard, &stream->detector->node);
        stream->detector = command->as.detector;
        break;
    case MS_COMMAND_LISTEN:
        if (stream->listener != NULL)
            retire(shard, &stream->listener->node);
        stream->listener = command->as.listener;
        break;
    case MS_COMMAND_LINK: ms_stream_link(stream, shard, command->as.end); break;
    case MS_COMMAND_UNLINK:
        if (stream->end != NULL && stream->end->link == command->as.link) /* else it has been replaced already */
            ms_stream_link(stream, shard, NULL);
        break;
    case MS_COMMAND_MOVE: move(stream, &command->as.sockets); break;
    case MS_COMMAND_CLOSE:
        ms_shard_remove(shard, stream);
        ms_stream_end(stream, shard);
        retire(shard, &stream->node);
        break;
    default: ms_mixer_apply(command, shard); break;
    }
}
