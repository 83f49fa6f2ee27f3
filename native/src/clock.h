/* Time, precise waiting and random numbers: everything the engine asks of the system besides sockets and files. */
#ifndef MS_CLOCK_H
#define MS_CLOCK_H

#include "microsip_media.h"

#include <pthread.h>
#include <stdatomic.h>

#define MS_NS_PER_SECOND INT64_C(1000000000)
#define MS_NS_PER_MS INT64_C(1000000)
#define MS_NS_PER_US INT64_C(1000)
#define MS_FOREVER INT64_MAX

/* Nanoseconds of the monotonic clock, the same as Python's time.monotonic. */
int64_t ms_clock_now(void);

/* Nanoseconds since 1970: what the kernel stamps packets with, and what RTCP sender reports tell. */
int64_t ms_clock_wall(void);

/* How much a thread is preferred to others. */
typedef enum ms_hurry {
    MS_HURRY_NONE,
    MS_HURRY_NICE,    /* more of the processor's time */
    MS_HURRY_REALTIME /* as soon as it has something to do */
} ms_hurry_t;

/* Ask the system to wake the calling thread on time, as far as it allows; what it allowed. */
ms_hurry_t ms_thread_hurry(void);
/* Give up a real-time priority. */
void ms_thread_calm_down(void);

/* A thread that takes no signals: they are the program's. */
ms_status_t ms_thread_start(pthread_t *thread, void *(*run)(void *), void *context);
/* Keep the calling thread on the n-th processor it may use, modulo their number, where the system can do that. */
void ms_thread_pin(uint32_t n);
/* Name the calling thread for debuggers and top: up to 15 characters. */
void ms_thread_name(const char *name);
/* Processor time of a running thread in ns; 0 where the system does not tell. */
uint64_t ms_thread_cpu_time(pthread_t thread);

/* A thread that waits until a time or until somebody wakes it. */
typedef struct ms_waker {
    _Atomic uint32_t rung;
    int fds[2]; /* where there is no futex: a pipe */
} ms_waker_t;

ms_status_t ms_waker_open(ms_waker_t *waker);
void ms_waker_close(ms_waker_t *waker);
/* From any thread; a ring before the wait is not lost. */
void ms_waker_ring(ms_waker_t *waker);
/* Only the one thread it belongs to. Returns at the deadline (ms_clock_now) or when rung. */
void ms_waker_wait(ms_waker_t *waker, int64_t deadline);

/* Unpredictable octets, as RFC 3550 asks for SSRC, sequence number and timestamp. */
void ms_random_bytes(void *out, size_t length);

#endif
