/* Offline driver of the production jitter buffer: jb_driver IN.jbt OUT.raw plays a recorded packet file, one JSON line out.

   JBT1 (little endian): "JBT1", u32 sample rate, RTP clock, frame ms, pull ms, packets, f64 phase ms, total ms; then for each
   packet f64 arrival ms, u16 sequence, u16 length, u32 timestamp, u32 ssrc, u8 payload type, u8 marker, u16 0, payload. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "jitter_buffer.h"

typedef struct trace_packet {
    int64_t arrival_us;
    size_t offset, length; /* of the RTP packet in `octets` */
} trace_packet_t;

typedef struct trace {
    uint32_t sample_rate, clock_rate, pull_ms, count;
    double phase_ms, total_ms;
    trace_packet_t *packets;
    uint8_t *octets;
} trace_t;

static uint32_t u32(const uint8_t *p) { return (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0]; }

static double f64(const uint8_t *p) {
    uint64_t bits = (uint64_t)u32(p + 4) << 32 | u32(p);
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static void write_header(uint8_t *rtp, const uint8_t *record) {
    rtp[0] = 0x80;
    rtp[1] = (uint8_t)(record[21] << 7 | record[20]);
    rtp[2] = record[9], rtp[3] = record[8];
    for (int i = 0; i < 4; i++)
        rtp[4 + i] = record[15 - i], rtp[8 + i] = record[19 - i];
}

static uint8_t *read_file(const char *name, size_t *size) {
    FILE *file = fopen(name, "rb");
    if (file == NULL)
        return NULL;
    uint8_t *data = NULL;
    size_t room = 0;
    *size = 0;
    for (;;) {
        if (*size == room) {
            room = room * 2 + 65536;
            uint8_t *larger = realloc(data, room);
            if (larger == NULL)
                break;
            data = larger;
        }
        size_t got = fread(data + *size, 1, room - *size, file);
        *size += got;
        if (got == 0)
            break;
    }
    fclose(file);
    return data;
}

static int load(const char *name, trace_t *trace) {
    size_t size, at = 40, out = 0;
    uint8_t *data = read_file(name, &size);
    if (data == NULL || size < at || memcmp(data, "JBT1", 4) != 0)
        return 0;
    trace->sample_rate = u32(data + 4), trace->clock_rate = u32(data + 8), trace->pull_ms = u32(data + 16);
    trace->count = u32(data + 20), trace->phase_ms = f64(data + 24), trace->total_ms = f64(data + 32);
    trace->packets = calloc(trace->count + 1u, sizeof *trace->packets);
    trace->octets = malloc(size);
    if (trace->packets == NULL || trace->octets == NULL)
        return 0;
    for (uint32_t i = 0; i < trace->count; i++) {
        if (at + 24 > size)
            return 0;
        const uint8_t *record = data + at;
        size_t length = (size_t)(record[11] << 8 | record[10]);
        if (at + 24 + length > size)
            return 0;
        trace->packets[i].arrival_us = (int64_t)(f64(record) * 1000.0 + 0.5);
        trace->packets[i].offset = out, trace->packets[i].length = 12 + length;
        write_header(trace->octets + out, record);
        memcpy(trace->octets + out + 12, record + 24, length);
        out += 12 + length, at += 24 + length;
    }
    free(data);
    return 1;
}

static double cpu_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static ms_jb_t *create(const trace_t *trace, const ms_jb_config_t *config) {
    size_t size = ms_jb_size(config);
    ms_jb_t *jb = NULL;
    void *memory = malloc(size > 0 ? size : 1);
    if (memory == NULL || ms_jb_init(memory, size, config, &jb) != MS_OK)
        return NULL;
    const struct { uint8_t type; const char *name; uint32_t clock; } map[] = {
        {9, "G722", 8000}, {96, "L16", 8000}, {97, "L16", 16000}, {101, "telephone-event", 8000}};
    for (size_t i = 0; i < sizeof map / sizeof *map; i++) {
        const ms_codec_t *codec = ms_codec_find(map[i].name, map[i].clock, 1);
        if (codec != NULL && (codec->kind != MS_CODEC_AUDIO || codec->sample_rate == trace->sample_rate))
            ms_jb_set_payload(jb, map[i].type, codec);
    }
    return jb;
}

typedef struct run { double cpu_us, worst_us; uint64_t pulls; } run_t;

/* Play the trace into `out`. With `each`, the dearest single pull is measured (the clock itself costs more than most pulls, so
   the sum is then of no use); with `track`, every pull is written down. */
static int play(ms_jb_t *jb, const trace_t *trace, int16_t *out, int each, FILE *track, run_t *run) {
    size_t n = trace->sample_rate / 1000 * trace->pull_ms;
    uint32_t next = 0;
    double start = cpu_us();
    for (double now = trace->phase_ms; now < trace->total_ms; now += trace->pull_ms, out += n) {
        int64_t now_us = (int64_t)(now * 1000.0 + 0.5);
        ms_jb_info_t info;
        for (; next < trace->count && trace->packets[next].arrival_us <= now_us; next++)
            ms_jb_push(jb, trace->octets + trace->packets[next].offset, trace->packets[next].length,
                       trace->packets[next].arrival_us);
        double before = each ? cpu_us() : 0;
        if (ms_jb_pull(jb, out, n, now_us, &info) != MS_OK)
            return 0;
        double took = each ? cpu_us() - before : 0;
        run->worst_us = took > run->worst_us ? took : run->worst_us;
        run->pulls++;
        if (track != NULL)
            fprintf(track, "%.3f %s %d %d %d %u\n", now, ms_jb_kind_name(info.kind), info.buffered_ms, info.delay_ms,
                    info.target_ms, info.playout_timestamp);
    }
    run->cpu_us = cpu_us() - start;
    return 1;
}

static void report(const ms_jb_t *jb, const trace_t *trace, const run_t *run) {
    ms_jb_stats_t s;
    ms_jb_get_stats(jb, &s);
    double total = (double)s.pulled_samples, ms20 = (double)run->pulls * trace->pull_ms / 20.0;
    printf("{\"concealed_ratio\": %.6f, \"cpu_us_per_20ms\": %.3f, \"worst_pull_us\": %.1f, \"pushed\": %llu, "
           "\"decoded\": %llu, \"late\": %llu, \"duplicates\": %llu, \"reordered\": %llu, \"lost\": %llu, "
           "\"discarded\": %llu, \"resets\": %llu, \"concealed\": %llu, \"bridged\": %llu, \"noise\": %llu, "
           "\"inserted\": %llu, \"removed\": %llu, \"own_delay_ms\": %.2f}\n",
           (double)(s.concealed_samples + s.bridged_samples) / (total > 0 ? total : 1), run->cpu_us / (ms20 > 0 ? ms20 : 1),
           run->worst_us, (unsigned long long)s.pushed, (unsigned long long)s.decoded, (unsigned long long)s.late,
           (unsigned long long)s.duplicates, (unsigned long long)s.reordered, (unsigned long long)s.lost,
           (unsigned long long)s.discarded, (unsigned long long)s.resets, (unsigned long long)s.concealed_samples,
           (unsigned long long)s.bridged_samples, (unsigned long long)s.noise_samples,
           (unsigned long long)s.inserted_samples, (unsigned long long)s.removed_samples,
           s.delay_count > 0 ? (double)s.delay_sum_ms / (double)s.delay_count : 0.0);
}

static int write_samples(const char *name, const int16_t *pcm, size_t n) {
    FILE *file = fopen(name, "wb");
    if (file == NULL)
        return 0;
    int good = fwrite(pcm, sizeof *pcm, n, file) == n;
    return fclose(file) == 0 && good;
}

/* Twice, with the same result: once for the processor time of all pulls, once for that of the dearest. */
static int play_twice(const trace_t *trace, const ms_jb_config_t *config, const char *out, FILE *track) {
    size_t pulls = (size_t)((trace->total_ms - trace->phase_ms) / trace->pull_ms) + 2;
    size_t samples = pulls * (trace->sample_rate / 1000 * trace->pull_ms);
    int16_t *pcm = calloc(samples, sizeof *pcm), *again = calloc(samples, sizeof *again);
    ms_jb_t *jb = create(trace, config), *second = create(trace, config);
    run_t run = {0}, each = {0};
    int good = pcm != NULL && again != NULL && jb != NULL && second != NULL && play(jb, trace, pcm, 0, NULL, &run) &&
               play(second, trace, again, 1, track, &each) && memcmp(pcm, again, samples * sizeof *pcm) == 0;
    run.worst_us = each.worst_us;
    good = good && write_samples(out, pcm, run.pulls * (trace->sample_rate / 1000 * trace->pull_ms));
    if (good)
        report(jb, trace, &run);
    free(pcm), free(again), free(jb), free(second);
    return good;
}

int main(int argc, char **argv) {
    trace_t trace;
    ms_jb_config_t config = {0};
    FILE *track = NULL;
    if (argc < 3) {
        fprintf(stderr, "usage: jb_driver IN.jbt OUT.raw [--initial MS] [--min MS] [--max MS] [--pull MS] "
                        "[--track FILE]\n");
        return 2;
    }
    if (!load(argv[1], &trace)) {
        fprintf(stderr, "jb_driver: %s: not a JBT1 file\n", argv[1]);
        return 1;
    }
    for (int i = 3; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--initial") == 0) config.initial_delay_ms = (uint16_t)atoi(argv[i + 1]);
        else if (strcmp(argv[i], "--min") == 0) config.min_delay_ms = (uint16_t)atoi(argv[i + 1]);
        else if (strcmp(argv[i], "--max") == 0) config.max_delay_ms = (uint16_t)atoi(argv[i + 1]);
        else if (strcmp(argv[i], "--pull") == 0) trace.pull_ms = (uint32_t)atoi(argv[i + 1]);
        else if (strcmp(argv[i], "--track") == 0) track = fopen(argv[i + 1], "w");
    }
    config.sample_rate = trace.sample_rate;
    if (trace.pull_ms == 0 || trace.pull_ms > 60) {
        fprintf(stderr, "jb_driver: pulls of 1 to 60 ms\n");
        return 2;
    }
    int good = play_twice(&trace, &config, argv[2], track);
    if (track != NULL && fclose(track) != 0)
        good = 0;
    if (!good)
        fprintf(stderr, "jb_driver: cannot play %s into %s\n", argv[1], argv[2]);
    free(trace.packets), free(trace.octets);
    return good ? 0 : 1;
}
