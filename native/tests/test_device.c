/* A sound device's ring: what a microphone hears and a loudspeaker plays, with clocks apart, late callbacks and gaps. */
#include "check.h"
#include "clock.h"
#include "device.h"
#include "engine_room.h"

#include <math.h>
#include <pthread.h>

#define TONE_HZ 440.0
#define LEVEL 8000.0

typedef struct setup {
    uint32_t device_rate, stream_rate, channels, block;
    double ppm;
} setup_t;

static const double TURN = 6.283185307179586;

static ms_device_t *device_for(const setup_t *setup, bool capture) {
    ms_device_config_t config = {capture, setup->device_rate, setup->channels, setup->stream_rate, 5};
    ms_device_t *device = NULL;
    if (!CHECK_EQ(ms_device_open(&config, &device), MS_OK))
        exit(1);
    return device;
}

/* How far a tone's samples are from what the two before them foretell, at most: a sample lost or doubled gives hundreds. */
typedef struct ear {
    double step, before, last, worst, power;
    uint64_t samples;
} ear_t;

static void judge(ear_t *ear, const int16_t *samples, uint32_t n, bool judged) {
    for (uint32_t i = 0; i < n; i++) {
        double foretold = 2 * cos(ear->step) * ear->last - ear->before;
        double off = fabs(samples[i] - foretold);
        if (judged) {
            ear->worst = off > ear->worst ? off : ear->worst;
            ear->power += (double)samples[i] * samples[i];
            ear->samples++;
        }
        ear->before = ear->last;
        ear->last = samples[i];
    }
}

static void tone(int16_t *samples, uint32_t n, uint32_t channels, uint32_t rate, uint64_t *at) {
    for (uint32_t i = 0; i < n; i++, (*at)++)
        for (uint32_t channel = 0; channel < channels; channel++)
            samples[i * channels + channel] = (int16_t)lrint(LEVEL * sin(TURN * TONE_HZ / rate * (double)*at));
}

/* Simulated seconds of a device and a stream of 20 ms; what arrives is judged after the first ten. */
static ear_t simulate(const setup_t *setup, bool capture, int seconds, ms_device_statistics_t *figures) {
    ms_device_t *device = device_for(setup, capture);
    uint32_t frame = setup->stream_rate / 50;
    uint64_t at = 0, blocks = 1;
    uint32_t heard_at = capture ? setup->stream_rate : setup->device_rate;
    ear_t ear = {.step = TURN * TONE_HZ / heard_at};
    int16_t *pcm = malloc(sizeof *pcm * setup->block * setup->channels), samples[960];
    double period = setup->block / (setup->device_rate * (1.0 + setup->ppm * 1e-6)) * 1e9;
    for (int64_t now = 20 * MS_NS_PER_MS; now < seconds * MS_NS_PER_SECOND; now += 20 * MS_NS_PER_MS) {
        bool judged = now > 10 * MS_NS_PER_SECOND;
        for (; (double)blocks * period <= (double)now; blocks++) {
            if (capture) {
                tone(pcm, setup->block, setup->channels, setup->device_rate, &at);
                ms_device_run(device, pcm, NULL, setup->block, (int64_t)((double)blocks * period));
                continue;
            }
            ms_device_run(device, NULL, pcm, setup->block, (int64_t)((double)blocks * period));
            for (uint32_t i = 0; i < setup->block; i++)
                judge(&ear, &pcm[i * setup->channels + setup->channels - 1], 1, judged);
        }
        if (capture) {
            ms_device_say(device, samples, frame, now);
            judge(&ear, samples, frame, judged);
        } else {
            tone(samples, frame, 1, setup->stream_rate, &at);
            ms_device_hear(device, samples, frame, now);
        }
    }
    ms_device_get_statistics(device, figures);
    ms_device_close(device, NULL);
    free(pcm);
    return ear;
}

