/* The inside of a jitter buffer, shared by its two halves: jitter_buffer.c takes packets in, playout.c gives audio out. */
#ifndef MS_JITTER_BUFFER_STATE_H
#define MS_JITTER_BUFFER_STATE_H

#include "activity.h"
#include "clock_skew.h"
#include "comfort_noise.h"
#include "concealment.h"
#include "delay_estimator.h"
#include "jitter_buffer.h"
#include "packet_store.h"
#include "playout_decision.h"
#include "timeline.h"

#define MS_JB_HISTORY_MS 60u  /* played audio kept: for the pitch, and for repeating a pause */
#define MS_JB_PULL_MS 60u     /* longest pull */
#define MS_JB_PACKET_MS 120u  /* longest packet */
#define MS_JB_BRIDGE_MS 100u  /* longest gap bridged at once */
#define MS_JB_AHEAD_MS (MS_JB_PULL_MS + MS_JB_BRIDGE_MS + MS_JB_PACKET_MS + 40u)
#define MS_JB_SEEN 128u       /* more than the timeline takes as reordered */
#define MS_JB_PAYLOAD_MAX (192u * MS_JB_PACKET_MS) /* octets: 48 kHz, stereo, 16 bits */

struct ms_jb {
    ms_jb_config_t config;
    const ms_codec_t *codecs[128];
    ms_jb_stats_t stats;
    ms_packet_store_t store;
    ms_timeline_t timeline;
    ms_delay_estimator_t delays;
    ms_concealment_t concealment;
    ms_comfort_noise_t noise;
    ms_activity_t activity;
    ms_loss_pattern_t pattern;
    ms_clock_skew_t skew;

    /* Decoded audio: `history` samples already played, then `ahead` still to play. */
    int16_t *audio;
    size_t history, ahead, room;
    int64_t end;           /* position of the first sample after them */
    int64_t last_sequence; /* of the newest packet used up */
    ms_playout_source_t source;

    uint8_t seen[MS_JB_SEEN]; /* by sequence number: the packet has come */
    int waiting, playing;  /* a first packet has come; it is being played */
    int64_t first_us;      /* when it came */
    int32_t initial_us;    /* depth that playing began with */
    int64_t delay_us;      /* of the play-out clock against sample time; the earliest pull counts */
    size_t misaligned;     /* samples that a packet begins after the pull that needs it */
    size_t frame;          /* samples of a packet */
    int64_t since_change;  /* samples */
    int arrived;           /* packets came since the delay was chosen */
    int64_t change;        /* samples the delay should grow (or, negative, shrink) by */
    uint32_t late;         /* times lately that packets were late */
    int64_t quiet;         /* samples played since somebody talked */
    int64_t target_us;     /* the delay after it */
    int64_t newest_us;     /* arrival of the newest packet */

    const ms_codec_t *decoding; /* codec that the decoder's state belongs to */
    void *decoder;
    uint8_t payload_type;
    uint32_t timestamp;         /* RTP timestamp of the newest packet used, */
    int64_t timestamp_position; /* its first sample, */
    uint32_t clock_rate;        /* and its clock */
    uint32_t ssrc;
};

static inline int64_t ms_jb_us(const ms_jb_t *jb, int64_t samples) { return samples * 1000000 / jb->config.sample_rate; }
static inline int64_t ms_jb_samples(const ms_jb_t *jb, int64_t us) { return us * jb->config.sample_rate / 1000000; }
static inline size_t ms_jb_per_ms(const ms_jb_t *jb) { return jb->config.sample_rate / 1000; }

#endif
