/* The queues between threads, each with its threads at work: run under the thread sanitizer as well. */
#include "check.h"
#include "clock.h"
#include "event_ring.h"
#include "mpsc_list.h"
#include "pcm_ring.h"

#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <unistd.h>

#define SAMPLES 200000
#define PUSHERS 4
#define PUSHES 20000

static ms_pcm_ring_t ring;

static void *write_samples(void *context) {
    (void)context;
    int16_t block[97];
    for (int next = 0; next < SAMPLES;) {
        int n = SAMPLES - next < 97 ? SAMPLES - next : 97;
        for (int i = 0; i < n; i++)
            block[i] = (int16_t)(next + i);
        uint32_t written = ms_pcm_ring_write(&ring, block, (uint32_t)n);
        next += (int)written;
        if (written == 0)
            sched_yield();
    }
    return NULL;
}

static void samples_pass_in_order(void) {
    pthread_t writer;
    int16_t block[160];
    int next = 0, wrong = 0;
    REQUIRE(ms_pcm_ring_open(&ring, 1000) == MS_OK);
    REQUIRE(pthread_create(&writer, NULL, write_samples, NULL) == 0);
    while (next < SAMPLES) {
        uint32_t n = ms_pcm_ring_read(&ring, block, 160);
        for (uint32_t i = 0; i < n; i++)
            wrong += block[i] != (int16_t)next++;
        if (n == 0)
            sched_yield();
    }
    pthread_join(writer, NULL);
    CHECK_EQ(wrong, 0);
    CHECK_EQ(ms_pcm_ring_readable(&ring), 0);
    ms_pcm_ring_close(&ring);
}

static void clearing_empties_at_once(void) {
    int16_t block[1024] = {1};
    REQUIRE(ms_pcm_ring_open(&ring, 1024) == MS_OK);
    CHECK_EQ(ms_pcm_ring_write(&ring, block, 1024), 1024);
    CHECK_EQ(ms_pcm_ring_write(&ring, block, 1), 0);
    CHECK_EQ(ms_pcm_ring_read(&ring, block, 160), 160);
    CHECK_EQ(ms_pcm_ring_clear(&ring), 864);
    CHECK_EQ(ms_pcm_ring_readable(&ring), 0);
    block[0] = 42;
    CHECK_EQ(ms_pcm_ring_write(&ring, block, 1), 1); /* what comes after the clearing is read, and nothing before it */
    CHECK_EQ(ms_pcm_ring_read(&ring, block + 1, 160), 1);
    CHECK_EQ(block[1], 42);
    CHECK_EQ(ms_pcm_ring_space(&ring), 1024);
    CHECK_EQ(ms_pcm_ring_open(&ring, (1U << 24) + 1), MS_EINVAL);
    ms_pcm_ring_close(&ring);
}

/* ---- list */

typedef struct item {
    ms_node_t node;
    unsigned pusher, number;
} item_t;

static ms_mpsc_list_t list;
static item_t items[PUSHERS][PUSHES];

static void *push_items(void *context) {
    unsigned pusher = *(unsigned *)context;
    for (unsigned i = 0; i < PUSHES; i++) {
        items[pusher][i].pusher = pusher;
        items[pusher][i].number = i;
        ms_mpsc_push(&list, &items[pusher][i].node);
    }
    return NULL;
}

static void nothing_is_lost_and_each_pusher_keeps_its_order(void) {
    pthread_t pushers[PUSHERS];
    unsigned numbers[PUSHERS], expected[PUSHERS] = {0}, wrong = 0, taken = 0;
    ms_mpsc_init(&list);
    for (unsigned i = 0; i < PUSHERS; i++) {
        numbers[i] = i;
        REQUIRE(pthread_create(&pushers[i], NULL, push_items, &numbers[i]) == 0);
    }
    while (taken < PUSHERS * PUSHES) {
        for (ms_node_t *node = ms_mpsc_take_all(&list); node != NULL; node = node->next, taken++) {
            item_t *item = (item_t *)node;
            wrong += item->number != expected[item->pusher]++;
        }
    }
    for (unsigned i = 0; i < PUSHERS; i++)
        pthread_join(pushers[i], NULL);
    CHECK_EQ(wrong, 0);
    CHECK(ms_mpsc_take_all(&list) == NULL);
}

