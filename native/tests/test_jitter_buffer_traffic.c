/* The jitter buffer under traffic of any kind: it always fills what is pulled, stays in its memory, and never differs from
   itself. */
#include <stdalign.h>

#include "check.h"
#include "jitter_buffer.h"

#define PULL_MAX 2880
#define GUARD 64

static uint64_t state;

static uint32_t dice(uint32_t sides) {
    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(state >> 33) % sides;
}

/* A buffer between two guards. */
typedef struct guarded {
    uint8_t *memory;
    size_t size;
    ms_jb_t *jb;
} guarded_t;

static void map_payloads(ms_jb_t *jb, uint32_t rate) {
    static const struct { uint8_t type; const char *name; uint32_t clock; uint8_t channels; } MAP[] = {
        {9, "G722", 8000, 1}, {96, "L16", 8000, 1}, {97, "L16", 16000, 1}, {98, "L16", 48000, 2}, {99, "L16", 44100, 1},
        {101, "telephone-event", 8000, 1}};
    for (size_t i = 0; i < sizeof MAP / sizeof *MAP; i++) {
        const ms_codec_t *codec = ms_codec_find(MAP[i].name, MAP[i].clock, MAP[i].channels);
        int fits = codec != NULL && (codec->kind != MS_CODEC_AUDIO || codec->sample_rate == rate);
        if (CHECK(codec != NULL))
            CHECK_EQ(ms_jb_set_payload(jb, MAP[i].type, codec), fits ? MS_OK : MS_ENOTSUP);
    }
}

static int open_guarded(guarded_t *g, const ms_jb_config_t *config) {
    g->size = ms_jb_size(config);
    g->memory = malloc(g->size + 2 * GUARD);
    if (!CHECK(g->size > 0 && g->memory != NULL))
        return 0;
    memset(g->memory, 0xA5, g->size + 2 * GUARD);
    CHECK_EQ(ms_jb_init(g->memory + GUARD, g->size, config, &g->jb), MS_OK);
    map_payloads(g->jb, config->sample_rate == 0 ? 8000 : config->sample_rate);
    return 1;
}

static void close_guarded(guarded_t *g) {
    for (size_t i = 0; i < GUARD; i++)
        CHECK(g->memory[i] == 0xA5 && g->memory[GUARD + g->size + i] == 0xA5);
    free(g->memory);
}

/* A sender that mostly behaves. */
typedef struct sender { uint32_t ssrc, timestamp; uint16_t sequence; uint8_t type; } sender_t;

static size_t next_packet(sender_t *sender, uint8_t *packet) {
    static const uint8_t TYPES[] = {0, 8, 9, 13, 96, 97, 98, 99, 101, 77};
    static const uint16_t LENGTHS[] = {0, 1, 40, 80, 160, 160, 160, 240, 320, 480, 960, 1400};
    size_t length = LENGTHS[dice(sizeof LENGTHS / sizeof *LENGTHS)];
    if (dice(50) == 0) sender->ssrc = dice(3);
    if (dice(100) == 0) sender->sequence = (uint16_t)dice(65536);
    if (dice(100) == 0) sender->timestamp = dice(2) ? dice(0x7fffffff) * 2 : sender->timestamp + dice(100000);
    if (dice(20) == 0) sender->type = TYPES[dice(sizeof TYPES)];
    uint16_t sequence = (uint16_t)(sender->sequence - (dice(10) == 0 ? dice(8) : 0));
    const uint8_t head[12] = {0x80, (uint8_t)(sender->type | (dice(30) == 0 ? 0x80 : 0)), (uint8_t)(sequence >> 8),
                              (uint8_t)sequence, (uint8_t)(sender->timestamp >> 24), (uint8_t)(sender->timestamp >> 16),
                              (uint8_t)(sender->timestamp >> 8), (uint8_t)sender->timestamp, 0, 0, 0, (uint8_t)sender->ssrc};
    memcpy(packet, head, sizeof head);
    for (size_t i = 0; i < length; i++)
        packet[12 + i] = (uint8_t)dice(256);
    if (dice(100) == 0)
        packet[dice(12)] = (uint8_t)dice(256);
    sender->sequence = (uint16_t)(sender->sequence + 1 + (dice(20) == 0 ? dice(12) : 0));
    sender->timestamp += dice(10) == 0 ? dice(4000) : (uint32_t)length;
    return 12 + length;
}

static void push_both(guarded_t *a, guarded_t *b, sender_t *sender, int64_t now) {
    uint8_t packet[1500], *exact;
    size_t length = next_packet(sender, packet);
    for (int copies = dice(12) == 0 ? 2 : 1; copies > 0; copies--) {
        exact = malloc(length); /* of exactly its size: a read past its end is seen */
        REQUIRE(exact != NULL);
        memcpy(exact, packet, length);
        ms_jb_push_result_t result = ms_jb_push(a->jb, exact, length, now);
        CHECK_EQ(result, ms_jb_push(b->jb, exact, length, now));
        CHECK(result <= MS_JB_IGNORED);
        free(exact);
    }
}

