/* The jitter buffer through whole calls: drifting clocks, bounds of the user, talk spurts, figures that must be exact, and
   G.722, whose decoder must find its step again behind a gap. */
#include <math.h>

#include "check.h"
#include "codecs/g711.h"
#include "codecs/g722.h"
#include "jitter_buffer.h"

#define MINUTES_10 30000 /* packets of 20 ms */

typedef struct call {
    void *memory;
    ms_jb_t *jb;
    int64_t now_us;           /* of the next pull */
    int64_t lowest_ms, highest_ms; /* delay after the first ten seconds */
    int kinds[MS_JB_CONCEAL + 1];
    ms_jb_stats_t stats;
} call_t;

static int call_open(call_t *call, const ms_jb_config_t *config) {
    *call = (call_t){.now_us = 3000, .lowest_ms = 10000};
    call->memory = malloc(ms_jb_size(config));
    return CHECK(call->memory != NULL) && CHECK_EQ(ms_jb_init(call->memory, ms_jb_size(config), config, &call->jb), MS_OK);
}

static void call_close(call_t *call) {
    ms_jb_get_stats(call->jb, &call->stats);
    free(call->memory);
}

/* Half a second of tone, half a second of faint hiss, in turn. */
static void talk(int packet, uint8_t *payload) {
    int16_t pcm[160];
    static uint32_t hiss = 1;
    for (int i = 0; i < 160; i++) {
        hiss = hiss * 1664525U + 1013904223U;
        pcm[i] = (int16_t)((int)(hiss >> 27) - 16);
        if (packet / 25 % 2 == 0)
            pcm[i] = (int16_t)(pcm[i] + 4000 * sin(6.283185307 * 200 * (packet * 160 + i) / 8000.0));
    }
    ms_g711_ulaw_encode(pcm, 160, payload);
}

static void pull_until(call_t *call, int64_t us) {
    int16_t pcm[80];
    ms_jb_info_t info;
    for (; call->now_us < us; call->now_us += 10000) {
        CHECK_EQ(ms_jb_pull(call->jb, pcm, 80, call->now_us, &info), MS_OK);
        call->kinds[info.kind]++;
        if (call->now_us < 10000000)
            continue;
        call->lowest_ms = info.delay_ms < call->lowest_ms ? info.delay_ms : call->lowest_ms;
        call->highest_ms = info.delay_ms > call->highest_ms ? info.delay_ms : call->highest_ms;
    }
}

static void push_at(call_t *call, int packet, uint16_t sequence, uint8_t type, int64_t arrival_us) {
    uint8_t payload[160] = {70};
    if (type == 0)
        talk(packet, payload);
    ms_jb_packet_t parsed = {.payload = payload, .length = type == 0 ? 160 : 1, .ssrc = 1, .sequence = sequence,
                             .timestamp = (uint32_t)packet * 160, .payload_type = type};
    pull_until(call, arrival_us);
    ms_jb_push_packet(call->jb, &parsed, arrival_us);
}

static void clocks_that_drift_cost_nothing(void) {
    static const struct { double ppm; int packets; int64_t highest_ms; } CASES[] = {
        {200, MINUTES_10, 40}, {-200, MINUTES_10, 40}, {5000, MINUTES_10 / 5, 60}, {-5000, MINUTES_10 / 5, 60}};
    for (size_t c = 0; c < sizeof CASES / sizeof *CASES; c++) {
        call_t call;
        ms_jb_config_t config = {0};
        if (!call_open(&call, &config))
            return;
        for (int i = 0; i < CASES[c].packets; i++) /* the sender's clock is so much faster */
            push_at(&call, i, (uint16_t)i, 0, (int64_t)(i * 20000.0 / (1 + CASES[c].ppm * 1e-6)));
        call_close(&call);
        double drifted = CASES[c].packets * 160.0 * CASES[c].ppm * 1e-6;
        double changed = (double)call.stats.removed_samples - (double)call.stats.inserted_samples;
        CHECK(fabs(changed - drifted) < 400); /* all of the drift, and the depth at the start */
        CHECK(call.stats.lost + call.stats.late + call.stats.resets <= (fabs(CASES[c].ppm) > 1000 ? 20u : 0u));
        CHECK(call.stats.concealed_samples + call.stats.bridged_samples <= (fabs(CASES[c].ppm) > 1000 ? 8000u : 800u));
        CHECK(call.highest_ms <= CASES[c].highest_ms);
        CHECK(call.stats.clock_skew_known &&
              fabs((double)call.stats.clock_skew_ppm - CASES[c].ppm) < 3 + fabs(CASES[c].ppm) / 50);
    }
}

