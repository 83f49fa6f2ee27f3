/* RTP: parsing, headers, and the receiver's sequence, loss and jitter arithmetic of RFC 3550 appendix A. */
#include "check.h"
#include "clock.h"
#include "rtp_receiver.h"
#include "rtp_sender.h"

#define VECTORS "native/tests/fuzz/corpus/fuzz_rtp/"

static size_t read_vector(const char *name, uint8_t *bytes, size_t capacity) {
    char path[256];
    snprintf(path, sizeof path, VECTORS "%s", name);
    FILE *file = fopen(path, "rb");
    if (!CHECK(file != NULL))
        return 0;
    size_t length = fread(bytes, 1, capacity, file);
    fclose(file);
    return length;
}

static void packets_of_another_implementation_are_read(void) {
    static const struct {
        const char *name;
        unsigned type, sequence;
        uint32_t timestamp, ssrc;
        unsigned marker, csrc_count;
        size_t payload;
    } CASES[] = {{"rtp.bin", 0, 15743, 3937035252U, 4028317929U, 0, 0, 160},
                 {"rtp_dtmf.bin", 101, 24152, 4021352124U, 2795586802U, 1, 0, 4},
                 {"rtp_only_padding.bin", 120, 27759, 4044047131U, 2837429438U, 0, 0, 0},
                 {"rtp_with_csrc.bin", 0, 16082, 144, 1606227614U, 0, 2, 160},
                 {"rtp_with_sdes_mid.bin", 111, 14156, 1327210925U, 4084547440U, 1, 0, 54}};
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        uint8_t bytes[2048];
        ms_rtp_packet_t packet;
        size_t length = read_vector(CASES[i].name, bytes, sizeof bytes);
        REQUIRE(ms_rtp_parse(bytes, length, &packet) == MS_OK);
        CHECK_EQ(packet.payload_type, CASES[i].type);
        CHECK_EQ(packet.sequence, CASES[i].sequence);
        CHECK_EQ(packet.timestamp, CASES[i].timestamp);
        CHECK_EQ(packet.ssrc, CASES[i].ssrc);
        CHECK_EQ(packet.marker, CASES[i].marker);
        CHECK_EQ(packet.csrc_count, CASES[i].csrc_count);
        CHECK_EQ(packet.length, CASES[i].payload);
    }
}

static void malformed_packets_are_refused(void) {
    uint8_t bytes[64] = {0x80, 0x00};
    ms_rtp_packet_t packet;
    CHECK_EQ(ms_rtp_parse(bytes, 12, &packet), MS_OK);
    CHECK_EQ(ms_rtp_parse(bytes, 11, &packet), MS_EFORMAT);
    bytes[0] = 0x40; /* version 1 */
    CHECK_EQ(ms_rtp_parse(bytes, 12, &packet), MS_EFORMAT);
    bytes[0] = 0x8f; /* 15 CSRCs need 60 octets */
    CHECK_EQ(ms_rtp_parse(bytes, 64, &packet), MS_EFORMAT);
    bytes[0] = 0x90; /* an extension that does not fit */
    bytes[15] = 20;
    CHECK_EQ(ms_rtp_parse(bytes, 64, &packet), MS_EFORMAT);
    bytes[15] = 12;
    CHECK_EQ(ms_rtp_parse(bytes, 64, &packet), MS_OK);
    CHECK_EQ(packet.length, 0);
    CHECK_EQ(ms_rtp_parse(bytes, 14, &packet), MS_EFORMAT);
    bytes[0] = 0xa0; /* padding: none, too much, all of the payload */
    bytes[63] = 0;
    CHECK_EQ(ms_rtp_parse(bytes, 64, &packet), MS_EFORMAT);
    bytes[63] = 53;
    CHECK_EQ(ms_rtp_parse(bytes, 64, &packet), MS_EFORMAT);
    bytes[63] = 52;
    CHECK_EQ(ms_rtp_parse(bytes, 64, &packet), MS_OK);
    CHECK_EQ(packet.length, 0);
    bytes[0] = 0x80;
    for (unsigned type = 192; type <= 223; type++) { /* RTCP on the RTP port */
        bytes[1] = (uint8_t)type;
        CHECK_EQ(ms_rtp_parse(bytes, 64, &packet), MS_EFORMAT);
    }
}

