/* SRTP: verdicts, master key identifiers, and streams whose keys come, change and go. */
#include "engine_room.h"
#include "fake_srtp.h"

#define KEY 0x5A

static fake_context_t *context_of(ms_srtp_t *srtp) { return srtp->config.context; }

static size_t make_packet(uint8_t *packet, uint16_t sequence) {
    memset(packet, 0, 32);
    packet[0] = 0x80;
    packet[2] = (uint8_t)(sequence >> 8);
    packet[3] = (uint8_t)sequence;
    memset(packet + 12, 0xFF, 20);
    return 32;
}

static void what_can_not_work_is_refused(void) {
    int context;
    ms_srtp_config_t good = {.context = &context, .release = fake_release, .rtp = fake_protect, .rtcp = fake_protect};
    ms_srtp_config_t bad = good;
    ms_srtp_t *srtp;
    bad.context = NULL;
    CHECK_EQ(ms_srtp_create(&bad, &srtp), MS_EINVAL);
    bad = good, bad.release = NULL;
    CHECK_EQ(ms_srtp_create(&bad, &srtp), MS_EINVAL);
    bad = good, bad.rtp = NULL;
    CHECK_EQ(ms_srtp_create(&bad, &srtp), MS_EINVAL);
    bad = good, bad.rtcp = NULL;
    CHECK_EQ(ms_srtp_create(&bad, &srtp), MS_EINVAL);
    bad = good, bad.mki_length = MS_SRTP_MKI_MAX + 1;
    CHECK_EQ(ms_srtp_create(&bad, &srtp), MS_EINVAL);
    bad = good, bad.mki_before = MS_SRTP_TAG_MAX + 1;
    CHECK_EQ(ms_srtp_create(&bad, &srtp), MS_EINVAL);
    bad = good, bad.mki_before_rtcp = MS_SRTP_TAG_MAX + 1;
    CHECK_EQ(ms_srtp_create(&bad, &srtp), MS_EINVAL);
    CHECK(srtp == NULL);
    ms_srtp_free(NULL);
}

static void every_verdict_is_told_apart(void) {
    uint8_t packet[64 + MS_SRTP_TRAILER_MAX], sealed[sizeof packet];
    int released = 0;
    ms_srtp_t *send = fake_open(KEY, false, &released), *receive = fake_open(KEY, true, &released);
    ms_srtp_t *other = fake_open(KEY + 1, true, &released);
    size_t length = make_packet(packet, 1), sealed_length = ms_srtp_protect(send, packet, length, false);
    CHECK_EQ(sealed_length, length + FAKE_TAG);
    memcpy(sealed, packet, sealed_length);
    size_t plain = sealed_length;
    CHECK_EQ(ms_srtp_unprotect(other, packet, &plain, false), MS_SRTP_FORGED);
    memcpy(packet, sealed, sealed_length);
    plain = sealed_length;
    CHECK_EQ(ms_srtp_unprotect(receive, packet, &plain, false), MS_SRTP_OK);
    CHECK_EQ(plain, length);
    CHECK_EQ(packet[31], 0xFF);
    memcpy(packet, sealed, sealed_length);
    plain = sealed_length;
    CHECK_EQ(ms_srtp_unprotect(receive, packet, &plain, false), MS_SRTP_REPLAYED);
    plain = 11;
    CHECK_EQ(ms_srtp_unprotect(receive, packet, &plain, false), MS_SRTP_FAILED);
    plain = 7;
    CHECK_EQ(ms_srtp_unprotect(receive, packet, &plain, true), MS_SRTP_FAILED);
    plain = sealed_length;
    packet[0] = 0x40;
    CHECK_EQ(ms_srtp_unprotect(receive, packet, &plain, false), MS_SRTP_FAILED);
    packet[0] = 0x80;
    context_of(receive)->broken = context_of(send)->broken = true;
    CHECK_EQ(ms_srtp_unprotect(receive, packet, &plain, false), MS_SRTP_FAILED);
    CHECK_EQ(ms_srtp_protect(send, packet, length, false), 0);
    ms_srtp_free(send);
    ms_srtp_free(receive);
    ms_srtp_free(other);
    CHECK_EQ(released, 3);
}

