/* The engine on a virtual clock: sound both ways, sources, digits, recording, taps. */
#include "engine_room.h"

#include <math.h>
#include <poll.h>

static const ms_tone_t TONE = {{1000.0f}, 1, 0, 0};

static void sound_goes_both_ways(void) {
    ms_stream_t *a, *b;
    room_open();
    open_pair(&a, &b, 20);
    CHECK_EQ(ms_stream_play_tones(a, &TONE, 1, false, 1), MS_OK);
    room_run(2000);
    ms_stream_statistics_t at_a = figures_of(a), at_b = figures_of(b);
    CHECK(at_a.packets_sent >= 99 && at_a.packets_sent <= 101);
    CHECK_EQ(at_a.octets_sent, at_a.packets_sent * 160);
    CHECK(at_b.packets_received >= at_a.packets_sent - 1);
    CHECK_EQ(at_b.packets_lost, 0);
    CHECK_EQ(at_b.invalid + at_b.foreign + at_b.duplicates + at_b.reordered + at_b.late + at_b.discarded, 0);
    CHECK_EQ(at_b.remote_ssrc, at_a.ssrc);
    CHECK_EQ(at_b.samples_played % 160, 0);
    CHECK(fabs(at_b.received_power / 24.5e6 - 1) < 0.1); /* half the square of 7000 */
    CHECK(at_a.received_power < 100);
    CHECK_EQ(at_b.ticks_late + at_b.ticks_skipped, 0);
    const ms_event_t *first = room_event(b, MS_EVENT_FIRST_RTP, 0);
    REQUIRE(first != NULL);
    CHECK_EQ(first->value, 0);
    CHECK(strncmp(first->text, "127.0.0.1:", 10) == 0 && atoi(first->text + 10) == port_of(a));
    CHECK(room_event(b, MS_EVENT_FIRST_RTP, 1) == NULL);
    room_close();
}

static void every_ptime_works(void) {
    for (uint16_t ptime = 10; ptime <= 60; ptime += 10) {
        ms_stream_t *a, *b;
        room_open();
        open_pair(&a, &b, ptime);
        CHECK_EQ(ms_stream_play_tones(a, &TONE, 1, false, 1), MS_OK);
        room_run(3000);
        ms_stream_statistics_t at_a = figures_of(a), at_b = figures_of(b);
        CHECK(llabs((long long)at_a.packets_sent - 3000 / ptime) <= 1);
        CHECK_EQ(at_a.octets_sent, at_a.packets_sent * ptime * 8);
        CHECK_EQ(at_b.packets_lost + at_b.late, 0);
        if (!CHECK(fabs(at_b.received_power / 24.5e6 - 1) < 0.1))
            fprintf(stderr, "  ptime %u: power %g\n", ptime, at_b.received_power);
        room_close();
    }
}

static void an_echo_comes_back(void) {
    ms_stream_t *a, *b;
    room_open();
    open_pair(&a, &b, 20);
    CHECK_EQ(ms_stream_set_echo(b, true), MS_OK);
    CHECK_EQ(ms_stream_play_tones(a, &TONE, 1, false, 1), MS_OK);
    room_run(1000);
    CHECK(figures_of(a).received_power > 20e6);
    CHECK_EQ(ms_stream_set_mute(b, true), MS_OK);
    room_run(1000);
    CHECK(figures_of(a).received_power < 100);
    CHECK_EQ(ms_stream_set_mute(b, false), MS_OK);
    CHECK_EQ(ms_stream_set_gain(b, 0.5, 1.0), MS_OK);
    room_run(1000);
    CHECK(fabs(figures_of(a).received_power / 6.1e6 - 1) < 0.1);
    CHECK_EQ(ms_stream_set_gain(b, 8.5, 1.0), MS_EINVAL);
    CHECK_EQ(ms_stream_set_gain(b, NAN, 1.0), MS_EINVAL);
    room_close();
}