static void headers_come_back_as_written(void) {
    uint8_t header[MS_RTP_HEADER_SIZE];
    ms_rtp_packet_t packet, written = {.marker = true, .payload_type = 101, .sequence = 0xfffe, .timestamp = 0xdeadbeef,
                                       .ssrc = 0x01020304};
    ms_rtp_write_header(header, &written);
    REQUIRE(ms_rtp_parse(header, sizeof header, &packet) == MS_OK);
    CHECK(packet.marker);
    CHECK_EQ(packet.payload_type, 101);
    CHECK_EQ(packet.sequence, 0xfffe);
    CHECK_EQ(packet.timestamp, 0xdeadbeef);
    CHECK_EQ(packet.ssrc, 0x01020304);
}

static void the_sender_marks_talk_spurts_and_counts(void) {
    ms_rtp_sender_t sender;
    ms_rtp_packet_t packet;
    uint8_t header[MS_RTP_HEADER_SIZE];
    ms_rtp_sender_init(&sender);
    uint16_t first = sender.sequence;
    uint32_t start = sender.timestamp;
    for (int i = 0; i < 3; i++) {
        ms_rtp_sender_write_header(&sender, 8, header);
        ms_rtp_sender_sent(&sender, 160, 1000 + i);
        ms_rtp_sender_advance(&sender, 160);
        REQUIRE(ms_rtp_parse(header, sizeof header, &packet) == MS_OK);
        CHECK_EQ(packet.marker, i == 0);
        CHECK_EQ(packet.sequence, (uint16_t)(first + i));
        CHECK_EQ(packet.timestamp, start + 160U * (uint32_t)i);
    }
    CHECK_EQ(sender.packets, 3);
    CHECK_EQ(sender.octets, 480);
}

/* ---- receiver */

static ms_rtp_verdict_t feed(ms_rtp_receiver_t *receiver, uint32_t ssrc, unsigned sequence, int64_t ms) {
    ms_rtp_packet_t packet = {.ssrc = ssrc, .sequence = (uint16_t)sequence, .timestamp = sequence * 160U};
    return ms_rtp_receiver_update(receiver, &packet, ms * MS_NS_PER_MS);
}

static void sequence_numbers_wrap_and_loss_is_counted(void) {
    ms_rtp_receiver_t receiver = {0};
    CHECK_EQ(feed(&receiver, 1, 65533, 0), MS_RTP_FIRST);
    CHECK_EQ(feed(&receiver, 1, 65534, 20), MS_RTP_VALID);
    /* 65535 and 0 are lost */
    CHECK_EQ(feed(&receiver, 1, 1, 80), MS_RTP_VALID);
    CHECK_EQ(feed(&receiver, 1, 2, 100), MS_RTP_VALID);
    CHECK_EQ(ms_rtp_receiver_extended_max(&receiver), 0x10002);
    CHECK_EQ(ms_rtp_receiver_expected(&receiver), 6);
    CHECK_EQ(ms_rtp_receiver_cumulative_lost(&receiver), 2);
    CHECK_EQ(ms_rtp_receiver_fraction_lost(&receiver), 2 * 256 / 6);
    CHECK_EQ(ms_rtp_receiver_fraction_lost(&receiver), 0);
    /* one comes late, over the wrap: it was not lost, and moves nothing */
    CHECK_EQ(feed(&receiver, 1, 65535, 120), MS_RTP_VALID);
    CHECK_EQ(ms_rtp_receiver_extended_max(&receiver), 0x10002);
    CHECK_EQ(ms_rtp_receiver_cumulative_lost(&receiver), 1);
    /* duplicates make the number negative in the end, as RFC 3550 says */
    for (int i = 0; i < 3; i++)
        feed(&receiver, 1, 2, 140);
    CHECK_EQ(ms_rtp_receiver_cumulative_lost(&receiver), -2);
    CHECK_EQ(ms_rtp_receiver_fraction_lost(&receiver), 0);
}

