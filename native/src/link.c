/* Audio between a stream and a mixer, or between two streams, each on a shard of its own: a pipe each way. */
#include "link.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define FRAME_MAX 2880
#define RING_MS 250   /* four frames of the longest ptime */
#define LIMIT_MS 160  /* a frame of the longest ptime, another one as cushion, and some */
#define WINDOW 50     /* readings after which the cushion is looked at */
#define PAUSE 10      /* readings of nothing, after which it is no fault that nothing comes */

static void count(_Atomic uint64_t *counter, uint64_t n) {
    atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

void ms_pipe_write(ms_pipe_t *pipe, const int16_t *samples, uint32_t n) {
    if (ms_pcm_ring_space(&pipe->ring) >= n)
        ms_pcm_ring_write(&pipe->ring, samples, n);
    else
        count(&pipe->trimmed, n);
}

static void look_at_cushion(ms_pipe_t *pipe, int16_t *samples, uint32_t n) {
    if (++pipe->readings < WINDOW)
        return;
    if (pipe->least >= n) {
        int16_t next[FRAME_MAX];
        ms_pcm_ring_read(&pipe->ring, next, n);
        for (uint32_t i = 0; i < n; i++)
            samples[i] = (int16_t)((samples[i] * (int32_t)(n - i) + next[i] * (int32_t)i) / (int32_t)n);
        count(&pipe->trimmed, n);
    }
    pipe->readings = 0;
    pipe->least = UINT32_MAX;
}

void ms_pipe_read(ms_pipe_t *pipe, int16_t *samples, uint32_t n) {
    uint32_t there = ms_pcm_ring_readable(&pipe->ring);
    if (there < n) {
        memset(samples, 0, n * sizeof *samples);
        if (pipe->silent < PAUSE)
            count(&pipe->starved, n);
        pipe->silent += pipe->silent < PAUSE;
        pipe->least = 0;
        return;
    }
    if (there > n + pipe->limit) {
        count(&pipe->trimmed, there - n);
        ms_pcm_ring_skip(&pipe->ring, there - n);
        there = n;
    }
    ms_pcm_ring_read(&pipe->ring, samples, n);
    pipe->silent = 0;
    if (there - n < pipe->least)
        pipe->least = there - n;
    look_at_cushion(pipe, samples, n);
}

void ms_pipe_skip(ms_pipe_t *pipe, uint32_t n) {
    uint32_t there = ms_pcm_ring_readable(&pipe->ring);
    ms_pcm_ring_skip(&pipe->ring, there > n + pipe->limit ? there - n : there < n ? 0 : n);
}

ms_status_t ms_link_create(uint32_t rate, ms_link_t **out) {
    ms_link_t *link = calloc(1, sizeof *link);
    if (link == NULL)
        return MS_ENOMEM;
    atomic_init(&link->owners, 2);
    link->rate = rate;
    for (int side = 0; side < 2; side++) {
        ms_pipe_t *pipe = &link->pipes[side];
        pipe->limit = rate / 1000 * LIMIT_MS;
        pipe->least = UINT32_MAX;
        pipe->silent = PAUSE; /* nothing is due before the first sound */
        if (ms_pcm_ring_open(&pipe->ring, rate / 1000 * RING_MS) != MS_OK) {
            ms_pcm_ring_close(&link->pipes[0].ring);
            free(link);
            return MS_ENOMEM;
        }
    }
    *out = link;
    return MS_OK;
}

void ms_link_let_go(ms_link_t *link) {
    atomic_store(&link->left, true);
    if (atomic_fetch_sub(&link->owners, 1) != 1)
        return;
    ms_pcm_ring_close(&link->pipes[0].ring);
    ms_pcm_ring_close(&link->pipes[1].ring);
    free(link);
}

static void dispose(ms_node_t *node) {
    ms_end_t *end = (ms_end_t *)node;
    ms_converter_free(end->converter);
    ms_link_let_go(end->link);
    free(end);
}

ms_status_t ms_end_create(ms_link_t *link, uint32_t side, uint32_t rate, ms_end_t **out) {
    ms_end_t *end = calloc(1, sizeof *end);
    if (end == NULL)
        return MS_ENOMEM;
    if (rate != link->rate && ms_converter_create(rate, link->rate, &end->converter) != MS_OK) {
        free(end);
        return MS_ENOMEM;
    }
    end->node.dispose = dispose;
    end->link = link;
    end->side = side;
    end->rate = rate;
    *out = end;
    return MS_OK;
}

/* Frames are whole milliseconds, rates multiples of 1000 Hz. */
static uint32_t link_samples(const ms_end_t *end, uint32_t n) { return n / (end->rate / 1000) * (end->link->rate / 1000); }

void ms_end_hear(ms_end_t *end, const int16_t *samples, uint32_t n, int16_t *scratch) {
    uint32_t wanted = link_samples(end, n);
    if (end->converter != NULL) {
        ms_converter_run(end->converter->receive, samples, n, scratch, wanted);
        samples = scratch;
    }
    ms_pipe_write(&end->link->pipes[end->side], samples, wanted);
}

void ms_end_say(ms_end_t *end, int16_t *samples, uint32_t n, int16_t *scratch) {
    ms_pipe_t *pipe = &end->link->pipes[1 - end->side];
    if (end->converter == NULL) {
        ms_pipe_read(pipe, samples, n);
        return;
    }
    /* one sample more than n may be made: hence not into `samples` straight */
    int16_t made[FRAME_MAX + 1];
    uint32_t taken = link_samples(end, n);
    ms_pipe_read(pipe, scratch, taken);
    ms_converter_run(end->converter->send, scratch, taken, made, n);
    memcpy(samples, made, n * sizeof *samples);
}

void ms_end_skip(ms_end_t *end, uint32_t n) {
    ms_pipe_skip(&end->link->pipes[1 - end->side], link_samples(end, n));
}
