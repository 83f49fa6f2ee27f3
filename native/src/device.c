/* One direction of a sound device: the ring between the callback of its driver and a stream's shard. */
#include "device.h"

#include "clock.h"
#include "level.h"

#include <stdlib.h>
#include <string.h>

#define RING_MS 1000
#define FRAME_MS_MAX 60
#define BEND_ROOM_MS 8     /* a frame at the highest bend, rounded up */
#define CHANNELS_MAX 64
#define MARGIN_MS_MAX 60
#define BLOCK_MEMORY 256   /* callbacks after which a larger block is forgotten */
#define GIVE_UP_MS 500     /* without sound: the device has stopped, and begins anew when it comes back */
#define LATENCY_MAX_S 2.0

/* As PortAudio has them (portaudio.h): the callback is called without its headers. */
typedef struct pa_time_info {
    double input_adc, current, output_dac;
} pa_time_info_t;
#define PA_XRUN_FLAGS 0x0fu
#define PA_CONTINUE 0

static void count(_Atomic uint64_t *counter, uint64_t n) {
    atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

/* ---- the callback's side: no lock, no memory, no waiting */

/* The next n samples, with `*cut` left out by a cross-fade where they are there; how many there were. */
static uint32_t take(ms_pcm_ring_t *ring, int16_t *out, int16_t *next, uint32_t n, uint32_t *cut) {
    if (*cut < n || ms_pcm_ring_readable(ring) < *cut + n) {
        *cut = 0;
        return ms_pcm_ring_read(ring, out, n);
    }
    ms_pcm_ring_read(ring, out, n);
    ms_pcm_ring_skip(ring, *cut - n);
    ms_pcm_ring_read(ring, next, n);
    for (uint32_t i = 0; i < n; i++)
        out[i] = (int16_t)((out[i] * (int32_t)(n - i) + next[i] * (int32_t)i) / (int32_t)n);
    return n;
}

static void record_chunk(ms_device_t *device, const int16_t *input, uint32_t n) {
    int32_t channels = (int32_t)device->config.channels;
    for (uint32_t i = 0; i < n; i++, input += channels) {
        int32_t sum = 0;
        for (int32_t channel = 0; channel < channels; channel++)
            sum += input[channel];
        device->mono[i] = (int16_t)(sum / channels);
    }
    uint32_t taken = ms_pcm_ring_write(&device->ring, device->mono, n);
    if (taken < n && atomic_load_explicit(&device->running, memory_order_relaxed))
        count(&device->dropped, n - taken);
}

static void play_chunk(ms_device_t *device, int16_t *output, uint32_t n) {
    uint32_t channels = device->config.channels, cut = 0;
    if (atomic_load_explicit(&device->cut_wanted, memory_order_relaxed) > 0)
        cut = atomic_exchange(&device->cut_wanted, 0);
    uint32_t got = take(&device->ring, device->mono, device->next, n, &cut);
    if (cut > 0)
        count(&device->cut, cut);
    if (got < n) {
        memset(device->mono + got, 0, (n - got) * sizeof *device->mono);
        if (atomic_load_explicit(&device->running, memory_order_relaxed))
            count(&device->missing, n - got);
    }
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t channel = 0; channel < channels; channel++)
            *output++ = device->mono[i];
}

static void note_block(ms_device_t *device, uint32_t frames) {
    uint32_t block = atomic_load_explicit(&device->block, memory_order_relaxed);
    device->block_now = frames > device->block_now ? frames : device->block_now;
    if (++device->blocks >= BLOCK_MEMORY) {
        block = device->block_now;
        device->block_now = device->blocks = 0;
    }
    block = frames > block ? frames : block;
    atomic_store_explicit(&device->block, block, memory_order_relaxed);
}

void ms_device_run(ms_device_t *device, const int16_t *input, int16_t *output, uint32_t frames, int64_t now) {
    uint32_t channels = device->config.channels;
    for (uint32_t at = 0; at < frames; at += MS_DEVICE_CHUNK) {
        uint32_t n = frames - at < MS_DEVICE_CHUNK ? frames - at : MS_DEVICE_CHUNK;
        if (device->config.capture)
            record_chunk(device, input + (size_t)at * channels, n);
        else
            play_chunk(device, output + (size_t)at * channels, n);
        atomic_store_explicit(&device->power, ms_energy(device->mono, n) / n, memory_order_relaxed);
    }
    note_block(device, frames);
    atomic_store_explicit(&device->touched, now, memory_order_release);
    atomic_fetch_add_explicit(&device->callbacks, 1, memory_order_release);
}

