/* A packet log: RTP and RTCP as they come and go, for a capture file. One stream writes, one program reads. */
#include "packet_log.h"

#include <stdlib.h>
#include <string.h>

#define CAPACITY_MIN 4096
#define CAPACITY_MAX (UINT32_C(1) << 24)

void ms_packet_log_let_go(ms_packet_log_t *log) {
    if (atomic_fetch_sub(&log->owners, 1) != 1)
        return;
    free(log->octets);
    free(log);
}

static void dispose(ms_node_t *node) { ms_packet_log_let_go((ms_packet_log_t *)node); }

ms_status_t ms_packet_log_create(uint32_t capacity, ms_packet_log_t **out) {
    uint32_t size = CAPACITY_MIN;
    if (capacity > CAPACITY_MAX)
        return MS_EINVAL;
    while (size < capacity)
        size *= 2;
    ms_packet_log_t *log = calloc(1, sizeof *log);
    if (log == NULL)
        return MS_ENOMEM;
    log->octets = malloc(size);
    if (log->octets == NULL) {
        free(log);
        return MS_ENOMEM;
    }
    log->node.dispose = dispose;
    log->mask = size - 1;
    atomic_init(&log->owners, 2);
    *out = log;
    return MS_OK;
}

/* The part of an octet string of the ring that does not go round its end comes first. */
static uint32_t straight(const ms_packet_log_t *log, uint64_t at, uint32_t length) {
    uint32_t left = log->mask + 1 - ((uint32_t)at & log->mask);
    return length < left ? length : left;
}

static void write_at(ms_packet_log_t *log, uint64_t at, const void *from, uint32_t length) {
    uint32_t first = straight(log, at, length);
    memcpy(log->octets + ((uint32_t)at & log->mask), from, first);
    memcpy(log->octets, (const uint8_t *)from + first, length - first);
}

static void read_at(const ms_packet_log_t *log, uint64_t at, void *to, uint32_t length) {
    uint32_t first = straight(log, at, length);
    memcpy(to, log->octets + ((uint32_t)at & log->mask), first);
    memcpy((uint8_t *)to + first, log->octets, length - first);
}

static uint16_t put_address(const ms_address_t *address, uint8_t octets[16]) {
    if (address->any.sa_family == AF_INET6)
        memcpy(octets, &address->v6.sin6_addr, 16);
    else
        memcpy(octets, &address->v4.sin_addr, 4);
    return address->any.sa_family == AF_UNSPEC ? 0 : ms_address_port(address);
}

void ms_packet_log_put(ms_packet_log_t *log, int64_t wall_time, bool outgoing, const ms_address_t *local,
                       const ms_address_t *remote, const uint8_t *datagram, size_t length) {
    ms_packet_record_t record = {.wall_time = wall_time, .length = (uint32_t)length, .outgoing = outgoing,
                                 .ipv6 = local->any.sa_family == AF_INET6};
    uint64_t head = atomic_load_explicit(&log->head, memory_order_relaxed);
    uint64_t used = head - atomic_load_explicit(&log->tail, memory_order_acquire);
    if (length > log->mask || used + sizeof record + length > (uint64_t)log->mask + 1) {
        atomic_fetch_add_explicit(&log->dropped, 1, memory_order_relaxed);
        return;
    }
    record.local_port = put_address(local, record.local);
    record.remote_port = put_address(remote, record.remote);
    write_at(log, head, &record, sizeof record);
    write_at(log, head + sizeof record, datagram, (uint32_t)length);
    atomic_store_explicit(&log->head, head + sizeof record + length, memory_order_release);
}

bool ms_packet_log_next(ms_packet_log_t *log, ms_packet_record_t *record, uint8_t *datagram, size_t room) {
    uint64_t tail = atomic_load_explicit(&log->tail, memory_order_relaxed);
    if (atomic_load_explicit(&log->head, memory_order_acquire) == tail)
        return false;
    read_at(log, tail, record, sizeof *record);
    uint32_t length = record->length;
    if (record->length > room)
        record->length = (uint32_t)room;
    read_at(log, tail + sizeof *record, datagram, record->length);
    atomic_store_explicit(&log->tail, tail + sizeof *record + length, memory_order_release);
    return true;
}

uint64_t ms_packet_log_dropped(const ms_packet_log_t *log) {
    return atomic_load_explicit(&log->dropped, memory_order_relaxed);
}
