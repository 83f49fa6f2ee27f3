/* The engine on a virtual clock against a hand-made peer: what it believes, counts, reports and sends. */
#include "byte_order.h"
#include "phone.h"

static void rtp_goes_to_where_it_comes_from(void) {
    room_open();
    phone_t told = phone_open(1), real = phone_open(2);
    ms_stream_t *stream = stream_for(&told, 0);
    room_run(200);
    CHECK(phone_count(&told) >= 9);
    phone_talk(&real, stream, 10);
    CHECK(phone_count(&real) >= 9);
    phone_count(&told);
    phone_t stranger = phone_open(3);
    phone_talk(&stranger, stream, 5);
    CHECK_EQ(figures_of(stream).foreign, 5);
    phone_talk(&real, stream, 170); /* past the learning time */
    CHECK_EQ(phone_count(&told), 0);
    uint64_t received = figures_of(stream).packets_received;
    phone_talk(&told, stream, 5); /* too late to be the right one */
    CHECK_EQ(figures_of(stream).packets_received, received);
    CHECK_EQ(figures_of(stream).remote_ssrc, 2);
    ms_udp_close_pair(&stranger.sockets);
    ms_udp_close_pair(&told.sockets);
    ms_udp_close_pair(&real.sockets);
    room_close();
}

/* Its socket is connected by then; a pause opens it again, and so does another address from SDP. */
static void a_steady_peer_may_still_move(void) {
    room_open();
    phone_t first = phone_open(1), moved = phone_open(1), other = phone_open(3);
    ms_stream_t *stream = stream_for(&first, 0);
    phone_talk(&first, stream, 300);
    phone_talk(&moved, stream, 2);
    CHECK_EQ(figures_of(stream).packets_received, 300);
#ifdef __linux__
    CHECK(stream->connected);
#endif
    phone_count(&first);
    room_run(600);
    CHECK(!stream->connected);
    moved.sequence = first.sequence;
    moved.timestamp = first.timestamp;
    phone_count(&moved);
    phone_talk(&moved, stream, 20);
    CHECK_EQ(figures_of(stream).packets_received, 320);
    CHECK(phone_count(&moved) >= 19);
    phone_talk(&moved, stream, 300);
    ms_stream_format_t again = pcmu(ms_address_port(&other.sockets.rtp_address), 20);
    CHECK_EQ(ms_stream_configure(stream, &again), MS_OK);
    room_run(20);
    phone_talk(&other, stream, 10);
    CHECK_EQ(figures_of(stream).packets_received, 630);
    CHECK_EQ(figures_of(stream).remote_ssrc, 3);
    CHECK(phone_count(&other) >= 9);
    CHECK_EQ(figures_of(stream).send_errors, 0);
    ms_udp_close_pair(&first.sockets);
    ms_udp_close_pair(&moved.sockets);
    ms_udp_close_pair(&other.sockets);
    room_close();
}

/* The network has changed: the same stream goes on by other sockets, with the same source and numbers. */
static void a_moved_stream_goes_on_from_its_new_address(void) {
    room_open();
    phone_t peer = phone_open(1);
    ms_stream_t *stream = stream_for(&peer, 0);
    phone_talk(&peer, stream, 170); /* so long that the socket is connected */
    phone_count(&peer);
    ms_address_t before = address_of(stream, false), from;
    int64_t stamp;
    CHECK_EQ(ms_stream_move(stream, "127.0.0.2", 0, 0), MS_OK);
    ms_address_t now = address_of(stream, false);
    CHECK(!ms_address_same_host(&before, &now));
    room_run(20);
    long length = ms_udp_receive(peer.sockets.rtp, peer.packet, sizeof peer.packet, &from, &stamp);
    CHECK(length > 0);
    CHECK(ms_address_equal(&from, &now));
    uint64_t received = figures_of(stream).packets_received;
    phone_talk(&peer, stream, 5);
    CHECK_EQ(figures_of(stream).packets_received, received + 5);
    CHECK_EQ(figures_of(stream).packets_lost, 0);
    CHECK_EQ(ms_stream_move(stream, "192.0.2.1", 0, 0), MS_ENETWORK);
    now = address_of(stream, false);
    CHECK(ms_address_equal(&from, &now));
    CHECK_EQ(ms_stream_move(stream, "127.0.0.1", 0, 0), MS_OK);
    ms_stream_close(stream, NULL); /* before the tick that moves it */
    ms_udp_close_pair(&peer.sockets);
    room_close();
}

