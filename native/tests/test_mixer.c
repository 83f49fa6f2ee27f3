/* Conferences and bridges: who hears whom, at which level, at which rates, across shards, and what is left at the end. */
#include "engine_room.h"

#include "link.h"
#include "mixer.h"

#include <math.h>

#define PHONES 4

/* A phone of ours and the stream of the engine's that it talks to. */
typedef struct phone {
    ms_stream_t *far, *near;
    ms_tap_t *tap; /* of the phone */
    double frequency, phase;
    double rate;
    int16_t heard[48000];
    size_t heard_count;
} phone_t;

static phone_t phones[PHONES];

static ms_payload_t l16(uint32_t rate) {
    return (ms_payload_t){.name = "L16", .type = 96, .clock_rate = rate, .channels = 1};
}

static ms_stream_format_t format_at(uint32_t rate, uint16_t port, uint16_t ptime_ms) {
    return (ms_stream_format_t){.remote_host = "127.0.0.1", .remote_port = port, .sending = true, .receiving = true,
                                .has_send = true, .send = l16(rate), .ptime_ms = ptime_ms, .receive = {l16(rate)},
                                .receive_count = 1, .telephone_event = -1};
}

static void open_phone(phone_t *phone, uint32_t rate, uint16_t ptime_ms, double frequency) {
    memset(phone, 0, sizeof *phone);
    phone->far = open_stream(0);
    phone->near = open_stream(0);
    ms_stream_format_t to_near = format_at(rate, port_of(phone->near), ptime_ms);
    ms_stream_format_t to_far = format_at(rate, port_of(phone->far), ptime_ms);
    CHECK_EQ(ms_stream_configure(phone->far, &to_near), MS_OK);
    CHECK_EQ(ms_stream_configure(phone->near, &to_far), MS_OK);
    CHECK_EQ(ms_stream_open_tap(phone->far, rate, &phone->tap), MS_OK);
    phone->rate = rate;
    phone->frequency = frequency;
}

static void close_phone(phone_t *phone) {
    ms_tap_close(phone->tap, phone->far);
    ms_stream_close(phone->far, NULL);
    if (phone->near != NULL)
        ms_stream_close(phone->near, NULL);
}

/* All phones say their tones and listen. */
static void talk(int count, int ms) {
    for (int t = 0; t < ms; t += 10) {
        for (int k = 0; k < count; k++) {
            phone_t *phone = &phones[k];
            int16_t samples[480];
            uint32_t n = (uint32_t)(phone->rate / 100);
            for (uint32_t i = 0; i < n; i++, phone->phase += phone->frequency / phone->rate)
                samples[i] = (int16_t)(4000 * sin(2 * M_PI * phone->phase));
            ms_tap_write(phone->tap, samples, n);
            size_t room_left = sizeof phone->heard / sizeof *phone->heard - phone->heard_count;
            uint32_t wanted = room_left < 480 ? (uint32_t)room_left : 480;
            phone->heard_count += ms_tap_read(phone->tap, phone->heard + phone->heard_count, wanted);
        }
        room_run(10);
    }
}

static void forget_heard(void) {
    for (int k = 0; k < PHONES; k++)
        phones[k].heard_count = 0;
}

/* Amplitude of a tone in the last half of what a phone heard. */
static double hears(const phone_t *phone, double frequency) {
    size_t n = (size_t)(phone->rate / 10) * (phone->heard_count / 2 / (size_t)(phone->rate / 10));
    const int16_t *samples = phone->heard + phone->heard_count - n;
    double re = 0, im = 0;
    for (size_t i = 0; i < n; i++) {
        re += samples[i] * cos(2 * M_PI * frequency * (double)i / phone->rate);
        im += samples[i] * sin(2 * M_PI * frequency * (double)i / phone->rate);
    }
    return n == 0 ? 0 : sqrt(re * re + im * im) * 2 / (double)n;
}

static ms_mixer_t *open_mixer(uint32_t rate, int members, ms_member_t **all) {
    ms_mixer_t *mixer = NULL;
    if (!CHECK_EQ(ms_mixer_open(room.engine, rate, &mixer), MS_OK))
        exit(1);
    for (int k = 0; k < members; k++)
        CHECK_EQ(ms_mixer_join(mixer, phones[k].near, &all[k]), MS_OK);
    return mixer;
}

