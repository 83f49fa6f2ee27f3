/* A list that any thread may push to and one thread empties, without locks: commands to a shard, rubbish from it. */
#ifndef MS_MPSC_LIST_H
#define MS_MPSC_LIST_H

#include <stdatomic.h>
#include <stddef.h>

/* First member of whatever is listed. */
typedef struct ms_node {
    struct ms_node *next;
    void (*dispose)(struct ms_node *node); /* frees it, once it has come out of a shard */
} ms_node_t;

typedef struct ms_mpsc_list {
    _Atomic(ms_node_t *) newest;
} ms_mpsc_list_t;

static inline void ms_mpsc_init(ms_mpsc_list_t *list) { atomic_init(&list->newest, NULL); }

static inline void ms_mpsc_push(ms_mpsc_list_t *list, ms_node_t *node) {
    node->next = atomic_load_explicit(&list->newest, memory_order_relaxed);
    while (!atomic_compare_exchange_weak_explicit(&list->newest, &node->next, node, memory_order_release,
                                                  memory_order_relaxed)) {
    }
}

/* Everything pushed so far, oldest first. There is no ABA trouble, because the list is only ever taken whole. */
static inline ms_node_t *ms_mpsc_take_all(ms_mpsc_list_t *list) {
    if (atomic_load_explicit(&list->newest, memory_order_relaxed) == NULL)
        return NULL;
    ms_node_t *node = atomic_exchange_explicit(&list->newest, NULL, memory_order_acquire);
    ms_node_t *oldest_first = NULL;
    while (node != NULL) {
        ms_node_t *next = node->next;
        node->next = oldest_first;
        oldest_first = node;
        node = next;
    }
    return oldest_first;
}

/* Dispose of everything in the list. */
static inline void ms_mpsc_dispose_all(ms_mpsc_list_t *list) {
    for (ms_node_t *node = ms_mpsc_take_all(list); node != NULL;) {
        ms_node_t *next = node->next;
        node->dispose(node);
        node = next;
    }
}

#endif
