/* The sending half of a frame: choose what is said, encode it, send it. */
#include "engine.h"
#include "level.h"
#include "stream.h"

#include <errno.h>
#include <string.h>

void ms_stream_finish_playback(ms_stream_t *stream, ms_shard_t *shard, const char *why) {
    ms_playback_t *playback = stream->playback;
    if (playback == NULL)
        return;
    int64_t played_ms = (int64_t)(playback->played * 1000 / stream->audio_rate);
    ms_stream_tell(stream, shard, MS_EVENT_PLAYBACK_FINISHED, played_ms, playback->id, why);
    stream->playback = NULL;
    ms_mpsc_push(&stream->shard->engine->rubbish, &playback->node);
}

/* Whether the stream itself has something to say: a playback comes first, then the program. */
static bool speak(ms_stream_t *stream, ms_shard_t *shard) {
    uint32_t n = stream->frame_samples;
    if (stream->playback != NULL) {
        bool ended = ms_playback_read(stream->playback, shard->sent, n) < n;
        atomic_store_explicit(&stream->played, stream->playback->played, memory_order_relaxed);
        if (ended)
            ms_stream_finish_playback(stream, shard, "finished");
        return true;
    }
    return stream->tap != NULL && ms_tap_say(stream->tap, shard->sent, n);
}

/* After that comes what the others of a conference say, then the microphone, then echo; else silence. */
static void fill(ms_stream_t *stream, ms_shard_t *shard) {
    uint32_t n = stream->frame_samples;
    bool speaks = speak(stream, shard);
    bool heard = stream->microphone != NULL && !speaks && stream->end == NULL;
    if (stream->microphone != NULL) /* its sound goes by, wanted or not */
        ms_device_say(stream->microphone, heard ? shard->sent : shard->coded, n, shard->now);
    if (heard)
        return;
    if (stream->end != NULL && speaks)
        ms_end_skip(stream->end, n);
    else if (stream->end != NULL)
        ms_end_say(stream->end, shard->sent, n, shard->coded);
    else if (!speaks && stream->echo)
        memcpy(shard->sent, shard->received, n * sizeof *shard->sent);
    else if (!speaks)
        memset(shard->sent, 0, n * sizeof *shard->sent);
}

/* That the network can not be reached is worth a word, once until it can; a full socket or a port that nobody listens
   at any more is not. */
static void fail_to_send(ms_stream_t *stream, ms_shard_t *shard, int reason) {
    stream->counters.send_errors++;
    if (stream->unreachable || reason == EAGAIN || reason == ENOBUFS || reason == ECONNREFUSED)
        return;
    stream->unreachable = true;
    ms_stream_tell(stream, shard, MS_EVENT_ERROR, reason, 0, "RTP can not be sent");
}

static void send_packet(ms_stream_t *stream, ms_shard_t *shard, size_t octets) {
    size_t length = octets > 0 ? MS_RTP_HEADER_SIZE + octets : 0;
    if (stream->srtp_send != NULL && length > 0)
        length = ms_stream_seal(stream, shard, length, false);
    const ms_address_t *to = stream->connected ? NULL : &stream->peer.rtp;
    if (stream->packet_log != NULL && length > 0)
        ms_packet_log_put(stream->packet_log, shard->now + shard->wall_offset, true, &stream->sockets.rtp_address,
                          &stream->peer.rtp, shard->packet, length);
    if (length > 0 && ms_udp_send(stream->sockets.rtp, shard->packet, length, to)) {
        ms_rtp_sender_sent(&stream->sender, octets, shard->now);
        stream->unreachable = false;
    } else if (length > 0) {
        fail_to_send(stream, shard, errno);
    } else if (octets == 0 && stream->silence_suppression) {
        stream->sender.talking = false; /* nothing to say: what comes next begins a talk spurt (RFC 3551 s4.1) */
    } else {
        stream->counters.send_errors++;
    }
}

static void send_audio(ms_stream_t *stream, ms_shard_t *shard) {
    ms_encoder_t *encoder = stream->encoder;
    const int16_t *samples = shard->sent;
    if (stream->converter != NULL) {
        ms_converter_run(stream->converter->send, shard->sent, stream->frame_samples, shard->coded, stream->codec_samples);
        samples = shard->coded;
    }
    ms_rtp_sender_write_header(&stream->sender, stream->send_type, shard->packet);
    send_packet(stream, shard,
                encoder->codec->encode(encoder->state, samples, stream->codec_samples,
                                       shard->packet + MS_RTP_HEADER_SIZE, MS_RTP_PACKET_MAX - MS_RTP_HEADER_SIZE));
}

/* True when this frame went to a digit instead of audio. */
static bool send_digit(ms_stream_t *stream, ms_shard_t *shard) {
    ms_dtmf_frame_t frame;
    if (stream->telephone_event < 0 ||
        !ms_dtmf_sender_next(&stream->dtmf_out, stream->sender.timestamp, stream->frame_units,
                             stream->encoder->codec->clock_rate, &frame))
        return false;
    ms_rtp_packet_t packet = {.marker = frame.marker, .payload_type = (uint8_t)stream->telephone_event,
                              .sequence = stream->sender.sequence, .timestamp = frame.timestamp,
                              .ssrc = stream->sender.ssrc};
    ms_rtp_write_header(shard->packet, &packet);
    if (stream->telephone_event_rate != 0) { /* a peer that has no events at the clock of the audio */
        uint64_t duration = (uint64_t)frame.event.duration * stream->telephone_event_rate;
        frame.event.duration = (uint16_t)(duration / stream->encoder->codec->clock_rate);
    }
    ms_telephone_event_write(shard->packet + MS_RTP_HEADER_SIZE, &frame.event);
    send_packet(stream, shard, MS_TELEPHONE_EVENT_SIZE);
    if (frame.last) {
        stream->counters.dtmf_sent++;
        stream->dtmf_batch++;
        if (stream->dtmf_out.count == 0) {
            ms_stream_tell(stream, shard, MS_EVENT_DTMF_SENT, stream->dtmf_batch, 0, NULL);
            stream->dtmf_batch = 0;
        }
    }
    return true;
}

void ms_stream_send(ms_stream_t *stream, ms_shard_t *shard) {
    bool possible = stream->sending && stream->encoder != NULL && stream->peer.rtp.any.sa_family != AF_UNSPEC;
    if (!possible || send_digit(stream, shard)) {
        memset(shard->sent, 0, stream->frame_samples * sizeof *shard->sent);
        if (stream->end != NULL)
            ms_end_skip(stream->end, stream->frame_samples);
        if (stream->microphone != NULL)
            ms_device_say(stream->microphone, shard->coded, stream->frame_samples, shard->now);
        stream->sender.talking = possible;
        stream->counters.sent_energy = 0;
    } else {
        fill(stream, shard);
        if (stream->muted)
            memset(shard->sent, 0, stream->frame_samples * sizeof *shard->sent);
        else if (stream->send_gain != MS_GAIN_ONE)
            ms_gain(shard->sent, stream->frame_samples, stream->send_gain);
        stream->counters.sent_energy = ms_energy(shard->sent, stream->frame_samples);
        send_audio(stream, shard);
    }
    ms_rtp_sender_advance(&stream->sender, stream->frame_units);
    if (stream->recorder != NULL)
        stream->recorder = ms_recorder_put(stream->recorder, shard->sent, shard->received, stream->frame_samples,
                                           &shard->events, shard->now);
}