static void digits_arrive_once_and_in_order(void) {
    ms_stream_t *a, *b;
    char heard[32] = "";
    room_open();
    open_pair(&a, &b, 20);
    room_run(200);
    CHECK_EQ(ms_stream_send_dtmf(a, "159#D", 100, 60), MS_OK);
    room_run(1500);
    for (size_t i = 0; i < 8; i++) {
        const ms_event_t *digit = room_event(b, MS_EVENT_DTMF, i);
        if (digit != NULL) {
            strcat(heard, digit->text);
            CHECK_EQ(digit->value, 100);
        }
    }
    CHECK(strcmp(heard, "159#D") == 0);
    const ms_event_t *sent = room_event(a, MS_EVENT_DTMF_SENT, 0);
    CHECK(sent != NULL && sent->value == 5);
    CHECK_EQ(figures_of(a).dtmf_sent, 5);
    CHECK_EQ(figures_of(b).dtmf_received, 5);
    CHECK_EQ(figures_of(b).packets_lost, 0);
    CHECK_EQ(ms_stream_send_dtmf(a, "12E", 100, 60), MS_EINVAL);
    CHECK_EQ(ms_stream_send_dtmf(a, "", 100, 60), MS_EINVAL);
    CHECK_EQ(ms_stream_send_dtmf(a, "1", 39, 60), MS_EINVAL);
    static const char MANY[] = "0123456789012345678901234567890123456789012345678901234567890123";
    CHECK_EQ(ms_stream_send_dtmf(a, MANY, 100, 60), MS_OK);
    CHECK_EQ(ms_stream_send_dtmf(a, "1", 100, 60), MS_ELIMIT);
    ms_stream_format_t plain = pcmu(port_of(b), 20);
    plain.telephone_event = -1;
    CHECK_EQ(ms_stream_configure(a, &plain), MS_OK);
    CHECK_EQ(ms_stream_send_dtmf(a, "1", 100, 60), MS_ESTATE);
    room_run(20);
    plain.telephone_event = 101;
    CHECK_EQ(ms_stream_configure(a, &plain), MS_OK);
    CHECK_EQ(ms_stream_send_dtmf(a, "1", 100, 60), MS_OK); /* those that waited are forgotten */
    room_close();
}

static ms_pcm_t *clip_of(size_t n) {
    int16_t *samples = malloc(n * sizeof *samples);
    ms_pcm_t *clip = NULL;
    for (size_t i = 0; i < n; i++)
        samples[i] = (int16_t)(i % 2 == 0 ? 7932 : -7932); /* codes of PCMU: they come back as they are */
    CHECK_EQ(ms_pcm_copy(samples, n, 8000, 8000, &clip), MS_OK);
    free(samples);
    return clip;
}

static void playbacks_say_how_they_ended(void) {
    ms_stream_t *a, *b;
    ms_pcm_t *clip = clip_of(4000); /* half a second */
    room_open();
    open_pair(&a, &b, 20);
    CHECK_EQ(ms_stream_play(a, clip, false, 11), MS_OK);
    room_run(700);
    CHECK_EQ(ms_stream_play(a, clip, true, 12), MS_OK);
    room_run(800);
    CHECK_EQ(ms_stream_play(a, clip, false, 13), MS_OK);
    room_run(100);
    CHECK_EQ(ms_stream_stop_play(a), MS_OK);
    room_run(100);
    CHECK_EQ(ms_stream_play(a, clip, true, 14), MS_OK);
    room_run(100);
    ms_pcm_release(clip);
    uint32_t id = ms_stream_id(a);
    ms_stream_close(a, NULL);
    room_run(20);
    static const struct {
        uint32_t id;
        int ms;
        const char *why;
    } ENDS[] = {{11, 500, "finished"}, {12, 800, "replaced"}, {13, 100, "stopped"}, {14, 100, "stopped"}};
    size_t n = 0;
    for (size_t i = 0; i < room.event_count; i++) {
        const ms_event_t *event = &room.events[i];
        if (event->kind != MS_EVENT_PLAYBACK_FINISHED || event->stream_id != id)
            continue;
        REQUIRE(n < 4);
        CHECK_EQ(event->reference, ENDS[n].id);
        CHECK(llabs(event->value - ENDS[n].ms) <= 20);
        CHECK(strcmp(event->text, ENDS[n].why) == 0);
        n++;
    }
    CHECK_EQ(n, 4);
    room_close();
}

static void read_recording(const char *path, uint16_t channels, int16_t *samples, size_t capacity, size_t *frames) {
    uint8_t header[44];
    FILE *file = fopen(path, "rb");
    *frames = 0;
    REQUIRE(file != NULL);
    REQUIRE(fread(header, 1, 44, file) == 44);
    CHECK_EQ(header[22], channels);
    *frames = fread(samples, 2U * channels, capacity / channels, file);
    CHECK_EQ(*frames, (header[40] | header[41] << 8 | header[42] << 16) / (2 * channels));
    fclose(file);
}