/* ---- events */

static ms_event_ring_t events;
static ms_notifier_t notifier;

static void *put_events(void *context) {
    (void)context;
    for (uint32_t i = 0; i < PUSHES; i++) {
        ms_event_t event = {.kind = MS_EVENT_DTMF, .reference = i};
        while (atomic_load(&events.head) - atomic_load(&events.tail) > 60) /* never full in this test */
            sched_yield();
        ms_event_ring_put(&events, &event);
    }
    return NULL;
}

/* Waiting for the descriptor alone must not hang: no event may come without raising it. */
static void every_event_raises_the_descriptor(void) {
    pthread_t producer;
    ms_event_t taken[16];
    uint32_t next = 0, wrong = 0, silent = 0;
    REQUIRE(ms_notifier_open(&notifier) == MS_OK);
    REQUIRE(ms_event_ring_open(&events, 64, &notifier) == MS_OK);
    REQUIRE(pthread_create(&producer, NULL, put_events, NULL) == 0);
    while (next < PUSHES && silent == 0) {
        struct pollfd poller = {notifier.read_fd, POLLIN, 0};
        silent += poll(&poller, 1, 10000) != 1;
        ms_notifier_lower(&notifier);
        for (size_t n; (n = ms_event_ring_take(&events, taken, 16)) > 0;)
            for (size_t i = 0; i < n; i++)
                wrong += taken[i].reference != next++;
    }
    pthread_join(producer, NULL);
    CHECK_EQ(wrong, 0);
    CHECK_EQ(silent, 0);
    CHECK_EQ(events.lost, 0);
    ms_event_ring_close(&events);
    ms_notifier_close(&notifier);
}

static void a_full_ring_counts_what_it_loses(void) {
    ms_event_t event = {.kind = MS_EVENT_DTMF}, taken[64];
    REQUIRE(ms_notifier_open(&notifier) == MS_OK);
    REQUIRE(ms_event_ring_open(&events, 16, &notifier) == MS_OK);
    for (int i = 0; i < 20; i++)
        ms_event_ring_put(&events, &event);
    CHECK_EQ(events.lost, 4);
    CHECK_EQ(ms_event_ring_take(&events, taken, 64), 16);
    ms_event_ring_close(&events);
    ms_notifier_close(&notifier);
}

/* ---- waker */

static ms_waker_t waker;
static _Atomic int rings;

#define RINGS 200

/* One ring at a time: every other one at once, the others when the waiting thread has had time to fall asleep. */
static void *ring_often(void *context) {
    (void)context;
    for (int i = 0; i < RINGS; i++) {
        if (i % 2 == 0)
            usleep(300);
        ms_waker_ring(&waker);
        while (atomic_load(&rings) <= i)
            sched_yield();
    }
    return NULL;
}

static void no_ring_is_missed(void) {
    pthread_t ringer;
    REQUIRE(ms_waker_open(&waker) == MS_OK);
    REQUIRE(pthread_create(&ringer, NULL, ring_often, NULL) == 0);
    int64_t late = 0;
    for (int i = 0; i < RINGS; i++) {
        int64_t limit = ms_clock_now() + 5 * MS_NS_PER_SECOND; /* MS_FOREVER would hang where this fails */
        ms_waker_wait(&waker, limit);
        late += ms_clock_now() >= limit;
        atomic_fetch_add(&rings, 1);
        if (late > 0)
            break;
    }
    CHECK_EQ(late, 0);
    atomic_store(&rings, RINGS);
    pthread_join(ringer, NULL);
    ms_waker_ring(&waker);
    ms_waker_wait(&waker, MS_FOREVER); /* a ring before the wait is kept */
    int64_t before = ms_clock_now();
    ms_waker_wait(&waker, before + 5 * MS_NS_PER_MS);
    CHECK(ms_clock_now() - before >= 5 * MS_NS_PER_MS);
    ms_waker_close(&waker);
}

int main(void) {
    RUN(samples_pass_in_order);
    RUN(clearing_empties_at_once);
    RUN(nothing_is_lost_and_each_pusher_keeps_its_order);
    RUN(every_event_raises_the_descriptor);
    RUN(a_full_ring_counts_what_it_loses);
    RUN(no_ring_is_missed);
    return check_result("queues");
}
