/* The receiving half of a frame: packets from the socket into the jitter buffer, a frame of samples out of it. */
#include "level.h"
#include "stream.h"

#include <stdio.h>
#include <string.h>

/* One flow is 1 to 6 packets a frame; more than this stays in the socket, whose buffer bounds a flood. */
#define PACKETS_PER_FRAME 32
/* After so many frames with exactly one packet each, asking the socket a second time is left out ... */
#define CALM_FRAMES 8
/* ... but for every so manieth. */
#define RECHECK_FRAMES 16

static const ms_codec_t *codec_of(const ms_stream_t *stream, uint8_t type) {
    for (uint32_t i = 0; i < stream->receive.count; i++)
        if (stream->receive.types[i] == type)
            return stream->receive.codecs[i];
    return NULL;
}

/* The kernel's time stamp on our clock. The wall clock may have been set meanwhile, so it is believed only as far as it
   agrees with when the socket was last found empty. */
static int64_t arrival_of(const ms_stream_t *stream, const ms_shard_t *shard, int64_t wall_time) {
    if (wall_time == 0 || shard->manual)
        return shard->now;
    int64_t arrival = wall_time - shard->wall_offset;
    if (arrival > shard->now)
        return shard->now;
    return arrival < stream->drained_at ? stream->drained_at : arrival;
}

static void heard(ms_stream_t *stream, ms_shard_t *shard, int64_t arrival) {
    if (stream->timed_out) {
        stream->timed_out = false;
        ms_stream_tell(stream, shard, MS_EVENT_MEDIA_RESUMED, (arrival - stream->heard_at) / MS_NS_PER_MS, 0, NULL);
    }
    stream->heard_at = arrival;
    stream->awaiting = false;
}

static void tell_digit(ms_stream_t *stream, ms_shard_t *shard, const ms_dtmf_heard_t *digit, uint32_t clock_rate) {
    char text[2] = {ms_dtmf_digit(digit->code), '\0'};
    if (text[0] == '\0')
        return; /* an event that is no digit: hook flash, fax tones */
    stream->counters.dtmf_received++;
    ms_stream_tell(stream, shard, MS_EVENT_DTMF, (int64_t)digit->duration * 1000 / clock_rate, 0, text);
}

static void take_event(ms_stream_t *stream, ms_shard_t *shard, const ms_rtp_packet_t *packet, const ms_codec_t *codec,
                       int64_t arrival) {
    ms_telephone_event_t event;
    ms_dtmf_heard_t digit;
    if (ms_telephone_event_read(packet->payload, packet->length, &event) != MS_OK)
        stream->counters.invalid++;
    else if (ms_dtmf_receiver_update(&stream->dtmf_in, &event, packet->timestamp, packet->marker, arrival, &digit))
        tell_digit(stream, shard, &digit, codec->clock_rate);
}

static void tell_first(ms_stream_t *stream, ms_shard_t *shard, const ms_rtp_packet_t *packet,
                       const ms_address_t *from) {
    char host[MS_HOST_TEXT], text[MS_EVENT_TEXT];
    uint16_t port;
    ms_address_format(from, host, &port);
    snprintf(text, sizeof text, from->any.sa_family == AF_INET6 ? "[%s]:%u" : "%s:%u", host, port);
    ms_stream_tell(stream, shard, MS_EVENT_FIRST_RTP, packet->payload_type, 0, text);
}

