/* What fills gaps and stretches time, each by itself: bridge, one-sided continuation, splices, comfort noise, packet store. */
#include "bridge.h"
#include "check.h"
#include "comfort_noise.h"
#include "concealment.h"
#include "packet_store.h"
#include "time_stretch.h"

#include <math.h>

#define RATE 8000
#define TURN 6.283185307179586

static int16_t sound[RATE];

/* A vowel: six harmonics of a pitch that glides from one frequency to another within the second. */
static void hum(double from_hz, double to_hz) {
    double phase = 0;
    for (int i = 0; i < RATE; i++) {
        phase += (from_hz + (to_hz - from_hz) * i / RATE) / RATE;
        double value = 0;
        for (int k = 1; k <= 6; k++)
            value += sin(TURN * k * phase + k * k) / k;
        sound[i] = (int16_t)(3000 * value);
    }
}

static double power(const int16_t *pcm, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)pcm[i] * pcm[i];
    return sum / (double)n;
}

/* How far the repair is from the truth, dB below it. */
static double snr(const int16_t *truth, const int16_t *made, size_t n) {
    double sum = 1e-9;
    for (size_t i = 0; i < n; i++)
        sum += ((double)truth[i] - made[i]) * ((double)truth[i] - made[i]);
    return 10 * log10(power(truth, n) * (double)n / sum);
}

static void a_bridge_arrives_in_phase(void) {
    static const struct { double from, to; size_t gap; } CASES[] = {
        {100, 100, 160}, {120, 120, 320}, {220, 220, 480}, {110, 140, 160}, {200, 160, 320}, {95, 130, 480}};
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        int16_t made[480], past[480];
        size_t gap = CASES[i].gap;
        hum(CASES[i].from, CASES[i].to);
        ms_bridge(RATE, sound, 4000, sound + 4000 + gap, RATE - 4000 - gap, made, gap);
        ms_bridge_lead(RATE, sound, 4000, sound + 4000 + gap, RATE - 4000 - gap, past, gap);
        CHECK(snr(sound + 4000, made, gap) > 9);
        CHECK(abs(made[gap - 1] - sound[4000 + gap - 1]) < 1500 && abs(made[0] - sound[4000]) < 1500); /* no click */
        CHECK(power(past, gap) > power(sound + 4000, gap) / 2);
    }
}

static void a_bridge_into_silence_and_out_of_it_is_finite(void) {
    static int16_t silence[RATE];
    int16_t made[320];
    hum(120, 120);
    ms_bridge(RATE, silence, 4000, silence, 200, made, 320);
    CHECK(power(made, 320) < 4);
    ms_bridge(RATE, sound, 4000, silence, 64, made, 320);
    CHECK(power(made, 160) > power(made + 160, 160));
    ms_bridge(RATE, silence, 4000, sound, 64, made, 320);
    CHECK(power(made, 160) < power(made + 160, 160));
    ms_bridge(RATE, sound, 4000, sound + 4001, 4000, made, 1);
    CHECK(abs(made[0] - sound[4000]) < 3000);
}

static void what_goes_on_alone_fades_and_does_not_hum(void) {
    static float memory[4096];
    ms_concealment_t c;
    int16_t out[RATE / 2];
    REQUIRE(ms_conceal_size(RATE) <= sizeof memory);
    hum(125, 125);
    ms_conceal_init(&c, RATE, memory);
    ms_conceal_begin(&c, sound, 4000);
    ms_conceal_continue(&c, out, RATE / 2);
    double voice = power(sound, 4000);
    CHECK(snr(sound + 4000, out, 80) > 9);               /* the first 10 ms are the voice going on */
    CHECK(power(out + 640, 160) < voice / 4);            /* faded by 80 ms */
    CHECK(power(out + 800, 160) < voice / 20);           /* nothing is repeated after 100 ms */
    CHECK(power(out + RATE * 36 / 100, 1000) < 1);       /* silence from 350 ms on */
    int16_t packet[40];
    for (int i = 0; i < 40; i++)
        packet[i] = 1000;
    ms_conceal_begin(&c, sound, 4000);
    ms_conceal_merge(&c, packet, 40);
    CHECK(abs(packet[0] - sound[4000]) < 1500 && abs(packet[39] - 1000) < 400);
}