/* The streams are closed first, the members after them. */
static void close_all(ms_mixer_t *mixer, ms_member_t **all, int count) {
    for (int k = 0; k < count; k++)
        close_phone(&phones[k]);
    for (int k = 0; k < count; k++)
        if (all[k] != NULL)
            ms_member_leave(all[k], mixer, NULL);
    if (mixer != NULL)
        ms_mixer_close(mixer);
    room_run(40);
    room_close();
}

static void each_hears_all_others_and_not_himself(void) {
    ms_member_t *all[PHONES];
    room_open();
    open_phone(&phones[0], 8000, 20, 500);
    open_phone(&phones[1], 16000, 20, 900);
    open_phone(&phones[2], 48000, 10, 1300);
    open_phone(&phones[3], 8000, 60, 1700);
    ms_mixer_t *mixer = open_mixer(16000, PHONES, all);
    talk(PHONES, 1000);
    forget_heard();
    talk(PHONES, 800);
    for (int k = 0; k < PHONES; k++) {
        for (int other = 0; other < PHONES; other++) {
            double level = hears(&phones[k], phones[other].frequency);
            if (k == other)
                CHECK(level < 40);
            else
                CHECK(fabs(level - 4000) < 160);
        }
        ms_member_statistics_t figures;
        ms_member_get_statistics(all[k], &figures);
        CHECK(fabs(figures.power - 8e6) < 4e5); /* 4000^2 / 2 */
        CHECK_EQ(figures.trimmed + figures.trimmed_out, 0);
    }
    ms_mixer_statistics_t figures;
    ms_mixer_get_statistics(mixer, &figures);
    CHECK_EQ(figures.members, PHONES);
    CHECK_EQ(figures.skipped, 0);
    CHECK(figures.ticks >= 88 && figures.ticks <= 91);
    close_all(mixer, all, PHONES);
}

static void gain_and_mute_count_for_one_member(void) {
    ms_member_t *all[3];
    room_open();
    for (int k = 0; k < 3; k++)
        open_phone(&phones[k], 8000, 20, 500 + 400 * k);
    ms_mixer_t *mixer = open_mixer(8000, 3, all);
    ms_member_settings_t half = {0.5, 1, false, false}, muted = {1, 1, true, false}, deaf = {1, 2, false, true};
    ms_member_settings_t bad = {9, 1, false, false};
    CHECK_EQ(ms_member_set(all[0], &bad), MS_EINVAL);
    CHECK_EQ(ms_member_set(all[0], &half), MS_OK);
    CHECK_EQ(ms_member_set(all[1], &muted), MS_OK);
    talk(3, 500);
    forget_heard();
    talk(3, 600);
    CHECK(fabs(hears(&phones[1], 500) - 2000) < 80);
    CHECK(fabs(hears(&phones[1], 1300) - 4000) < 160);
    CHECK(hears(&phones[0], 900) < 40);
    CHECK(hears(&phones[2], 900) < 40);
    CHECK_EQ(ms_member_set(all[0], &deaf), MS_OK);
    talk(3, 300);
    forget_heard();
    talk(3, 300);
    CHECK(hears(&phones[0], 1300) < 1);
    CHECK(fabs(hears(&phones[2], 500) - 4000) < 160);
    close_all(mixer, all, 3);
}

static void loud_members_saturate_and_do_not_wrap(void) {
    ms_member_t *all[PHONES];
    ms_member_settings_t loud = {8, 1, false, false};
    room_open();
    for (int k = 0; k < PHONES; k++)
        open_phone(&phones[k], 8000, 20, 500);
    ms_mixer_t *mixer = open_mixer(8000, PHONES, all);
    for (int k = 1; k < PHONES; k++)
        CHECK_EQ(ms_member_set(all[k], &loud), MS_OK);
    talk(PHONES, 300);
    forget_heard();
    talk(PHONES, 200);
    int wrapped = 0, full = 0;
    for (size_t i = phones[0].heard_count / 2; i + 1 < phones[0].heard_count; i++) {
        wrapped += abs(phones[0].heard[i + 1] - phones[0].heard[i]) > 60000;
        full += abs(phones[0].heard[i]) >= 32767;
    }
    CHECK_EQ(wrapped, 0);
    CHECK(full > 100);
    close_all(mixer, all, PHONES);
}

