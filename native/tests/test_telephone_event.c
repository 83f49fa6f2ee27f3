/* Telephone-events (RFC 4733): what is sent for a digit, and digits recognised whatever is lost or repeated. */
#include "check.h"
#include "clock.h"
#include "telephone_event.h"

#define UNITS 160

/* Send a string and note every packet. */
typedef struct wire {
    ms_dtmf_frame_t frames[256];
    unsigned at[256]; /* frame number */
    size_t count;
} wire_t;

static void send_digits(const char *digits, uint16_t duration_ms, uint16_t gap_ms, unsigned frames, wire_t *wire) {
    ms_dtmf_sender_t sender = {0};
    wire->count = 0;
    for (; *digits != '\0'; digits++) {
        ms_dtmf_order_t order = {(uint8_t)ms_dtmf_code(*digits), duration_ms, gap_ms};
        CHECK(ms_dtmf_sender_put(&sender, &order));
    }
    for (unsigned i = 0; i < frames; i++) {
        if (ms_dtmf_sender_next(&sender, 5000 + i * UNITS, UNITS, 8000, &wire->frames[wire->count]))
            wire->at[wire->count++] = i;
    }
    CHECK_EQ(sender.count, 0);
}

static void a_digit_is_ten_packets(void) {
    wire_t wire;
    send_digits("#", 160, 80, 20, &wire);
    REQUIRE(wire.count == 10); /* 8 frames, the last with the end bit, which is sent twice more */
    for (size_t i = 0; i < wire.count; i++) {
        CHECK_EQ(wire.frames[i].event.event, 11);
        CHECK_EQ(wire.frames[i].timestamp, 5000);
        CHECK_EQ(wire.frames[i].marker, i == 0);
        CHECK_EQ(wire.frames[i].event.end, i >= 7);
        CHECK_EQ(wire.frames[i].event.duration, i < 8 ? (i + 1) * UNITS : 8 * UNITS);
        CHECK_EQ(wire.frames[i].last, i == 9);
    }
}

static void digits_keep_their_gap(void) {
    wire_t wire;
    send_digits("12", 100, 80, 40, &wire);
    REQUIRE(wire.count == 14);
    CHECK_EQ(wire.at[6], 6);
    CHECK_EQ(wire.at[7], 5 + 4); /* 100 ms of digit, 80 ms of gap in which the repeated ends lie */
    CHECK_EQ(wire.frames[7].timestamp, 5000 + 9 * UNITS);
    CHECK(wire.frames[7].marker);
    send_digits("5", 50, 20, 10, &wire); /* not a whole number of frames */
    CHECK_EQ(wire.frames[wire.count - 1].event.duration, 400);
}

static void the_queue_is_bounded(void) {
    ms_dtmf_sender_t sender = {0};
    ms_dtmf_order_t order = {1, 100, 50};
    for (int i = 0; i < MS_DTMF_QUEUE; i++)
        CHECK(ms_dtmf_sender_put(&sender, &order));
    CHECK(!ms_dtmf_sender_put(&sender, &order));
}

static void payloads_and_digits_map(void) {
    uint8_t payload[4];
    ms_telephone_event_t event = {15, true, 10, 0x1234}, read;
    ms_telephone_event_write(payload, &event);
    CHECK_EQ(payload[0], 15);
    CHECK_EQ(payload[1], 0x8a);
    CHECK_EQ(payload[2], 0x12);
    CHECK_EQ(ms_telephone_event_read(payload, 4, &read), MS_OK);
    CHECK(read.end && read.event == 15 && read.volume == 10 && read.duration == 0x1234);
    CHECK_EQ(ms_telephone_event_read(payload, 3, &read), MS_EFORMAT);
    for (uint8_t code = 0; code < 16; code++)
        CHECK_EQ(ms_dtmf_code(ms_dtmf_digit(code)), code);
    CHECK_EQ(ms_dtmf_code('d'), 15);
    CHECK_EQ(ms_dtmf_code('\0'), -1);
    CHECK_EQ(ms_dtmf_code('E'), -1);
    CHECK_EQ(ms_dtmf_digit(16), '\0');
}

/* ---- receiving */

