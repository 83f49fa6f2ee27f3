/* The events of the engine: a queue for sip_poll, and a thread for the callback. */
#include "events.h"
#include "request.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MOST_EVENTS = 10000 };

struct node {
    struct node *next;
    sip_event_t event; /* its strings stand behind it */
};

struct queue {
    struct node *first;
    struct node **last;
    int count;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static struct queue polled = {NULL, &polled.first, 0};
static struct queue called = {NULL, &called.first, 0};
static sip_callback_t callback;
static void *callback_user;
static char *callback_mask;
static pthread_t caller;
static int caller_runs;
static int calling;         /* the callback runs now */
static unsigned generation; /* of callback threads: one whose number is past has to end */
static int closed = 1;

static void append(struct queue *queue, struct node *node)
{
    node->next = NULL;
    *queue->last = node;
    queue->last = &node->next;
    queue->count++;
}

static struct node *remove_at(struct queue *queue, struct node **at)
{
    struct node *node = *at;
    *at = node->next;
    if (queue->last == &node->next)
        queue->last = at;
    queue->count--;
    return node;
}

static void empty(struct queue *queue)
{
    while (queue->first)
        free(remove_at(queue, &queue->first));
}

/* Whether a type is among names with commas between; NULL and "" are all of them. */
static int is_wanted(const char *mask, const char *type)
{
    size_t length = strlen(type);
    if (!mask || !*mask)
        return 1;
    for (const char *at = mask; *at;) {
        at += strspn(at, ", ");
        size_t word = strcspn(at, ", ");
        if (word == length && strncmp(at, type, word) == 0)
            return 1;
        at += word;
    }
    return 0;
}

static const char *copied(char **room, const uint8_t *text, size_t length)
{
    char *copy = *room;
    memcpy(copy, text, length);
    copy[length] = 0;
    *room += length + 1;
    return copy;
}

static struct node *node_of(const uint8_t *values, size_t length)
{
    struct values from = {values, values + length};
    size_t type_length, text_length, peer_length, message_length;
    const uint8_t *type = take_octets(&from, &type_length);
    sip_event_t event = {0};
    event.time = take_real(&from);
    event.account = take_int(&from);
    event.call = take_int(&from);
    event.status = take_int(&from);
    const uint8_t *text = take_octets(&from, &text_length);
    const uint8_t *peer = take_octets(&from, &peer_length);
    event.request = take_int(&from);
    const uint8_t *message = take_octets(&from, &message_length);
    struct node *node = malloc(sizeof *node + type_length + text_length + peer_length + message_length + 4);
    if (!node)
        return NULL;
    char *room = (char *)(node + 1);
    event.type = copied(&room, type, type_length);
    event.text = copied(&room, text, text_length);
    event.peer = copied(&room, peer, peer_length);
    event.message = copied(&room, message, message_length);
    node->event = event;
    return node;
}

void events_take(const uint8_t *values, size_t length)
{
    struct node *node = node_of(values, length);
    if (!node)
        return;
    pthread_mutex_lock(&lock);
    struct queue *queue = callback && is_wanted(callback_mask, node->event.type) ? &called : &polled;
    append(queue, node);
    if (queue->count > MOST_EVENTS)
        free(remove_at(queue, &queue->first)); /* nobody takes them: the oldest is lost */
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

static void *call_back(void *number)
{
    unsigned mine = (unsigned)(uintptr_t)number;
    pthread_mutex_lock(&lock);
    for (;;) {
        while (!called.first && !closed && mine == generation)
            pthread_cond_wait(&changed, &lock);
        if (mine != generation || !called.first)
            break;
        struct node *node = remove_at(&called, &called.first);
        sip_callback_t function = callback;
        void *user = callback_user;
        calling = 1;
        pthread_mutex_unlock(&lock);
        if (function)
            function(&node->event, user);
        free(node);
        pthread_mutex_lock(&lock);
        if (mine == generation) {
            calling = 0;
            pthread_cond_broadcast(&changed);
        }
    }
    pthread_mutex_unlock(&lock);
    return NULL;
}

int sip_set_callback(sip_callback_t function, void *user, const char *mask)
{
    char *copy = mask ? malloc(strlen(mask) + 1) : NULL;
    int code = SIP_OK;
    if (mask && !copy)
        return fail(SIP_ENOMEM, "no memory for the mask");
    if (copy)
        memcpy(copy, mask, strlen(mask) + 1);
    pthread_mutex_lock(&lock);
    if (closed) {
        code = SIP_ENOTINIT;
    } else if (function && !caller_runs) {
        sigset_t all, before;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are for the program's own threads */
        if (pthread_create(&caller, NULL, call_back, (void *)(uintptr_t)generation) == 0)
            caller_runs = 1;
        else
            code = SIP_ENOMEM;
        pthread_sigmask(SIG_SETMASK, &before, NULL);
    }
    if (code == SIP_OK) {
        char *old = callback_mask;
        callback = function;
        callback_user = user;
        callback_mask = copy;
        copy = old;
        /* what the callback before was given may be freed after this */
        while (calling && !(caller_runs && pthread_equal(pthread_self(), caller)))
            pthread_cond_wait(&changed, &lock);
    }
    pthread_mutex_unlock(&lock);
    free(copy);
    return code == SIP_OK ? code : fail(code, "the engine does not run, or there is no thread for the callback");
}

static sip_event_t *take_first(const char *mask)
{
    for (struct node **at = &polled.first; *at; at = &(*at)->next)
        if (is_wanted(mask, (*at)->event.type))
            return &remove_at(&polled, at)->event;
    return NULL;
}

sip_event_t *sip_event_wait(const char *mask, double timeout)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    if (timeout > 1e9)
        timeout = 1e9;
    if (timeout >= 0) {
        long nanoseconds = (long)((timeout - (double)(long)timeout) * 1e9) + until.tv_nsec;
        until.tv_sec += (time_t)timeout + nanoseconds / 1000000000L;
        until.tv_nsec = nanoseconds % 1000000000L;
    }
    pthread_mutex_lock(&lock);
    sip_event_t *event;
    int over = 0;
    while (!(event = take_first(mask)) && !closed && !over) {
        if (timeout < 0)
            pthread_cond_wait(&changed, &lock);
        else
            over = timeout == 0 || pthread_cond_timedwait(&changed, &lock, &until) == ETIMEDOUT;
    }
    int gone = closed;
    pthread_mutex_unlock(&lock);
    if (!event && gone)
        fail(SIP_ENOTINIT, "the engine does not run");
    return event;
}

sip_event_t *sip_poll(double timeout)
{
    return sip_event_wait(NULL, timeout);
}

void sip_event_free(sip_event_t *event)
{
    if (event)
        free((char *)event - offsetof(struct node, event));
}

void events_open(void)
{
    pthread_mutex_lock(&lock);
    empty(&polled); /* what nobody took after the last end */
    closed = 0;
    pthread_mutex_unlock(&lock);
}

void events_close(void)
{
    pthread_mutex_lock(&lock);
    closed = 1;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

int events_is_caller(void)
{
    pthread_mutex_lock(&lock);
    int is_it = caller_runs && pthread_equal(pthread_self(), caller);
    pthread_mutex_unlock(&lock);
    return is_it;
}

void events_stop(void)
{
    if (caller_runs) {
        if (events_is_caller())
            pthread_detach(caller); /* the callback ends the engine: its thread ends when it returns */
        else
            pthread_join(caller, NULL);
    }
    pthread_mutex_lock(&lock);
    caller_runs = 0;
    calling = 0;
    generation++;
    empty(&called);
    free(callback_mask);
    callback_mask = NULL;
    callback = NULL;
    pthread_mutex_unlock(&lock);
}

void events_in_forked_child(void)
{
    pthread_mutex_init(&lock, NULL);
    pthread_cond_init(&changed, NULL);
    caller_runs = 0;
    calling = 0;
    callback = NULL;
    closed = 1;
}