static void who_leaves_or_ends_is_heard_no_more(void) {
    ms_member_t *all[3];
    room_open();
    for (int k = 0; k < 3; k++)
        open_phone(&phones[k], 8000, 20, 500 + 400 * k);
    ms_mixer_t *mixer = open_mixer(8000, 3, all);
    talk(3, 500);
    ms_member_leave(all[0], mixer, phones[0].near);
    all[0] = NULL;
    ms_stream_close(phones[1].near, NULL); /* does not leave, but ends */
    phones[1].near = NULL;
    talk(3, 400);
    forget_heard();
    talk(3, 300);
    CHECK(hears(&phones[2], 500) < 1);
    CHECK(hears(&phones[2], 900) < 1);
    CHECK(hears(&phones[0], 1300) < 1);
    ms_mixer_statistics_t figures;
    ms_mixer_get_statistics(mixer, &figures);
    CHECK_EQ(figures.members, 1);
    ms_mixer_close(mixer); /* before its members */
    room_run(40);
    close_all(NULL, all, 3);
}

static void who_joins_another_conference_leaves_the_first(void) {
    ms_member_t *all[3], *again;
    room_open();
    for (int k = 0; k < 3; k++)
        open_phone(&phones[k], 8000, 20, 500 + 400 * k);
    ms_mixer_t *mixer = open_mixer(8000, 3, all), *other;
    REQUIRE(ms_mixer_open(room.engine, 48000, &other) == MS_OK);
    CHECK_EQ(ms_mixer_join(other, phones[2].near, &again), MS_OK);
    talk(3, 500);
    forget_heard();
    talk(3, 300);
    CHECK(fabs(hears(&phones[0], 900) - 4000) < 160);
    CHECK(hears(&phones[0], 1300) < 1);
    CHECK(hears(&phones[2], 900) < 1);
    ms_member_leave(again, other, phones[2].near);
    ms_mixer_close(other);
    close_all(mixer, all, 3);
}

static void all_hear_an_announcement_which_is_recorded(void) {
    ms_member_t *all[2];
    static int16_t chime[8000];
    char path[] = "/tmp/microsip_mixer_XXXXXX";
    ms_pcm_t *pcm;
    close(mkstemp(path));
    room_open();
    for (int k = 0; k < 2; k++)
        open_phone(&phones[k], 8000, 20, 500 + 400 * k);
    ms_mixer_t *mixer = open_mixer(8000, 2, all);
    for (int i = 0; i < 8000; i++)
        chime[i] = (int16_t)(3000 * sin(2 * M_PI * 1500 * i / 8000));
    REQUIRE(ms_pcm_copy(chime, 8000, 8000, 8000, &pcm) == MS_OK);
    CHECK_EQ(ms_mixer_record(mixer, path, 7), MS_OK);
    CHECK_EQ(ms_mixer_play(mixer, pcm, false, 8), MS_OK);
    talk(2, 400);
    forget_heard();
    talk(2, 500);
    for (int k = 0; k < 2; k++) {
        CHECK(fabs(hears(&phones[k], 1500) - 3000) < 120);
        CHECK(fabs(hears(&phones[k], phones[1 - k].frequency) - 4000) < 160);
    }
    talk(2, 300);
    uint32_t id = ms_mixer_id(mixer);
    const ms_event_t *event = room_wait(id, MS_EVENT_PLAYBACK_FINISHED);
    REQUIRE(event != NULL);
    CHECK_EQ(event->value, 1000);
    CHECK_EQ(event->reference, 8);
    CHECK(strcmp(event->text, "finished") == 0);
    CHECK_EQ(ms_mixer_stop_record(mixer), MS_OK);
    room_run(30);
    event = room_wait(id, MS_EVENT_RECORDING_FINISHED);
    REQUIRE(event != NULL);
    CHECK(event->value >= 1160 && event->value <= 1220);
    CHECK_EQ(event->reference, 7);
    unlink(path);
    ms_pcm_release(pcm);
    close_all(mixer, all, 2);
}

