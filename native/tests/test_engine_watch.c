/* What the engine tells by itself when things go wrong: no RTP and why, too many streams, a thread that is too late. */
#include "phone.h"

#include "fake_srtp.h"

#define NO_RTP_MS 4000

static ms_stream_t *awaiting_stream(const phone_t *phone, ms_stream_format_t *format) {
    ms_stream_config_t config = {.local_host = "127.0.0.1", .jitter_max_ms = 500, .no_rtp_ms = NO_RTP_MS};
    ms_stream_t *stream = NULL;
    CHECK_EQ(ms_stream_open(room.engine, &config, &stream), MS_OK);
    *format = pcmu(ms_address_port(&phone->sockets.rtp_address), 20);
    return stream;
}

static void nothing(phone_t *phone, const ms_stream_t *stream) { (void)phone, (void)stream; }

static void only_reports(phone_t *phone, const ms_stream_t *stream) {
    ms_address_t to = address_of(stream, true);
    ms_rtcp_report_t report = {.ssrc = phone->ssrc};
    size_t length = ms_rtcp_write(phone->packet, sizeof phone->packet, &report, "phone", false);
    ms_udp_send(phone->sockets.rtcp, phone->packet, length, &to);
}

static void another_codec(phone_t *phone, const ms_stream_t *stream) { phone_send_type(phone, stream, 96); }

static void other_bytes(phone_t *phone, const ms_stream_t *stream) {
    ms_address_t to = address_of(stream, false);
    ms_udp_send(phone->sockets.rtp, (const uint8_t *)"GET / HTTP/1.1", 14, &to);
}

static void the_likely_cause_of_silence_is_told(void) {
    static const struct {
        void (*come)(phone_t *, const ms_stream_t *);
        const char *told;
    } CASES[] = {{nothing, "nothing"}, {only_reports, "rtcp_only"}, {another_codec, "payload_type 96"},
                 {other_bytes, "not_rtp"}};
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        room_open();
        phone_t phone = phone_open(1);
        ms_stream_format_t format;
        ms_stream_t *stream = awaiting_stream(&phone, &format);
        CHECK_EQ(ms_stream_configure(stream, &format), MS_OK);
        room_run(500);
        CASES[i].come(&phone, stream);
        room_run(NO_RTP_MS - 600);
        CHECK(room_event(stream, MS_EVENT_NO_RTP, 0) == NULL);
        room_run(200);
        const ms_event_t *event = room_event(stream, MS_EVENT_NO_RTP, 0);
        REQUIRE(event != NULL);
        if (!CHECK(strcmp(event->text, CASES[i].told) == 0))
            fprintf(stderr, "  told \"%s\", not \"%s\"\n", event->text, CASES[i].told);
        CHECK(event->value >= NO_RTP_MS && event->value < NO_RTP_MS + 100);
        room_run(20000);
        CHECK(room_event(stream, MS_EVENT_NO_RTP, 1) == NULL); /* once */
        ms_udp_close_pair(&phone.sockets);
        room_close();
    }
}

static void who_is_heard_is_not_missed(void) {
    room_open();
    phone_t phone = phone_open(1);
    ms_stream_format_t format;
    ms_stream_t *stream = awaiting_stream(&phone, &format);
    CHECK_EQ(ms_stream_configure(stream, &format), MS_OK);
    phone_talk(&phone, stream, 1);
    room_run(20000);
    CHECK(room_event(stream, MS_EVENT_NO_RTP, 0) == NULL);
    format.receiving = false; /* on hold nothing is due; after it, it is again */
    CHECK_EQ(ms_stream_configure(stream, &format), MS_OK);
    room_run(20000);
    CHECK(room_event(stream, MS_EVENT_NO_RTP, 0) == NULL);
    format.receiving = true;
    CHECK_EQ(ms_stream_configure(stream, &format), MS_OK);
    room_run(NO_RTP_MS + 100);
    CHECK(room_event(stream, MS_EVENT_NO_RTP, 0) != NULL);
    ms_udp_close_pair(&phone.sockets);
    room_close();
}

/* What was strange before a re-INVITE to another address explains nothing of the silence after it. */
static void a_new_address_is_awaited_anew(void) {
    room_open();
    phone_t first = phone_open(1), second = phone_open(2), third = phone_open(3);
    ms_stream_format_t format;
    ms_stream_t *stream = awaiting_stream(&first, &format);
    CHECK_EQ(ms_stream_configure(stream, &format), MS_OK);
    phone_talk(&first, stream, 10);
    phone_send_type(&second, stream, 0);
    room_run(20);
    CHECK_EQ(figures_of(stream).foreign, 1);
    format.remote_port = ms_address_port(&third.sockets.rtp_address);
    CHECK_EQ(ms_stream_configure(stream, &format), MS_OK);
    room_run(NO_RTP_MS + 100);
    const ms_event_t *event = room_event(stream, MS_EVENT_NO_RTP, 0);
    CHECK(event != NULL && strcmp(event->text, "nothing") == 0);
    ms_udp_close_pair(&first.sockets);
    ms_udp_close_pair(&second.sockets);
    ms_udp_close_pair(&third.sockets);
    room_close();
}

