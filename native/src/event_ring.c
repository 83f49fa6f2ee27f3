/* Events from one engine thread to the program: a bounded ring each, and one descriptor that says some wait. */
#include "event_ring.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#ifdef __linux__

#include <sys/eventfd.h>

ms_status_t ms_notifier_open(ms_notifier_t *notifier) {
    notifier->read_fd = notifier->write_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    atomic_init(&notifier->raised, 0);
    return notifier->read_fd < 0 ? MS_ENETWORK : MS_OK;
}

void ms_notifier_close(ms_notifier_t *notifier) { close(notifier->read_fd); }

#else

ms_status_t ms_notifier_open(ms_notifier_t *notifier) {
    int fds[2];
    if (pipe(fds) != 0)
        return MS_ENETWORK;
    for (int end = 0; end < 2; end++) {
        fcntl(fds[end], F_SETFL, O_NONBLOCK);
        fcntl(fds[end], F_SETFD, FD_CLOEXEC);
    }
    notifier->read_fd = fds[0];
    notifier->write_fd = fds[1];
    atomic_init(&notifier->raised, 0);
    return MS_OK;
}

void ms_notifier_close(ms_notifier_t *notifier) {
    close(notifier->read_fd);
    close(notifier->write_fd);
}

#endif

/* Eight octets serve both: an eventfd counts by them, a pipe just holds them. Neither write can fail for being full,
   because there is at most one between two lowerings. */
void ms_notifier_raise(ms_notifier_t *notifier) {
    uint64_t one = 1;
    if (atomic_exchange(&notifier->raised, 1) == 0 && write(notifier->write_fd, &one, sizeof one) < 0)
        atomic_store(&notifier->raised, 0); /* the next event tries again */
}

void ms_notifier_lower(ms_notifier_t *notifier) {
    uint64_t count[8];
    while (read(notifier->read_fd, count, sizeof count) == (ssize_t)sizeof count) {
    }
    atomic_exchange(&notifier->raised, 0); /* reads too, so that what came before the last raise is seen from here on */
}

ms_status_t ms_event_ring_open(ms_event_ring_t *ring, uint32_t capacity, ms_notifier_t *notifier) {
    ring->slots = calloc(capacity, sizeof *ring->slots);
    ring->mask = capacity - 1;
    ring->notifier = notifier;
    atomic_init(&ring->head, 0);
    atomic_init(&ring->tail, 0);
    atomic_init(&ring->lost, 0);
    return ring->slots == NULL ? MS_ENOMEM : MS_OK;
}

void ms_event_ring_close(ms_event_ring_t *ring) {
    free(ring->slots);
    ring->slots = NULL;
}

void ms_event_ring_put(ms_event_ring_t *ring, const ms_event_t *event) {
    uint32_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
    if (head - atomic_load_explicit(&ring->tail, memory_order_acquire) > ring->mask) {
        atomic_fetch_add_explicit(&ring->lost, 1, memory_order_relaxed);
        return;
    }
    ring->slots[head & ring->mask] = *event;
    atomic_store_explicit(&ring->head, head + 1, memory_order_release);
    ms_notifier_raise(ring->notifier);
}

size_t ms_event_ring_take(ms_event_ring_t *ring, ms_event_t *events, size_t capacity) {
    uint32_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
    uint32_t waiting = atomic_load_explicit(&ring->head, memory_order_acquire) - tail;
    size_t n = waiting < capacity ? waiting : capacity;
    for (size_t i = 0; i < n; i++)
        events[i] = ring->slots[(tail + i) & ring->mask];
    atomic_store_explicit(&ring->tail, tail + (uint32_t)n, memory_order_release);
    return n;
}