/* Both must fill all n samples, though different things lay there before, and with the same. */
static void pull_both(guarded_t *a, guarded_t *b, size_t n, int64_t now) {
    static int16_t left[PULL_MAX + GUARD], right[PULL_MAX + GUARD];
    ms_jb_info_t info, same;
    memset(left, 0x11, sizeof left);
    memset(right, 0x77, sizeof right);
    CHECK_EQ(ms_jb_pull(a->jb, left, n, now, &info), MS_OK);
    CHECK_EQ(ms_jb_pull(b->jb, right, n, now, &same), MS_OK);
    CHECK_EQ(memcmp(left, right, n * sizeof *left), 0);
    CHECK(left[n] == 0x1111 && right[n] == 0x7777);
    CHECK_EQ(info.kind, same.kind);
    CHECK(info.kind <= MS_JB_CONCEAL && strcmp(ms_jb_kind_name(info.kind), "unknown") != 0);
}

static void traffic(uint64_t seed) {
    static const uint32_t RATES[] = {0, 8000, 16000, 44100, 48000};
    state = seed;
    ms_jb_config_t config = {.sample_rate = RATES[dice(5)], .max_delay_ms = (uint16_t)(20 + dice(500)),
                             .max_packets = (uint16_t)(1 + dice(80)), .payload_bytes = 80 + dice(8000),
                             .initial_delay_ms = (uint16_t)dice(200)};
    config.min_delay_ms = (uint16_t)dice(config.max_delay_ms);
    uint32_t rate = config.sample_rate == 0 ? 8000 : config.sample_rate;
    guarded_t a, b;
    sender_t sender = {1, dice(0x7fffffff), (uint16_t)dice(65536), (uint8_t)(rate == 8000 ? 0 : rate == 16000 ? 9 : 98)};
    int64_t now = 1000000;
    size_t n = rate / (dice(2) ? 100 : 50);
    if (!open_guarded(&a, &config) || !open_guarded(&b, &config))
        return;
    for (int step = 0; step < 1500; step++) {
        for (uint32_t packets = dice(3); packets > 0; packets--)
            push_both(&a, &b, &sender, now - dice(5000));
        if (dice(200) == 0) n = 1 + dice(rate * 60 / 1000);
        if (dice(300) == 0) ms_jb_reset(a.jb), ms_jb_reset(b.jb);
        if (dice(300) == 0) CHECK_EQ(ms_jb_set_delay(a.jb, 0, 400), ms_jb_set_delay(b.jb, 0, 400));
        now += (int64_t)n * 1000000 / rate + (dice(100) == 0 ? dice(2000000) : 0);
        pull_both(&a, &b, n, now);
    }
    ms_jb_stats_t stats;
    ms_jb_get_stats(a.jb, &stats);
    CHECK(stats.decoded + stats.ignored + stats.duplicates <= stats.pushed);
    close_guarded(&a);
    close_guarded(&b);
}

static void any_traffic_is_survived(void) {
    for (uint64_t seed = 1; seed <= 60; seed++)
        traffic(seed);
}

static void a_call_takes_little_memory(void) {
    CHECK(ms_jb_size(NULL) <= 32 * 1024);
    ms_jb_config_t wide = {.sample_rate = 16000};
    CHECK(ms_jb_size(&wide) <= 48 * 1024);
}

static void wrong_configurations_are_refused(void) {
    static const ms_jb_config_t WRONG[] = {
        {.sample_rate = 7999}, {.sample_rate = 96000}, {.sample_rate = 8010}, {.max_delay_ms = 19}, {.max_delay_ms = 1001},
        {.min_delay_ms = 501}, {.min_delay_ms = 300, .max_delay_ms = 200}, {.initial_delay_ms = 1001},
        {.max_packets = 1025}, {.payload_bytes = (1U << 20) + 1}, {.decoder_bytes = (1U << 20) + 1}};
    static alignas(16) uint8_t memory[65536];
    ms_jb_t *jb;
    for (size_t i = 0; i < sizeof WRONG / sizeof *WRONG; i++) {
        CHECK_EQ(ms_jb_size(&WRONG[i]), 0);
        CHECK_EQ(ms_jb_init(memory, sizeof memory, &WRONG[i], &jb), MS_EINVAL);
    }
    CHECK_EQ(ms_jb_init(NULL, 65536, NULL, &jb), MS_EINVAL);
    CHECK_EQ(ms_jb_init(memory, ms_jb_size(NULL) - 1, NULL, &jb), MS_EINVAL);
    CHECK_EQ(ms_jb_init(memory, sizeof memory, NULL, NULL), MS_EINVAL);
    REQUIRE(ms_jb_init(memory, sizeof memory, NULL, &jb) == MS_OK);
    int16_t pcm[481];
    CHECK_EQ(ms_jb_pull(jb, pcm, 0, 0, NULL), MS_EINVAL);
    CHECK_EQ(ms_jb_pull(jb, pcm, 481, 0, NULL), MS_EINVAL);
    CHECK_EQ(ms_jb_set_payload(jb, 128, &ms_codec_pcmu), MS_EINVAL);
    CHECK_EQ(ms_jb_set_payload(jb, 9, &ms_codec_g722), MS_ENOTSUP);
    CHECK_EQ(ms_jb_set_delay(jb, 100, 50), MS_EINVAL);
    CHECK_EQ(ms_jb_set_delay(jb, 0, 10), MS_EINVAL);
}

int main(void) {
    RUN(any_traffic_is_survived);
    RUN(a_call_takes_little_memory);
    RUN(wrong_configurations_are_refused);
    return check_result("jitter_buffer_traffic");
}