int ms_device_callback(const void *input, void *output, unsigned long frames, const void *time_info,
                       unsigned long flags, void *context) {
    ms_device_t *device = context;
    const pa_time_info_t *time = time_info;
    if (time != NULL) {
        double latency = device->config.capture ? time->current - time->input_adc : time->output_dac - time->current;
        if (latency > 0.0 && latency < LATENCY_MAX_S)
            atomic_store_explicit(&device->latency_us, (int64_t)(latency * 1e6), memory_order_relaxed);
    }
    if ((flags & PA_XRUN_FLAGS) != 0)
        count(&device->host_faults, 1);
    if ((device->config.capture ? input : output) != NULL && frames <= UINT32_MAX / CHANNELS_MAX)
        ms_device_run(device, input, output, (uint32_t)frames, ms_clock_now());
    return PA_CONTINUE;
}

/* ---- the shard's side */

/* Samples that have gone through the device since its last callback, as far as one block explains them. */
static double since_callback(const ms_device_t *device, int64_t now) {
    double block = atomic_load_explicit(&device->block, memory_order_relaxed);
    int64_t elapsed = now - atomic_load_explicit(&device->touched, memory_order_acquire);
    double samples = (double)elapsed * device->config.device_rate / MS_NS_PER_SECOND;
    return samples < 0.0 ? 0.0 : samples > block ? block : samples;
}

static void publish(ms_device_t *device, double waiting) {
    double rate = device->config.device_rate;
    double lower = rate < device->config.stream_rate ? rate : device->config.stream_rate;
    int64_t delay = (int64_t)((waiting / rate + 16.0 / lower) * 1e6);
    atomic_store_explicit(&device->delay_us, delay, memory_order_relaxed);
    atomic_store_explicit(&device->margin_us, (int64_t)(device->drift.margin * 1e6), memory_order_relaxed);
    double faster = device->config.capture ? device->drift.correction : -device->drift.correction;
    atomic_store_explicit(&device->correction_ppb, (int64_t)(faster * 1e9), memory_order_relaxed);
}

/* How much to leave out now, and that it is. */
static uint32_t cut_due(ms_device_t *device, uint32_t least, int64_t now) {
    double excess = ms_drift_excess(&device->drift, now);
    uint32_t cut = (uint32_t)(excess * device->config.device_rate);
    if (cut == 0 || cut < least)
        return 0;
    ms_drift_cut(&device->drift);
    return cut;
}

static void adjust(ms_device_t *device, double spare, int64_t now) {
    uint64_t missing = atomic_load_explicit(&device->missing, memory_order_relaxed);
    if (missing != device->missing_seen)
        ms_drift_starved(&device->drift, now);
    device->missing_seen = missing;
    double correction = ms_drift_step(&device->drift, spare / device->config.device_rate, now);
    ms_rate_matcher_bend(&device->matcher, correction);
}

/* A microphone begins when as much is there as shall always be; what is there beyond that is old. */
static bool begin_recording(ms_device_t *device, uint32_t needed, double since, int64_t now) {
    uint32_t there = ms_pcm_ring_readable(&device->ring);
    double block = atomic_load_explicit(&device->block, memory_order_relaxed);
    double wanted = needed + block - since + device->drift.margin * device->config.device_rate;
    if (atomic_load_explicit(&device->callbacks, memory_order_acquire) < 2 || there < wanted)
        return false;
    ms_pcm_ring_skip(&device->ring, there - (uint32_t)wanted);
    ms_drift_restart(&device->drift, now);
    device->silent_ms = 0;
    atomic_store(&device->running, true);
    return true;
}

void ms_device_say(ms_device_t *device, int16_t *samples, uint32_t n, int64_t now) {
    uint32_t needed = ms_rate_matcher_needed(&device->matcher, n), cut = 0;
    double since = since_callback(device, now);
    memset(samples, 0, n * sizeof *samples);
    if (needed > device->room ||
        (!atomic_load_explicit(&device->running, memory_order_relaxed) && !begin_recording(device, needed, since, now)))
        return;
    uint32_t there = ms_pcm_ring_readable(&device->ring);
    adjust(device, there + since - atomic_load_explicit(&device->block, memory_order_relaxed) - needed, now);
    publish(device, there + since);
    if (there < needed) { /* silence now is what makes the ring fuller */
        count(&device->missing, needed);
        device->silent_ms += n * 1000 / device->config.stream_rate;
        if (device->silent_ms >= GIVE_UP_MS)
            atomic_store(&device->running, false);
        return;
    }
    device->silent_ms = 0;
    needed = ms_rate_matcher_needed(&device->matcher, n); /* it has been bent */
    cut = cut_due(device, needed, now);
    uint32_t got = take(&device->ring, device->scratch, device->scratch_next, needed, &cut);
    count(&device->cut, cut);
    ms_rate_matcher_process(&device->matcher, device->scratch, got, samples, n);
}

