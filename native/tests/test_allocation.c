/* Every allocation fails once: what was asked fails cleanly with it, and nothing is left behind (address sanitizer). */
#include "check.h"
#include "clock.h"
#include "microsip_media.h"

#include <stdatomic.h>
#include <unistd.h>

/* The linker sends the library's calls here (--wrap). */
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);

static _Atomic int allocations_left = -1; /* before the one that fails; negative: none does */

static bool fails(void) { return atomic_load(&allocations_left) >= 0 && atomic_fetch_sub(&allocations_left, 1) == 0; }

void *__wrap_malloc(size_t size) { return fails() ? NULL : __real_malloc(size); }

void *__wrap_calloc(size_t count, size_t size) { return fails() ? NULL : __real_calloc(count, size); }

static ms_payload_t payload(const char *name, uint8_t type) {
    return (ms_payload_t){.name = name, .type = type, .clock_rate = 8000, .channels = 1};
}

/* Everything that allocates on a stream; the first status that is not MS_OK. */
static ms_status_t use(ms_stream_t *stream, const char *wav, const char *recording) {
    static const ms_tone_t TONE = {{440.0f}, 1, 100, 0};
    static const int16_t SAMPLES[160];
    static const ms_device_config_t MICROPHONE = {true, 48000, 1, 8000, 5};
    ms_stream_format_t format = {.remote_host = "127.0.0.1", .remote_port = 9, .sending = true, .receiving = true,
                                 .has_send = true, .send = payload("PCMU", 0), .ptime_ms = 20,
                                 .receive = {payload("PCMU", 0)}, .receive_count = 1, .telephone_event = 101};
    ms_pcm_t *clip = NULL, *file = NULL;
    ms_tap_t *tap = NULL;
    ms_feed_t *feed = NULL;
    ms_device_t *device = NULL;
    ms_status_t status = ms_stream_configure(stream, &format);
    if (status == MS_OK)
        status = ms_pcm_copy(SAMPLES, 160, 16000, 8000, &clip);
    if (status == MS_OK)
        status = ms_pcm_load(wav, 8000, &file);
    if (status == MS_OK)
        status = ms_stream_play(stream, clip, false, 1);
    if (status == MS_OK)
        status = ms_stream_play(stream, file, false, 2);
    if (status == MS_OK)
        status = ms_stream_play_tones(stream, &TONE, 1, false, 3);
    if (status == MS_OK)
        status = ms_stream_play_feed(stream, 1000, 5, &feed);
    if (status == MS_OK)
        status = ms_stream_pause_play(stream, 5, true);
    if (status == MS_OK)
        status = ms_stream_detect_dtmf(stream, true);
    if (status == MS_OK)
        status = ms_stream_listen(stream, true, 200);
    if (status == MS_OK)
        status = ms_stream_stop_play(stream);
    if (status == MS_OK)
        status = ms_stream_record(stream, recording, true, 4);
    if (status == MS_OK)
        status = ms_stream_open_tap(stream, 1000, &tap);
    if (status == MS_OK)
        status = ms_device_open(&MICROPHONE, &device);
    if (status == MS_OK)
        status = ms_stream_set_device(stream, device);
    if (status == MS_OK)
        status = ms_stream_send_dtmf(stream, "12", 100, 50);
    if (status == MS_OK)
        status = ms_stream_set_echo(stream, true);
    if (status == MS_OK)
        status = ms_stream_set_gain(stream, 0.5, 0.5);
    if (status == MS_OK)
        status = ms_stream_pause_record(stream, 4, true);
    if (status == MS_OK)
        status = ms_stream_stop_record(stream);
    ms_pcm_release(clip);
    ms_pcm_release(file);
    if (tap != NULL)
        ms_tap_close(tap, stream);
    if (feed != NULL)
        ms_feed_close(feed);
    if (device != NULL)
        ms_device_close(device, stream);
    return status;
}

/* Conferences and bridges of two streams. */
static ms_status_t meet(ms_engine_t *engine, ms_stream_t *a, ms_stream_t *b, const char *recording) {
    static const int16_t SAMPLES[160];
    ms_mixer_t *mixer = NULL;
    ms_member_t *member = NULL;
    ms_pcm_t *clip = NULL;
    ms_status_t status = ms_mixer_open(engine, 16000, &mixer);
    if (status != MS_OK)
        return status;
    status = ms_mixer_join(mixer, a, &member);
    if (status == MS_OK)
        status = ms_stream_bridge(a, b);
    if (status == MS_OK)
        status = ms_stream_unbridge(b);
    if (status == MS_OK)
        status = ms_pcm_copy(SAMPLES, 160, 16000, 16000, &clip);
    if (status == MS_OK)
        status = ms_mixer_play(mixer, clip, true, 1);
    if (status == MS_OK)
        status = ms_mixer_record(mixer, recording, 2);
    if (status == MS_OK)
        status = ms_mixer_stop_record(mixer);
    if (status == MS_OK)
        status = ms_mixer_stop_play(mixer);
    ms_pcm_release(clip);
    if (member != NULL)
        ms_member_leave(member, mixer, a);
    ms_mixer_close(mixer);
    return status;
}

static ms_status_t live(const char *wav, const char *recording) {
    ms_engine_config_t config = {.shards = 2, .manual = true};
    ms_stream_config_t stream_config = {.local_host = "127.0.0.1", .jitter_max_ms = 500};
    ms_engine_t *engine;
    ms_stream_t *stream, *other;
    ms_status_t status = ms_engine_create(&config, &engine);
    if (status != MS_OK)
        return status;
    status = ms_stream_open(engine, &stream_config, &stream);
    if (status == MS_OK) {
        status = use(stream, wav, recording);
        if (status == MS_OK)
            status = ms_stream_open(engine, &stream_config, &other);
        if (status == MS_OK) {
            status = meet(engine, stream, other, recording);
            ms_stream_close(other, NULL);
        }
        for (int64_t now = 0; now < 100; now++)
            ms_engine_tick(engine, now * MS_NS_PER_MS);
        ms_stream_close(stream, NULL);
    }
    ms_engine_free(engine);
    return status;
}

static void every_allocation_may_fail(void) {
    static const uint8_t WAV[] = "RIFF\x2c\0\0\0WAVEfmt \x10\0\0\0\1\0\1\0\x80\x3e\0\0\0\x7d\0\0\2\0\x10\0"
                                 "data\x08\0\0\0\1\0\2\0\3\0\4";
    char wav[] = "/tmp/microsip_allocation_XXXXXX", recording[] = "/tmp/microsip_allocation_XXXXXX";
    int fd = mkstemp(wav), failed = 0;
    close(mkstemp(recording));
    CHECK(write(fd, WAV, sizeof WAV) == (ssize_t)sizeof WAV);
    close(fd);
    CHECK_EQ(live(wav, recording), MS_OK);
    for (int n = 0; n < 1000; n++) {
        atomic_store(&allocations_left, n);
        ms_status_t status = live(wav, recording);
        bool reached = atomic_exchange(&allocations_left, -1) < 0;
        if (!reached) {
            CHECK_EQ(status, MS_OK);
            break;
        }
        if (!CHECK(status == MS_ENOMEM || status == MS_OK)) /* MS_OK: it was a closing tap's, which the end replaces */
            fprintf(stderr, "  allocation %d: %s\n", n, ms_status_text(status));
        failed += status == MS_ENOMEM;
    }
    CHECK(failed >= 45);
    unlink(wav);
    unlink(recording);
}

int main(void) {
    RUN(every_allocation_may_fail);
    return check_result("allocation");
}