static void identifiers_are_checked_and_taken_out(void) {
    uint8_t packet[64 + MS_SRTP_TRAILER_MAX];
    ms_srtp_t *send = fake_open(KEY, false, NULL), *receive = fake_open(KEY, true, NULL);
    receive->config.mki[0] = 1;
    receive->config.mki[1] = 2;
    receive->config.mki_length = 2;
    receive->config.mki_before = FAKE_TAG;
    size_t length = ms_srtp_protect(send, packet, make_packet(packet, 5), false);
    memmove(packet + length - FAKE_TAG + 2, packet + length - FAKE_TAG, FAKE_TAG);
    packet[length - FAKE_TAG] = 1;
    packet[length - FAKE_TAG + 1] = 9;
    size_t marked = length + 2;
    CHECK_EQ(ms_srtp_unprotect(receive, packet, &marked, false), MS_SRTP_FORGED);
    packet[length - FAKE_TAG + 1] = 2;
    CHECK_EQ(ms_srtp_unprotect(receive, packet, &marked, false), MS_SRTP_OK);
    CHECK_EQ(marked, 32);
    /* shorter than header, identifier and tag together */
    size_t left = 12 + 2 + FAKE_TAG - 1;
    CHECK_EQ(ms_srtp_unprotect(receive, packet, &left, false), MS_SRTP_FORGED);
    ms_srtp_free(send);
    ms_srtp_free(receive);
}

static ms_status_t configure(ms_stream_t *stream, const ms_stream_t *to, ms_srtp_t *send, ms_srtp_t *receive) {
    ms_stream_format_t format = pcmu(port_of(to), 20);
    format.srtp = true;
    format.srtp_send = send;
    format.srtp_receive = receive;
    return ms_stream_configure(stream, &format);
}

static void keys_come_change_and_go(void) {
    int released = 0;
    room_open();
    ms_stream_t *a, *b;
    open_pair(&a, &b, 20);
    CHECK_EQ(configure(a, b, NULL, NULL), MS_EINVAL); /* never RTP in the clear where SRTP was asked for */
    CHECK_EQ(configure(a, b, fake_open(1, false, &released), fake_open(2, true, &released)), MS_OK);
    CHECK_EQ(configure(b, a, fake_open(2, false, &released), fake_open(1, true, &released)), MS_OK);
    room_run(1000);
    ms_stream_statistics_t figures = figures_of(b);
    CHECK(figures.packets_received >= 45);
    CHECK_EQ(figures.srtp_forged + figures.srtp_replayed + figures.srtp_errors + figures.invalid, 0);
    CHECK_EQ(configure(a, b, NULL, NULL), MS_OK); /* as before */
    CHECK_EQ(configure(b, a, NULL, fake_open(3, true, &released)), MS_OK);
    room_run(1000);
    CHECK_EQ(released, 1);
    figures = figures_of(b);
    CHECK(figures.srtp_forged >= 45);
    CHECK_EQ(configure(a, b, fake_open(3, false, &released), NULL), MS_OK);
    room_run(1000);
    CHECK_EQ(released, 2);
    CHECK(figures_of(b).packets_received >= figures.packets_received + 45);
    ms_stream_format_t clear = pcmu(port_of(b), 20);
    CHECK_EQ(ms_stream_configure(a, &clear), MS_OK);
    room_run(40);
    CHECK_EQ(released, 4);
    ms_stream_close(a, NULL);
    ms_stream_close(b, NULL);
    room_run(40);
    room_close();
    CHECK_EQ(released, 6);
}

static void what_can_not_be_sealed_is_not_sent(void) {
    room_open();
    ms_stream_t *a, *b;
    open_pair(&a, &b, 20);
    ms_srtp_t *send = fake_open(1, false, NULL);
    context_of(send)->broken = true;
    CHECK_EQ(configure(a, b, send, fake_open(2, true, NULL)), MS_OK);
    room_run(10000);
    ms_stream_statistics_t figures = figures_of(a);
    CHECK_EQ(figures.packets_sent, 0);
    CHECK_EQ(figures.rtcp_sent, 0);
    CHECK(figures.srtp_errors >= 490);
    CHECK_EQ(figures_of(b).packets_received, 0);
    room_close();
}

int main(void) {
    RUN(what_can_not_work_is_refused);
    RUN(every_verdict_is_told_apart);
    RUN(identifiers_are_checked_and_taken_out);
    RUN(keys_come_change_and_go);
    RUN(what_can_not_be_sealed_is_not_sent);
    return check_result("srtp");
}
