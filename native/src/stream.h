/* A stream: one RTP session with its sockets, buffer, codec, sources and sinks. Its shard's, but for what is marked. */
#ifndef MS_STREAM_H
#define MS_STREAM_H

#include "command.h"
#include "peer.h"
#include "rtcp.h"
#include "rtp_receiver.h"
#include "rtp_sender.h"
#include "shard.h"

#define MS_PTIME_DEFAULT_MS 20

typedef struct ms_stream_counters {
    uint64_t octets_received, received, invalid, foreign, unplayed, ssrc_changes, dtmf_received;
    uint64_t send_errors, dtmf_sent, dtmf_forgotten;
    uint64_t rtcp_sent, rtcp_received, rtcp_invalid;
    int64_t round_trip_us, round_trip_max_us;
    int64_t remote_lost, remote_fraction_lost, remote_jitter_us;
    ms_rtcp_voip_metrics_t remote_voip;
    bool remote_voip_known;
    uint64_t ticks, late, skipped;
    uint64_t sent_energy, received_energy; /* sums of squares of the last frame */
    int64_t buffered_max_ms;
    uint64_t srtp_forged, srtp_replayed, srtp_errors, unknown_payload;
    uint32_t frame_samples, sample_rate, clock_rate;
    uint32_t reserved;
} ms_stream_counters_t;

/* What a reader gets: copied at the end of every tick. */
typedef struct ms_stream_snapshot {
    ms_stream_counters_t counters;
    ms_rtp_receiver_t receiver;
    ms_rtp_sender_t sender;
    ms_jb_info_t playing;
    ms_jb_stats_t buffer;
} ms_stream_snapshot_t;

#define MS_SNAPSHOT_WORDS ((sizeof(ms_stream_snapshot_t) + 7) / 8)

/* A seqlock: the version is odd while the words change. */
typedef struct ms_published {
    _Atomic uint32_t version;
    _Atomic uint64_t words[MS_SNAPSHOT_WORDS];
} ms_published_t;

/* Packets that could not be played. */
typedef struct ms_strays {
    uint64_t forged, unknown_payload, invalid, foreign, rtcp;
} ms_strays_t;

struct ms_stream {
    ms_node_t node;
    struct ms_stream *next, *previous; /* in the wheel */
    uint64_t due;                /* tick */
    struct ms_engine *engine;    /* callers' too */
    ms_shard_t *shard;           /* callers' too */
    uint32_t id;                 /* callers' too */
    uint16_t ptime_ms;
    ms_udp_pair_t sockets;
    ms_address_t caller_rtp, caller_rtcp; /* callers' only: of the sockets last asked for */
    uint8_t caller_dscp;         /* callers' only */
    uint32_t caller_sample_rate; /* callers' only: the codec's last asked for */
    uint32_t caller_audio_rate;  /* callers' only: of sources and sinks */
    bool caller_attached;        /* callers' only: there have been some, so that their rate has to stay */
    uint32_t caller_decoder_bytes; /* callers' only: room of the last jitter buffer for decoders */
    bool caller_dtmf;            /* callers' only: digits can be sent */
    bool caller_srtp;            /* callers' only: there are keys */
    uint64_t caller_digits;      /* callers' only: how many were asked for */
    ms_jb_config_t buffer_config; /* callers' only */
    ms_command_t *close_command; /* callers' only */

    /* negotiated */
    bool configured, sending, receiving, silence_suppression;
    uint8_t send_type;
    int16_t telephone_event;
    uint32_t telephone_event_rate; /* 0: the audio's */
    uint32_t audio_rate;         /* of sources and sinks */
    uint32_t frame_samples;      /* at that rate */
    uint32_t codec_samples;      /* of a frame, at the codec's */
    uint32_t frame_units;
    ms_converter_t *converter;   /* NULL where the two rates are one */
    ms_receive_map_t receive;
    ms_encoder_t *encoder;
    ms_playout_t *playout;
    ms_peer_t peer;
    bool connected;              /* the RTP socket is, to the peer */
    bool unreachable;            /* sending fails, which has been told */
    ms_srtp_t *srtp_send, *srtp_receive; /* NULL: RTP in the clear */

    /* RTP */
    ms_rtp_receiver_t receiver;
    ms_rtp_sender_t sender;
    int64_t drained_at;          /* no packet waiting can have arrived before */
    uint32_t calm;               /* ticks in a row with exactly one packet */
    uint32_t timeout_ms;
    int64_t heard_at;            /* last valid packet, or when waiting for one began */
    bool timed_out;
    uint32_t no_rtp_ms;
    bool awaiting;               /* the first packet since something was to be heard */
    ms_strays_t strays_before;   /* counters then */
    ms_address_t stray_from;     /* the last packet that was not the peer's */
    uint8_t stray_type;          /* the last payload type that was not negotiated */
    ms_dtmf_receiver_t dtmf_in;
    ms_dtmf_sender_t dtmf_out;
    uint32_t dtmf_batch;         /* digits sent since the queue was last empty */

