/* An engine whose N calls echo what they receive: what calls_per_core loads, without Python around it.

   engine_echo N [SHARDS]: prints its RTP ports on one line; a line on stdin prints processor time and frame statistics. */
#include "microsip_media.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

static double cpu_seconds(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6;
}

static void open_call(ms_engine_t *engine) {
    ms_stream_config_t config = {.local_host = "127.0.0.1", .jitter_max_ms = 500, .jitter_initial_ms = 40};
    ms_stream_format_t format = {.sending = true, .receiving = true, .has_send = true, .ptime_ms = 20,
                                 .send = {"PCMU", 0, 8000, 1}, .receive = {{"PCMU", 0, 8000, 1}}, .receive_count = 1,
                                 .telephone_event = -1};
    ms_stream_t *stream;
    char host[64];
    uint16_t port;
    if (ms_stream_open(engine, &config, &stream) != MS_OK || ms_stream_configure(stream, &format) != MS_OK ||
        ms_stream_set_echo(stream, true) != MS_OK)
        exit(1);
    ms_stream_address(stream, false, host, &port);
    printf("%u ", port);
}

int main(int argc, char **argv) {
    int calls = argc > 1 ? atoi(argv[1]) : 1;
    ms_engine_config_t config = {.shards = argc > 2 ? (uint32_t)atoi(argv[2]) : 1};
    ms_engine_t *engine;
    char line[64];
    if (ms_engine_create(&config, &engine) != MS_OK)
        return 1;
    for (int i = 0; i < calls; i++)
        open_call(engine);
    printf("\n");
    fflush(stdout);
    while (fgets(line, sizeof line, stdin) != NULL) {
        ms_engine_statistics_t figures;
        ms_engine_get_statistics(engine, &figures);
        printf("%.6f %llu %llu %llu\n", cpu_seconds(), (unsigned long long)figures.frames,
               (unsigned long long)figures.frames_late, (unsigned long long)figures.frames_skipped);
        fflush(stdout);
    }
    ms_engine_free(engine);
    return 0;
}
