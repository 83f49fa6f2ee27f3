/* Sequence number, timestamp and SSRC of what is sent (RFC 3550 s5.1), and the count of it for sender reports. */
#ifndef MS_RTP_SENDER_H
#define MS_RTP_SENDER_H

#include "rtp_packet.h"

typedef struct ms_rtp_sender {
    uint32_t ssrc;
    uint32_t timestamp;  /* of the frame at hand; moves on whether or not it is sent */
    uint16_t sequence;   /* of the next packet */
    bool talking;        /* the last frame was sent, so the next one begins no talk spurt */
    uint64_t packets;
    uint64_t octets;     /* payload only */
    int64_t last_sent;   /* ns; 0: nothing yet */
} ms_rtp_sender_t;

/* Random start values (RFC 3550 s5.1). */
void ms_rtp_sender_init(ms_rtp_sender_t *sender);

/* Fill in the header of the frame at hand; the marker is set on the first of a talk spurt (RFC 3551 s4.1). */
void ms_rtp_sender_write_header(const ms_rtp_sender_t *sender, uint8_t payload_type,
                                uint8_t header[MS_RTP_HEADER_SIZE]);

/* The frame at hand went out with so many octets of payload. */
void ms_rtp_sender_sent(ms_rtp_sender_t *sender, size_t octets, int64_t now);

/* The frame at hand is over. `units`: its length in timestamp units. */
static inline void ms_rtp_sender_advance(ms_rtp_sender_t *sender, uint32_t units) { sender->timestamp += units; }

#endif