    /* RTCP */
    int64_t rtcp_due;
    double rtcp_average_size;
    uint64_t packets_at_report;
    uint32_t last_sr;
    int64_t last_sr_arrival;
    bool rtcp_began, bye_received, rtcp_mux, rtcp_reduced_size, rtcp_voip_metrics;
    char cname[MS_CNAME_MAX + 1];

    /* audio */
    ms_playback_t *playback;
    _Atomic uint64_t played;     /* of it, or of the last one, samples; callers' too */
    ms_recorder_t *recorder;
    ms_tap_t *tap;
    ms_packet_log_t *packet_log;
    ms_device_t *microphone, *speaker;
    ms_dtmf_detector_t *detector; /* NULL: nobody listens for digits */
    ms_listener_t *listener;     /* NULL: nobody listens for speech and beeps */
    ms_end_t *end;               /* of a link to a mixer or another stream */
    bool echo, muted;
    int32_t send_gain, receive_gain;

    ms_jb_info_t playing;
    ms_stream_counters_t counters;
    ms_published_t published;
};

/* ---- at the tick */

void ms_command_apply(ms_command_t *command, ms_shard_t *shard);
/* Receive, play, send: everything of one ptime at shard->now. */
void ms_stream_frame(ms_stream_t *stream, ms_shard_t *shard, bool late);
/* So many frames never happen. */
void ms_stream_skip(ms_stream_t *stream, uint64_t frames);
/* RTCP BYE, and everything it holds let go but its sockets and memory. */
void ms_stream_end(ms_stream_t *stream, ms_shard_t *shard);

/* Packets of shard->packet. Sending: the length to send, 0: none of it. Receiving: false when it has to be forgotten. */
size_t ms_stream_seal(ms_stream_t *stream, ms_shard_t *shard, size_t length, bool rtcp);
bool ms_stream_unseal(ms_stream_t *stream, ms_shard_t *shard, size_t *length, bool rtcp);

void ms_stream_receive(ms_stream_t *stream, ms_shard_t *shard);
/* Connect the RTP socket to a peer that has become steady, open it to all when it is so no more. */
void ms_stream_follow_peer(ms_stream_t *stream, ms_shard_t *shard);
/* Fill shard->received with a frame from the jitter buffer. */
void ms_stream_playout(ms_stream_t *stream, ms_shard_t *shard);
/* Fill shard->sent from the source and send it. */
void ms_stream_send(ms_stream_t *stream, ms_shard_t *shard);
/* Something is to be heard from now on. */
void ms_stream_await(ms_stream_t *stream, int64_t now);
/* Tell of silence. */
void ms_stream_watch(ms_stream_t *stream, ms_shard_t *shard);
void ms_stream_rtcp(ms_stream_t *stream, ms_shard_t *shard);
/* What came with RTP (RFC 5761). `from`: who sent it. */
void ms_stream_take_rtcp(ms_stream_t *stream, ms_shard_t *shard, size_t length, const ms_address_t *from,
                         int64_t arrival);
void ms_stream_send_bye(ms_stream_t *stream, ms_shard_t *shard);
void ms_stream_finish_playback(ms_stream_t *stream, ms_shard_t *shard, const char *why);

/* Leave the mixer or bridge, or exchange it for another. */
void ms_stream_link(ms_stream_t *stream, ms_shard_t *shard, ms_end_t *end);

/* A microphone or loudspeaker in place of the one there is; let go of it, if it is still that one, or of both. */
void ms_stream_take_device(ms_stream_t *stream, ms_shard_t *shard, ms_device_t *device);
void ms_stream_drop_device(ms_stream_t *stream, ms_shard_t *shard, const ms_device_t *device);
void ms_stream_drop_devices(ms_stream_t *stream, ms_shard_t *shard);

void ms_stream_publish(ms_stream_t *stream);

/* By callers: how many digits have been sent, or will never be. */
uint64_t ms_stream_digits_done(const ms_stream_t *stream);

/* `text` is NULL or ends with a zero. */
void ms_stream_tell(ms_stream_t *stream, ms_shard_t *shard, ms_event_kind_t kind, int64_t value, uint32_t reference,
                    const char *text);

/* With many streams, a stream's memory has left the near caches since its last frame. It is fetched while the streams
   before it are served: first its own, then, found through that, the beginning of its jitter buffer. */
#define MS_CACHE_LINE 64
#define MS_BUFFER_PREFETCH 8192

static inline void ms_stream_prefetch(const ms_stream_t *stream) {
    for (size_t offset = 0; offset < sizeof *stream; offset += MS_CACHE_LINE)
        __builtin_prefetch((const char *)stream + offset, 1);
}

static inline void ms_stream_prefetch_buffer(const ms_stream_t *stream) {
    for (size_t offset = 0; offset < MS_BUFFER_PREFETCH; offset += MS_CACHE_LINE)
        __builtin_prefetch((const char *)stream->playout + offset, 1);
}

#endif