/* A packet of this call: count it and hand it on. */
static void take_valid(ms_stream_t *stream, ms_shard_t *shard, const ms_rtp_packet_t *packet, const ms_codec_t *codec,
                       const ms_address_t *from, int64_t arrival) {
    ms_rtp_verdict_t verdict = ms_rtp_receiver_update(&stream->receiver, packet, arrival);
    if (verdict == MS_RTP_OLD_SOURCE || verdict == MS_RTP_JUMP) {
        stream->counters.unplayed++;
        return;
    }
    stream->counters.received++;
    stream->counters.octets_received += packet->length;
    heard(stream, shard, arrival);
    if (verdict == MS_RTP_FIRST)
        tell_first(stream, shard, packet, from);
    if (verdict == MS_RTP_NEW_SSRC) {
        stream->counters.ssrc_changes++;
        stream->dtmf_in = (ms_dtmf_receiver_t){0};
        ms_stream_tell(stream, shard, MS_EVENT_SSRC_CHANGE, packet->ssrc, 0, NULL);
    }
    if (codec->kind == MS_CODEC_TELEPHONE_EVENT)
        take_event(stream, shard, packet, codec, arrival);
    else
        ms_rtp_receiver_jitter(&stream->receiver, packet->timestamp, arrival, codec->clock_rate);
    if (!stream->receiving) {
        stream->counters.unplayed++;
        return;
    }
    ms_jb_packet_t entry = {packet->payload, packet->length, packet->ssrc, packet->timestamp, packet->sequence,
                            packet->payload_type, packet->marker};
    ms_jb_push_packet(stream->playout->jb, &entry, arrival / MS_NS_PER_US);
}

static void take_rtp(ms_stream_t *stream, ms_shard_t *shard, size_t length, const ms_address_t *from,
                     int64_t arrival) {
    ms_rtp_packet_t packet;
    const ms_codec_t *codec;
    if (stream->srtp_receive != NULL && !ms_stream_unseal(stream, shard, &length, false))
        return;
    if (length > sizeof shard->packet || ms_rtp_parse(shard->packet, length, &packet) != MS_OK) {
        stream->counters.invalid++;
        return;
    }
    codec = codec_of(stream, packet.payload_type);
    if (codec == NULL) {
        stream->counters.invalid++;
        stream->counters.unknown_payload++;
        stream->stray_type = packet.payload_type;
        return;
    }
    ms_proof_t proof = stream->receiver.known && packet.ssrc == stream->receiver.ssrc ? MS_PROOF_SAME_SOURCE
                                                                                      : MS_PROOF_NONE;
    if (!ms_peer_accept(&stream->peer, from, stream->srtp_receive != NULL ? MS_PROOF_AUTHENTIC : proof, arrival)) {
        stream->counters.foreign++;
        stream->stray_from = *from;
        return;
    }
    take_valid(stream, shard, &packet, codec, from, arrival);
}

/* A flow at rest brings one packet a frame. Then the packet just read tells that nothing more waits: the next is due a
   frame after it. This saves the system call that would only say so. */
static bool surely_empty(const ms_stream_t *stream, const ms_shard_t *shard, int64_t arrival) {
    return stream->calm >= CALM_FRAMES && stream->calm % RECHECK_FRAMES != 0 &&
           shard->now - arrival < stream->ptime_ms * MS_NS_PER_MS * 3 / 4;
}

void ms_stream_follow_peer(ms_stream_t *stream, ms_shard_t *shard) {
    bool steady = ms_peer_is_steady(&stream->peer, shard->now);
    if (steady != stream->connected && ms_udp_connect(stream->sockets.rtp, steady ? &stream->peer.rtp : NULL))
        stream->connected = steady;
}

void ms_stream_receive(ms_stream_t *stream, ms_shard_t *shard) {
    uint32_t packets = 0;
    int64_t drained_at = shard->now;
    while (packets < PACKETS_PER_FRAME) {
        ms_address_t from;
        int64_t wall_time;
        long length = ms_udp_receive(stream->sockets.rtp, shard->packet, sizeof shard->packet, &from, &wall_time);
        if (length < 0)
            break;
        packets++;
        int64_t arrival = arrival_of(stream, shard, wall_time);
        if (stream->packet_log != NULL && (size_t)length <= sizeof shard->packet)
            ms_packet_log_put(stream->packet_log, arrival + shard->wall_offset, false, &stream->sockets.rtp_address,
                              &from, shard->packet, (size_t)length);
        bool rtcp = stream->rtcp_mux && ms_rtp_is_rtcp(shard->packet, (size_t)length);
        if (rtcp)
            ms_stream_take_rtcp(stream, shard, (size_t)length, &from, arrival);
        else
            take_rtp(stream, shard, (size_t)length, &from, arrival);
        if (packets == 1 && !rtcp && surely_empty(stream, shard, arrival)) {
            drained_at = arrival;
            break;
        }
    }
    stream->calm = packets == 1 ? stream->calm + 1 : 0;
    if (packets < PACKETS_PER_FRAME)
        stream->drained_at = drained_at;
    ms_stream_follow_peer(stream, shard);
    ms_dtmf_heard_t digit;
    if (stream->dtmf_in.active && ms_dtmf_receiver_expire(&stream->dtmf_in, shard->now, &digit))
        tell_digit(stream, shard, &digit, stream->counters.clock_rate);
}

