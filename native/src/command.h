/* What callers ask of a stream: one allocated record each, applied at the tick, freed by a caller afterwards. */
#ifndef MS_COMMAND_H
#define MS_COMMAND_H

#include "codec_registry.h"
#include "converter.h"
#include "device.h"
#include "dtmf_detector.h"
#include "jitter_buffer.h"
#include "link.h"
#include "listener.h"
#include "mpsc_list.h"
#include "playback.h"
#include "recorder.h"
#include "srtp.h"
#include "packet_log.h"
#include "tap.h"
#include "telephone_event.h"
#include "udp_socket.h"

typedef enum ms_command_kind {
    MS_COMMAND_ADD,
    MS_COMMAND_CONFIGURE,
    MS_COMMAND_PLAY,        /* playback NULL: stop */
    MS_COMMAND_PAUSE,       /* what plays, if it is that one */
    MS_COMMAND_SEEK,
    MS_COMMAND_RECORD,      /* recorder NULL: stop */
    MS_COMMAND_PAUSE_RECORD, /* what records, if it is that one */
    MS_COMMAND_TAP,
    MS_COMMAND_UNTAP,
    MS_COMMAND_LOG,
    MS_COMMAND_UNLOG,
    MS_COMMAND_DEVICE,
    MS_COMMAND_UNDEVICE,    /* if it is still that one */
    MS_COMMAND_ECHO,
    MS_COMMAND_MUTE,
    MS_COMMAND_GAIN,
    MS_COMMAND_DTMF,
    MS_COMMAND_DETECT,      /* detector NULL: no more */
    MS_COMMAND_LISTEN,      /* listener NULL: no more */
    MS_COMMAND_LINK,        /* end NULL: whichever there is is let go */
    MS_COMMAND_UNLINK,      /* if it is still that one */
    MS_COMMAND_MOVE,        /* sockets: the new ones, afterwards the old ones */
    MS_COMMAND_CLOSE,
    MS_COMMAND_MIX_ADD,     /* from here on: of mixers */
    MS_COMMAND_MIX_JOIN,
    MS_COMMAND_MIX_LEAVE,
    MS_COMMAND_MIX_PLAY,    /* playback NULL: stop */
    MS_COMMAND_MIX_RECORD,  /* recorder NULL: stop */
    MS_COMMAND_MIX_PAUSE_RECORD,
    MS_COMMAND_MIX_CLOSE
} ms_command_kind_t;

/* An encoder with its state behind it. */
typedef struct ms_encoder {
    ms_node_t node;
    const ms_codec_t *codec;
    max_align_t state[];
} ms_encoder_t;

/* A jitter buffer in its memory. */
typedef struct ms_playout {
    ms_node_t node;
    ms_jb_t *jb;
    uint32_t sample_rate, decoder_bytes;
    max_align_t memory[];
} ms_playout_t;

typedef struct ms_receive_map {
    uint8_t count;
    uint8_t types[MS_PAYLOADS_MAX];
    const ms_codec_t *codecs[MS_PAYLOADS_MAX];
} ms_receive_map_t;

/* ms_stream_format_t with its names looked up. */
typedef struct ms_settings {
    ms_address_t remote, remote_rtcp; /* unspecified: not known */
    bool sending, receiving, silence_suppression;
    bool rtcp_mux, rtcp_reduced_size, rtcp_voip_metrics;
    uint8_t send_type;
    uint16_t ptime_ms;
    uint32_t sample_rate;
    int16_t telephone_event;
    uint32_t telephone_event_rate;
    ms_receive_map_t receive;
    ms_encoder_t *encoder;            /* NULL: as before */
    ms_playout_t *playout;            /* NULL: as before */
    uint32_t audio_rate;              /* of sources and sinks */
    ms_converter_t *converter;        /* NULL: it is the codec's, sample_rate */
    bool srtp;
    ms_srtp_t *srtp_send, *srtp_receive; /* NULL: as before */
} ms_settings_t;

typedef struct ms_digits {
    uint8_t codes[MS_DTMF_QUEUE];
    uint8_t count;
    uint16_t duration_ms, gap_ms;
} ms_digits_t;

typedef struct ms_command {
    ms_node_t node;
    ms_command_kind_t kind;
    struct ms_stream *stream; /* NULL for those of mixers */
    struct ms_mixer *mixer;
    union {
        ms_settings_t *settings;
        ms_playback_t *playback;
        ms_recorder_t *recorder;
        ms_tap_t *tap;
        ms_packet_log_t *packet_log;
        ms_device_t *device;
        ms_dtmf_detector_t *detector;
        ms_listener_t *listener;
        ms_end_t *end;
        ms_link_t *link;
        ms_member_t *member;
        ms_digits_t digits;
        ms_udp_pair_t sockets;
        bool on;
        struct {
            uint32_t id;
            bool paused;
            uint64_t position; /* samples */
        } play;
        struct {
            int32_t send, receive; /* 4096 is 1 */
        } gain;
    } as;
} ms_command_t;

#define MS_GAIN_ONE 4096

struct ms_shard;

/* NULL when memory is out. `stream` is NULL for a mixer's. */
ms_command_t *ms_command_create(struct ms_stream *stream, ms_command_kind_t kind);
/* Hand it to the stream's shard. */
void ms_command_submit(ms_command_t *command);
void ms_command_submit_to(struct ms_shard *shard, ms_command_t *command);

/* decoder_bytes: of the largest decoder that is to come, 0: any of the small built-in ones. */
ms_status_t ms_playout_create(const ms_jb_config_t *config, uint32_t sample_rate, uint32_t decoder_bytes,
                              ms_playout_t **playout);
ms_status_t ms_encoder_create(const ms_codec_t *codec, const ms_encoder_settings_t *settings, ms_encoder_t **encoder);

#endif
