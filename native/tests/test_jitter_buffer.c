/* The jitter buffer over networks of a fixed kind: exact counts, delay, and how much of the speech comes through untouched. */
#include "jitter_room.h"

static room_t room;

/* All counts are exact: the same packets at the same times give the same samples, on every machine. */
typedef struct golden {
    int concealed, bridged, inserted, removed, lost, intact;
    uint32_t hash;
} golden_t;

static void matches(const golden_t *golden, int n) {
    CHECK_EQ(room.stats.concealed_samples, golden->concealed);
    CHECK_EQ(room.stats.bridged_samples, golden->bridged);
    CHECK_EQ(room.stats.inserted_samples, golden->inserted);
    CHECK_EQ(room.stats.removed_samples, golden->removed);
    CHECK_EQ(room.stats.lost, golden->lost);
    CHECK_EQ(room.intact, golden->intact);
    CHECK_EQ(room_hash(&room, n), golden->hash);
    CHECK_EQ(room.stats.pulled_samples, room.pulls * n);
}

static void a_perfect_network_costs_nothing(void) {
    room_speak(&room);
    room_send(&room);
    room_listen(&room, NULL, 80);
    CHECK(room.delay_ms < 8);
    CHECK_EQ(room.checked - room.intact, room.kinds[MS_JB_ACCELERATE] + room.kinds[MS_JB_CONCEAL]);
    matches(&(golden_t){0, 0, 0, 160, 0, 1994, 818117099U}, 80);
}

/* When the first sample is heard, after its arrival. */
static int64_t begins_after(const ms_jb_config_t *config, int64_t second_late_us) {
    static uint8_t payload[ROOM_FRAME];
    size_t size = ms_jb_size(config);
    void *memory = malloc(size);
    ms_jb_t *jb = NULL;
    ms_jb_info_t info = {.kind = MS_JB_SILENCE};
    int64_t now = 0;
    int16_t pcm[80];
    if (CHECK(memory != NULL) && CHECK_EQ(ms_jb_init(memory, size, config, &jb), MS_OK))
        for (uint16_t next = 0; info.kind == MS_JB_SILENCE && now < 1000000; now += 10000) {
            for (; next * 20000 + (next == 1 ? second_late_us : 0) <= now; next++) {
                ms_jb_packet_t packet = {.payload = payload, .length = ROOM_FRAME, .ssrc = 1, .sequence = next,
                                         .timestamp = next * 160U};
                ms_jb_push_packet(jb, &packet, next * 20000 + (next == 1 ? second_late_us : 0));
            }
            ms_jb_pull(jb, pcm, 80, now, &info);
        }
    free(memory);
    return now - 10000;
}

static void a_call_begins_as_deep_as_its_first_packets_advise(void) {
    static const ms_jb_config_t CHOOSE = {0}, INITIAL = {.initial_delay_ms = 60}, MIN = {.min_delay_ms = 80},
                                FIXED = {.min_delay_ms = 100, .max_delay_ms = 100},
                                MAX = {.initial_delay_ms = 200, .max_delay_ms = 30};
    CHECK_EQ(begins_after(&CHOOSE, 0), 20000);    /* steady: one packet */
    CHECK_EQ(begins_after(&CHOOSE, 1500), 30000); /* still: at the next pull */
    CHECK_EQ(begins_after(&CHOOSE, 3000), 40000); /* not steady */
    CHECK_EQ(begins_after(&INITIAL, 0), 60000);   /* what the user says is done */
    CHECK_EQ(begins_after(&MIN, 0), 80000);
    CHECK_EQ(begins_after(&FIXED, 0), 100000);
    CHECK_EQ(begins_after(&MAX, 0), 30000);
}

static void jitter_is_bridged_to_its_end(void) {
    room_speak(&room);
    room_send(&room);
    room_jitter(&room, 60);
    room_queue(&room);
    room_listen(&room, NULL, 80);
    CHECK(room.delay_ms < 75);
    matches(&(golden_t){80, 0, 80, 240, 0, 1985, 785040665U}, 80);
}

static void loss_is_bridged_from_both_sides(void) {
    room_speak(&room);
    room_send(&room);
    room_lose(&room, 0.05, 2);
    room_listen(&room, NULL, 80);
    CHECK(room.delay_ms < 42);
    CHECK(room.stats.bridged_samples > room.stats.concealed_samples * 9 / 10);
    matches(&(golden_t){3200, 3040, 0, 0, 39, 1917, 690923284U}, 80);
}

static void overtaken_packets_are_waited_for(void) {
    room_speak(&room);
    room_send(&room);
    for (int i = 0; i < room.count; i++)
        if (room_random(&room) % 10 == 0)
            room.packets[i].arrival_us += 30000 + (int64_t)room_uniform(&room, 40000);
    room_listen(&room, NULL, 80);
    CHECK(room.delay_ms < 82);
    CHECK(room.stats.reordered > 50);
    matches(&(golden_t){0, 800, 432, 32, 5, 1977, 3927074500U}, 80);
}

static void a_new_source_goes_on_where_the_old_one_stopped(void) {
    room_speak(&room);
    room_send(&room);
    room_jitter(&room, 10);
    room_queue(&room);
    for (int i = ROOM_FRAMES / 3; i < ROOM_FRAMES; i++) {
        room.packets[i].ssrc = i < 2 * ROOM_FRAMES / 3 ? 0x9999 : 0xAAAA;
        room.packets[i].sequence = (uint16_t)(room.packets[i].sequence + 20000);
        room.packets[i].timestamp += i < 2 * ROOM_FRAMES / 3 ? 123456789 : 3600 * ROOM_RATE;
    }
    room_listen(&room, NULL, 80);
    CHECK_EQ(room.stats.resets, 2);
    CHECK(room.delay_ms < 40);
    matches(&(golden_t){0, 0, 0, 320, 0, 1988, 1843051716U}, 80);
}

static void pulls_of_20_ms_are_as_good(void) {
    room_speak(&room);
    room_send(&room);
    room_lose(&room, 0.05, 2);
    room_listen(&room, NULL, 160);
    CHECK(room.delay_ms < 45);
    matches(&(golden_t){3200, 3040, 0, 0, 39, 959, 1213776402U}, 160);
}

int main(void) {
    RUN(a_perfect_network_costs_nothing);
    RUN(a_call_begins_as_deep_as_its_first_packets_advise);
    RUN(jitter_is_bridged_to_its_end);
    RUN(loss_is_bridged_from_both_sides);
    RUN(overtaken_packets_are_waited_for);
    RUN(a_new_source_goes_on_where_the_old_one_stopped);
    RUN(pulls_of_20_ms_are_as_good);
    return check_result("jitter_buffer");
}
