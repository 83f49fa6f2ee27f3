/* Ten thousand streams begun and ended: memory, descriptors and threads are what they were before. */
#include "check.h"
#include "clock.h"
#include "microsip_media.h"

#include <dirent.h>
#include <unistd.h>

#ifdef __linux__

#define STREAMS 10000
#define AT_ONCE 200
#define SETTLED 1000 /* after these the allocator's pools have their size */
#define GROWTH_KIB 2048 /* a tenth of what 10,000 leaks of one small command each would leave */

static int count_entries(const char *folder) {
    int count = 0;
    DIR *opened = opendir(folder);
    if (opened == NULL)
        return -1;
    while (readdir(opened) != NULL)
        count++;
    closedir(opened);
    return count;
}

static long resident_kib(void) {
    long pages = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file == NULL || fscanf(file, "%ld %ld", &pages, &resident) != 2)
        return -1;
    fclose(file);
    return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

static ms_status_t begin(ms_engine_t *engine, ms_stream_t **stream) {
    ms_payload_t pcmu = {.name = "PCMU", .type = 0, .clock_rate = 8000, .channels = 1};
    ms_stream_config_t config = {.local_host = "127.0.0.1", .jitter_max_ms = 500};
    ms_stream_format_t format = {.remote_host = "127.0.0.1", .remote_port = 9, .sending = true, .receiving = true,
                                 .has_send = true, .send = pcmu, .ptime_ms = 20, .receive = {pcmu},
                                 .receive_count = 1, .telephone_event = -1};
    ms_status_t status = ms_stream_open(engine, &config, stream);
    return status == MS_OK ? ms_stream_configure(*stream, &format) : status;
}

static int begin_and_end(ms_engine_t *engine, int streams) {
    ms_stream_t *opened[AT_ONCE];
    ms_event_t events[64];
    int failed = 0;
    for (int done = 0; done < streams; done += AT_ONCE) {
        int count = 0;
        for (int i = 0; i < AT_ONCE; i++)
            count += begin(engine, &opened[count]) == MS_OK;
        failed += AT_ONCE - count;
        usleep(2000); /* so that some have frames done, and some none */
        while (count > 0)
            ms_stream_close(opened[--count], NULL);
        while (ms_engine_poll_events(engine, events, 64) > 0) {
        }
    }
    return failed;
}

/* Everything that was closed is let go by the threads within some ticks. */
static void settle(ms_engine_t *engine, int descriptors) {
    ms_event_t events[64];
    for (int i = 0; i < 5000 && count_entries("/proc/self/fd") > descriptors; i++) {
        usleep(1000);
        ms_engine_poll_events(engine, events, 64);
    }
}

static void nothing_is_left_of_ten_thousand_streams(void) {
    int descriptors_at_start = count_entries("/proc/self/fd"), threads_at_start = count_entries("/proc/self/task");
    ms_engine_config_t config = {.shards = 2, .unhurried = true};
    ms_engine_t *engine;
    REQUIRE(ms_engine_create(&config, &engine) == MS_OK);
    int descriptors = count_entries("/proc/self/fd"), threads = count_entries("/proc/self/task");
    CHECK_EQ(begin_and_end(engine, SETTLED), 0);
    settle(engine, descriptors);
    long resident = resident_kib();
    CHECK_EQ(begin_and_end(engine, STREAMS - SETTLED), 0);
    settle(engine, descriptors);
    CHECK_EQ(count_entries("/proc/self/fd"), descriptors);
    CHECK_EQ(count_entries("/proc/self/task"), threads);
    ms_engine_statistics_t figures;
    ms_engine_get_statistics(engine, &figures);
    CHECK_EQ(figures.streams, 0);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) /* which keep what is freed */
    long grown = resident_kib() - resident;
    if (!CHECK(grown < GROWTH_KIB))
        fprintf(stderr, "  grown by %ld KiB\n", grown);
#else
    (void)resident;
#endif
    ms_engine_free(engine);
    CHECK_EQ(count_entries("/proc/self/fd"), descriptors_at_start);
    CHECK_EQ(count_entries("/proc/self/task"), threads_at_start);
}

int main(void) {
    RUN(nothing_is_left_of_ten_thousand_streams);
    return check_result("many streams");
}

#else

int main(void) { return 0; }

#endif
