/* A room to try the jitter buffer in: something like speech, networks that do what they are told, and a listener. */
#ifndef MICROSIP_TESTS_JITTER_ROOM_H
#define MICROSIP_TESTS_JITTER_ROOM_H

#include <stdbool.h>

#include "check.h"
#include "codecs/g711.h"
#include "jitter_buffer.h"

#define ROOM_RATE 8000
#define ROOM_FRAME 160
#define ROOM_FRAMES 1000 /* 20 s */
#define ROOM_SAMPLES (ROOM_FRAMES * ROOM_FRAME)
#define ROOM_FIRST_TIMESTAMP 4294900000U /* wraps after 0.8 s, */
#define ROOM_FIRST_SEQUENCE 65500        /* and so does this */
#define ROOM_TRANSIT_US 40000

typedef struct room_packet {
    int64_t arrival_us; /* -1: lost */
    uint32_t timestamp, ssrc;
    uint16_t sequence;
    int frame;
} room_packet_t;

typedef struct room {
    int16_t speech[ROOM_SAMPLES]; /* as decoded: what an unbroken line would give */
    uint8_t codes[ROOM_SAMPLES];
    room_packet_t packets[2 * ROOM_FRAMES];
    int count;
    uint64_t random;
    /* what the listener heard */
    int16_t heard[ROOM_SAMPLES + 20 * ROOM_RATE];
    int pulls, intact, checked;
    double delay_ms; /* mean, of intact pulls after two seconds */
    int intact_late, kinds[MS_JB_CONCEAL + 1];
    ms_jb_stats_t stats;
} room_t;

static inline uint32_t room_random(room_t *room) {
    room->random = room->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(room->random >> 33);
}

/* Uniform in [0, below). */
static inline double room_uniform(room_t *room, double below) { return below * (double)room_random(room) / 2147483648.0; }

/* A sine good enough for an ear, of a phase in turns, without the maths library, whose last bits differ. */
static inline double room_sine(double turns) {
    double x = turns - (double)(int64_t)turns, y = x < 0.5 ? 8 * x * (1 - 2 * x) * 2 : -8 * (x - 0.5) * (2 - 2 * x) * 2;
    return 0.225 * (y * (y < 0 ? -y : y) / 2 - y) / 2 + y / 2;
}

/* Syllables of a gliding pitch with ten harmonics, hisses between them, and a pause of half a second in every three. */
static inline void room_speak(room_t *room) {
    double phase = 0;
    room->random = 7;
    for (int i = 0; i < ROOM_SAMPLES; i++) {
        double t = (double)i / ROOM_RATE, sentence = t - 3.0 * (double)(int)(t / 3.0);
        double syllable = sentence - 0.25 * (double)(int)(sentence / 0.25), value = room_uniform(room, 16) - 8;
        phase += (110 + 40 * room_sine(t / 3.7) + 20 * syllable) / ROOM_RATE;
        if (sentence > 0.5 && syllable < 0.19) {
            double loud = syllable < 0.03 ? syllable / 0.03 : syllable > 0.13 ? (0.19 - syllable) / 0.06 : 1;
            for (int k = 1; k <= 10; k++)
                value += loud * 2500 / (1 + (k - 4) * (k - 4) / 4.0) * room_sine(k * phase);
        } else if (sentence > 0.5)
            value += room_uniform(room, 1600) - 800;
        room->speech[i] = (int16_t)value;
    }
    ms_g711_ulaw_encode(room->speech, ROOM_SAMPLES, room->codes);
    ms_g711_ulaw_decode(room->codes, ROOM_SAMPLES, room->speech);
}

/* Every frame sent when it is complete and there ROOM_TRANSIT_US later. */
static inline void room_send(room_t *room) {
    room->count = ROOM_FRAMES;
    for (int i = 0; i < ROOM_FRAMES; i++)
        room->packets[i] = (room_packet_t){(i + 1) * 20000 + ROOM_TRANSIT_US, ROOM_FIRST_TIMESTAMP + (uint32_t)i * ROOM_FRAME,
                                           0x1234, (uint16_t)(ROOM_FIRST_SEQUENCE + i), i};
}

/* A queue: no packet overtakes another. */
static inline void room_queue(room_t *room) {
    int64_t latest = 0;
    for (int i = 0; i < room->count; i++) {
        if (room->packets[i].arrival_us < 0)
            continue;
        latest = room->packets[i].arrival_us > latest ? room->packets[i].arrival_us : latest;
        room->packets[i].arrival_us = latest;
    }
}

static inline void room_jitter(room_t *room, double most_ms) {
    for (int i = 0; i < room->count; i++)
        room->packets[i].arrival_us += (int64_t)room_uniform(room, most_ms * 1000);
}

