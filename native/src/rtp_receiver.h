/* The receiver's view of a source: sequence numbers, loss and jitter (RFC 3550 A.1, A.3, A.8). */
#ifndef MS_RTP_RECEIVER_H
#define MS_RTP_RECEIVER_H

#include "rtp_packet.h"

typedef enum ms_rtp_verdict {
    MS_RTP_VALID,
    MS_RTP_FIRST,       /* valid, and the first of all */
    MS_RTP_NEW_SSRC,    /* valid, and of another source than the one before */
    MS_RTP_OLD_SOURCE,  /* of a source that was given up for another; not to be played */
    MS_RTP_JUMP         /* its sequence number makes no sense yet (A.1); not to be played */
} ms_rtp_verdict_t;

/* Figures of the source in force, with the ones before it added up in the *_before fields. Zero-initialise. */
typedef struct ms_rtp_receiver {
    uint32_t ssrc;
    bool known;             /* ssrc is one */
    uint16_t max_sequence;
    uint32_t cycles;        /* count of wraps, shifted by 16 */
    uint32_t base_sequence;
    uint32_t bad_sequence;  /* the number after a jump: if it comes next, the source has restarted */
    uint32_t received;      /* of this source, duplicates included */
    uint32_t expected_prior, received_prior; /* at the last report */
    uint32_t transit;       /* arrival minus timestamp of the last packet, in RTP units */
    uint32_t last_timestamp;
    bool has_transit;
    uint32_t jitter;        /* scaled by 16 */
    uint32_t jitter_max;    /* scaled by 16 */
    int64_t last_arrival;   /* ns */
    uint32_t old_ssrc;      /* the one before, whose stragglers are ignored */
    bool has_old;
    uint64_t expected_before;
    uint64_t received_before;
} ms_rtp_receiver_t;

/* Take in a packet that arrived at `arrival` (ns of any monotonic clock). */
ms_rtp_verdict_t ms_rtp_receiver_update(ms_rtp_receiver_t *receiver, const ms_rtp_packet_t *packet, int64_t arrival);

/* Jitter of A.8; only for packets of audio, because telephone-events repeat one timestamp. */
void ms_rtp_receiver_jitter(ms_rtp_receiver_t *receiver, uint32_t timestamp, int64_t arrival, uint32_t clock_rate);

/* Forget the source: a re-negotiation may bring another. */
void ms_rtp_receiver_restart(ms_rtp_receiver_t *receiver);

uint32_t ms_rtp_receiver_extended_max(const ms_rtp_receiver_t *receiver);
/* Over all sources so far. */
uint64_t ms_rtp_receiver_expected(const ms_rtp_receiver_t *receiver);

/* Of a report block: the fraction since the last call (A.3), in 1/256, and the cumulative number, 24 bits signed. */
uint8_t ms_rtp_receiver_fraction_lost(ms_rtp_receiver_t *receiver);
int32_t ms_rtp_receiver_cumulative_lost(const ms_rtp_receiver_t *receiver);

#endif