static void wrong_keys_are_told(void) {
    room_open();
    phone_t phone = phone_open(1);
    ms_stream_format_t format;
    ms_stream_t *stream = awaiting_stream(&phone, &format);
    format.srtp = true;
    format.srtp_send = fake_open(1, false, NULL);
    format.srtp_receive = fake_open(2, true, NULL);
    CHECK_EQ(ms_stream_configure(stream, &format), MS_OK);
    phone_talk(&phone, stream, 5); /* in the clear */
    room_run(NO_RTP_MS);
    const ms_event_t *event = room_event(stream, MS_EVENT_NO_RTP, 0);
    CHECK(event != NULL && strcmp(event->text, "not_authentic") == 0);
    ms_udp_close_pair(&phone.sockets);
    room_close();
}

static ms_status_t open_one(ms_engine_t *engine, ms_stream_t **stream) {
    ms_stream_config_t config = {.local_host = "127.0.0.1", .jitter_max_ms = 500};
    return ms_stream_open(engine, &config, stream);
}

static void further_streams_are_refused_when_the_shards_are_full(void) {
    ms_engine_config_t config = {.shards = 2, .manual = true, .streams_max = 2};
    ms_stream_t *streams[4], *fifth;
    ms_engine_statistics_t figures;
    ms_engine_t *engine;
    REQUIRE(ms_engine_create(&config, &engine) == MS_OK);
    for (int i = 0; i < 4; i++)
        CHECK_EQ(open_one(engine, &streams[i]), MS_OK);
    CHECK_EQ(open_one(engine, &fifth), MS_ELIMIT);
    ms_engine_get_statistics(engine, &figures);
    CHECK_EQ(figures.streams, 4);
    CHECK_EQ(figures.streams_refused, 1);
    ms_stream_close(streams[0], NULL);
    CHECK_EQ(open_one(engine, &fifth), MS_OK);
    ms_engine_free(engine);
}

static void a_busy_thread_takes_no_more_and_says_so(void) {
    ms_engine_config_t config = {.shards = 1, .manual = true, .load_max_percent = 90};
    ms_engine_statistics_t figures;
    ms_stream_t *stream;
    memset(&room, 0, sizeof room);
    REQUIRE(ms_engine_create(&config, &room.engine) == MS_OK);
    ms_shard_t *shard = &room.engine->shards[0];
    ms_shard_worked(shard, 890 * MS_NS_PER_MS, MS_NS_PER_SECOND);
    REQUIRE(open_one(room.engine, &stream) == MS_OK);
    ms_stream_format_t format = pcmu(9, 20);
    CHECK_EQ(ms_stream_configure(stream, &format), MS_OK);
    room_run(100);
    room_poll();
    CHECK_EQ(room.event_count, 0);
    room.now += 200 * MS_NS_PER_MS; /* that long it was kept from its work */
    ms_engine_tick(room.engine, room.now);
    ms_shard_worked(shard, 960 * MS_NS_PER_MS, 2 * MS_NS_PER_SECOND);
    room_poll();
    REQUIRE(room.event_count == 1);
    CHECK_EQ(room.events[0].kind, MS_EVENT_OVERLOAD);
    CHECK_EQ(room.events[0].stream_id, 0);
    CHECK(room.events[0].value >= 9);
    CHECK(strstr(room.events[0].text, "96 % busy") != NULL);
    ms_engine_get_statistics(room.engine, &figures);
    CHECK_EQ(figures.load_percent, 96);
    CHECK_EQ(open_one(room.engine, &stream), MS_ELIMIT);
    ms_shard_worked(shard, 500 * MS_NS_PER_MS, 3 * MS_NS_PER_SECOND);
    CHECK_EQ(open_one(room.engine, &stream), MS_OK);
    room_poll();
    CHECK_EQ(room.event_count, 1);
    room_close();
}

static int mark_of(int fd, bool ipv6) {
    int octet = -1;
    socklen_t length = sizeof octet;
    getsockopt(fd, ipv6 ? IPPROTO_IPV6 : IPPROTO_IP, ipv6 ? IPV6_TCLASS : IP_TOS, &octet, &length);
    return octet;
}

static void packets_are_marked(void) {
    static const char *HOSTS[] = {"127.0.0.1", "::1"};
    room_open();
    for (int i = 0; i < 2; i++) {
        ms_stream_config_t config = {.local_host = HOSTS[i], .jitter_max_ms = 500, .dscp = 46};
        ms_stream_t *stream;
        ms_status_t status = ms_stream_open(room.engine, &config, &stream);
        if (i == 1 && status == MS_ENETWORK)
            continue; /* a system without IPv6 */
        REQUIRE(status == MS_OK);
        CHECK_EQ(mark_of(stream->sockets.rtp, i == 1), 46 << 2);
        CHECK_EQ(mark_of(stream->sockets.rtcp, i == 1), 46 << 2);
        config.dscp = 64;
        CHECK_EQ(ms_stream_open(room.engine, &config, &stream), MS_EINVAL);
    }
    room_close();
}

/* More threads than processors share them. */
static void threads_can_be_pinned(void) {
    ms_engine_config_t config = {.shards = 8, .pinned = true, .unhurried = true};
    ms_engine_t *engine;
    ms_stream_t *stream;
    REQUIRE(ms_engine_create(&config, &engine) == MS_OK);
    CHECK_EQ(open_one(engine, &stream), MS_OK);
    ms_engine_free(engine);
}

int main(void) {
    RUN(the_likely_cause_of_silence_is_told);
    RUN(who_is_heard_is_not_missed);
    RUN(a_new_address_is_awaited_anew);
    RUN(wrong_keys_are_told);
    RUN(further_streams_are_refused_when_the_shards_are_full);
    RUN(a_busy_thread_takes_no_more_and_says_so);
    RUN(packets_are_marked);
    RUN(threads_can_be_pinned);
    return check_result("engine watch");
}