static void the_bounds_of_the_user_hold(void) {
    static const struct { ms_jb_config_t config; int64_t lowest, highest; } CASES[] = {
        {{.min_delay_ms = 100}, 100, 125},
        {{.min_delay_ms = 80, .max_delay_ms = 80}, 70, 95},
        {{.max_delay_ms = 30}, 0, 30}};
    for (size_t c = 0; c < sizeof CASES / sizeof *CASES; c++) {
        call_t call;
        if (!call_open(&call, &CASES[c].config))
            return;
        for (int i = 0; i < 1500; i++)
            push_at(&call, i, (uint16_t)i, 0, i * 20000 + i * 7919 % 60 * 1000);
        CHECK(call.lowest_ms >= CASES[c].lowest && call.highest_ms <= CASES[c].highest);
        call_close(&call);
    }
    call_t call; /* and when they change during the call */
    ms_jb_config_t config = {0};
    if (!call_open(&call, &config))
        return;
    for (int i = 0; i < 600; i++)
        push_at(&call, i, (uint16_t)i, 0, i * 20000);
    CHECK(call.highest_ms < 30);
    CHECK_EQ(ms_jb_set_delay(call.jb, 150, 500), MS_OK);
    for (int i = 600; i < 1500; i++)
        push_at(&call, i, (uint16_t)i, 0, i * 20000);
    CHECK(call.highest_ms >= 150 && call.highest_ms < 180);
    call_close(&call);
}

/* Pulled by whole packets, half a growth gains no time: in speech it is made by one splice, not by one after the other. */
static void a_delay_in_whole_packets_grows_at_once(void) {
    call_t call;
    ms_jb_config_t config = {.min_delay_ms = 40};
    int16_t pcm[160];
    if (!call_open(&call, &config))
        return;
    for (int i = 0; i < 600; i++) { /* a tone of 7.7 ms without a pause; after 6 s one packet in five comes 55 ms late */
        int64_t now = i * 20000 + 8000;
        for (int p = i < 4 ? 0 : i - 4; p <= i; p++) {
            int64_t arrival = p * 20000 + (p > 300 && p % 5 == 0 ? 55000 : 0);
            if (arrival <= now - 20000 || arrival > now)
                continue;
            uint8_t payload[160];
            for (int k = 0; k < 160; k++)
                pcm[k] = (int16_t)(4000 * sin(6.283185307 * 130 * (p * 160 + k) / 8000.0));
            ms_g711_ulaw_encode(pcm, 160, payload);
            ms_jb_packet_t packet = {.payload = payload, .length = 160, .ssrc = 1, .sequence = (uint16_t)p,
                                     .timestamp = (uint32_t)p * 160};
            ms_jb_push_packet(call.jb, &packet, arrival);
        }
        ms_jb_info_t info;
        CHECK_EQ(ms_jb_pull(call.jb, pcm, 160, now, &info), MS_OK);
        call.kinds[info.kind]++;
    }
    call_close(&call);
    CHECK_EQ(call.kinds[MS_JB_DECELERATE], 1);
}

/* Losses, duplicates, overtaking and late packets at known places: every figure is exact. */
static void the_figures_are_right(void) {
    call_t call;
    ms_jb_config_t config = {.min_delay_ms = 60};
    if (!call_open(&call, &config))
        return;
    for (int i = 0; i < 500; i++) {
        int64_t at = i * 20000;
        if (i == 101) /* comes behind the next one, in time */
            continue;
        if (i == 200 || i == 300 || i == 301 || i == 400) /* lost; 400 comes much too late */
            continue;
        push_at(&call, i, (uint16_t)i, 0, at);
        if (i == 102)
            push_at(&call, 101, 101, 0, at + 5000);
        if (i == 150)
            push_at(&call, 150, 150, 0, at + 5000);
        if (i == 410)
            push_at(&call, 400, 400, 0, at + 5000);
    }
    pull_until(&call, 500 * 20000 + 200000);
    call_close(&call);
    CHECK_EQ(call.stats.pushed, 498);
    CHECK_EQ(call.stats.duplicates, 1);
    CHECK_EQ(call.stats.reordered, 2);
    CHECK_EQ(call.stats.late, 1);
    CHECK_EQ(call.stats.lost, 4);
    CHECK_EQ(call.stats.resets, 0);
    CHECK_EQ(call.stats.bridged_samples, 4 * 160);
    CHECK_EQ(call.stats.pattern.bursts, 1);
    CHECK_EQ(call.stats.pattern.burst_lost, 2);
    CHECK_EQ(call.stats.pattern.gap_lost, 2);
    CHECK_EQ(call.stats.pattern.burst_packets + call.stats.pattern.gap_packets, 500);
    int64_t mean = (int64_t)(call.stats.delay_sum_ms / call.stats.delay_count);
    CHECK(mean >= 60 && mean <= 75);
}

