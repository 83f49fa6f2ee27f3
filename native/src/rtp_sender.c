/* Sequence number, timestamp and SSRC of what is sent (RFC 3550 s5.1), and the count of it for sender reports. */
#include "rtp_sender.h"

#include "clock.h"

#include <string.h>

void ms_rtp_sender_init(ms_rtp_sender_t *sender) {
    memset(sender, 0, sizeof *sender);
    ms_random_bytes(&sender->ssrc, sizeof sender->ssrc);
    ms_random_bytes(&sender->timestamp, sizeof sender->timestamp);
    ms_random_bytes(&sender->sequence, sizeof sender->sequence);
}

void ms_rtp_sender_write_header(const ms_rtp_sender_t *sender, uint8_t payload_type,
                                uint8_t header[MS_RTP_HEADER_SIZE]) {
    ms_rtp_packet_t packet = {.marker = !sender->talking, .payload_type = payload_type, .sequence = sender->sequence,
                              .timestamp = sender->timestamp, .ssrc = sender->ssrc};
    ms_rtp_write_header(header, &packet);
}

void ms_rtp_sender_sent(ms_rtp_sender_t *sender, size_t octets, int64_t now) {
    sender->sequence++;
    sender->talking = true;
    sender->packets++;
    sender->octets += octets;
    sender->last_sent = now;
}