static void recordings_hold_both_sides(void) {
    static int16_t samples[2 * 16000];
    char path[] = "/tmp/microsip_record_XXXXXX";
    ms_stream_t *a, *b;
    size_t frames = 0, wrong = 0, heard = 0;
    ms_pcm_t *clip = clip_of(8000);
    close(mkstemp(path));
    room_open();
    open_pair(&a, &b, 20);
    CHECK_EQ(ms_stream_record(b, path, true, 5), MS_OK);
    CHECK_EQ(ms_stream_record(b, "/nowhere/file.wav", true, 6), MS_EIO);
    CHECK_EQ(ms_stream_play(a, clip, false, 1), MS_OK);
    CHECK_EQ(ms_stream_play(b, clip, true, 2), MS_OK);
    ms_pcm_release(clip);
    room_run(1500);
    CHECK_EQ(ms_stream_stop_record(b), MS_OK);
    room_run(40);
    const ms_event_t *end = room_wait(ms_stream_id(b), MS_EVENT_RECORDING_FINISHED);
    REQUIRE(end != NULL);
    CHECK_EQ(end->reference, 5);
    CHECK(llabs(end->value - 1500) <= 20);
    CHECK(end->text[0] == '\0');
    read_recording(path, 2, samples, 2 * 16000, &frames);
    CHECK_EQ(frames, end->value * 8);
    for (size_t i = 0; i < frames; i++) {
        wrong += samples[2 * i] != (i % 2 == 0 ? 7932 : -7932); /* left: what b sent */
        heard += abs(samples[2 * i + 1]) == 7932;               /* right: what it received */
    }
    CHECK_EQ(wrong, 0);
    CHECK(heard >= 7600);
    unlink(path);
    room_close();
}

static void a_recording_is_complete_when_the_engine_ends(void) {
    static int16_t samples[16000];
    char path[] = "/tmp/microsip_record_XXXXXX";
    ms_stream_t *a, *b;
    size_t frames = 0;
    close(mkstemp(path));
    room_open();
    open_pair(&a, &b, 20);
    CHECK_EQ(ms_stream_record(a, path, false, 5), MS_OK);
    room_run(1000);
    ms_engine_stop(room.engine);
    room_poll();
    const ms_event_t *end = room_wait(1, MS_EVENT_RECORDING_FINISHED);
    CHECK(end != NULL);
    read_recording(path, 1, samples, 16000, &frames);
    CHECK(frames >= 7800 && frames <= 8160);
    unlink(path);
    room_close();
}

static void taps_hear_and_say_and_fall_silent_at_once(void) {
    ms_stream_t *a, *b;
    ms_tap_t *at_a, *at_b;
    static int16_t block[8000];
    room_open();
    open_pair(&a, &b, 20);
    REQUIRE(ms_stream_open_tap(a, 8000, &at_a) == MS_OK && ms_stream_open_tap(b, 8000, &at_b) == MS_OK);
    room_run(200);
    for (int i = 0; i < 8000; i++)
        block[i] = 7932;
    CHECK_EQ(ms_tap_write(at_a, block, 8000), 8000);
    CHECK_EQ(ms_tap_unplayed(at_a), 8000);
    room_run(200);
    CHECK_EQ(ms_tap_unplayed(at_a), 8000 - 10 * 160);
    uint64_t sent = figures_of(a).packets_sent;
    CHECK_EQ(ms_tap_clear(at_a), 8000 - 10 * 160);
    CHECK_EQ(ms_tap_unplayed(at_a), 0);
    room_run(300);
    CHECK(figures_of(a).packets_sent >= sent + 14); /* silence is sent, not nothing */
    uint32_t n = ms_tap_read(at_b, block, 8000), loud = 0;
    for (uint32_t i = 0; i < n; i++)
        loud += block[i] == 7932;
    CHECK(loud >= 10 * 160 - 200 && loud <= 10 * 160); /* exactly what was written before the clearing */
    CHECK_EQ(ms_tap_dropped(at_b), 0);
    CHECK_EQ(ms_tap_starved(at_a), 0);
    room_run(1500); /* nobody reads: the newest are lost, and counted */
    CHECK(ms_tap_dropped(at_b) > 0);
    CHECK_EQ(ms_tap_write(at_a, block, 100), 100); /* a late writer */
    room_run(60);
    CHECK_EQ(ms_tap_write(at_a, block, 100), 100);
    room_run(60);
    CHECK(ms_tap_starved(at_a) > 0);
    ms_tap_close(at_a, a);
    room_run(40);
    ms_stream_close(b, NULL);
    room_run(40);
    CHECK_EQ(ms_tap_write(at_b, block, 100), 100); /* into the void: the tap outlives its stream */
    ms_tap_close(at_b, NULL);
    room_close();
}

static ms_stream_format_t wideband(uint16_t remote_port) {
    ms_stream_format_t format = pcmu(remote_port, 20);
    format.send = (ms_payload_t){.name = "L16", .type = 96, .clock_rate = 16000, .channels = 1};
    format.receive[0] = format.send;
    format.receive_count = 1;
    return format;
}

