/* The running engine: one socket, a thread that reads answers and events, and the callers that wait for answers. */
#include "engine.h"
#include "events.h"
#include "request.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { HEAD = 8, END_PATIENCE_MS = 15000, END_STEP_MS = 10 };

struct waiter {
    struct waiter *next;
    uint32_t number;
    int answered;
    uint8_t *frame;
    size_t length;
    pthread_cond_t changed;
};

static pthread_mutex_t life = PTHREAD_MUTEX_INITIALIZER; /* held by sip_init and sip_shutdown from begin to end */
static pthread_mutex_t state = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t writing = PTHREAD_MUTEX_INITIALIZER;
static int descriptor = -1; /* of the socket, -1: no engine. Guarded by state */
static int asking;          /* callers inside engine_ask; guarded by state */
static pthread_cond_t idle = PTHREAD_COND_INITIALIZER;
static int ended;           /* the process has closed its end; guarded by state */
static struct waiter *waiters;
static uint32_t last_number;
static pid_t process;
static pthread_t reader;

/* -- reading */

static int read_all(int from, uint8_t *data, size_t count)
{
    while (count > 0) {
        ssize_t got = recv(from, data, count, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return 0;
        data += got;
        count -= (size_t)got;
    }
    return 1;
}

static uint32_t u32_at(const uint8_t *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static void put_u32(uint8_t *at, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        at[i] = (uint8_t)(value >> (8 * i));
}

static void hand_over(uint32_t number, uint8_t *frame, size_t length)
{
    if (number == 0) {
        events_take(frame, length);
        free(frame);
        return;
    }
    pthread_mutex_lock(&state);
    struct waiter *waiter = waiters;
    while (waiter && waiter->number != number)
        waiter = waiter->next;
    if (waiter && !waiter->answered) {
        waiter->frame = frame;
        waiter->length = length;
        waiter->answered = 1;
        pthread_cond_signal(&waiter->changed);
        frame = NULL;
    }
    pthread_mutex_unlock(&state);
    free(frame);
}

static void *read_frames(void *argument)
{
    int from = *(int *)argument;
    free(argument);
    for (;;) {
        uint8_t head[HEAD];
        if (!read_all(from, head, HEAD))
            break;
        uint32_t length = u32_at(head);
        if (length < 4 || length > ENGINE_LARGEST_FRAME)
            break;
        uint8_t *frame = malloc(length); /* 4 more than the values: never of size 0 */
        if (!frame || !read_all(from, frame, length - 4)) {
            free(frame);
            break;
        }
        hand_over(u32_at(head + 4), frame, length - 4);
    }
    pthread_mutex_lock(&state);
    ended = 1;
    for (struct waiter *waiter = waiters; waiter; waiter = waiter->next)
        pthread_cond_signal(&waiter->changed);
    pthread_mutex_unlock(&state);
    events_close();
    return NULL;
}

/* -- asking */

static int write_all(int to, const uint8_t *data, size_t count)
{
    pthread_mutex_lock(&writing);
    while (count > 0) {
#ifdef MSG_NOSIGNAL
        ssize_t sent = send(to, data, count, MSG_NOSIGNAL);
#else
        ssize_t sent = send(to, data, count, 0);
#endif
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent <= 0)
            break;
        data += sent;
        count -= (size_t)sent;
    }
    pthread_mutex_unlock(&writing);
    return count == 0;
}

static void forget(struct waiter *gone)
{
    struct waiter **at = &waiters;
    while (*at != gone)
        at = &(*at)->next;
    *at = gone->next;
    pthread_cond_destroy(&gone->changed);
    if (--asking == 0)
        pthread_cond_broadcast(&idle);
}

int engine_ask(uint8_t *frame, size_t length, uint8_t **answer, size_t *answer_length)
{
    struct waiter waiter = {0};
    if (length - 4 > ENGINE_LARGEST_FRAME)
        return fail(SIP_ELIMIT, "the request is too large");
    pthread_mutex_lock(&state);
    int to = descriptor;
    if (to < 0 || ended) {
        pthread_mutex_unlock(&state);
        return to < 0 ? fail(SIP_ENOTINIT, "the engine does not run: call sip_init first")
                      : fail(SIP_EIO, "the engine process has ended: call sip_shutdown, then sip_init");
    }
    pthread_cond_init(&waiter.changed, NULL);
    do
        waiter.number = ++last_number;
    while (waiter.number == 0);
    waiter.next = waiters;
    waiters = &waiter;
    asking++;
    pthread_mutex_unlock(&state);

    put_u32(frame, (uint32_t)(length - 4));
    put_u32(frame + 4, waiter.number);
    int written = write_all(to, frame, length);

    pthread_mutex_lock(&state);
    while (written && !waiter.answered && !ended)
        pthread_cond_wait(&waiter.changed, &state);
    forget(&waiter);
    pthread_mutex_unlock(&state);
    if (!waiter.answered)
        return fail(SIP_EIO, "the engine process has ended");
    *answer = waiter.frame;
    *answer_length = waiter.length;
    return SIP_OK;
}

/* -- starting and ending */

static void put_setting(struct request *request, const char *name, const char *value)
{
    if (value) {
        put_text(request, name);
        put_text(request, value);
    }
}

static int configure(const sip_config_t *config)
{
    struct request request;
    request_begin(&request, "init");
    if (config) {
        put_setting(&request, "listen", config->listen);
        put_setting(&request, "codecs", config->codecs);
        put_setting(&request, "srtp", config->srtp);
        put_setting(&request, "user_agent", config->user_agent);
        put_setting(&request, "media", config->media);
        if (config->rtp_port_min || config->rtp_port_max) {
            const double range[2] = {config->rtp_port_min, config->rtp_port_max};
            put_text(&request, "port_range");
            put_reals(&request, range, 2);
        }
        if (config->max_calls) {
            put_text(&request, "max_calls");
            put_int(&request, config->max_calls);
        }
    }
    return request_int(&request);
}

static int start_reader(int from)
{
    int *argument = malloc(sizeof *argument);
    sigset_t all, before;
    if (!argument)
        return 0;
    *argument = from;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are for the program's own threads */
    int failed = pthread_create(&reader, NULL, read_frames, argument);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed)
        free(argument);
    return !failed;
}

