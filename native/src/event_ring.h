/* Events from one engine thread to the program: a bounded ring each, and one descriptor that says some wait. */
#ifndef MS_EVENT_RING_H
#define MS_EVENT_RING_H

#include "microsip_media.h"

#include <stdatomic.h>

/* Readable while events wait: an eventfd on Linux, a pipe elsewhere. One for all rings of an engine. */
typedef struct ms_notifier {
    int read_fd, write_fd;
    _Atomic uint32_t raised; /* spares a system call per event */
} ms_notifier_t;

ms_status_t ms_notifier_open(ms_notifier_t *notifier);
void ms_notifier_close(ms_notifier_t *notifier);
void ms_notifier_raise(ms_notifier_t *notifier);
/* Before the rings are read, so that an event which comes meanwhile raises it again. */
void ms_notifier_lower(ms_notifier_t *notifier);

/* One thread puts, one takes. */
typedef struct ms_event_ring {
    ms_event_t *slots;
    uint32_t mask;
    _Atomic uint32_t head, tail;
    _Atomic uint64_t lost;
    ms_notifier_t *notifier;
} ms_event_ring_t;

/* Capacity is a power of two. */
ms_status_t ms_event_ring_open(ms_event_ring_t *ring, uint32_t capacity, ms_notifier_t *notifier);
void ms_event_ring_close(ms_event_ring_t *ring);
/* Counted as lost when the ring is full. */
void ms_event_ring_put(ms_event_ring_t *ring, const ms_event_t *event);
size_t ms_event_ring_take(ms_event_ring_t *ring, ms_event_t *events, size_t capacity);

#endif
