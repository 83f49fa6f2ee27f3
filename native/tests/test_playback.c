/* Clips and tones as they are played: lengths, loops, ends, cadence and level. */
#include "check.h"
#include "level.h"
#include "pcm_file.h"
#include "playback.h"

#include <math.h>

static ms_pcm_t *ramp(size_t n) {
    int16_t samples[1000];
    ms_pcm_t *pcm = NULL;
    for (size_t i = 0; i < n; i++)
        samples[i] = (int16_t)(i + 1);
    CHECK_EQ(ms_pcm_copy(samples, n, 8000, 8000, &pcm), MS_OK);
    return pcm;
}

static void a_clip_ends_and_is_filled_with_silence(void) {
    ms_pcm_t *pcm = ramp(250);
    ms_playback_t *playback;
    int16_t out[160];
    REQUIRE(ms_playback_open_clip(pcm, false, 1, &playback) == MS_OK);
    ms_pcm_release(pcm); /* the playback holds its own reference */
    CHECK_EQ(ms_playback_read(playback, out, 160), 160);
    CHECK_EQ(out[159], 160);
    CHECK_EQ(ms_playback_read(playback, out, 160), 90);
    CHECK_EQ(out[89], 250);
    CHECK_EQ(out[90], 0);
    CHECK_EQ(out[159], 0);
    CHECK_EQ(ms_playback_read(playback, out, 160), 0);
    CHECK_EQ(playback->played, 250);
    ms_playback_close(playback);
}

static void a_loop_goes_on_without_a_gap(void) {
    ms_pcm_t *pcm = ramp(7);
    ms_playback_t *playback;
    int16_t out[160];
    int wrong = 0;
    REQUIRE(ms_playback_open_clip(pcm, true, 1, &playback) == MS_OK);
    for (int frame = 0; frame < 10; frame++) {
        CHECK_EQ(ms_playback_read(playback, out, 160), 160);
        for (int i = 0; i < 160; i++)
            wrong += out[i] != (frame * 160 + i) % 7 + 1;
    }
    CHECK_EQ(wrong, 0);
    ms_playback_close(playback);
    ms_pcm_release(pcm);
}

static double level_of(const int16_t *samples, size_t n, double frequency) {
    double re = 0, im = 0;
    for (size_t i = 0; i < n; i++) {
        re += samples[i] * cos(2 * M_PI * frequency * (double)i / 8000);
        im += samples[i] * sin(2 * M_PI * frequency * (double)i / 8000);
    }
    return sqrt(re * re + im * im) * 2 / (double)n;
}

static void tones_sound_at_their_frequency_and_cadence(void) {
    static const ms_tone_t RINGBACK[] = {{{440.0f, 480.0f}, 2, 200, 100}, {{0}, 0, 60, 0}};
    ms_playback_t *playback;
    static int16_t out[4000];
    REQUIRE(ms_playback_open_tones(RINGBACK, 2, 8000, false, 1, &playback) == MS_OK);
    CHECK_EQ(ms_playback_read(playback, out, 4000), 360 * 8);
    CHECK_EQ(ms_playback_read(playback, out + 3000, 160), 0);
    CHECK(fabs(level_of(out + 200, 1200, 440) - 7000) < 100); /* whole periods of both */
    CHECK(fabs(level_of(out + 200, 1200, 480) - 7000) < 100);
    CHECK(level_of(out + 200, 1200, 1000) < 70);
    CHECK_EQ(ms_energy(out + 1600, 4000 - 1600), 0);
    CHECK_EQ(out[0], 0);
    CHECK(abs(out[1599]) < 1000); /* it fades instead of clicking */
    ms_playback_close(playback);
}

static void tones_loop_and_last(void) {
    static const ms_tone_t BUSY = {{425.0f}, 1, 20, 20}, DIAL = {{425.0f}, 1, 0, 0};
    ms_playback_t *playback;
    int16_t out[320];
    REQUIRE(ms_playback_open_tones(&BUSY, 1, 8000, true, 1, &playback) == MS_OK);
    for (int i = 0; i < 20; i++) {
        CHECK_EQ(ms_playback_read(playback, out, 320), 320);
        CHECK(ms_energy(out, 160) > 0);
        CHECK_EQ(ms_energy(out + 160, 160), 0);
    }
    ms_playback_close(playback);
    REQUIRE(ms_playback_open_tones(&DIAL, 1, 8000, false, 1, &playback) == MS_OK);
    for (int i = 0; i < 200; i++)
        CHECK_EQ(ms_playback_read(playback, out, 320), 320);
    CHECK(fabs(level_of(out, 320, 425) - 7000) < 100);
    ms_playback_close(playback);
}