static void bridged_streams_hear_each_other(void) {
    ms_member_t *none[2] = {NULL, NULL};
    room_open();
    open_phone(&phones[0], 8000, 20, 500);
    open_phone(&phones[1], 16000, 30, 900);
    CHECK_EQ(ms_stream_bridge(phones[0].near, phones[0].near), MS_EINVAL);
    CHECK_EQ(ms_stream_bridge(phones[0].near, phones[1].near), MS_OK);
    talk(2, 500);
    forget_heard();
    talk(2, 500);
    CHECK(fabs(hears(&phones[0], 900) - 4000) < 160);
    CHECK(fabs(hears(&phones[1], 500) - 4000) < 160);
    CHECK(hears(&phones[0], 500) < 40);
    CHECK_EQ(ms_stream_unbridge(phones[0].near), MS_OK);
    talk(2, 400);
    forget_heard();
    talk(2, 300);
    CHECK(hears(&phones[0], 900) < 1);
    CHECK(hears(&phones[1], 500) < 1);
    close_all(NULL, none, 2);
}

/* ---- the pipe by itself */

static void write_ramp(ms_pipe_t *pipe, int *value, uint32_t n) {
    int16_t samples[160];
    for (uint32_t i = 0; i < n; i++)
        samples[i] = (int16_t)(*value)++;
    ms_pipe_write(pipe, samples, n);
}

static void a_late_writer_costs_one_gap_only(void) {
    ms_link_t *link;
    int16_t out[160];
    int value = 1;
    REQUIRE(ms_link_create(8000, &link) == MS_OK);
    ms_pipe_t *pipe = &link->pipes[0];
    for (int i = 0; i < 20; i++) {
        write_ramp(pipe, &value, 160);
        ms_pipe_read(pipe, out, 160);
    }
    ms_pipe_read(pipe, out, 160); /* before it is written, this time and every time from now on */
    CHECK_EQ(out[0], 0);
    for (int i = 0; i < 30; i++) {
        write_ramp(pipe, &value, 160);
        if (i % 2 == 1)
            continue;
        write_ramp(pipe, &value, 160);
        ms_pipe_read(pipe, out, 160);
        ms_pipe_read(pipe, out, 160);
        i++;
    }
    CHECK_EQ(atomic_load(&pipe->starved), 160);
    ms_link_let_go(link);
    ms_link_let_go(link);
}

static void a_thick_cushion_is_taken_out(void) {
    ms_link_t *link;
    int16_t out[160];
    int value = 1;
    REQUIRE(ms_link_create(8000, &link) == MS_OK);
    ms_pipe_t *pipe = &link->pipes[0];
    for (int i = 0; i < 3; i++)
        write_ramp(pipe, &value, 160);
    for (int i = 0; i < 200; i++) {
        write_ramp(pipe, &value, 160);
        ms_pipe_read(pipe, out, 160);
    }
    CHECK_EQ(ms_pcm_ring_readable(&pipe->ring), 0);
    CHECK_EQ(atomic_load(&pipe->trimmed), 480);
    CHECK_EQ(out[159], (int16_t)(value - 1));
    for (int i = 0; i < 10; i++) /* a reader that was away for 200 ms goes on with what is new */
        write_ramp(pipe, &value, 160);
    ms_pipe_read(pipe, out, 160);
    CHECK_EQ(out[159], (int16_t)(value - 1));
    for (int i = 0; i < 20; i++)
        write_ramp(pipe, &value, 160);
    ms_pipe_read(pipe, out, 160);
    CHECK(ms_pcm_ring_readable(&pipe->ring) == 0);
    ms_link_let_go(link);
    ms_link_let_go(link);
}

int main(void) {
    RUN(each_hears_all_others_and_not_himself);
    RUN(gain_and_mute_count_for_one_member);
    RUN(loud_members_saturate_and_do_not_wrap);
    RUN(who_leaves_or_ends_is_heard_no_more);
    RUN(who_joins_another_conference_leaves_the_first);
    RUN(all_hear_an_announcement_which_is_recorded);
    RUN(bridged_streams_hear_each_other);
    RUN(a_late_writer_costs_one_gap_only);
    RUN(a_thick_cushion_is_taken_out);
    return check_result("mixer");
}
