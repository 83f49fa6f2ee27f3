/* A packet log: RTP and RTCP as they come and go, for a capture file. One stream writes, one program reads. */
#ifndef MS_PACKET_LOG_H
#define MS_PACKET_LOG_H

#include "mpsc_list.h"
#include "udp_socket.h"

#include <stdatomic.h>
#include <stdbool.h>

/* Two own it, the stream and the program; whoever lets go last frees it. */
struct ms_packet_log {
    ms_node_t node; /* for the stream's part of the ownership */
    _Atomic uint32_t owners;
    uint8_t *octets;
    uint32_t mask;
    _Atomic uint64_t head; /* written up to here: the stream's */
    _Atomic uint64_t tail; /* read up to here: the program's */
    _Atomic uint64_t dropped;
};

ms_status_t ms_packet_log_create(uint32_t capacity, ms_packet_log_t **log);
void ms_packet_log_let_go(ms_packet_log_t *log);
/* At the tick: a datagram as it was on the wire; dropped and counted where there is no room. `wall_time` in ns. */
void ms_packet_log_put(ms_packet_log_t *log, int64_t wall_time, bool outgoing, const ms_address_t *local,
                       const ms_address_t *remote, const uint8_t *datagram, size_t length);

#endif