static void bad_tones_are_refused(void) {
    static const ms_tone_t HIGH = {{4000.0f}, 1, 100, 0}, NEGATIVE = {{-1.0f}, 1, 100, 0}, MANY = {{0}, 5, 100, 0},
                           FOR_EVER_NOTHING = {{0}, 0, 0, 0}, FINE = {{1000.0f}, 1, 100, 0};
    ms_playback_t *playback;
    CHECK_EQ(ms_playback_open_tones(&HIGH, 1, 8000, false, 1, &playback), MS_EINVAL);
    CHECK_EQ(ms_playback_open_tones(&NEGATIVE, 1, 8000, false, 1, &playback), MS_EINVAL);
    CHECK_EQ(ms_playback_open_tones(&MANY, 1, 8000, false, 1, &playback), MS_EINVAL);
    CHECK_EQ(ms_playback_open_tones(&FOR_EVER_NOTHING, 1, 8000, false, 1, &playback), MS_EINVAL);
    CHECK_EQ(ms_playback_open_tones(&FINE, 0, 8000, false, 1, &playback), MS_EINVAL);
    CHECK_EQ(ms_playback_open_tones(&FINE, MS_TONE_STEPS + 1, 8000, false, 1, &playback), MS_EINVAL);
}

static void levels_are_scaled_and_measured(void) {
    int16_t samples[] = {0, 1000, -1000, 20000, -20000, INT16_MAX, INT16_MIN, 3, -3, 5};
    CHECK_EQ(ms_energy(samples + 7, 3), 43);
    CHECK_EQ(ms_energy(samples, 8), 2 * 1000000 + 2 * 400000000LL + 32767LL * 32767 + 32768LL * 32768 + 9);
    ms_gain(samples, 10, 8192);
    CHECK_EQ(samples[1], 2000);
    CHECK_EQ(samples[2], -2000);
    CHECK_EQ(samples[3], INT16_MAX);
    CHECK_EQ(samples[4], INT16_MIN);
    ms_gain(samples, 10, 0);
    CHECK_EQ(ms_energy(samples, 10), 0);
    for (int i = 0; i < 10; i++)
        samples[i] = INT16_MIN;
    CHECK_EQ(ms_energy(samples, 10), 10LL * 32768 * 32768);
}

static void a_feed_plays_what_is_written_to_its_end(void) {
    ms_playback_t *playback;
    int16_t samples[400], out[160];
    for (int i = 0; i < 400; i++)
        samples[i] = (int16_t)(i + 1);
    REQUIRE(ms_playback_open_feed(1000, 5, &playback) == MS_OK);
    ms_feed_t *feed = playback->feed;
    CHECK_EQ(ms_playback_read(playback, out, 160), 160); /* nothing there yet: no starvation */
    CHECK_EQ(ms_feed_starved(feed), 0);
    CHECK_EQ(ms_feed_write(feed, samples, 400), 400);
    CHECK_EQ(ms_feed_space(feed), 1024 - 400);
    CHECK_EQ(ms_playback_read(playback, out, 160), 160);
    CHECK_EQ(out[159], 160);
    playback->paused = true;
    CHECK_EQ(ms_playback_read(playback, out, 160), 160);
    CHECK_EQ(out[0], 0);
    playback->paused = false;
    CHECK_EQ(ms_playback_read(playback, out, 160), 160);
    CHECK_EQ(ms_playback_read(playback, out, 160), 160); /* 80 of them are silence */
    CHECK_EQ(out[79], 400);
    CHECK_EQ(out[80], 0);
    CHECK_EQ(ms_feed_starved(feed), 80);
    CHECK_EQ(playback->played, 400);
    ms_feed_write(feed, samples, 100);
    CHECK_EQ(ms_feed_clear(feed), 100); /* seeking */
    CHECK_EQ(ms_feed_waiting(feed), 0);
    ms_feed_write(feed, samples, 100);
    ms_feed_end(feed);
    CHECK_EQ(ms_playback_read(playback, out, 160), 100);
    CHECK_EQ(out[99], 100);
    CHECK_EQ(playback->played, 500);
    CHECK(!ms_feed_gone(feed));
    ms_playback_close(playback);
    CHECK(ms_feed_gone(feed));
    ms_feed_close(feed);
}

static void a_clip_can_be_paused_and_moved(void) {
    ms_pcm_t *pcm = ramp(500);
    ms_playback_t *playback;
    int16_t out[100];
    REQUIRE(ms_playback_open_clip(pcm, false, 1, &playback) == MS_OK);
    playback->paused = true;
    CHECK_EQ(ms_playback_read(playback, out, 100), 100);
    CHECK_EQ(out[0], 0);
    playback->paused = false;
    ms_playback_seek(playback, 300);
    CHECK_EQ(ms_playback_read(playback, out, 100), 100);
    CHECK_EQ(out[0], 301);
    CHECK_EQ(playback->played, 100);
    ms_playback_seek(playback, 5000);
    CHECK_EQ(ms_playback_read(playback, out, 100), 0);
    ms_playback_close(playback);
    ms_pcm_release(pcm);
}

int main(void) {
    ms_tone_prepare();
    RUN(a_clip_ends_and_is_filled_with_silence);
    RUN(a_loop_goes_on_without_a_gap);
    RUN(tones_sound_at_their_frequency_and_cadence);
    RUN(tones_loop_and_last);
    RUN(bad_tones_are_refused);
    RUN(levels_are_scaled_and_measured);
    RUN(a_feed_plays_what_is_written_to_its_end);
    RUN(a_clip_can_be_paused_and_moved);
    return check_result("playback");
}