/* Wait for the process to end; 1 when it had to be killed. */
static int reap(void)
{
    for (int waited = 0; waitpid(process, NULL, WNOHANG) == 0; waited += END_STEP_MS) {
        if (waited >= END_PATIENCE_MS) {
            kill(process, SIGKILL); /* it hangs, and nobody would ever end it */
            while (waitpid(process, NULL, 0) < 0 && errno == EINTR) {
            }
            return 1;
        }
        usleep(END_STEP_MS * 1000);
    }
    return 0;
}

static void stop(void)
{
    pthread_mutex_lock(&state);
    int from = descriptor;
    pthread_mutex_unlock(&state);
    shutdown(from, SHUT_WR); /* the engine hangs up, unregisters, tells its last events and ends */
    if (reap())
        shutdown(from, SHUT_RDWR); /* a child of its own may hold the other end */
    pthread_join(reader, NULL);
    pthread_mutex_lock(&state);
    while (asking > 0) /* who was told that the engine has ended is not out of the function yet */
        pthread_cond_wait(&idle, &state);
    descriptor = -1;
    pthread_mutex_unlock(&state);
    close(from);
    events_stop();
}

static void at_exit(void)
{
    sip_shutdown();
}

/* In a forked child there is no engine: its threads and its socket are the parent's. */
static void in_forked_child(void)
{
    pthread_mutex_init(&life, NULL);
    pthread_mutex_init(&state, NULL);
    pthread_mutex_init(&writing, NULL);
    pthread_cond_init(&idle, NULL);
    if (descriptor >= 0)
        close(descriptor);
    descriptor = -1;
    waiters = NULL;
    asking = 0;
    events_in_forked_child();
}

static void once_in_a_program(void)
{
    atexit(at_exit);
    pthread_atfork(NULL, NULL, in_forked_child);
}

static int start(const sip_config_t *config)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    int mine = -1;
    pthread_once(&once, once_in_a_program);
    int code = engine_spawn(&process, &mine);
    if (code < 0)
        return code;
    events_open();
    pthread_mutex_lock(&state);
    descriptor = mine;
    ended = 0;
    pthread_mutex_unlock(&state);
    if (!start_reader(mine)) {
        pthread_mutex_lock(&state);
        descriptor = -1;
        pthread_mutex_unlock(&state);
        close(mine);
        reap();
        return fail(SIP_ENOMEM, "no thread for the engine's answers");
    }
    code = configure(config);
    if (code < 0) {
        char text[512];
        strncpy(text, sip_error_text(), sizeof text - 1);
        text[sizeof text - 1] = 0;
        stop();
        fail(code, text);
    }
    return code;
}

/* A callback must not wait for a thread that ends the engine, since that waits for the callback. */
static int enter_life(void)
{
    if (!events_is_caller())
        return pthread_mutex_lock(&life) == 0;
    return pthread_mutex_trylock(&life) == 0;
}

int (sip_init)(const sip_config_t *config)
{
    if (!enter_life())
        return fail(SIP_EALREADY, "the engine is being started or ended");
    int code = descriptor >= 0 ? fail(SIP_EALREADY, "the engine runs already") : start(config);
    pthread_mutex_unlock(&life);
    return code;
}

int sip_shutdown(void)
{
    if (!enter_life())
        return fail(SIP_EALREADY, "the engine is being started or ended");
    int running = descriptor >= 0;
    if (running)
        stop();
    pthread_mutex_unlock(&life);
    return running ? SIP_OK : fail(SIP_ENOTINIT, "the engine does not run");
}

int sip_is_running(void)
{
    pthread_mutex_lock(&state);
    int running = descriptor >= 0 && !ended;
    pthread_mutex_unlock(&state);
    return running;
}