/* Feed a wire to a receiver, leaving out the packets of a bit mask; the digits heard. */
static size_t hear(const wire_t *wire, uint64_t lost, bool twice, char *digits, uint32_t *durations) {
    ms_dtmf_receiver_t receiver = {0};
    ms_dtmf_heard_t heard;
    size_t count = 0, next = 0;
    for (unsigned frame = 0; frame < 200; frame++) {
        int64_t now = frame * 20 * MS_NS_PER_MS;
        for (; next < wire->count && wire->at[next] == frame; next++) {
            const ms_dtmf_frame_t *sent = &wire->frames[next];
            for (int copy = 0; copy < (twice ? 2 : 1) && (lost >> next & 1) == 0; copy++) {
                if (ms_dtmf_receiver_update(&receiver, &sent->event, sent->timestamp, sent->marker, now, &heard)) {
                    durations[count] = heard.duration;
                    digits[count++] = ms_dtmf_digit(heard.code);
                }
            }
        }
        if (ms_dtmf_receiver_expire(&receiver, now, &heard)) {
            durations[count] = heard.duration;
            digits[count++] = ms_dtmf_digit(heard.code);
        }
    }
    digits[count] = '\0';
    return count;
}

/* Every pattern of loss that leaves one packet of each digit: each is heard once, in order. */
static void digits_survive_every_loss(void) {
    wire_t wire;
    char digits[64];
    uint32_t durations[64];
    send_digits("3A", 60, 80, 40, &wire);
    REQUIRE(wire.count == 10); /* five packets each */
    for (uint64_t lost = 0; lost < 1 << 10; lost++) {
        bool first = (lost & 0x1f) != 0x1f, second = (lost >> 5 & 0x1f) != 0x1f;
        hear(&wire, lost, false, digits, durations);
        const char *want = first ? second ? "3A" : "3" : second ? "A" : "";
        if (!CHECK(strcmp(digits, want) == 0))
            fprintf(stderr, "  lost %llx: heard \"%s\"\n", (unsigned long long)lost, digits);
    }
    hear(&wire, 0, true, digits, durations);
    CHECK(strcmp(digits, "3A") == 0);
    CHECK_EQ(durations[0], 480);
    CHECK_EQ(durations[1], 480);
}

static void the_same_digit_twice_is_two(void) {
    wire_t wire;
    char digits[64];
    uint32_t durations[64];
    send_digits("77", 60, 40, 40, &wire);
    hear(&wire, 0, false, digits, durations);
    CHECK(strcmp(digits, "77") == 0);
}

static void a_long_event_goes_on_in_segments(void) {
    ms_dtmf_receiver_t receiver = {0};
    ms_dtmf_heard_t heard = {0};
    ms_telephone_event_t event = {4, false, 10, 0xffff};
    CHECK(!ms_dtmf_receiver_update(&receiver, &event, 1000, true, 0, &heard));
    event.duration = 800;
    CHECK(!ms_dtmf_receiver_update(&receiver, &event, 1000 + 0xffff, false, 100, &heard));
    event.end = true;
    event.duration = 1600;
    CHECK(ms_dtmf_receiver_update(&receiver, &event, 1000 + 0xffff, false, 200, &heard));
    CHECK_EQ(heard.duration, 0xffff + 1600);
    CHECK(!ms_dtmf_receiver_update(&receiver, &event, 1000 + 0xffff, false, 300, &heard));
}

static void stragglers_are_ignored_but_a_new_clock_is_not(void) {
    ms_dtmf_receiver_t receiver = {0};
    ms_dtmf_heard_t heard;
    ms_telephone_event_t end = {1, true, 10, 800};
    CHECK(ms_dtmf_receiver_update(&receiver, &end, 100000, false, 0, &heard));
    CHECK(!ms_dtmf_receiver_update(&receiver, &end, 90000, false, MS_NS_PER_MS, &heard));
    CHECK(ms_dtmf_receiver_update(&receiver, &end, 90000, false, 5 * MS_NS_PER_SECOND, &heard));
}

int main(void) {
    RUN(a_digit_is_ten_packets);
    RUN(digits_keep_their_gap);
    RUN(the_queue_is_bounded);
    RUN(payloads_and_digits_map);
    RUN(digits_survive_every_loss);
    RUN(the_same_digit_twice_is_two);
    RUN(a_long_event_goes_on_in_segments);
    RUN(stragglers_are_ignored_but_a_new_clock_is_not);
    return check_result("telephone_event");
}
