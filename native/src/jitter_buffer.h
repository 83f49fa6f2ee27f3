/* The jitter buffer: RTP packets in, in any order; an unbroken stream of samples out, at the receiver's pace.

   Passive: it has no clock, thread, socket or lock, and allocates nothing after creation. Time comes in as an argument
   (microseconds of one monotonic clock for push and pull), so the same calls give the same output bits. */
#ifndef MS_JITTER_BUFFER_H
#define MS_JITTER_BUFFER_H

#include "codec_registry.h"
#include "loss_pattern.h"
#include "microsip_media.h"

typedef struct ms_jb ms_jb_t;

/* Zero means the default. min == max fixes the delay. Delays are between the arrival of the quickest packets and their
   playing; a buffer can not be shallower than the jitter it bridges, so min is a wish for more, max a bound on it. */
typedef struct ms_jb_config {
    uint32_t sample_rate;       /* of the audio pulled, Hz: 8000 (default), 16000, 24000, 32000, 48000 */
    uint16_t min_delay_ms;      /* 0..1000, default 0 */
    uint16_t max_delay_ms;      /* 20..1000, default 500 */
    uint16_t initial_delay_ms;  /* depth until the packets have shown how much is needed; default 40, or less when the first
                                   ones come steadily */
    uint16_t max_packets;       /* packets held at most, default 64 */
    uint32_t payload_bytes;     /* room for payloads, default 6400 (800 ms of G.711) */
    uint32_t decoder_bytes;     /* state of the largest decoder, default: that of the largest built-in one */
} ms_jb_config_t;

/* What a pull gave. When a pull holds several kinds, the one furthest down this list. */
typedef enum ms_jb_kind {
    MS_JB_NORMAL,
    MS_JB_SILENCE,    /* nothing has been received yet */
    MS_JB_NOISE,      /* comfort noise in a pause of the sender */
    MS_JB_ACCELERATE, /* audio was taken out */
    MS_JB_DECELERATE, /* audio was put in */
    MS_JB_MERGE,      /* back from concealment */
    MS_JB_BRIDGE,     /* concealment that knows both sides of the gap */
    MS_JB_CONCEAL     /* concealment that knows the past only */
} ms_jb_kind_t;

typedef struct ms_jb_info {
    ms_jb_kind_t kind;
    uint32_t playout_timestamp; /* RTP timestamp of the first sample given */
    uint32_t ssrc;              /* of the stream playing; 0 before the first packet */
    int32_t buffered_ms;        /* audio waiting: end of the newest packet minus playout position */
    int32_t delay_ms;           /* present delay above the quickest packets */
    int32_t target_ms;          /* delay the buffer is heading for */
    uint32_t arrived_ms;        /* age of the newest packet; UINT32_MAX before the first */
    uint8_t payload_type;       /* last one played */
} ms_jb_info_t;

/* Counters since creation. Samples are of the pulled rate. */
typedef struct ms_jb_stats {
    uint64_t pushed;      /* packets given, of any kind */
    uint64_t decoded;     /* packets played, whole or in part */
    uint64_t late;        /* came after their time (part of a packet may still have been played) */
    uint64_t duplicates;
    uint64_t reordered;   /* came after a packet with a later sequence number */
    uint64_t lost;        /* never came, or came late */
    uint64_t discarded;   /* thrown away: buffer full, or stale after an outage */
    uint64_t ignored;     /* payload type not in the map, or malformed */
    uint64_t resets;      /* new SSRC, or a jump in sequence or timestamp */
    uint64_t pulled_samples;
    uint64_t concealed_samples; /* made from the past only; taken back when a gap turns out to be a pause of the sender */
    uint64_t bridged_samples;   /* made from both sides */
    uint64_t recovered_samples; /* said a second time by the packet after them */
    uint64_t noise_samples;     /* comfort noise */
    uint64_t inserted_samples, removed_samples; /* by changes of the delay, pauses included */
    uint64_t delay_sum_ms;      /* of every pull that played audio, with delay_count: for the mean */
    uint64_t delay_count;
    ms_loss_figures_t pattern;  /* how losses lay together */
    int64_t clock_skew_ppm;     /* how much faster the sender's clock runs than ours, ... */
    uint64_t clock_skew_known;  /* ... once some seconds have been heard */
} ms_jb_stats_t;

/* What became of a pushed packet. */
typedef enum ms_jb_push_result {
    MS_JB_QUEUED = 0,
    MS_JB_LATE,
    MS_JB_DUPLICATE,
    MS_JB_DISCARDED, /* no room */
    MS_JB_IGNORED    /* not RTP version 2, payload type unknown, or a payload the codec refuses */
} ms_jb_push_result_t;

/* A packet already taken apart. */
typedef struct ms_jb_packet {
    const uint8_t *payload;
    size_t length; /* octets, padding not counted */
    uint32_t ssrc, timestamp;
    uint16_t sequence;
    uint8_t payload_type;
    uint8_t marker;
} ms_jb_packet_t;

/* Octets of memory a buffer of this configuration needs; 0 for one outside its ranges. config may be NULL (defaults). */
size_t ms_jb_size(const ms_jb_config_t *config);

/* Make a buffer in memory of the caller's, aligned as for any type and at least ms_jb_size() octets; it ends with that
   memory, there is nothing to close. MS_EINVAL when the configuration or the size is wrong. */
ms_status_t ms_jb_init(void *memory, size_t size, const ms_jb_config_t *config, ms_jb_t **jb);

/* Say which codec a payload type (0..127) carries; NULL forgets it. PCMU 0, PCMA 8 and CN 13 are known from the start;
   other types are ignored until told. MS_ENOTSUP: the codec's rate does not fit the pulled rate, or its state the room. */
ms_status_t ms_jb_set_payload(ms_jb_t *jb, uint8_t payload_type, const ms_codec_t *codec);

/* Change the bounds of the delay during the call (milliseconds; same meaning as in the configuration). */
ms_status_t ms_jb_set_delay(ms_jb_t *jb, uint16_t min_ms, uint16_t max_ms);

/* Forget the stream and start anew with its next packet; counters and payload types stay. */
void ms_jb_reset(ms_jb_t *jb);

/* A whole RTP packet (RFC 3550 5.1; CSRCs, extension and padding are skipped) and when it arrived. Any content is safe. */
ms_jb_push_result_t ms_jb_push(ms_jb_t *jb, const uint8_t *packet, size_t length, int64_t arrival_us);

/* The same for a packet already parsed. */
ms_jb_push_result_t ms_jb_push_packet(ms_jb_t *jb, const ms_jb_packet_t *packet, int64_t arrival_us);

/* The next n samples, n <= 60 ms (meant: 10 or 20 ms, always the same; 10 ms keeps the delay lower); always fills them.
   They are to be heard from now_us on. info may be NULL. MS_EINVAL (and silence) when n is out of range. */
ms_status_t ms_jb_pull(ms_jb_t *jb, int16_t *pcm, size_t n, int64_t now_us, ms_jb_info_t *info);

void ms_jb_get_stats(const ms_jb_t *jb, ms_jb_stats_t *stats);

const char *ms_jb_kind_name(ms_jb_kind_t kind);

#endif