static void a_jump_needs_a_second_packet(void) {
    ms_rtp_receiver_t receiver = {0};
    for (unsigned i = 0; i < 10; i++)
        feed(&receiver, 1, 100 + i, 20 * i);
    CHECK_EQ(feed(&receiver, 1, 30000, 200), MS_RTP_JUMP);
    CHECK_EQ(feed(&receiver, 1, 110, 220), MS_RTP_VALID); /* it was a stray */
    CHECK_EQ(feed(&receiver, 1, 30000, 240), MS_RTP_JUMP);
    CHECK_EQ(feed(&receiver, 1, 30001, 260), MS_RTP_VALID); /* the source has restarted */
    CHECK_EQ(ms_rtp_receiver_extended_max(&receiver), 30001);
    CHECK_EQ(ms_rtp_receiver_expected(&receiver), 11 + 1);
    CHECK_EQ(ms_rtp_receiver_cumulative_lost(&receiver), 0);
}

static void a_new_source_takes_over_and_the_old_one_is_ignored(void) {
    ms_rtp_receiver_t receiver = {0};
    for (unsigned i = 0; i < 5; i++)
        feed(&receiver, 7, i, 20 * i);
    CHECK_EQ(feed(&receiver, 8, 500, 100), MS_RTP_NEW_SSRC);
    CHECK_EQ(feed(&receiver, 7, 5, 101), MS_RTP_OLD_SOURCE);
    CHECK_EQ(feed(&receiver, 8, 501, 120), MS_RTP_VALID);
    CHECK_EQ(ms_rtp_receiver_expected(&receiver), 7);
    CHECK_EQ(feed(&receiver, 7, 6, 2000), MS_RTP_NEW_SSRC); /* the new one has fallen silent */
    CHECK_EQ(receiver.ssrc, 7);
    ms_rtp_receiver_restart(&receiver);
    CHECK_EQ(feed(&receiver, 7, 9, 2100), MS_RTP_VALID); /* the same one after a re-negotiation */
    ms_rtp_receiver_restart(&receiver);
    CHECK_EQ(feed(&receiver, 9, 0, 2200), MS_RTP_NEW_SSRC);
    CHECK_EQ(ms_rtp_receiver_expected(&receiver), 10);
}

/* Transit times that alternate by d give a jitter that tends to d (A.8). */
static void jitter_follows_the_definition(void) {
    ms_rtp_receiver_t receiver = {0};
    int64_t hours = 100 * 3600 * MS_NS_PER_SECOND; /* and it has to work on a machine long up */
    for (unsigned i = 0; i < 400; i++)
        ms_rtp_receiver_jitter(&receiver, i * 160, hours + (20 * i + (i % 2) * 5) * MS_NS_PER_MS, 8000);
    CHECK((receiver.jitter >> 4) >= 39 && (receiver.jitter >> 4) <= 40);
    /* packets of one timestamp (DTMF) do not count, nor does a new clock */
    uint32_t before = receiver.jitter;
    ms_rtp_receiver_jitter(&receiver, 399 * 160, hours + 9000 * MS_NS_PER_MS, 8000);
    ms_rtp_receiver_jitter(&receiver, 0x80000000U, hours + 9020 * MS_NS_PER_MS, 8000);
    CHECK_EQ(receiver.jitter, before);
}

int main(void) {
    RUN(packets_of_another_implementation_are_read);
    RUN(malformed_packets_are_refused);
    RUN(headers_come_back_as_written);
    RUN(the_sender_marks_talk_spurts_and_counts);
    RUN(sequence_numbers_wrap_and_loss_is_counted);
    RUN(a_jump_needs_a_second_packet);
    RUN(a_new_source_takes_over_and_the_old_one_is_ignored);
    RUN(jitter_follows_the_definition);
    return check_result("rtp");
}
