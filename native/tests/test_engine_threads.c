/* The engine with its real threads: many callers at once, and nothing left behind after ten thousand streams. */
#include "check.h"
#include "clock.h"
#include "microsip_media.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#define CHURN_ROUNDS 20
#else
#define SANITIZED 0
#define CHURN_ROUNDS 100
#endif
#define CHURN_STREAMS 100

static const ms_stream_config_t CONFIG = {.local_host = "127.0.0.1", .jitter_max_ms = 500, .jitter_initial_ms = 40};
static const ms_tone_t TONE = {{1000.0f}, 1, 0, 0};

static ms_engine_t *engine_of(uint32_t shards) {
    ms_engine_config_t config = {.shards = shards};
    ms_engine_t *engine = NULL;
    if (!CHECK_EQ(ms_engine_create(&config, &engine), MS_OK))
        exit(1);
    return engine;
}

static ms_payload_t payload(const char *name, uint8_t type) {
    return (ms_payload_t){.name = name, .type = type, .clock_rate = 8000, .channels = 1};
}

static void connect_to(ms_stream_t *stream, uint16_t port) {
    ms_stream_format_t format = {.remote_host = "127.0.0.1", .remote_port = port, .sending = true, .receiving = true,
                                 .has_send = true, .send = payload("PCMA", 8), .ptime_ms = 20,
                                 .receive = {payload("PCMA", 8), payload("telephone-event", 101)},
                                 .receive_count = 2, .telephone_event = 101};
    CHECK_EQ(ms_stream_configure(stream, &format), MS_OK);
}

static uint16_t port_of(const ms_stream_t *stream) {
    char host[64];
    uint16_t port;
    ms_stream_address(stream, false, host, &port);
    return port;
}

static void pause_ms(int ms) { usleep((useconds_t)ms * 1000); }

/* Wait up to 5 s of real time for a condition on a stream's figures. */
static bool reaches(const ms_stream_t *stream, uint64_t received) {
    ms_stream_statistics_t figures;
    for (int i = 0; i < 500; i++) {
        ms_stream_get_statistics(stream, &figures);
        if (figures.packets_received >= received)
            return true;
        pause_ms(10);
    }
    return false;
}

static void two_shards_carry_calls(void) {
    ms_engine_t *engine = engine_of(2);
    ms_stream_t *a[10], *b[10];
    ms_engine_statistics_t figures;
    for (int i = 0; i < 10; i++) {
        REQUIRE(ms_stream_open(engine, &CONFIG, &a[i]) == MS_OK && ms_stream_open(engine, &CONFIG, &b[i]) == MS_OK);
        connect_to(a[i], port_of(b[i]));
        connect_to(b[i], port_of(a[i]));
    }
    for (int i = 0; i < 10; i++)
        CHECK(reaches(a[i], 20) && reaches(b[i], 20));
    ms_engine_get_statistics(engine, &figures);
    CHECK_EQ(figures.shards, 2);
    CHECK_EQ(figures.streams, 20);
    CHECK(figures.frames >= 400 && figures.wakeups > 0);
    uint64_t counted = 0;
    for (int i = 0; i < MS_LATENESS_BUCKETS; i++)
        counted += figures.lateness[i];
    ms_engine_get_statistics(engine, &figures);
    CHECK(counted > 0 && counted <= figures.frames);
    ms_engine_free(engine); /* with everything still open */
}

/* ---- many callers */

static ms_engine_t *shared;
static _Atomic bool finished;
static _Atomic uint64_t taken;