static void a_splice_of_a_period_is_not_heard(void) {
    static int16_t pcm[RATE + 400];
    float likeness;
    hum(100, 100); /* 80 samples */
    memcpy(pcm, sound, sizeof sound);
    CHECK_EQ(ms_stretch_lag(pcm, 1, 20, 128, 80, 1, &likeness), 80);
    CHECK(likeness > 0.99f);
    CHECK_EQ(ms_stretch_lag(pcm + 2000, -1, 20, 128, 80, 2, &likeness), 80);
    CHECK_EQ(ms_stretch_remove(pcm, 4000, 1000, 80, 80), 3920);
    CHECK(snr(sound, pcm, 3920) > 30);
    memcpy(pcm, sound, sizeof sound);
    CHECK_EQ(ms_stretch_insert(pcm, 4000, 1000, 80, 80), 4080);
    CHECK(snr(sound, pcm, 4080) > 30);
    memcpy(pcm, sound, sizeof sound);
    ms_stretch_remove(pcm, 4000, 1000, 33, 80); /* not a period: what is before and behind stays as it was */
    CHECK(memcmp(pcm, sound, 1000 * 2) == 0 && memcmp(pcm + 1080, sound + 1113, (4000 - 1113) * 2) == 0);
}

static void comfort_noise_has_the_level_it_was_told(void) {
    static const struct { uint8_t payload[4]; size_t length; double dbov; } CASES[] = {
        {{30}, 1, -30}, {{50}, 1, -50}, {{70, 0x8F, 0x7F, 0x80}, 4, -70}, {{40, 100, 150, 127}, 4, -40}};
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        ms_comfort_noise_t noise;
        static int16_t out[RATE];
        ms_noise_init(&noise);
        ms_noise_describe(&noise, CASES[i].payload, CASES[i].length);
        ms_noise_generate(&noise, out, RATE);
        double level = 10 * log10(power(out + RATE / 2, RATE / 2) / (32768.0 * 32768.0) + 1e-12);
        CHECK(fabs(level - CASES[i].dbov) < 4); /* dBov is of a square wave; RMS of noise differs */
    }
    ms_comfort_noise_t noise, again;
    int16_t one[400], other[400];
    ms_noise_init(&noise), ms_noise_init(&again);
    ms_noise_describe(&noise, (const uint8_t *)"", 0); /* nothing said: as quiet as before, and no crash */
    ms_noise_generate(&noise, one, 400);
    ms_noise_describe(&again, (const uint8_t *)"", 0);
    ms_noise_generate(&again, other, 400);
    CHECK_EQ(memcmp(one, other, sizeof one), 0);
}

static void the_store_sorts_and_takes_back_its_room(void) {
    static uint64_t memory[512];
    ms_packet_store_t store;
    REQUIRE(ms_store_size(4, 800) <= sizeof memory);
    ms_store_init(&store, memory, 4, 800); /* ten blocks of 80 */
    static const int64_t SEQUENCES[] = {5, 3, 4};
    uint8_t payload[480], back[480];
    for (int round = 0; round < 50; round++) {
        for (size_t i = 0; i < 3; i++) {
            memset(payload, (int)(SEQUENCES[i] + round), sizeof payload);
            ms_stored_packet_t packet = {.sequence = SEQUENCES[i], .position = SEQUENCES[i] * 160, .length = 200, .samples = 160};
            CHECK_EQ(ms_store_insert(&store, &packet, payload), MS_STORE_ADDED);
            CHECK_EQ(ms_store_insert(&store, &packet, payload), MS_STORE_DUPLICATE);
        }
        ms_stored_packet_t large = {.sequence = 6, .length = 160};
        CHECK_EQ(ms_store_insert(&store, &large, payload), MS_STORE_FULL); /* nine blocks are taken */
        for (int64_t sequence = 3; sequence <= 5; sequence++) {
            CHECK_EQ(store.packets[0].sequence, sequence);
            ms_store_copy(&store, 0, back);
            CHECK(back[0] == (uint8_t)(sequence + round) && back[199] == (uint8_t)(sequence + round));
            ms_store_remove_first(&store, 1);
        }
        CHECK(store.count == 0 && store.free_blocks == 10);
    }
    for (int64_t i = 0; i < 5; i++) { /* room of octets, none of heads; empty payloads take no block */
        ms_stored_packet_t packet = {.sequence = i};
        CHECK_EQ(ms_store_insert(&store, &packet, payload), i < 4 ? MS_STORE_ADDED : MS_STORE_FULL);
    }
    ms_store_clear(&store);
    CHECK(store.count == 0 && store.free_blocks == 10);
}

int main(void) {
    RUN(a_bridge_arrives_in_phase);
    RUN(a_bridge_into_silence_and_out_of_it_is_finite);
    RUN(what_goes_on_alone_fades_and_does_not_hum);
    RUN(a_splice_of_a_period_is_not_heard);
    RUN(comfort_noise_has_the_level_it_was_told);
    RUN(the_store_sorts_and_takes_back_its_room);
    return check_result("sound_repair");
}
