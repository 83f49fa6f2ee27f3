/* A tap: the rings through which a program hears and says what a stream receives and sends. */
#include "tap.h"

#include <stdlib.h>
#include <string.h>

#define STARVED_FRAMES 10

static void count(_Atomic uint64_t *counter, uint64_t n) {
    atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

void ms_tap_let_go(ms_tap_t *tap) {
    if (atomic_fetch_sub(&tap->owners, 1) != 1)
        return;
    ms_pcm_ring_close(&tap->received);
    ms_pcm_ring_close(&tap->sent);
    free(tap);
}

static void dispose(ms_node_t *node) { ms_tap_let_go((ms_tap_t *)node); }

ms_status_t ms_tap_create(uint32_t capacity, ms_tap_t **out) {
    ms_tap_t *tap = calloc(1, sizeof *tap);
    if (tap == NULL)
        return MS_ENOMEM;
    tap->node.dispose = dispose;
    tap->gap = UINT32_MAX / 2;
    atomic_init(&tap->owners, 2);
    if (ms_pcm_ring_open(&tap->received, capacity) != MS_OK || ms_pcm_ring_open(&tap->sent, capacity) != MS_OK) {
        ms_pcm_ring_close(&tap->received);
        free(tap);
        return MS_ENOMEM;
    }
    *out = tap;
    return MS_OK;
}

void ms_tap_hear(ms_tap_t *tap, const int16_t *samples, uint32_t n) {
    uint32_t taken = ms_pcm_ring_write(&tap->received, samples, n);
    if (taken < n)
        count(&tap->dropped, n - taken);
}

/* Silence counts as starvation once the program goes on after it, and only when it was short: else it was a pause. */
bool ms_tap_say(ms_tap_t *tap, int16_t *samples, uint32_t n) {
    uint32_t got = ms_pcm_ring_read(&tap->sent, samples, n);
    if (got > 0) {
        if (tap->gap > 0 && tap->gap <= STARVED_FRAMES * n)
            count(&tap->starved, tap->gap);
        tap->gap = 0;
    }
    memset(samples + got, 0, (n - got) * sizeof *samples);
    if (tap->gap < UINT32_MAX - n)
        tap->gap += n - got;
    return got > 0;
}

uint32_t ms_tap_readable(const ms_tap_t *tap) { return ms_pcm_ring_readable(&tap->received); }
uint32_t ms_tap_space(const ms_tap_t *tap) { return ms_pcm_ring_space(&tap->sent); }
uint32_t ms_tap_unplayed(const ms_tap_t *tap) { return ms_pcm_ring_readable(&tap->sent); }

uint32_t ms_tap_read(ms_tap_t *tap, int16_t *samples, uint32_t n) {
    return ms_pcm_ring_read(&tap->received, samples, n);
}

uint32_t ms_tap_write(ms_tap_t *tap, const int16_t *samples, uint32_t n) {
    return ms_pcm_ring_write(&tap->sent, samples, n);
}

uint32_t ms_tap_clear(ms_tap_t *tap) { return ms_pcm_ring_clear(&tap->sent); }
uint64_t ms_tap_dropped(const ms_tap_t *tap) { return atomic_load_explicit(&tap->dropped, memory_order_relaxed); }
uint64_t ms_tap_starved(const ms_tap_t *tap) { return atomic_load_explicit(&tap->starved, memory_order_relaxed); }
