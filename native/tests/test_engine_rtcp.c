/* RTCP of a stream against a hand-made peer: on the port of RTP, reduced in size, and with VoIP metrics. */
#include "byte_order.h"
#include "phone.h"

static void phone_report(phone_t *phone, const ms_stream_t *stream, const ms_rtcp_report_t *report, bool rtcp_port,
                         bool bye) {
    ms_address_t to = address_of(stream, rtcp_port);
    size_t length = ms_rtcp_write(phone->packet, sizeof phone->packet, report, "phone", bye);
    CHECK(ms_udp_send(rtcp_port ? phone->sockets.rtcp : phone->sockets.rtp, phone->packet, length, &to));
}

static ms_stream_t *muxed_stream_for(const phone_t *phone, ms_stream_format_t *format) {
    ms_stream_t *stream = open_stream(0);
    *format = pcmu(ms_address_port(&phone->sockets.rtp_address), 20);
    format->rtcp_mux = true;
    CHECK_EQ(ms_stream_configure(stream, format), MS_OK);
    return stream;
}

/* The next report that came with RTP. */
static bool phone_find_report(phone_t *phone, uint32_t about, ms_rtcp_news_t *news) {
    while (phone_receive(phone, false))
        if (ms_rtp_is_rtcp(phone->packet, phone->length))
            return CHECK_EQ(ms_rtcp_parse(phone->packet, phone->length, false, about, news), MS_OK);
    return false;
}

static void one_port_carries_both(void) {
    room_open();
    phone_t phone = phone_open(0x01020304);
    ms_stream_format_t format;
    ms_stream_t *stream = muxed_stream_for(&phone, &format);
    ms_rtcp_news_t news;
    uint32_t reports = 0;
    for (int i = 0; i < 400; i++) { /* 8 s: at least one report, and the socket is connected by then */
        phone_talk(&phone, stream, 1);
        if (i % 100 == 50) {
            ms_rtcp_report_t report = {.ssrc = phone.ssrc, .has_block = true,
                                       .block = {.ssrc = figures_of(stream).ssrc, .cumulative_lost = 7}};
            phone_report(&phone, stream, &report, false, false);
        }
        reports += phone_find_report(&phone, phone.ssrc, &news);
    }
    CHECK(reports >= 1 && news.report.is_sender && news.report.has_block);
    CHECK(!phone_receive(&phone, true)); /* nothing at the port of its own */
    ms_stream_statistics_t figures = figures_of(stream);
    CHECK_EQ(figures.packets_received, 400);
    CHECK_EQ(figures.invalid, 0);
    CHECK_EQ(figures.rtcp_received, 4);
    CHECK_EQ(figures.remote_packets_lost, 7);
    CHECK_EQ(figures.rtcp_sent, reports);
    ms_rtcp_report_t last = {.ssrc = phone.ssrc};
    phone_report(&phone, stream, &last, false, true);
    room_run(20);
    CHECK(room_event(stream, MS_EVENT_RTCP_BYE, 0) != NULL);
    ms_stream_close(stream, NULL);
    room_run(2);
    CHECK(phone_find_report(&phone, phone.ssrc, &news) && news.bye);
    ms_udp_close_pair(&phone.sockets);
    room_close();
}

/* A re-INVITE may take it back, and give it again. */
static void it_can_be_negotiated_again(void) {
    room_open();
    phone_t phone = phone_open(5);
    ms_stream_format_t format;
    ms_stream_t *stream = muxed_stream_for(&phone, &format);
    ms_rtcp_report_t report = {.ssrc = phone.ssrc};
    phone_talk(&phone, stream, 3);
    format.rtcp_mux = false;
    CHECK_EQ(ms_stream_configure(stream, &format), MS_OK);
    room_run(20);
    phone_report(&phone, stream, &report, false, false);
    phone_talk(&phone, stream, 1);
    CHECK_EQ(figures_of(stream).rtcp_received, 0);
    CHECK_EQ(figures_of(stream).invalid, 1); /* RTCP is no RTP */
    phone_report(&phone, stream, &report, true, false);
    phone_talk(&phone, stream, 50);
    CHECK_EQ(figures_of(stream).rtcp_received, 1);
    room_run(8000);
    CHECK(phone_receive(&phone, true));
    ms_udp_close_pair(&phone.sockets);
    room_close();
}