/* Another address from SDP is another sender, whatever SSRC and numbers it has: its first packet counts. */
static void a_new_address_begins_anew(void) {
    room_open();
    phone_t first = phone_open(1), second = phone_open(1);
    ms_stream_t *stream = stream_for(&first, 0);
    phone_talk(&first, stream, 20);
    ms_stream_format_t again = pcmu(ms_address_port(&second.sockets.rtp_address), 20);
    CHECK_EQ(ms_stream_configure(stream, &again), MS_OK);
    room_run(20);
    second.sequence = 30000;
    phone_talk(&second, stream, 20);
    ms_stream_statistics_t figures = figures_of(stream);
    CHECK_EQ(figures.packets_received, 40);
    CHECK_EQ(figures.packets_expected, 40);
    CHECK_EQ(figures.packets_lost + figures.discarded, 0);
    CHECK(room_event(stream, MS_EVENT_SSRC_CHANGE, 0) == NULL);
    ms_udp_close_pair(&first.sockets);
    ms_udp_close_pair(&second.sockets);
    room_close();
}

static void phone_send_digit(phone_t *phone, const ms_stream_t *stream, uint8_t code) {
    uint8_t bytes[MS_RTP_HEADER_SIZE + MS_TELEPHONE_EVENT_SIZE];
    ms_rtp_packet_t packet = {.marker = true, .payload_type = 101, .sequence = phone->sequence++,
                              .timestamp = phone->timestamp, .ssrc = phone->ssrc};
    ms_telephone_event_t event = {code, true, 10, 800};
    ms_address_t to = address_of(stream, false);
    ms_rtp_write_header(bytes, &packet);
    ms_telephone_event_write(bytes + MS_RTP_HEADER_SIZE, &event);
    CHECK(ms_udp_send(phone->sockets.rtp, bytes, sizeof bytes, &to));
    room_run(20);
}

static void digits_of_a_new_source_are_heard_whatever_its_clock(void) {
    room_open();
    phone_t phone = phone_open(1);
    ms_stream_t *stream = stream_for(&phone, 0);
    phone_talk(&phone, stream, 5);
    phone_send_digit(&phone, stream, 1);
    phone.ssrc = 2;
    phone.timestamp -= 40000;
    phone_talk(&phone, stream, 1);
    phone_send_digit(&phone, stream, 2);
    const ms_event_t *digit = room_event(stream, MS_EVENT_DTMF, 1);
    CHECK(digit != NULL && digit->text[0] == '2');
    CHECK_EQ(figures_of(stream).ssrc_changes, 1);
    ms_udp_close_pair(&phone.sockets);
    room_close();
}

static void a_stream_without_an_address_waits_for_a_packet(void) {
    room_open();
    phone_t phone = phone_open(1);
    ms_stream_t *stream = open_stream(0);
    ms_stream_format_t format = pcmu(0, 20);
    format.remote_host = NULL;
    CHECK_EQ(ms_stream_configure(stream, &format), MS_OK);
    room_run(200);
    CHECK_EQ(figures_of(stream).packets_sent, 0);
    phone_talk(&phone, stream, 10);
    CHECK(phone_count(&phone) >= 9);
    ms_udp_close_pair(&phone.sockets);
    room_close();
}

static void rubbish_only_counts(void) {
    room_open();
    phone_t phone = phone_open(1);
    ms_stream_t *stream = stream_for(&phone, 0);
    ms_address_t rtp = address_of(stream, false), rtcp = address_of(stream, true);
    uint8_t bytes[2000] = {0};
    phone_talk(&phone, stream, 5);
    for (size_t length = 0; length < 30; length++)
        ms_udp_send(phone.sockets.rtp, bytes, length, &rtp);
    bytes[0] = 0x80;
    CHECK(ms_udp_send(phone.sockets.rtp, bytes, sizeof bytes, &rtp)); /* longer than any RTP packet may be */
    phone_send_type(&phone, stream, 99);                             /* a payload type not negotiated */
    for (size_t length = 0; length < 12; length++)
        ms_udp_send(phone.sockets.rtcp, bytes, length, &rtcp);
    room_run(1100); /* RTCP is looked at less often */
    ms_stream_statistics_t figures = figures_of(stream);
    CHECK_EQ(figures.invalid, 32);
    CHECK_EQ(figures.rtcp_invalid, 12);
    CHECK_EQ(figures.packets_received, 5);
    CHECK_EQ(figures.packets_lost, 0);
    ms_udp_close_pair(&phone.sockets);
    room_close();
}

