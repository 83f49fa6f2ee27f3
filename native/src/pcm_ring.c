/* A ring of int16 samples between one writing and one reading thread, without locks. */
#include "pcm_ring.h"

#include <stdlib.h>
#include <string.h>

#define CAPACITY_MAX (UINT32_C(1) << 24)

ms_status_t ms_pcm_ring_open(ms_pcm_ring_t *ring, uint32_t capacity) {
    uint32_t size = 16;
    if (capacity > CAPACITY_MAX)
        return MS_EINVAL;
    while (size < capacity)
        size *= 2;
    ring->samples = malloc(size * sizeof *ring->samples);
    if (ring->samples == NULL)
        return MS_ENOMEM;
    ring->mask = size - 1;
    atomic_init(&ring->head, 0);
    atomic_init(&ring->tail, 0);
    atomic_init(&ring->cleared, 0);
    return MS_OK;
}

void ms_pcm_ring_close(ms_pcm_ring_t *ring) {
    free(ring->samples);
    ring->samples = NULL;
}

/* Where reading goes on: the tail, or the end of what was cleared if that is further. */
static uint64_t reading_position(const ms_pcm_ring_t *ring) {
    uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_acquire);
    uint64_t cleared = atomic_load_explicit(&ring->cleared, memory_order_acquire);
    return cleared > tail ? cleared : tail;
}

uint32_t ms_pcm_ring_readable(const ms_pcm_ring_t *ring) {
    uint64_t from = reading_position(ring);
    return (uint32_t)(atomic_load_explicit(&ring->head, memory_order_acquire) - from);
}

/* Not the complement of readable: cleared samples keep their place until the reader has gone past them. */
uint32_t ms_pcm_ring_space(const ms_pcm_ring_t *ring) {
    uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_acquire);
    return ring->mask + 1 - (uint32_t)(atomic_load_explicit(&ring->head, memory_order_relaxed) - tail);
}

uint32_t ms_pcm_ring_write(ms_pcm_ring_t *ring, const int16_t *samples, uint32_t n) {
    uint32_t space = ms_pcm_ring_space(ring);
    uint64_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
    uint32_t offset = (uint32_t)head & ring->mask;
    n = n < space ? n : space;
    uint32_t first = n < ring->mask + 1 - offset ? n : ring->mask + 1 - offset;
    memcpy(ring->samples + offset, samples, first * sizeof *samples);
    memcpy(ring->samples, samples + first, (n - first) * sizeof *samples);
    atomic_store_explicit(&ring->head, head + n, memory_order_release);
    return n;
}

uint32_t ms_pcm_ring_read(ms_pcm_ring_t *ring, int16_t *samples, uint32_t n) {
    uint64_t from = reading_position(ring);
    uint32_t available = (uint32_t)(atomic_load_explicit(&ring->head, memory_order_acquire) - from);
    uint32_t offset = (uint32_t)from & ring->mask;
    n = n < available ? n : available;
    uint32_t first = n < ring->mask + 1 - offset ? n : ring->mask + 1 - offset;
    memcpy(samples, ring->samples + offset, first * sizeof *samples);
    memcpy(samples + first, ring->samples, (n - first) * sizeof *samples);
    atomic_store_explicit(&ring->tail, from + n, memory_order_release);
    return n;
}

void ms_pcm_ring_skip(ms_pcm_ring_t *ring, uint32_t n) {
    atomic_store_explicit(&ring->tail, reading_position(ring) + n, memory_order_release);
}

uint32_t ms_pcm_ring_clear(ms_pcm_ring_t *ring) {
    uint32_t dropped = ms_pcm_ring_readable(ring);
    atomic_store_explicit(&ring->cleared, atomic_load_explicit(&ring->head, memory_order_relaxed),
                          memory_order_release);
    return dropped;
}
