/* A manual engine and streams in it, for tests that turn the clock themselves. */
#ifndef MICROSIP_TESTS_ENGINE_ROOM_H
#define MICROSIP_TESTS_ENGINE_ROOM_H

#include "check.h"
#include "clock.h"
#include "engine.h"
#include "stream.h"

#include <unistd.h>

#define EVENTS_MAX 4096

typedef struct room {
    ms_engine_t *engine;
    int64_t now;
    ms_event_t events[EVENTS_MAX];
    size_t event_count;
} room_t;

static room_t room;

static void room_open(void) {
    ms_engine_config_t config = {.shards = 1, .manual = true};
    memset(&room, 0, sizeof room);
    if (!CHECK_EQ(ms_engine_create(&config, &room.engine), MS_OK))
        exit(1);
}

static void room_poll(void) {
    size_t left = EVENTS_MAX - room.event_count;
    room.event_count += ms_engine_poll_events(room.engine, room.events + room.event_count, left);
}

static void room_close(void) {
    ms_engine_free(room.engine);
    room.engine = NULL;
}

/* Let virtual time pass, a millisecond a step. */
static void room_run(int ms) {
    for (int i = 0; i < ms; i++) {
        room.now += MS_NS_PER_MS;
        ms_engine_tick(room.engine, room.now);
    }
    room_poll();
}

/* The n-th event of a kind (from 0), or NULL. */
static inline const ms_event_t *room_event(const ms_stream_t *stream, ms_event_kind_t kind, size_t n) {
    for (size_t i = 0; i < room.event_count; i++)
        if (room.events[i].kind == kind && room.events[i].stream_id == ms_stream_id(stream) && n-- == 0)
            return &room.events[i];
    return NULL;
}

/* Files are written by a real thread: wait for its event in real time, 5 s at most. */
static inline const ms_event_t *room_wait(uint32_t stream_id, ms_event_kind_t kind) {
    for (int i = 0; i < 5000; i++) {
        room_poll();
        for (size_t k = 0; k < room.event_count; k++)
            if (room.events[k].kind == kind && room.events[k].stream_id == stream_id)
                return &room.events[k];
        usleep(1000);
    }
    return NULL;
}

static inline ms_stream_t *open_stream(uint32_t media_timeout_ms) {
    ms_stream_config_t config = {.local_host = "127.0.0.1", .jitter_max_ms = 500, .jitter_initial_ms = 40,
                                 .media_timeout_ms = media_timeout_ms};
    ms_stream_t *stream = NULL;
    if (!CHECK_EQ(ms_stream_open(room.engine, &config, &stream), MS_OK))
        exit(1);
    return stream;
}

static inline ms_payload_t payload(const char *name, uint8_t type) {
    return (ms_payload_t){.name = name, .type = type, .clock_rate = 8000, .channels = 1};
}

static inline ms_stream_format_t pcmu(uint16_t remote_port, uint16_t ptime_ms) {
    return (ms_stream_format_t){.remote_host = "127.0.0.1", .remote_port = remote_port,
                                .sending = true, .receiving = true, .has_send = true, .send = payload("PCMU", 0), .ptime_ms = ptime_ms,
                                .receive = {payload("PCMU", 0), payload("PCMA", 8), payload("telephone-event", 101)},
                                .receive_count = 3, .telephone_event = 101};
}

static inline uint16_t port_of(const ms_stream_t *stream) {
    char host[MS_HOST_TEXT];
    uint16_t port;
    ms_stream_address(stream, false, host, &port);
    return port;
}

/* Two streams that send to each other. */
static inline void open_pair(ms_stream_t **a, ms_stream_t **b, uint16_t ptime_ms) {
    *a = open_stream(0);
    *b = open_stream(0);
    ms_stream_format_t to_b = pcmu(port_of(*b), ptime_ms), to_a = pcmu(port_of(*a), ptime_ms);
    CHECK_EQ(ms_stream_configure(*a, &to_b), MS_OK);
    CHECK_EQ(ms_stream_configure(*b, &to_a), MS_OK);
}

static inline ms_stream_statistics_t figures_of(const ms_stream_t *stream) {
    ms_stream_statistics_t figures;
    ms_stream_get_statistics(stream, &figures);
    return figures;
}

#endif