static void pull(ms_stream_t *stream, ms_shard_t *shard, int16_t *samples) {
    /* 10 or 20 ms at a time is what the buffer is made for */
    uint32_t per_second = stream->playout->sample_rate;
    uint32_t step = per_second / (stream->ptime_ms % 20 == 0 ? 50 : 100);
    for (uint32_t at = 0; at < stream->codec_samples; at += step) {
        int64_t heard_from = shard->now / MS_NS_PER_US + (int64_t)at * 1000000 / per_second;
        ms_jb_pull(stream->playout->jb, samples + at, step, heard_from, &stream->playing);
    }
    if (stream->playing.buffered_ms > stream->counters.buffered_max_ms)
        stream->counters.buffered_max_ms = stream->playing.buffered_ms;
}

static void listen_for_digits(ms_stream_t *stream, ms_shard_t *shard) {
    for (size_t at = 0; at < stream->frame_samples;) {
        ms_dtmf_inband_t heard;
        at += ms_dtmf_detector_take(stream->detector, shard->received + at, stream->frame_samples - at, &heard);
        if (heard.digit != '\0') {
            char text[2] = {heard.digit, '\0'};
            ms_stream_tell(stream, shard, MS_EVENT_DTMF_INBAND, heard.duration_ms, 0, text);
        }
    }
}

static void listen_for_speech(ms_stream_t *stream, ms_shard_t *shard) {
    ms_heard_t heard;
    size_t at = 0;
    do {
        at += ms_listener_process(stream->listener, shard->received + at, stream->frame_samples - at, &heard);
        if (heard.kind == MS_HEARD_SPEECH_STARTED) {
            ms_stream_tell(stream, shard, MS_EVENT_SPEECH_STARTED, heard.since_ms, 0, NULL);
        } else if (heard.kind == MS_HEARD_SPEECH_ENDED) {
            ms_stream_tell(stream, shard, MS_EVENT_SPEECH_ENDED, heard.duration_ms, heard.since_ms, NULL);
        } else if (heard.kind != MS_HEARD_NOTHING) {
            char text[12];
            bool ended = heard.kind == MS_HEARD_BEEP;
            snprintf(text, sizeof text, "%u", (unsigned)heard.frequency);
            ms_stream_tell(stream, shard, ended ? MS_EVENT_BEEP : MS_EVENT_TONE, ended ? heard.duration_ms : heard.since_ms,
                           ended ? heard.since_ms : 0, text);
        }
    } while (heard.kind != MS_HEARD_NOTHING);
}

void ms_stream_playout(ms_stream_t *stream, ms_shard_t *shard) {
    if (stream->receiving && stream->converter == NULL) {
        pull(stream, shard, shard->received);
    } else if (stream->receiving) {
        pull(stream, shard, shard->coded);
        ms_converter_run(stream->converter->receive, shard->coded, stream->codec_samples, shard->received,
                         stream->frame_samples);
    } else {
        memset(shard->received, 0, stream->frame_samples * sizeof *shard->received);
    }
    if (stream->detector != NULL)
        listen_for_digits(stream, shard);
    if (stream->listener != NULL)
        listen_for_speech(stream, shard);
    if (stream->receive_gain != MS_GAIN_ONE)
        ms_gain(shard->received, stream->frame_samples, stream->receive_gain);
    stream->counters.received_energy = ms_energy(shard->received, stream->frame_samples);
    if (stream->tap != NULL)
        ms_tap_hear(stream->tap, shard->received, stream->frame_samples);
    if (stream->speaker != NULL)
        ms_device_hear(stream->speaker, shard->received, stream->frame_samples, shard->now);
    if (stream->end != NULL)
        ms_end_hear(stream->end, shard->received, stream->frame_samples, shard->coded);
}
