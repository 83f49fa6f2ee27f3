/* RTCP: compound packets written and read, refused when malformed, and sent at the right intervals. */
#include "check.h"
#include "rtcp.h"

#define VECTORS "native/tests/fuzz/corpus/fuzz_rtcp/"

static ms_rtcp_report_t full_report(void) {
    return (ms_rtcp_report_t){.ssrc = 0x11223344, .is_sender = true, .ntp_time = 0xe123456789abcdefU,
                              .rtp_timestamp = 0xcafebabe, .packets = 1000, .octets = 160000, .has_block = true,
                              .block = {0x55667788, 25, -3, 0x1fffe, 80, 0x456789ab, 65536}};
}

static void a_report_comes_back_as_written(void) {
    uint8_t packet[MS_RTCP_PACKET_MAX];
    ms_rtcp_news_t news;
    ms_rtcp_report_t report = full_report();
    size_t length = ms_rtcp_write(packet, sizeof packet, &report, "somebody", true);
    REQUIRE(length > 0);
    CHECK_EQ(length % 4, 0);
    REQUIRE(ms_rtcp_parse(packet, length, false, 0x55667788, &news) == MS_OK);
    CHECK_EQ(news.report.ssrc, 0x11223344);
    CHECK(news.report.is_sender && news.report.has_block && news.bye);
    CHECK(news.report.ntp_time == report.ntp_time);
    CHECK_EQ(news.report.rtp_timestamp, 0xcafebabe);
    CHECK_EQ(news.report.packets, 1000);
    CHECK_EQ(news.report.octets, 160000);
    CHECK_EQ(news.report.block.fraction_lost, 25);
    CHECK_EQ(news.report.block.cumulative_lost, -3);
    CHECK_EQ(news.report.block.extended_max, 0x1fffe);
    CHECK_EQ(news.report.block.jitter, 80);
    CHECK_EQ(news.report.block.last_sr, 0x456789ab);
    CHECK_EQ(news.report.block.delay_since_last_sr, 65536);
    CHECK_EQ(news.bye_ssrc, 0x11223344);
    /* a block about somebody else is none about us */
    REQUIRE(ms_rtcp_parse(packet, length, false, 0x99999999, &news) == MS_OK);
    CHECK(!news.report.has_block);
}

static void a_receiver_report_needs_no_block(void) {
    uint8_t packet[MS_RTCP_PACKET_MAX];
    ms_rtcp_news_t news;
    ms_rtcp_report_t report = {.ssrc = 5};
    for (size_t name = 0; name <= MS_CNAME_MAX; name++) { /* every padding of the SDES chunk */
        char cname[MS_CNAME_MAX + 1] = {0};
        memset(cname, 'x', name);
        size_t length = ms_rtcp_write(packet, sizeof packet, &report, cname, false);
        REQUIRE(length > 0);
        CHECK_EQ(ms_rtcp_parse(packet, length, false, 0, &news), MS_OK);
        CHECK(!news.report.is_sender && !news.bye);
        CHECK_EQ(packet[length - 1], 0); /* the item list ends with a zero octet */
        CHECK_EQ(ms_rtcp_write(packet, length - 1, &report, cname, false), 0);
    }
}

static void every_cut_of_a_packet_is_refused(void) {
    uint8_t packet[MS_RTCP_PACKET_MAX];
    ms_rtcp_news_t news;
    ms_rtcp_report_t report = full_report();
    size_t length = ms_rtcp_write(packet, sizeof packet, &report, "somebody", true), whole = 0;
    for (size_t cut = 0; cut < length; cut++)
        whole += ms_rtcp_parse(packet, cut, false, 1, &news) == MS_OK;
    CHECK_EQ(whole, 2); /* without the BYE, and without SDES and BYE: whole packets */
    packet[0] = 0x82;   /* two blocks announced, one there */
    CHECK_EQ(ms_rtcp_parse(packet, length, false, 1, &news), MS_EFORMAT);
    packet[0] = 0xa1;   /* padding in the first packet */
    CHECK_EQ(ms_rtcp_parse(packet, length, false, 1, &news), MS_EFORMAT);
    packet[0] = 0x41;
    CHECK_EQ(ms_rtcp_parse(packet, length, false, 1, &news), MS_EFORMAT);
}

static void packets_of_another_implementation_are_read(void) {
    static const struct {
        const char *name;
        ms_status_t status;
    } CASES[] = {{"rtcp_sr.bin", MS_OK}, {"rtcp_rr.bin", MS_OK}, {"rtcp_sr_invalid.bin", MS_EFORMAT},
                 {"rtcp_bye_invalid.bin", MS_EFORMAT}, {"rtcp_sdes_item_truncated.bin", MS_EFORMAT},
                 /* a compound packet begins with a report (RFC 3550 s6.1); reduced size is not negotiated */
                 {"rtcp_bye.bin", MS_EFORMAT}, {"rtcp_psfb_pli.bin", MS_EFORMAT}};
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        char path[256];
        uint8_t bytes[2048];
        ms_rtcp_news_t news;
        snprintf(path, sizeof path, VECTORS "%s", CASES[i].name);
        FILE *file = fopen(path, "rb");
        REQUIRE(file != NULL);
        size_t length = fread(bytes, 1, sizeof bytes, file);
        fclose(file);
        if (!CHECK_EQ(ms_rtcp_parse(bytes, length, false, 0, &news), CASES[i].status))
            fprintf(stderr, "  in %s\n", CASES[i].name);
    }
}