static void strangers_and_rubbish_only_count(void) {
    room_open();
    phone_t phone = phone_open(5);
    ms_stream_format_t format;
    ms_stream_t *stream = muxed_stream_for(&phone, &format);
    ms_address_t to = address_of(stream, false);
    static const uint8_t BYE_ALONE[] = {0x81, 203, 0, 1, 0, 0, 0, 5}, CUT[] = {0x81, 200, 0, 6, 0, 0, 0, 5};
    phone_talk(&phone, stream, 3);
    CHECK(ms_udp_send(phone.sockets.rtp, BYE_ALONE, sizeof BYE_ALONE, &to));
    CHECK(ms_udp_send(phone.sockets.rtp, CUT, sizeof CUT, &to));
    room_run(20);
    CHECK_EQ(figures_of(stream).rtcp_invalid, 2);
    CHECK(room_event(stream, MS_EVENT_RTCP_BYE, 0) == NULL);
    format.rtcp_reduced_size = true;
    CHECK_EQ(ms_stream_configure(stream, &format), MS_OK);
    room_run(20);
    CHECK(ms_udp_send(phone.sockets.rtp, BYE_ALONE, sizeof BYE_ALONE, &to));
    room_run(20);
    CHECK(room_event(stream, MS_EVENT_RTCP_BYE, 0) != NULL);
    ms_udp_close_pair(&phone.sockets);
    room_close();
}

static void voip_metrics_go_out_where_they_are_wanted(void) {
    room_open();
    phone_t phone = phone_open(0x0a0b0c0d);
    ms_stream_format_t format;
    ms_stream_t *stream = muxed_stream_for(&phone, &format);
    format.rtcp_voip_metrics = true;
    CHECK_EQ(ms_stream_configure(stream, &format), MS_OK);
    ms_rtcp_news_t news, last = {0};
    for (int i = 0; i < 500; i++) {
        if (i % 4 == 3) { /* one in five is lost */
            phone.sequence++, phone.timestamp += 160;
            room_run(20);
        }
        phone_talk(&phone, stream, 1);
        if (phone_find_report(&phone, phone.ssrc, &news))
            last = news;
    }
    CHECK(last.report.has_voip);
    CHECK_EQ(last.report.voip.ssrc, phone.ssrc);
    CHECK(last.report.voip.loss_rate >= 49 && last.report.voip.loss_rate <= 53);
    CHECK_EQ(last.report.voip.discard_rate, 0);
    CHECK(last.report.voip.end_system_ms >= 20 && last.report.voip.end_system_ms <= 300);
    CHECK_EQ(last.report.voip.gap_threshold, 16);
    /* one in five lost, and never 16 played in a row: it is all one burst */
    CHECK(last.report.voip.burst_density >= 45 && last.report.voip.burst_density <= 60);
    CHECK(last.report.voip.burst_ms > 1000);
    CHECK_EQ(last.report.voip.mos_cq, MS_XR_UNKNOWN);
    CHECK_EQ(figures_of(stream).remote_xr_loss, -1);
    ms_rtcp_report_t report = {.ssrc = phone.ssrc, .has_voip = true,
                               .voip = {.ssrc = figures_of(stream).ssrc, .loss_rate = 26, .burst_ms = 120,
                                        .r_factor = MS_XR_UNKNOWN, .mos_lq = 41, .mos_cq = 39, .end_system_ms = 55}};
    phone_report(&phone, stream, &report, false, false);
    room_run(20);
    CHECK_EQ(figures_of(stream).remote_xr_loss, 26);
    CHECK_EQ(figures_of(stream).remote_xr_burst_ms, 120);
    CHECK_EQ(figures_of(stream).remote_xr_r_factor, -1);
    CHECK_EQ(figures_of(stream).remote_xr_mos_cq, 39);
    CHECK_EQ(figures_of(stream).remote_xr_delay_ms, 55);
    ms_udp_close_pair(&phone.sockets);
    room_close();
}

int main(void) {
    RUN(one_port_carries_both);
    RUN(it_can_be_negotiated_again);
    RUN(strangers_and_rubbish_only_count);
    RUN(voip_metrics_go_out_where_they_are_wanted);
    return check_result("engine rtcp");
}