static void silence_is_reported_once_and_its_end_too(void) {
    room_open();
    phone_t phone = phone_open(1);
    ms_stream_t *stream = stream_for(&phone, 500), *never = stream_for(&phone, 300);
    phone_talk(&phone, stream, 10);
    room_run(2000);
    phone_talk(&phone, stream, 3);
    const ms_event_t *lost = room_event(stream, MS_EVENT_MEDIA_TIMEOUT, 0);
    const ms_event_t *back = room_event(stream, MS_EVENT_MEDIA_RESUMED, 0);
    REQUIRE(lost != NULL && back != NULL);
    CHECK(lost->value >= 500 && lost->value <= 521 && lost->text[0] == '\0');
    CHECK(back->value >= 1980 && back->value <= 2041);
    CHECK(room_event(stream, MS_EVENT_MEDIA_TIMEOUT, 1) == NULL);
    lost = room_event(never, MS_EVENT_MEDIA_TIMEOUT, 0);
    CHECK(lost != NULL && strcmp(lost->text, "never") == 0);
    ms_udp_close_pair(&phone.sockets);
    room_close();
}

static void a_hold_is_silent_and_a_resume_is_marked(void) {
    ms_rtp_packet_t packet;
    room_open();
    phone_t phone = phone_open(1);
    ms_stream_t *stream = stream_for(&phone, 400);
    phone_talk(&phone, stream, 5);
    phone_count(&phone);
    ms_stream_format_t held = pcmu(ms_address_port(&phone.sockets.rtp_address), 20);
    held.sending = held.receiving = false;
    CHECK_EQ(ms_stream_configure(stream, &held), MS_OK);
    room_run(1000);
    CHECK(phone_count(&phone) <= 1);
    CHECK(room_event(stream, MS_EVENT_MEDIA_TIMEOUT, 0) == NULL); /* who is held need not send */
    uint16_t sequence = stream->sender.sequence;
    held.sending = held.receiving = true;
    CHECK_EQ(ms_stream_configure(stream, &held), MS_OK);
    room_run(50);
    REQUIRE(phone_receive(&phone, false));
    REQUIRE(ms_rtp_parse(phone.packet, phone.length, &packet) == MS_OK);
    CHECK(packet.marker);
    CHECK_EQ(packet.sequence, sequence); /* no number is left out; the timestamp has moved on */
    REQUIRE(phone_receive(&phone, false) && ms_rtp_parse(phone.packet, phone.length, &packet) == MS_OK);
    CHECK(!packet.marker);
    ms_udp_close_pair(&phone.sockets);
    room_close();
}

/* Reports come about every 5 s; round trip from LSR and DLSR; the BYE at the end. */
static void reports_are_exchanged(void) {
    ms_stream_t *a, *b;
    room_open();
    open_pair(&a, &b, 20);
    room_run(30000);
    ms_stream_statistics_t at_a = figures_of(a);
    CHECK(at_a.rtcp_sent >= 4 && at_a.rtcp_sent <= 15);
    CHECK(at_a.rtcp_received >= 4);
    CHECK_EQ(at_a.rtcp_invalid, 0);
    CHECK_EQ(at_a.remote_packets_lost, 0);
    CHECK_EQ(at_a.remote_fraction_lost, 0);
    /* the reports wait for the next look at the socket, as arrivals have no stamps of their own on a virtual clock */
    CHECK(at_a.round_trip_us >= 0 && at_a.round_trip_us <= 1020000);
    uint32_t ssrc = at_a.ssrc;
    ms_stream_close(a, NULL);
    room_run(520);
    const ms_event_t *bye = room_event(b, MS_EVENT_RTCP_BYE, 0);
    CHECK(bye != NULL && bye->value == ssrc);
    room_close();
}

static void loss_is_told_to_the_sender(void) {
    ms_rtcp_news_t news = {0};
    room_open();
    phone_t phone = phone_open(0x01020304);
    ms_stream_t *stream = stream_for(&phone, 0);
    for (int i = 0; i < 500; i++) {
        if (i % 10 == 9)
            phone.sequence++, phone.timestamp += 160; /* one in eleven is lost */
        phone_talk(&phone, stream, 1);
    }
    size_t reports = 0;
    while (phone_receive(&phone, true)) {
        REQUIRE(ms_rtcp_parse(phone.packet, phone.length, false, 0x01020304, &news) == MS_OK);
        CHECK(news.report.is_sender && news.report.has_block);
        reports++;
    }
    CHECK(reports >= 1);
    CHECK(news.report.block.cumulative_lost >= 15 && news.report.block.cumulative_lost <= 50);
    CHECK(news.report.block.fraction_lost >= 15 && news.report.block.fraction_lost <= 30);
    CHECK_EQ(news.report.ssrc, figures_of(stream).ssrc);
    CHECK_EQ(figures_of(stream).packets_lost, 50);
    ms_udp_close_pair(&phone.sockets);
    room_close();
}

