/* A hand-made peer of a stream, for tests of what the engine believes, counts and sends. */
#ifndef MICROSIP_TESTS_PHONE_H
#define MICROSIP_TESTS_PHONE_H

#include "engine_room.h"

/* A socket pair of the test's own that speaks RTP to a stream. */
typedef struct phone {
    ms_udp_pair_t sockets;
    uint16_t sequence;
    uint32_t timestamp, ssrc;
    uint8_t packet[MS_RTP_PACKET_MAX];
    size_t length; /* of the last packet received */
} phone_t;

static inline phone_t phone_open(uint32_t ssrc) {
    phone_t phone = {.ssrc = ssrc, .sequence = 1000, .timestamp = 50000};
    ms_address_t host;
    uint16_t cursor = 0;
    ms_address_parse("127.0.0.1", 0, &host);
    CHECK_EQ(ms_udp_open_pair(&host, 0, 0, &cursor, &phone.sockets), MS_OK);
    return phone;
}

static inline ms_address_t address_of(const ms_stream_t *stream, bool rtcp) {
    return rtcp ? stream->caller_rtcp : stream->caller_rtp;
}

static inline void phone_send_type(phone_t *phone, const ms_stream_t *stream, uint8_t type) {
    uint8_t bytes[MS_RTP_HEADER_SIZE + 160];
    ms_rtp_packet_t packet = {.payload_type = type, .sequence = phone->sequence++, .timestamp = phone->timestamp,
                              .ssrc = phone->ssrc};
    ms_address_t to = address_of(stream, false);
    ms_rtp_write_header(bytes, &packet);
    memset(bytes + MS_RTP_HEADER_SIZE, 0xa5, 160);
    phone->timestamp += 160;
    CHECK(ms_udp_send(phone->sockets.rtp, bytes, sizeof bytes, &to));
}

/* Send a packet every 20 ms of virtual time. */
static inline void phone_talk(phone_t *phone, const ms_stream_t *stream, int packets) {
    for (int i = 0; i < packets; i++) {
        phone_send_type(phone, stream, 0);
        room_run(20);
    }
}

/* The next RTP or RTCP packet, if any. */
static inline bool phone_receive(phone_t *phone, bool rtcp) {
    ms_address_t from;
    int64_t stamp;
    int fd = rtcp ? phone->sockets.rtcp : phone->sockets.rtp;
    long length = ms_udp_receive(fd, phone->packet, sizeof phone->packet, &from, &stamp);
    phone->length = length < 0 ? 0 : (size_t)length;
    return length >= 0;
}

static inline int phone_count(phone_t *phone) {
    int count = 0;
    while (phone_receive(phone, false))
        count++;
    return count;
}

static inline ms_stream_t *stream_for(const phone_t *phone, uint32_t media_timeout_ms) {
    ms_stream_t *stream = open_stream(media_timeout_ms);
    ms_stream_format_t format = pcmu(ms_address_port(&phone->sockets.rtp_address), 20);
    CHECK_EQ(ms_stream_configure(stream, &format), MS_OK);
    return stream;
}

#endif
