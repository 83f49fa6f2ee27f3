/* Time, precise waiting and random numbers: futex and getrandom on Linux, pipe and arc4random elsewhere. */
#include "clock.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static int64_t nanoseconds(clockid_t clock) {
    struct timespec time;
    clock_gettime(clock, &time);
    return (int64_t)time.tv_sec * MS_NS_PER_SECOND + time.tv_nsec;
}

int64_t ms_clock_now(void) { return nanoseconds(CLOCK_MONOTONIC); }

int64_t ms_clock_wall(void) { return nanoseconds(CLOCK_REALTIME); }

ms_status_t ms_thread_start(pthread_t *thread, void *(*run)(void *), void *context) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failure = pthread_create(thread, NULL, run, context);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = failure;
    return failure == 0 ? MS_OK : MS_ENETWORK;
}

#ifdef __linux__


#include <linux/futex.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#define HURRIED_NICE (-11)

/* The lowest real-time priority is above everything that is not real-time, which is enough; a nice value helps where
   that is not allowed, and only against threads of the same session where the system groups by session. */
ms_hurry_t ms_thread_hurry(void) {
    struct sched_param lowest = {.sched_priority = sched_get_priority_min(SCHED_RR)};
    prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL); /* the default is 50 us */
    if (pthread_setschedparam(pthread_self(), SCHED_RR, &lowest) == 0)
        return MS_HURRY_REALTIME;
    return setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), HURRIED_NICE) == 0 ? MS_HURRY_NICE : MS_HURRY_NONE;
}

void ms_thread_pin(uint32_t n) {
    cpu_set_t allowed, one;
    if (sched_getaffinity(0, sizeof allowed, &allowed) != 0)
        return;
    n %= (uint32_t)CPU_COUNT(&allowed);
    for (size_t processor = 0; processor < CPU_SETSIZE; processor++) {
        if (CPU_ISSET(processor, &allowed) && n-- == 0) {
            CPU_ZERO(&one);
            CPU_SET(processor, &one);
            sched_setaffinity(0, sizeof one, &one);
            return;
        }
    }
}

void ms_thread_name(const char *name) { prctl(PR_SET_NAME, name, 0UL, 0UL, 0UL); }

void ms_thread_calm_down(void) {
    struct sched_param none = {.sched_priority = 0};
    pthread_setschedparam(pthread_self(), SCHED_OTHER, &none);
}

uint64_t ms_thread_cpu_time(pthread_t thread) {
    clockid_t clock;
    return pthread_getcpuclockid(thread, &clock) == 0 ? (uint64_t)nanoseconds(clock) : 0;
}

ms_status_t ms_waker_open(ms_waker_t *waker) {
    atomic_init(&waker->rung, 0);
    return MS_OK;
}

void ms_waker_close(ms_waker_t *waker) { (void)waker; }

void ms_waker_ring(ms_waker_t *waker) {
    if (atomic_exchange(&waker->rung, 1) == 0)
        syscall(SYS_futex, &waker->rung, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

/* FUTEX_WAIT_BITSET takes an absolute monotonic deadline, as clock_nanosleep does, and can be woken before. */
void ms_waker_wait(ms_waker_t *waker, int64_t deadline) {
    struct timespec until = {(time_t)(deadline / MS_NS_PER_SECOND), (long)(deadline % MS_NS_PER_SECOND)};
    while (atomic_exchange(&waker->rung, 0) == 0) {
        long done = syscall(SYS_futex, &waker->rung, FUTEX_WAIT_BITSET_PRIVATE, 0,
                            deadline == MS_FOREVER ? NULL : &until, NULL, FUTEX_BITSET_MATCH_ANY);
        if (done != 0 && errno == ETIMEDOUT)
            return;
    }
}

void ms_random_bytes(void *out, size_t length) {
    uint8_t *bytes = out;
    while (length > 0) {
        ssize_t got = getrandom(bytes, length, 0);
        if (got < 0 && errno != EINTR)
            abort(); /* without randomness every SSRC would be the same */
        if (got > 0) {
            bytes += got;
            length -= (size_t)got;
        }
    }
}

#else

#include <fcntl.h>
#include <poll.h>

ms_hurry_t ms_thread_hurry(void) { return MS_HURRY_NONE; }

void ms_thread_calm_down(void) {}

void ms_thread_pin(uint32_t n) { (void)n; }

void ms_thread_name(const char *name) { (void)name; }

uint64_t ms_thread_cpu_time(pthread_t thread) {
    (void)thread;
    return 0;
}

ms_status_t ms_waker_open(ms_waker_t *waker) {
    atomic_init(&waker->rung, 0);
    if (pipe(waker->fds) != 0)
        return MS_ENETWORK;
    for (int end = 0; end < 2; end++) {
        fcntl(waker->fds[end], F_SETFL, O_NONBLOCK);
        fcntl(waker->fds[end], F_SETFD, FD_CLOEXEC);
    }
    return MS_OK;
}

void ms_waker_close(ms_waker_t *waker) {
    close(waker->fds[0]);
    close(waker->fds[1]);
}

void ms_waker_ring(ms_waker_t *waker) {
    if (atomic_exchange(&waker->rung, 1) == 0 && write(waker->fds[1], "", 1) < 0) {
        /* the pipe is full: the thread will find it readable anyway */
    }
}

void ms_waker_wait(ms_waker_t *waker, int64_t deadline) {
    while (atomic_exchange(&waker->rung, 0) == 0) {
        int64_t left = deadline - ms_clock_now();
        if (left <= 0)
            return;
        /* poll waits whole milliseconds: the last one is slept through exactly */
        struct pollfd poller = {waker->fds[0], POLLIN, 0};
        int milliseconds = deadline == MS_FOREVER ? -1
                           : left > 60 * MS_NS_PER_SECOND ? 60000 : (int)(left / MS_NS_PER_MS);
        if (poll(&poller, 1, milliseconds) == 0 && left < MS_NS_PER_MS) {
            struct timespec rest = {0, (long)left};
            nanosleep(&rest, NULL);
            return;
        }
    }
    char ignored[64];
    while (read(waker->fds[0], ignored, sizeof ignored) > 0) {
    }
}

void ms_random_bytes(void *out, size_t length) { arc4random_buf(out, length); }

#endif