static void test_a_tone_stays_whole_between_any_rates(void) {
    static const setup_t SETUPS[] = {
        {48000, 8000, 1, 480, 100},   {48000, 16000, 2, 1024, -100}, {44100, 8000, 2, 441, 100},
        {48000, 48000, 1, 256, 100},  {16000, 48000, 6, 320, -100},  {8000, 16000, 1, 160, 100},
        {44100, 48000, 2, 2048, 0},   {96000, 8000, 8, 960, -300},
    };
    for (size_t i = 0; i < 2 * sizeof SETUPS / sizeof *SETUPS; i++) {
        const setup_t *setup = &SETUPS[i / 2];
        bool capture = i % 2 == 0;
        ms_device_statistics_t figures;
        ear_t ear = simulate(setup, capture, 60, &figures);
        printf("     %5u Hz %s %5u Hz, %u channels, %4u at a time, %+.0f ppm: off by %.1f at most, delay %.1f ms\n",
               setup->device_rate, capture ? "to" : "from", setup->stream_rate, setup->channels, setup->block, setup->ppm,
               ear.worst, (double)figures.delay_us / 1e3);
        CHECK(ear.worst < 12.0);
        double level = sqrt(2 * ear.power / (double)ear.samples);
        CHECK(level > LEVEL * 0.98 && level < LEVEL * 1.02);
        CHECK_EQ(figures.missing, 0);
        CHECK_EQ(figures.dropped, 0);
        CHECK_EQ(figures.cut, 0);
        CHECK(figures.delay_us < 45000 + (int64_t)setup->block * 1000000 / setup->device_rate);
        CHECK(figures.running);
    }
}

static void test_a_device_that_pauses_comes_back_without_its_past(void) {
    setup_t setup = {48000, 8000, 1, 480, 0};
    for (int capture = 0; capture < 2; capture++) {
        ms_device_t *device = device_for(&setup, capture);
        int16_t block[480] = {0}, frame[160] = {0};
        ms_device_statistics_t figures;
        for (int tick = 1; tick < 1000; tick++) {
            int64_t now = tick * 20 * MS_NS_PER_MS;
            bool pausing = tick >= 500 && tick < 560;
            for (int half = 0; half < (tick == 560 ? 120 : 2) && !pausing; half++) /* then all at once */
                ms_device_run(device, block, block, 480, now - (1 - half % 2) * 10 * MS_NS_PER_MS);
            if (capture)
                ms_device_say(device, frame, 160, now);
            else
                ms_device_hear(device, frame, 160, now);
        }
        ms_device_get_statistics(device, &figures);
        CHECK(figures.running);
        CHECK(figures.delay_us < 100000);
        if (capture)
            CHECK(figures.missing > 0); /* and it is told */
        ms_device_close(device, NULL);
    }
}

static void test_callbacks_that_come_late_make_the_ring_fuller(void) {
    setup_t setup = {48000, 8000, 1, 480, 0};
    ms_device_t *device = device_for(&setup, true);
    int16_t block[480] = {0}, frame[160];
    ms_device_statistics_t before, after;
    for (int tick = 1; tick <= 3000; tick++) {
        int64_t now = tick * 20 * MS_NS_PER_MS;
        if (tick == 2000)
            ms_device_get_statistics(device, &before);
        int blocks = tick % 50 == 0 ? 0 : tick % 50 == 1 ? 4 : 2; /* once a second 20 ms late */
        for (int i = 0; i < blocks; i++)
            ms_device_run(device, block, NULL, 480, now - 1);
        ms_device_say(device, frame, 160, now);
    }
    ms_device_get_statistics(device, &after);
    CHECK(before.missing > 0 || before.delay_us > 20000);
    CHECK_EQ(after.missing, before.missing); /* it has learned */
    CHECK(after.delay_us < 80000);
    ms_device_close(device, NULL);
}

static void test_the_callback_counts_what_the_driver_tells(void) {
    setup_t setup = {48000, 16000, 2, 64, 0};
    double times[3] = {10.0, 10.02, 10.05};
    int16_t block[128] = {0};
    ms_device_statistics_t figures;
    ms_device_t *device = device_for(&setup, true);
    CHECK_EQ(ms_device_callback(block, NULL, 64, times, 2, device), 0);
    CHECK_EQ(ms_device_callback(NULL, NULL, 64, NULL, 0, device), 0); /* no sound is no sound, not a crash */
    ms_device_get_statistics(device, &figures);
    CHECK_EQ(figures.host_faults, 1);
    CHECK_EQ(figures.callbacks, 1);
    CHECK(figures.latency_us > 19000 && figures.latency_us < 21000);
    CHECK(figures.quiet_us >= 0);
    CHECK(!figures.running);
    ms_device_close(device, NULL);
}