static void begin_playing(ms_device_t *device, double since, int64_t now) {
    ms_pcm_ring_clear(&device->ring);
    uint32_t silence = (uint32_t)(since + device->drift.margin * device->config.device_rate);
    memset(device->scratch, 0, device->room * sizeof *device->scratch);
    while (silence > 0) {
        uint32_t n = silence < device->room ? silence : device->room;
        ms_pcm_ring_write(&device->ring, device->scratch, n);
        silence -= n;
    }
    ms_drift_restart(&device->drift, now);
    device->missing_seen = atomic_load_explicit(&device->missing, memory_order_relaxed);
    atomic_store(&device->running, true);
}

void ms_device_hear(ms_device_t *device, const int16_t *samples, uint32_t n, int64_t now) {
    if (atomic_load_explicit(&device->callbacks, memory_order_acquire) == 0)
        return;
    /* the ring before the time: a callback in between makes them seem more, which does no harm, never less */
    double there = ms_pcm_ring_readable(&device->ring);
    double since = since_callback(device, now);
    if (!atomic_load_explicit(&device->running, memory_order_relaxed)) {
        begin_playing(device, since, now);
        there = ms_pcm_ring_readable(&device->ring);
    }
    adjust(device, there - since, now);
    uint32_t cut = cut_due(device, MS_DEVICE_CHUNK, now);
    if (cut > 0)
        atomic_store(&device->cut_wanted, cut);
    uint32_t made = ms_rate_matcher_process(&device->matcher, samples, n, device->scratch, device->room);
    uint32_t taken = ms_pcm_ring_write(&device->ring, device->scratch, made);
    if (taken < made)
        count(&device->dropped, made - taken);
    publish(device, there + taken - since);
}

void ms_device_halt(ms_device_t *device) { atomic_store(&device->running, false); }

/* ---- the program's side */

static void let_go(ms_device_t *device) {
    if (atomic_fetch_sub(&device->owners, 1) != 1)
        return;
    ms_pcm_ring_close(&device->ring);
    ms_rate_matcher_close(&device->matcher);
    free(device->scratch);
    free(device->scratch_next);
    free(device);
}

static void dispose(ms_node_t *node) { let_go((ms_device_t *)node); }

static bool config_is_sound(const ms_device_config_t *config) {
    return config->channels >= 1 && config->channels <= CHANNELS_MAX && config->margin_ms <= MARGIN_MS_MAX &&
           config->device_rate >= 4000 && config->device_rate <= 192000 && config->stream_rate >= 8000 &&
           config->stream_rate <= 48000;
}

ms_status_t ms_device_open(const ms_device_config_t *config, ms_device_t **out) {
    *out = NULL;
    if (!config_is_sound(config))
        return MS_EINVAL;
    ms_device_t *device = calloc(1, sizeof *device);
    if (device == NULL)
        return MS_ENOMEM;
    device->node.dispose = dispose;
    device->config = *config;
    atomic_init(&device->owners, 1);
    atomic_init(&device->latency_us, -1);
    ms_drift_open(&device->drift, config->margin_ms / 1000.0);
    uint32_t from = config->capture ? config->device_rate : config->stream_rate;
    uint32_t to = config->capture ? config->stream_rate : config->device_rate;
    device->room = config->device_rate / 1000 * (FRAME_MS_MAX + BEND_ROOM_MS) + 16 * 48;
    uint32_t most = config->capture ? device->room : from / 1000 * FRAME_MS_MAX;
    ms_status_t status = ms_rate_matcher_open(&device->matcher, from, to, most);
    device->scratch = malloc(device->room * sizeof *device->scratch);
    device->scratch_next = malloc(device->room * sizeof *device->scratch_next);
    if (status == MS_OK)
        status = ms_pcm_ring_open(&device->ring, config->device_rate / 1000 * RING_MS);
    if (status == MS_OK && (device->scratch == NULL || device->scratch_next == NULL))
        status = MS_ENOMEM;
    if (status == MS_OK)
        *out = device;
    else
        let_go(device);
    return status;
}

void ms_device_get_statistics(const ms_device_t *device, ms_device_statistics_t *statistics) {
    uint64_t callbacks = atomic_load_explicit(&device->callbacks, memory_order_acquire);
    *statistics = (ms_device_statistics_t){
        .running = atomic_load(&device->running), .callbacks = callbacks,
        .host_faults = atomic_load(&device->host_faults), .missing = atomic_load(&device->missing),
        .dropped = atomic_load(&device->dropped), .cut = atomic_load(&device->cut),
        .delay_us = atomic_load(&device->delay_us), .latency_us = atomic_load(&device->latency_us),
        .margin_us = atomic_load(&device->margin_us), .correction_ppb = atomic_load(&device->correction_ppb),
        .quiet_us = callbacks == 0 ? -1 : (ms_clock_now() - atomic_load(&device->touched)) / MS_NS_PER_US,
        .power = (double)atomic_load(&device->power),
    };
}

void ms_device_let_go(ms_device_t *device) { let_go(device); }
