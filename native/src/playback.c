/* What a stream plays: a clip from memory or tones, made by the caller, consumed at the tick. */
#include "playback.h"

#include "pcm_file.h"

#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define TABLE_BITS 10
#define TABLE_SIZE (1U << TABLE_BITS)
#define AMPLITUDE 7000.0      /* one frequency: -13.4 dBov, about what exchanges send; two stay below full scale */
#define RAMP_SHIFT 4          /* tones begin and end over 16 samples, so that they do not click */

static int16_t sine[TABLE_SIZE + 1];

void ms_tone_prepare(void) {
    for (unsigned i = 0; i <= TABLE_SIZE; i++)
        sine[i] = (int16_t)lrint(AMPLITUDE * sin(2.0 * acos(-1.0) * i / TABLE_SIZE));
}

static void let_go(ms_feed_t *feed) {
    if (atomic_fetch_sub(&feed->owners, 1) != 1)
        return;
    ms_pcm_ring_close(&feed->ring);
    free(feed);
}

static void dispose(ms_node_t *node) {
    ms_playback_t *playback = (ms_playback_t *)node;
    ms_pcm_release(playback->pcm);
    if (playback->feed != NULL) {
        atomic_store(&playback->feed->gone, true);
        let_go(playback->feed);
    }
    free(playback);
}

static ms_playback_t *create(bool loop, uint32_t id) {
    ms_playback_t *playback = calloc(1, sizeof *playback);
    if (playback != NULL) {
        playback->node.dispose = dispose;
        playback->loop = loop;
        playback->id = id;
    }
    return playback;
}

ms_status_t ms_playback_open_clip(ms_pcm_t *pcm, bool loop, uint32_t id, ms_playback_t **out) {
    ms_playback_t *playback = create(loop && pcm->length > 0, id);
    if (playback == NULL)
        return MS_ENOMEM;
    atomic_fetch_add(&pcm->references, 1);
    playback->pcm = pcm;
    *out = playback;
    return MS_OK;
}

ms_status_t ms_playback_open_feed(uint32_t capacity, uint32_t id, ms_playback_t **out) {
    ms_playback_t *playback = create(false, id);
    ms_feed_t *feed = calloc(1, sizeof *feed);
    if (playback == NULL || feed == NULL || ms_pcm_ring_open(&feed->ring, capacity) != MS_OK) {
        free(playback);
        free(feed);
        return capacity > 1U << 24 ? MS_EINVAL : MS_ENOMEM;
    }
    atomic_init(&feed->owners, 2);
    playback->feed = feed;
    *out = playback;
    return MS_OK;
}

uint32_t ms_feed_space(const ms_feed_t *feed) { return ms_pcm_ring_space(&feed->ring); }
uint32_t ms_feed_waiting(const ms_feed_t *feed) { return ms_pcm_ring_readable(&feed->ring); }
uint32_t ms_feed_write(ms_feed_t *feed, const int16_t *samples, uint32_t n) {
    return ms_pcm_ring_write(&feed->ring, samples, n);
}
uint32_t ms_feed_clear(ms_feed_t *feed) { return ms_pcm_ring_clear(&feed->ring); }
void ms_feed_end(ms_feed_t *feed) { atomic_store(&feed->ended, true); }
bool ms_feed_gone(const ms_feed_t *feed) { return atomic_load(&feed->gone); }
uint64_t ms_feed_starved(const ms_feed_t *feed) { return atomic_load(&feed->starved); }

void ms_feed_close(ms_feed_t *feed) {
    ms_feed_end(feed);
    let_go(feed);
}

void ms_playback_seek(ms_playback_t *playback, uint64_t position) {
    if (playback->pcm != NULL)
        playback->position = position < playback->pcm->length ? (size_t)position : playback->pcm->length;
}

static bool fill_step(const ms_tone_t *tone, uint32_t sample_rate, ms_tone_step_t *step) {
    if (tone->frequency_count > MS_TONE_FREQUENCIES || (tone->on_ms == 0 && tone->frequency_count == 0))
        return false;
    for (uint32_t i = 0; i < tone->frequency_count; i++) {
        double frequency = (double)tone->frequencies[i];
        if (!(frequency > 0.0 && frequency < sample_rate / 2.0))
            return false;
        step->increments[i] = (uint32_t)llrint(frequency / sample_rate * 4294967296.0);
    }
    step->frequency_count = tone->frequency_count;
    step->on = tone->on_ms * (sample_rate / 1000);
    step->off = tone->off_ms * (sample_rate / 1000);
    return true;
}

