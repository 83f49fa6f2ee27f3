/* RTP packets taken apart and put together (RFC 3550 s5.1). */
#ifndef MS_RTP_PACKET_H
#define MS_RTP_PACKET_H

#include "microsip_media.h"

#include <stdbool.h>

#define MS_RTP_HEADER_SIZE 12
#define MS_RTP_PACKET_MAX 1500

typedef struct ms_rtp_packet {
    bool marker;
    uint8_t payload_type;
    uint8_t csrc_count;
    uint16_t sequence;
    uint32_t timestamp;
    uint32_t ssrc;
    const uint8_t *payload; /* inside the parsed octets */
    size_t length;          /* of the payload, without padding */
} ms_rtp_packet_t;

/* The checks of RFC 3550 A.1 that need no state: version, lengths of CSRC list, extension and padding, and that the
   payload type is none of RTCP's. MS_EFORMAT otherwise. */
ms_status_t ms_rtp_parse(const uint8_t *bytes, size_t length, ms_rtp_packet_t *packet);

/* Whether what came on a port for both is RTCP: its packet types seen as second octet (RFC 5761 s4). */
static inline bool ms_rtp_is_rtcp(const uint8_t *bytes, size_t length) {
    return length >= 2 && bytes[1] >= 192 && bytes[1] <= 223;
}

/* Write the fixed header; payload, csrc_count and length of `packet` are not looked at. */
void ms_rtp_write_header(uint8_t header[MS_RTP_HEADER_SIZE], const ms_rtp_packet_t *packet);

#endif
