/* The packet log: what is put in comes out whole and in order, round the ring's end too; what finds no room counts. */
#include "check.h"
#include "engine_room.h"
#include "packet_log.h"

static ms_address_t address(const char *host, uint16_t port) {
    ms_address_t result;
    CHECK_EQ(ms_address_parse(host, port, &result), MS_OK);
    return result;
}

static void packets_come_out_as_they_went_in(void) {
    ms_address_t here = address("127.0.0.1", 4000), there = address("10.1.2.3", 5000);
    ms_address_t here6 = address("::1", 4000), there6 = address("2001:db8::1", 5000);
    ms_packet_log_t *log;
    ms_packet_record_t record;
    uint8_t datagram[2048], got[2048];
    REQUIRE(ms_packet_log_create(0, &log) == MS_OK);
    CHECK(!ms_packet_log_next(log, &record, got, sizeof got));
    for (uint32_t i = 0; i < 1000; i++) { /* many times round a ring of 4 KiB */
        uint32_t length = 1 + i * 7 % 1400;
        bool outgoing = i % 2 == 0, ipv6 = i % 3 == 0;
        memset(datagram, (int)(i & 0xff), length);
        ms_packet_log_put(log, i * INT64_C(1000), outgoing, ipv6 ? &here6 : &here, ipv6 ? &there6 : &there, datagram, length);
        REQUIRE(ms_packet_log_next(log, &record, got, sizeof got));
        CHECK_EQ(record.wall_time, i * INT64_C(1000));
        CHECK_EQ(record.length, length);
        CHECK(record.outgoing == outgoing && record.ipv6 == ipv6);
        CHECK(record.local_port == 4000 && record.remote_port == 5000);
        CHECK(memcmp(record.remote, ipv6 ? (const void *)&there6.v6.sin6_addr : (const void *)&there.v4.sin_addr,
                     ipv6 ? 16 : 4) == 0);
        CHECK(memcmp(got, datagram, length) == 0);
    }
    CHECK_EQ(ms_packet_log_dropped(log), 0);
    ms_packet_log_let_go(log);
    ms_packet_log_let_go(log);
}

static void what_finds_no_room_counts_and_the_rest_stays_whole(void) {
    ms_address_t here = address("127.0.0.1", 4000);
    ms_packet_log_t *log;
    ms_packet_record_t record;
    uint8_t datagram[1000] = {7}, got[10];
    uint64_t taken = 0;
    REQUIRE(ms_packet_log_create(4096, &log) == MS_OK);
    for (int i = 0; i < 10; i++)
        ms_packet_log_put(log, i, true, &here, &here, datagram, sizeof datagram);
    static uint8_t huge[5000];
    ms_packet_log_put(log, 0, true, &here, &here, huge, sizeof huge);
    while (ms_packet_log_next(log, &record, got, sizeof got)) {
        CHECK_EQ(record.wall_time, (int64_t)taken);
        CHECK_EQ(record.length, sizeof got); /* cut to the room given */
        CHECK_EQ(got[0], 7);
        taken++;
    }
    CHECK_EQ(taken, 3);
    CHECK_EQ(ms_packet_log_dropped(log), 8);
    CHECK_EQ(ms_packet_log_create(UINT32_C(1) << 25, &log) == MS_OK, false);
    ms_packet_log_let_go(log);
    ms_packet_log_let_go(log);
}

static void a_log_may_outlive_its_stream(void) {
    ms_packet_log_t *first, *second;
    room_open();
    ms_stream_t *stream = open_stream(0);
    REQUIRE(ms_stream_open_packet_log(stream, 4096, &first) == MS_OK);
    room_run(20);
    REQUIRE(ms_stream_open_packet_log(stream, 4096, &second) == MS_OK); /* takes the first one's place */
    room_run(20);
    ms_packet_log_close(first, stream);
    room_run(20);
    ms_stream_close(stream, NULL);
    room_run(20);
    ms_packet_log_close(second, NULL);
    room_close();
}

int main(void) {
    RUN(packets_come_out_as_they_went_in);
    RUN(what_finds_no_room_counts_and_the_rest_stays_whole);
    RUN(a_log_may_outlive_its_stream);
    return check_result("packet log");
}