/* Zero crossings upwards in the second half of some samples, per second. */
static double pitch_of(const int16_t *samples, size_t n, double rate) {
    size_t crossings = 0;
    for (size_t i = n / 2 + 1; i < n; i++)
        crossings += samples[i - 1] < 0 && samples[i] >= 0;
    return (double)crossings * rate / (double)(n - n / 2);
}

/* A re-INVITE changes the codec to one of another sample rate: tap, recording and tone keep their speed. */
static void a_change_of_rate_changes_no_speed(void) {
    static int16_t heard[32000], recorded[2 * 40000];
    char path[] = "/tmp/microsip_record_XXXXXX";
    ms_stream_t *a, *b;
    ms_tap_t *tap;
    size_t frames = 0;
    close(mkstemp(path));
    room_open();
    open_pair(&a, &b, 20);
    CHECK_EQ(ms_stream_play_tones(a, &TONE, 1, false, 1), MS_OK);
    CHECK_EQ(ms_stream_record(b, path, false, 2), MS_OK);
    REQUIRE(ms_stream_open_tap(b, 16000, &tap) == MS_OK);
    room_run(600); /* in all less than a recorder's ring holds, because here time runs faster than its thread */
    ms_stream_format_t to_b = wideband(port_of(b)), to_a = wideband(port_of(a));
    CHECK_EQ(ms_stream_configure(a, &to_b), MS_OK);
    CHECK_EQ(ms_stream_configure(b, &to_a), MS_OK);
    CHECK_EQ(ms_stream_sample_rate(b), 8000);
    room_run(300);
    ms_tap_read(tap, heard, 32000);
    room_run(800);
    CHECK_EQ(figures_of(b).sample_rate, 16000);
    CHECK(figures_of(a).octets_sent > 50 * 640);
    uint32_t n = ms_tap_read(tap, heard, 32000);
    CHECK(n >= 6240 && n <= 6560);
    CHECK(fabs(pitch_of(heard, n, 8000) - 1000) < 10);
    CHECK(fabs(figures_of(b).received_power / 24.5e6 - 1) < 0.1);
    CHECK_EQ(ms_stream_stop_record(b), MS_OK);
    room_run(20);
    const ms_event_t *end = room_wait(ms_stream_id(b), MS_EVENT_RECORDING_FINISHED);
    REQUIRE(end != NULL);
    read_recording(path, 1, recorded, 2 * 40000, &frames);
    CHECK(frames >= 13440 && frames <= 13760);
    CHECK(fabs(pitch_of(recorded, frames, 8000) - 1000) < 10);
    ms_stream_t *fresh = open_stream(0); /* nothing attached: it takes the codec's rate */
    CHECK_EQ(ms_stream_configure(fresh, &to_a), MS_OK);
    CHECK_EQ(ms_stream_sample_rate(fresh), 16000);
    ms_tap_close(tap, b);
    unlink(path);
    room_close();
}

/* Who takes fewer events than wait must find the descriptor readable again. */
static void events_left_over_are_told_again(void) {
    ms_stream_t *a, *b;
    ms_event_t event;
    room_open();
    open_pair(&a, &b, 20);
    for (int i = 0; i < 100; i++) {
        room.now += MS_NS_PER_MS;
        ms_engine_tick(room.engine, room.now);
    }
    for (int left = 2; left > 0; left--) { /* a first packet each way */
        struct pollfd poller = {ms_engine_event_fd(room.engine), POLLIN, 0};
        CHECK_EQ(poll(&poller, 1, 0), 1);
        CHECK_EQ(ms_engine_poll_events(room.engine, &event, 1), 1);
    }
    CHECK_EQ(ms_engine_poll_events(room.engine, &event, 1), 0);
    struct pollfd poller = {ms_engine_event_fd(room.engine), POLLIN, 0};
    CHECK_EQ(poll(&poller, 1, 0), 0);
    room_close();
}

int main(void) {
    RUN(sound_goes_both_ways);
    RUN(every_ptime_works);
    RUN(an_echo_comes_back);
    RUN(digits_arrive_once_and_in_order);
    RUN(playbacks_say_how_they_ended);
    RUN(recordings_hold_both_sides);
    RUN(a_recording_is_complete_when_the_engine_ends);
    RUN(taps_hear_and_say_and_fall_silent_at_once);
    RUN(a_change_of_rate_changes_no_speed);
    RUN(events_left_over_are_told_again);
    return check_result("engine");
}