static void test_bad_arguments(void) {
    static const ms_device_config_t BAD[] = {
        {true, 3999, 1, 8000, 5},  {true, 192001, 1, 8000, 5}, {true, 48000, 0, 8000, 5}, {true, 48000, 65, 8000, 5},
        {true, 48000, 1, 7999, 5}, {true, 48000, 1, 48001, 5}, {true, 48000, 1, 8000, 61},
    };
    ms_device_t *device;
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
        CHECK_EQ(ms_device_open(&BAD[i], &device), MS_EINVAL);
        CHECK(device == NULL);
    }
}

/* Two calls' ends, a microphone on one and a loudspeaker on the other, all on virtual time. */
static void test_from_microphone_to_loudspeaker(void) {
    ms_stream_t *a, *b;
    setup_t setup = {48000, 8000, 2, 480, 0}, wrong = {48000, 16000, 2, 480, 0};
    int16_t block[960];
    uint64_t at = 0;
    double power = 0;
    room_open();
    open_pair(&a, &b, 20);
    ms_device_t *microphone = device_for(&setup, true), *second = device_for(&setup, true);
    ms_device_t *loudspeaker = device_for(&setup, false), *other = device_for(&wrong, false);
    CHECK_EQ(ms_stream_set_device(a, other), MS_EINVAL);
    CHECK_EQ(ms_stream_set_device(a, microphone), MS_OK);
    CHECK_EQ(ms_stream_set_device(a, microphone), MS_ESTATE);
    CHECK_EQ(ms_stream_set_device(b, loudspeaker), MS_OK);
    for (int i = 0; i < 400; i++) {
        room_run(10);
        if (i == 200) { /* another microphone in mid-call */
            CHECK_EQ(ms_stream_set_device(a, second), MS_OK);
            ms_device_close(microphone, a);
        }
        tone(block, 480, 2, 48000, &at);
        ms_device_run(i < 200 ? microphone : second, block, NULL, 480, room.now);
        ms_device_run(loudspeaker, NULL, block, 480, room.now);
        for (int k = 0; i >= 300 && k < 960; k++)
            power += (double)block[k] * block[k];
    }
    CHECK(sqrt(2 * power / (100 * 960)) > LEVEL * 0.9);
    ms_device_close(second, a);
    room_run(20);
    ms_stream_close(a, NULL);
    ms_stream_close(b, NULL);
    room_run(20);
    ms_device_close(loudspeaker, NULL);
    ms_device_close(other, NULL);
    room_close();
}

static _Atomic bool done;

static void *drive(void *context) {
    ms_device_t *device = context;
    int16_t block[512] = {0};
    while (!done) {
        ms_device_callback(block, block, 256, NULL, 0, device);
        usleep(500);
    }
    return NULL;
}

static void test_callback_and_shard_are_two_threads(void) {
    setup_t setup = {48000, 16000, 2, 256, 0};
    for (int capture = 0; capture < 2; capture++) {
        ms_device_t *device = device_for(&setup, capture);
        ms_device_statistics_t figures;
        pthread_t thread;
        int16_t frame[320] = {0};
        done = false;
        pthread_create(&thread, NULL, drive, device);
        for (int i = 0; i < 300; i++) {
            if (capture)
                ms_device_say(device, frame, 320, ms_clock_now());
            else
                ms_device_hear(device, frame, 320, ms_clock_now());
            ms_device_get_statistics(device, &figures);
            usleep(500);
        }
        done = true;
        pthread_join(thread, NULL);
        CHECK(figures.callbacks > 10);
        ms_device_close(device, NULL);
    }
}

int main(void) {
    RUN(test_a_tone_stays_whole_between_any_rates);
    RUN(test_a_device_that_pauses_comes_back_without_its_past);
    RUN(test_callbacks_that_come_late_make_the_ring_fuller);
    RUN(test_the_callback_counts_what_the_driver_tells);
    RUN(test_bad_arguments);
    RUN(test_from_microphone_to_loudspeaker);
    RUN(test_callback_and_shard_are_two_threads);
    return check_result("device");
}