/* Who has sent nothing since the last report is no sender (RFC 3550 s6.4). */
static void a_stream_on_hold_sends_receiver_reports(void) {
    ms_rtcp_news_t news = {0};
    room_open();
    phone_t phone = phone_open(1);
    ms_stream_t *stream = stream_for(&phone, 0);
    phone_talk(&phone, stream, 50);
    ms_stream_format_t held = pcmu(ms_address_port(&phone.sockets.rtp_address), 20);
    held.sending = false;
    CHECK_EQ(ms_stream_configure(stream, &held), MS_OK);
    room_run(30000);
    size_t reports = 0;
    while (phone_receive(&phone, true)) {
        REQUIRE(ms_rtcp_parse(phone.packet, phone.length, false, 1, &news) == MS_OK);
        CHECK_EQ(news.report.is_sender, reports == 0);
        CHECK(news.report.has_block);
        reports++;
    }
    CHECK(reports >= 4);
    ms_udp_close_pair(&phone.sockets);
    room_close();
}

/* A thread that was held up makes up for little, and leaves out what is too late. */
static void lateness_is_made_up_for_or_skipped_and_counted(void) {
    ms_rtp_packet_t packet;
    ms_engine_statistics_t figures;
    room_open();
    phone_t phone = phone_open(1);
    ms_stream_t *stream = stream_for(&phone, 0);
    room_run(200);
    uint64_t before = figures_of(stream).packets_sent;
    phone_count(&phone);
    room.now += 50 * MS_NS_PER_MS;
    ms_engine_tick(room.engine, room.now);
    CHECK(figures_of(stream).packets_sent >= before + 2);
    CHECK(figures_of(stream).ticks_late >= 1);
    CHECK_EQ(figures_of(stream).ticks_skipped, 0);
    uint64_t sent = figures_of(stream).packets_sent;
    room.now += 1000 * MS_NS_PER_MS;
    ms_engine_tick(room.engine, room.now);
    room_run(100);
    uint64_t skipped = figures_of(stream).ticks_skipped;
    CHECK(skipped >= 48 && skipped <= 50);
    CHECK(figures_of(stream).packets_sent - sent <= 7);
    ms_engine_get_statistics(room.engine, &figures);
    CHECK_EQ(figures.frames_skipped, skipped);
    CHECK(figures.frames_late >= 1 && figures.lateness_max_us >= 1000000 - 20000);
    /* sequence numbers run on, timestamps follow the clock */
    uint32_t last_timestamp = 0, ticks = 0;
    uint16_t last_sequence = 0;
    for (int i = 0; phone_receive(&phone, false); i++) {
        REQUIRE(ms_rtp_parse(phone.packet, phone.length, &packet) == MS_OK);
        if (i > 0) {
            CHECK_EQ((uint16_t)(packet.sequence - last_sequence), 1);
            ticks += (packet.timestamp - last_timestamp) / 160;
        }
        last_sequence = packet.sequence;
        last_timestamp = packet.timestamp;
    }
    CHECK_EQ(ticks, 57); /* as many frames as there were between the first packet and the last, sent or not */
    ms_udp_close_pair(&phone.sockets);
    room_close();
}

/* Two hundred streams opened at once: ten in every millisecond of the 20. */
static void streams_are_spread_over_their_phases(void) {
    room_open();
    for (int i = 0; i < 200; i++) {
        ms_stream_t *stream = open_stream(0);
        ms_stream_format_t format = pcmu(4000, 20);
        CHECK_EQ(ms_stream_configure(stream, &format), MS_OK);
    }
    room_run(40);
    uint32_t counted = 0;
    for (uint32_t i = 0; i < MS_WHEEL_SLOTS; i++) {
        uint32_t count = room.engine->shards[0].wheel[i].count;
        CHECK(count == 0 || count == 10);
        counted += count;
    }
    CHECK_EQ(counted, 200);
    room_close();
}

/* An address of a test network from a socket of loopback: the system refuses every packet. */
static void an_unreachable_peer_is_told_once(void) {
    room_open();
    ms_stream_t *stream = open_stream(0);
    ms_stream_format_t format = pcmu(4000, 20);
    format.remote_host = "198.51.100.1";
    CHECK_EQ(ms_stream_configure(stream, &format), MS_OK);
    room_run(200);
    CHECK(figures_of(stream).send_errors >= 9);
    CHECK_EQ(figures_of(stream).packets_sent, 0);
    const ms_event_t *error = room_event(stream, MS_EVENT_ERROR, 0);
    CHECK(error != NULL && error->value != 0);
    CHECK(room_event(stream, MS_EVENT_ERROR, 1) == NULL);
    room_close();
}

