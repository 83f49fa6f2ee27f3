/* RTP packets taken apart and put together (RFC 3550 s5.1). */
#include "rtp_packet.h"

#include "byte_order.h"

ms_status_t ms_rtp_parse(const uint8_t *bytes, size_t length, ms_rtp_packet_t *packet) {
    if (length < MS_RTP_HEADER_SIZE || bytes[0] >> 6 != 2)
        return MS_EFORMAT;
    if (ms_rtp_is_rtcp(bytes, length))
        return MS_EFORMAT;
    size_t csrc_count = bytes[0] & 0x0f, start = MS_RTP_HEADER_SIZE + 4 * csrc_count, end = length;
    if (start > end)
        return MS_EFORMAT;
    if (bytes[0] & 0x10) { /* extension: profile, length in words, words */
        if (end - start < 4)
            return MS_EFORMAT;
        start += 4 + 4 * (size_t)ms_get16(bytes + start + 2);
        if (start > end)
            return MS_EFORMAT;
    }
    if (bytes[0] & 0x20) { /* padding: its last octet counts itself */
        size_t padding = bytes[length - 1];
        if (padding == 0 || padding > end - start)
            return MS_EFORMAT;
        end -= padding;
    }
    packet->marker = bytes[1] >> 7;
    packet->payload_type = bytes[1] & 0x7f;
    packet->csrc_count = (uint8_t)csrc_count;
    packet->sequence = ms_get16(bytes + 2);
    packet->timestamp = ms_get32(bytes + 4);
    packet->ssrc = ms_get32(bytes + 8);
    packet->payload = bytes + start;
    packet->length = end - start;
    return MS_OK;
}

void ms_rtp_write_header(uint8_t header[MS_RTP_HEADER_SIZE], const ms_rtp_packet_t *packet) {
    header[0] = 2 << 6;
    header[1] = (uint8_t)(packet->marker << 7 | packet->payload_type);
    ms_put16(header + 2, packet->sequence);
    ms_put32(header + 4, packet->timestamp);
    ms_put32(header + 8, packet->ssrc);
}