static void a_pause_of_the_sender_is_no_loss(void) {
    call_t call;
    ms_jb_config_t config = {0};
    if (!call_open(&call, &config))
        return;
    uint16_t sequence = 0;
    for (int i = 0; i < 3000; i++) { /* a second of talk, one comfort-noise packet, then nothing for two seconds */
        if (i % 150 < 50)
            push_at(&call, i, sequence++, 0, i * 20000 + i * 7919 % 8 * 1000);
        else if (i % 150 == 50)
            push_at(&call, i, sequence++, 13, i * 20000 + 3000);
    }
    call_close(&call);
    CHECK_EQ(call.stats.lost + call.stats.late, 0);
    CHECK(call.stats.concealed_samples <= 2 * 160);
    CHECK_EQ(call.stats.bridged_samples, 0);
    CHECK(call.stats.noise_samples > 18u * 15000);
    CHECK(call.kinds[MS_JB_NOISE] > 3500);
}

static void nor_is_one_that_nothing_tells_of(void) {
    call_t call;
    ms_jb_config_t config = {0};
    if (!call_open(&call, &config))
        return;
    uint16_t sequence = 0;
    for (int i = 0; i < 1500; i++) /* a second of talk, two seconds of nothing */
        if (i % 150 < 50)
            push_at(&call, i, sequence++, 0, i * 20000);
    call_close(&call);
    CHECK_EQ(call.stats.lost, 0);
    CHECK(call.stats.concealed_samples <= 16000); /* the last pause, which may still be a loss */
    CHECK(call.stats.noise_samples > 9u * 15000);
}

/* Behind a gap of 20 ms G.722 must be within a few dB of an unbroken decoder soon. */
static void g722_finds_its_step_again(void) {
    enum { FRAMES = 200, FRAME = 320, LOST = 100 };
    static int16_t said[FRAMES * FRAME], clean[FRAMES * FRAME], heard[FRAMES * FRAME + 32000];
    static uint8_t codes[FRAMES * 160];
    ms_g722_t state;
    for (int i = 0; i < FRAMES * FRAME; i++) {
        double turns = 150.0 * i / 16000;
        said[i] = (int16_t)(5000 * sin(6.283185307 * turns) + 2500 * sin(6.283185307 * 3 * turns) +
                            800 * sin(6.283185307 * 30 * turns));
    }
    ms_g722_init(&state);
    ms_g722_encode(&state, said, FRAMES * FRAME, codes);
    ms_g722_init(&state);
    ms_g722_decode(&state, codes, FRAMES * 160, clean);
    ms_jb_config_t config = {.sample_rate = 16000, .min_delay_ms = 60};
    call_t call;
    if (!call_open(&call, &config))
        return;
    CHECK_EQ(ms_jb_set_payload(call.jb, 9, &ms_codec_g722), MS_OK);
    int64_t now = 0;
    size_t out = 0, first = 0;
    for (int i = 0; i < FRAMES; i++) {
        ms_jb_packet_t packet = {.payload = codes + i * 160, .length = 160, .ssrc = 1, .sequence = (uint16_t)i,
                                 .timestamp = (uint32_t)i * 160, .payload_type = 9};
        if (i != LOST)
            ms_jb_push_packet(call.jb, &packet, now);
        for (int half = 0; half < 2; half++, now += 10000, out += 160) {
            ms_jb_info_t info;
            ms_jb_pull(call.jb, heard + out, 160, now, &info);
            if (info.kind == MS_JB_SILENCE)
                first = out + 160;
        }
    }
    call_close(&call);
    CHECK_EQ(call.stats.bridged_samples, FRAME);
    CHECK_EQ(memcmp(heard + first, clean, 90 * FRAME * sizeof *clean), 0); /* untouched until then */
    double error = 1, power = 1;
    for (int i = (LOST + 3) * FRAME; i < (LOST + 8) * FRAME; i++) {
        double difference = (double)heard[first + (size_t)i] - clean[i];
        error += difference * difference;
        power += (double)clean[i] * clean[i];
    }
    CHECK(10 * log10(power / error) > 15);
}

int main(void) {
    RUN(clocks_that_drift_cost_nothing);
    RUN(the_bounds_of_the_user_hold);
    RUN(a_delay_in_whole_packets_grows_at_once);
    RUN(the_figures_are_right);
    RUN(a_pause_of_the_sender_is_no_loss);
    RUN(nor_is_one_that_nothing_tells_of);
    RUN(g722_finds_its_step_again);
    return check_result("jitter_buffer_calls");
}