ms_status_t ms_playback_open_tones(const ms_tone_t *tones, size_t count, uint32_t sample_rate, bool loop, uint32_t id,
                                   ms_playback_t **out) {
    if (count == 0 || count > MS_TONE_STEPS)
        return MS_EINVAL;
    ms_playback_t *playback = create(loop, id);
    if (playback == NULL)
        return MS_ENOMEM;
    playback->step_count = (uint32_t)count;
    for (size_t i = 0; i < count; i++) {
        if (!fill_step(&tones[i], sample_rate, &playback->steps[i])) {
            free(playback);
            return MS_EINVAL;
        }
    }
    *out = playback;
    return MS_OK;
}

static size_t read_clip(ms_playback_t *playback, int16_t *out, size_t n) {
    size_t made = 0;
    while (made < n) {
        size_t left = playback->pcm->length - playback->position;
        if (left == 0) {
            if (!playback->loop)
                break;
            playback->position = 0;
            continue;
        }
        size_t part = left < n - made ? left : n - made;
        memcpy(out + made, playback->pcm->samples + playback->position, part * sizeof *out);
        playback->position += part;
        made += part;
    }
    return made;
}

/* Between table entries the sine is taken as straight: errors are below one step of G.711. */
static int32_t sine_at(uint32_t phase) {
    uint32_t index = phase >> (32 - TABLE_BITS), rest = phase >> (16 - TABLE_BITS) & 0xffff;
    return sine[index] + (((int32_t)sine[index + 1] - sine[index]) * (int32_t)(rest >> 1) >> 15);
}

static int16_t tone_sample(ms_playback_t *playback, const ms_tone_step_t *step) {
    int32_t sum = 0;
    for (uint32_t i = 0; i < step->frequency_count; i++) {
        sum += sine_at(playback->phases[i]);
        playback->phases[i] += step->increments[i];
    }
    uint32_t from_start = playback->step_position;
    uint32_t to_end = step->on == 0 ? UINT32_MAX : step->on - playback->step_position - 1;
    uint32_t edge = from_start < to_end ? from_start : to_end;
    if (edge < 1U << RAMP_SHIFT)
        sum = sum * (int32_t)edge >> RAMP_SHIFT;
    return (int16_t)(sum > INT16_MAX ? INT16_MAX : sum < INT16_MIN ? INT16_MIN : sum);
}

/* Steps of no length are not passed more than once a sample, or a loop of them would never end. */
static bool next_step(ms_playback_t *playback) {
    playback->step_position = 0;
    memset(playback->phases, 0, sizeof playback->phases);
    if (++playback->step < playback->step_count)
        return true;
    playback->step = 0;
    return playback->loop;
}

static size_t read_tones(ms_playback_t *playback, int16_t *out, size_t n) {
    for (size_t made = 0; made < n; made++) {
        const ms_tone_step_t *step = &playback->steps[playback->step];
        if (step->on != 0 && playback->step_position >= step->on + step->off) {
            if (!next_step(playback)) {
                playback->step_position = step->on + step->off; /* stays at its end */
                playback->step = playback->step_count - 1;
                return made;
            }
            step = &playback->steps[playback->step];
        }
        bool sounds = step->on == 0 || playback->step_position < step->on;
        out[made] = sounds ? tone_sample(playback, step) : 0;
        playback->step_position += step->on != 0 || playback->step_position < 1U << RAMP_SHIFT;
    }
    return n;
}

/* Whether it has ended is asked before the last reading, so that nothing is left behind. */
static size_t read_feed(ms_playback_t *playback, int16_t *out, size_t n) {
    ms_feed_t *feed = playback->feed;
    bool ended = atomic_load(&feed->ended);
    size_t got = ms_pcm_ring_read(&feed->ring, out, (uint32_t)n);
    playback->played += got;
    memset(out + got, 0, (n - got) * sizeof *out);
    if (!ended && got < n && playback->played > 0)
        atomic_fetch_add_explicit(&feed->starved, n - got, memory_order_relaxed);
    return ended ? got : n;
}

size_t ms_playback_read(ms_playback_t *playback, int16_t *out, size_t n) {
    if (playback->paused) {
        memset(out, 0, n * sizeof *out);
        return n;
    }
    if (playback->feed != NULL)
        return read_feed(playback, out, n);
    size_t made = playback->pcm != NULL ? read_clip(playback, out, n) : read_tones(playback, out, n);
    memset(out + made, 0, (n - made) * sizeof *out);
    playback->played += made;
    return made;
}