/* One program thread: opens calls, plays with them and closes them. */
static void *use_engine(void *context) {
    unsigned seed = *(unsigned *)context;
    for (int round = 0; round < 15; round++) {
        ms_stream_t *a, *b;
        ms_tap_t *tap;
        ms_stream_statistics_t figures;
        int16_t samples[1600] = {0};
        if (ms_stream_open(shared, &CONFIG, &a) != MS_OK || ms_stream_open(shared, &CONFIG, &b) != MS_OK)
            return "open";
        connect_to(a, port_of(b));
        connect_to(b, port_of(a));
        if (ms_stream_open_tap(b, 4000, &tap) != MS_OK || ms_stream_play_tones(a, &TONE, 1, false, 1) != MS_OK ||
            ms_stream_send_dtmf(a, "12", 40, 20) != MS_OK || ms_stream_set_echo(b, true) != MS_OK)
            return "command";
        for (int i = 0; i < 20; i++) {
            ms_tap_write(tap, samples, 1 + (seed + (unsigned)i * 37) % 1600);
            ms_tap_read(tap, samples, 160);
            if (i % 5 == 4)
                ms_tap_clear(tap);
            ms_stream_get_statistics(a, &figures);
            pause_ms(2);
        }
        if (round % 2 == 0)
            ms_tap_close(tap, b);
        ms_stream_close(b, &figures);
        ms_stream_close(a, NULL);
        if (round % 2 != 0)
            ms_tap_close(tap, NULL);
    }
    return NULL;
}

static void *take_events(void *context) {
    ms_event_t events[32];
    (void)context;
    while (!atomic_load(&finished)) {
        struct pollfd poller = {ms_engine_event_fd(shared), POLLIN, 0};
        if (poll(&poller, 1, 20) > 0)
            atomic_fetch_add(&taken, ms_engine_poll_events(shared, events, 32));
    }
    return NULL;
}

static void callers_do_not_disturb_each_other(void) {
    pthread_t callers[3], taker;
    unsigned seeds[3] = {1, 2, 3};
    ms_engine_statistics_t figures;
    shared = engine_of(2);
    REQUIRE(pthread_create(&taker, NULL, take_events, NULL) == 0);
    for (int i = 0; i < 3; i++)
        REQUIRE(pthread_create(&callers[i], NULL, use_engine, &seeds[i]) == 0);
    for (int i = 0; i < 3; i++) {
        void *failed = NULL;
        pthread_join(callers[i], &failed);
        CHECK(failed == NULL);
    }
    atomic_store(&finished, true);
    pthread_join(taker, NULL);
    ms_engine_get_statistics(shared, &figures);
    CHECK_EQ(figures.events_lost, 0);
    CHECK_EQ(figures.streams, 0);
    CHECK(atomic_load(&taken) >= 3 * 15); /* a first packet at least once a call */
    ms_engine_free(shared);
}

/* ---- nothing is left behind */

static int open_descriptors(void) {
    int count = 0;
    for (int fd = 0; fd < 2048; fd++)
        count += fcntl(fd, F_GETFD) != -1;
    return count;
}

static int threads(void) {
    int count = 0;
#ifdef __linux__
    char line[256];
    FILE *status = fopen("/proc/self/status", "r");
    while (status != NULL && fgets(line, sizeof line, status) != NULL)
        sscanf(line, "Threads: %d", &count);
    if (status != NULL)
        fclose(status);
#endif
    return count;
}

static size_t memory_in_use(void) {
#if defined(__GLIBC__) && !SANITIZED
    return mallinfo2().uordblks;
#else
    return 0; /* the address sanitizer reports leaks itself */
#endif
}

static void churn(ms_engine_t *engine) {
    static ms_stream_t *streams[CHURN_STREAMS];
    ms_event_t events[64];
    for (int i = 0; i < CHURN_STREAMS; i++) {
        ms_tap_t *tap;
        REQUIRE(ms_stream_open(engine, &CONFIG, &streams[i]) == MS_OK);
        connect_to(streams[i], port_of(streams[i > 0 ? i - 1 : 0]));
        if (i % 10 == 0) {
            CHECK_EQ(ms_stream_open_tap(streams[i], 1000, &tap), MS_OK);
            CHECK_EQ(ms_stream_play_tones(streams[i], &TONE, 1, false, 1), MS_OK);
            ms_tap_close(tap, streams[i]);
        }
    }
    for (int i = 0; i < CHURN_STREAMS; i++)
        ms_stream_close(streams[i], NULL);
    while (ms_engine_poll_events(engine, events, 64) > 0) {
    }
}