/* Gilbert's model: so much loss in the long run, in bursts of a mean length. */
static inline void room_lose(room_t *room, double share, double burst) {
    bool losing = false;
    for (int i = 3; i < room->count; i++) {
        double chance = losing ? 1 - 1 / burst : share / burst / (1 - share);
        losing = room_uniform(room, 1) < chance;
        if (losing)
            room->packets[i].arrival_us = -1;
    }
}

static inline int room_by_arrival(const void *a, const void *b) {
    int64_t left = ((const room_packet_t *)a)->arrival_us, right = ((const room_packet_t *)b)->arrival_us;
    int order = ((const room_packet_t *)a)->frame - ((const room_packet_t *)b)->frame;
    return left != right ? (left < right ? -1 : 1) : order;
}

static inline ms_jb_push_result_t room_push(const room_t *room, ms_jb_t *jb, const room_packet_t *packet) {
    const ms_jb_packet_t parsed = {.payload = room->codes + packet->frame * ROOM_FRAME, .length = ROOM_FRAME,
                                   .ssrc = packet->ssrc, .timestamp = packet->timestamp, .sequence = packet->sequence};
    return ms_jb_push_packet(jb, &parsed, packet->arrival_us);
}

/* Compare a pull with the speech it claims to be (which sample of it, shift says from RTP timestamp and SSRC). */
static inline void room_judge(room_t *room, const int16_t *pcm, int n, int64_t now_us, const ms_jb_info_t *info) {
    room->kinds[info->kind]++;
    int64_t at = (int32_t)(info->playout_timestamp - ROOM_FIRST_TIMESTAMP);
    for (int i = 0; i < room->count; i++) /* another run of numbers: where its first packet belongs */
        if (room->packets[i].ssrc == info->ssrc && info->ssrc != 0x1234) {
            at = (int32_t)(info->playout_timestamp - room->packets[i].timestamp) + (int64_t)room->packets[i].frame * ROOM_FRAME;
            break;
        }
    if (info->kind == MS_JB_SILENCE || at < 0 || at + n > ROOM_SAMPLES)
        return;
    room->checked++;
    if (memcmp(pcm, room->speech + at, (size_t)n * sizeof *pcm) != 0)
        return;
    room->intact++;
    if (now_us > 2000000) { /* the sample was spoken at `at`; 20 ms to fill the packet and the transit are not the buffer's */
        room->delay_ms += (double)(now_us - 20000 - ROOM_TRANSIT_US) / 1000 - (double)at / 8;
        room->intact_late++;
    }
}

static inline ms_jb_t *room_buffer(const ms_jb_config_t *config) {
    size_t size = ms_jb_size(config);
    ms_jb_t *jb = NULL;
    void *memory = malloc(size > 0 ? size : 1);
    if (ms_jb_init(memory, size, config, &jb) != MS_OK)
        free(memory);
    return jb; /* lies at the beginning of its memory: free() it */
}

/* Play what was sent, n samples at a time. */
static inline void room_listen(room_t *room, const ms_jb_config_t *config, int n) {
    ms_jb_t *jb = room_buffer(config);
    int next = 0;
    room_packet_t *sorted = malloc(sizeof room->packets);
    REQUIRE(jb != NULL && sorted != NULL);
    memcpy(sorted, room->packets, sizeof room->packets);
    qsort(sorted, (size_t)room->count, sizeof *sorted, room_by_arrival);
    while (next < room->count && sorted[next].arrival_us < 0)
        next++;
    room->pulls = room->intact = room->checked = room->intact_late = 0;
    room->delay_ms = 0;
    memset(room->kinds, 0, sizeof room->kinds);
    for (int64_t now = 3000; now < (int64_t)ROOM_FRAMES * 20000 + 30000; now += n * 125, room->pulls++) {
        ms_jb_info_t info;
        int16_t *pcm = room->heard + (size_t)room->pulls * (size_t)n;
        for (; next < room->count && sorted[next].arrival_us <= now; next++)
            room_push(room, jb, &sorted[next]);
        CHECK_EQ(ms_jb_pull(jb, pcm, (size_t)n, now, &info), MS_OK);
        room_judge(room, pcm, n, now, &info);
    }
    if (room->intact_late > 0)
        room->delay_ms /= room->intact_late;
    ms_jb_get_stats(jb, &room->stats);
    free(sorted);
    free(jb);
}

/* Fowler, Noll and Vo's hash of what was heard. */
static inline uint32_t room_hash(const room_t *room, int n) {
    uint32_t hash = 2166136261U;
    for (int i = 0; i < room->pulls * n; i++)
        hash = (hash ^ (uint16_t)room->heard[i]) * 16777619U;
    return hash;
}

#endif