/* RFC 5506: what need not begin with a report when both sides said so. */
static void reduced_size_is_read_where_it_was_agreed(void) {
    static const uint8_t BYE_ALONE[] = {0x81, 203, 0, 1, 1, 2, 3, 4}, FEEDBACK[] = {0x81, 206, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2};
    static const uint8_t EMPTY[] = {0x80, 203, 0, 0}, TOO_LONG[] = {0x81, 203, 0, 2, 1, 2, 3, 4};
    ms_rtcp_news_t news;
    CHECK_EQ(ms_rtcp_parse(BYE_ALONE, sizeof BYE_ALONE, false, 0, &news), MS_EFORMAT);
    CHECK_EQ(ms_rtcp_parse(BYE_ALONE, sizeof BYE_ALONE, true, 0, &news), MS_OK);
    CHECK(news.bye && news.bye_ssrc == 0x01020304);
    CHECK_EQ(ms_rtcp_parse(FEEDBACK, sizeof FEEDBACK, true, 0, &news), MS_OK);
    CHECK(!news.bye && !news.report.is_sender && !news.report.has_block);
    CHECK_EQ(ms_rtcp_parse(EMPTY, sizeof EMPTY, true, 0, &news), MS_OK);
    CHECK(!news.bye);
    CHECK_EQ(ms_rtcp_parse(TOO_LONG, sizeof TOO_LONG, true, 0, &news), MS_EFORMAT);
}

/* RFC 3611 s4.7. */
static void voip_metrics_come_back_as_written(void) {
    uint8_t packet[MS_RTCP_PACKET_MAX];
    ms_rtcp_news_t news;
    ms_rtcp_report_t report = full_report();
    report.has_voip = true;
    report.voip = (ms_rtcp_voip_metrics_t){.ssrc = 0x55667788, .loss_rate = 12, .discard_rate = 3, .burst_density = 100,
                                           .gap_density = 2, .burst_ms = 340, .gap_ms = 9000, .round_trip_ms = 44,
                                           .end_system_ms = 61, .gap_threshold = 16, .r_factor = 88, .mos_lq = 42,
                                           .mos_cq = 41, .adaptive = true, .buffer_nominal_ms = 40,
                                           .buffer_max_ms = 80, .buffer_limit_ms = 500};
    size_t plain = ms_rtcp_write(packet, sizeof packet, &(ms_rtcp_report_t){.ssrc = 1}, "somebody", false);
    size_t length = ms_rtcp_write(packet, sizeof packet, &report, "somebody", true);
    REQUIRE(length > plain);
    REQUIRE(ms_rtcp_parse(packet, length, false, 0x55667788, &news) == MS_OK);
    CHECK(news.report.has_voip && news.bye);
    CHECK(memcmp(&news.report.voip, &report.voip, sizeof report.voip) == 0);
    REQUIRE(ms_rtcp_parse(packet, length, false, 1, &news) == MS_OK);
    CHECK(!news.report.has_voip); /* about somebody else */
    CHECK_EQ(ms_rtcp_write(packet, length - 1, &report, "somebody", true), 0);
}

static void extended_reports_of_other_kinds_are_passed_over(void) {
    /* a receiver report, then XR with a receiver reference time, a block of a kind that nobody knows, and a cut one */
    uint8_t packet[] = {0x80, 201, 0, 1, 0, 0, 0, 1, 0x80, 207, 0, 6, 0, 0, 0, 1,
                        4,    0,   0, 2, 1, 2, 3, 4, 5,    6,   7, 8, 99, 0, 0, 1, 1, 2, 3, 4};
    ms_rtcp_news_t news;
    CHECK_EQ(ms_rtcp_parse(packet, sizeof packet, false, 1, &news), MS_OK);
    CHECK(!news.report.has_voip);
    packet[31] = 2; /* longer than the packet it is in */
    CHECK_EQ(ms_rtcp_parse(packet, sizeof packet, false, 1, &news), MS_EFORMAT);
}

static void ntp_time_counts_from_1900(void) {
    CHECK(ms_ntp_time(0) == (uint64_t)2208988800U << 32);
    CHECK(ms_ntp_time(1500000000) == ((uint64_t)2208988801U << 32 | 0x80000000U));
    CHECK_EQ(ms_ntp_middle(0x1111222233334444U), 0x22223333);
}

/* Two members: the 5 s minimum rules, spread over half to one and a half of it and corrected by e - 3/2 (A.7). */
static void intervals_are_spread_around_five_seconds(void) {
    CHECK(ms_rtcp_interval(false, 128, 500, 0.0) > 2.05 && ms_rtcp_interval(false, 128, 500, 0.0) < 2.06);
    CHECK(ms_rtcp_interval(false, 128, 500, 1.0) > 6.15 && ms_rtcp_interval(false, 128, 500, 1.0) < 6.16);
    CHECK(ms_rtcp_interval(true, 128, 500, 0.5) > 2.05 && ms_rtcp_interval(true, 128, 500, 0.5) < 2.06);
    CHECK(ms_rtcp_interval(false, 2000, 500, 0.5) > 6.5); /* a narrow share makes it longer */
}

int main(void) {
    RUN(a_report_comes_back_as_written);
    RUN(a_receiver_report_needs_no_block);
    RUN(every_cut_of_a_packet_is_refused);
    RUN(packets_of_another_implementation_are_read);
    RUN(reduced_size_is_read_where_it_was_agreed);
    RUN(voip_metrics_come_back_as_written);
    RUN(extended_reports_of_other_kinds_are_passed_over);
    RUN(ntp_time_counts_from_1900);
    RUN(intervals_are_spread_around_five_seconds);
    return check_result("rtcp");
}