/* The queues are emptied by callers, so it may take another look or two until everything has come back. */
static void settle(ms_engine_t *engine, int descriptors, size_t memory) {
    ms_event_t events[64];
    for (int i = 0; i < 100; i++) {
        if (i >= 5 && open_descriptors() <= descriptors && memory_in_use() <= memory + 64 * 1024)
            break;
        pause_ms(10);
        ms_engine_poll_events(engine, events, 64);
    }
}

static void ten_thousand_streams_leave_nothing(void) {
    int before_fds = open_descriptors(), before_threads = threads();
    ms_engine_t *engine = engine_of(1);
    int fds = open_descriptors();
    churn(engine); /* warms up the allocator */
    settle(engine, fds, SIZE_MAX / 2);
    size_t memory = memory_in_use();
    for (int round = 0; round < CHURN_ROUNDS; round++)
        churn(engine);
    settle(engine, fds, memory);
    CHECK_EQ(open_descriptors(), fds);
    size_t after = memory_in_use();
    /* the allocator's own caches count as in use; a leak of 16 octets a stream would be more than they hold */
    if (!CHECK(after <= memory + 64 * 1024))
        fprintf(stderr, "  %zu octets in use before, %zu after\n", memory, after);
    ms_engine_free(engine);
    CHECK_EQ(open_descriptors(), before_fds);
    for (int i = 0; i < 100 && threads() > before_threads; i++)
        pause_ms(10); /* a joined thread takes a moment to leave /proc */
    CHECK_EQ(threads(), before_threads);
}

/* Streams of two shards come to a conference and go, are bridged and ended, while it runs. */
static void a_conference_spans_shards(void) {
    ms_engine_t *engine = engine_of(2);
    ms_stream_t *a[8], *b[8];
    ms_member_t *members[8];
    ms_mixer_t *mixer;
    ms_mixer_statistics_t figures;
    ms_stream_statistics_t heard;
    REQUIRE(ms_mixer_open(engine, 16000, &mixer) == MS_OK);
    for (int i = 0; i < 8; i++) {
        REQUIRE(ms_stream_open(engine, &CONFIG, &a[i]) == MS_OK && ms_stream_open(engine, &CONFIG, &b[i]) == MS_OK);
        connect_to(a[i], port_of(b[i]));
        connect_to(b[i], port_of(a[i]));
        REQUIRE(ms_mixer_join(mixer, b[i], &members[i]) == MS_OK);
    }
    CHECK_EQ(ms_stream_play_tones(a[0], &TONE, 1, false, 1), MS_OK);
    for (int round = 0; round < 40; round++) {
        int i = 2 + round % 6;
        ms_member_statistics_t said;
        ms_member_settings_t settings = {1.0, 0.5, round % 2 == 0, false};
        pause_ms(10);
        CHECK_EQ(ms_member_set(members[1], &settings), MS_OK);
        ms_member_get_statistics(members[0], &said);
        ms_member_leave(members[i], mixer, b[i]);
        CHECK_EQ(ms_stream_bridge(b[i], b[2 + (round + 1) % 6]), MS_OK);
        CHECK_EQ(ms_mixer_join(mixer, b[i], &members[i]), MS_OK);
    }
    pause_ms(300);
    ms_mixer_get_statistics(mixer, &figures);
    ms_stream_get_statistics(b[1], &heard);
    CHECK(figures.ticks > 20);
    CHECK(figures.power > 1e6);
    CHECK(heard.sent_power > 1e5);
    for (int i = 0; i < 8; i++) {
        ms_stream_close(a[i], NULL);
        if (i % 2 == 0)
            ms_stream_close(b[i], NULL);
        ms_member_leave(members[i], mixer, i % 2 == 0 ? NULL : b[i]);
        if (i % 2 == 1)
            ms_stream_close(b[i], NULL);
    }
    ms_mixer_close(mixer);
    ms_engine_free(engine);
}

int main(void) {
    RUN(two_shards_carry_calls);
    RUN(callers_do_not_disturb_each_other);
    RUN(ten_thousand_streams_leave_nothing);
    RUN(a_conference_spans_shards);
    return check_result("engine_threads");
}