static void bad_settings_are_refused(void) {
    ms_stream_t *stream;
    ms_stream_config_t config = {.local_host = "localhost", .jitter_max_ms = 500};
    room_open();
    CHECK_EQ(ms_stream_open(room.engine, &config, &stream), MS_EINVAL);
    config.local_host = "192.0.2.1";
    CHECK_EQ(ms_stream_open(room.engine, &config, &stream), MS_ENETWORK);
    config.local_host = "127.0.0.1";
    config.cname = "a name that is much longer than the sixty-three octets that are kept";
    CHECK_EQ(ms_stream_open(room.engine, &config, &stream), MS_EINVAL);
    config.cname = NULL;
    config.jitter_max_ms = 5000;
    CHECK_EQ(ms_stream_open(room.engine, &config, &stream), MS_EINVAL);
    stream = open_stream(0);
    ms_stream_format_t format = pcmu(4000, 25);
    CHECK_EQ(ms_stream_configure(stream, &format), MS_EINVAL);
    format = pcmu(0, 20);
    CHECK_EQ(ms_stream_configure(stream, &format), MS_EINVAL);
    format = pcmu(4000, 20);
    format.remote_host = "::1";
    CHECK_EQ(ms_stream_configure(stream, &format), MS_EINVAL);
    format = pcmu(4000, 20);
    format.send.name = "G729";
    CHECK_EQ(ms_stream_configure(stream, &format), MS_ENOTSUP);
    format = pcmu(4000, 20);
    format.receive[0].type = 128;
    CHECK_EQ(ms_stream_configure(stream, &format), MS_EINVAL);
    format = pcmu(4000, 20);
    format.receive_count = MS_PAYLOADS_MAX + 1;
    CHECK_EQ(ms_stream_configure(stream, &format), MS_EINVAL);
    format = pcmu(4000, 20);
    format.send = payload("telephone-event", 101);
    CHECK_EQ(ms_stream_configure(stream, &format), MS_ENOTSUP);
    ms_engine_config_t many = {.shards = MS_SHARDS_MAX + 1};
    ms_engine_t *engine;
    CHECK_EQ(ms_engine_create(&many, &engine), MS_EINVAL);
    room_close();
}

static void ipv6_works(void) {
    ms_stream_config_t config = {.local_host = "::1", .jitter_max_ms = 500, .jitter_initial_ms = 40};
    ms_stream_t *a, *b;
    room_open();
    REQUIRE(ms_stream_open(room.engine, &config, &a) == MS_OK && ms_stream_open(room.engine, &config, &b) == MS_OK);
    ms_stream_format_t to_b = pcmu(port_of(b), 20), to_a = pcmu(port_of(a), 20);
    to_a.remote_host = to_b.remote_host = "::1";
    CHECK_EQ(ms_stream_configure(a, &to_b), MS_OK);
    CHECK_EQ(ms_stream_configure(b, &to_a), MS_OK);
    room_run(500);
    CHECK(figures_of(b).packets_received >= 23);
    const ms_event_t *first = room_event(b, MS_EVENT_FIRST_RTP, 0);
    CHECK(first != NULL && strncmp(first->text, "[::1]:", 6) == 0);
    room_close();
}

int main(void) {
    RUN(rtp_goes_to_where_it_comes_from);
    RUN(a_steady_peer_may_still_move);
    RUN(a_moved_stream_goes_on_from_its_new_address);
    RUN(a_new_address_begins_anew);
    RUN(digits_of_a_new_source_are_heard_whatever_its_clock);
    RUN(a_stream_without_an_address_waits_for_a_packet);
    RUN(rubbish_only_counts);
    RUN(silence_is_reported_once_and_its_end_too);
    RUN(a_hold_is_silent_and_a_resume_is_marked);
    RUN(reports_are_exchanged);
    RUN(loss_is_told_to_the_sender);
    RUN(a_stream_on_hold_sends_receiver_reports);
    RUN(lateness_is_made_up_for_or_skipped_and_counted);
    RUN(streams_are_spread_over_their_phases);
    RUN(an_unreachable_peer_is_told_once);
    RUN(bad_settings_are_refused);
    RUN(ipv6_works);
    return check_result("engine_network");
}
