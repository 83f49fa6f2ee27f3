/* UDP sockets for RTP and RTCP: addresses, port pairs, and receiving with the kernel's time stamp. */
#ifndef MS_UDP_SOCKET_H
#define MS_UDP_SOCKET_H

#include "microsip_media.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>

/* IPv4 or IPv6; family AF_UNSPEC means none. */
typedef union ms_address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
} ms_address_t;

/* Room for the longest text of a host: IPv6 with a zone. */
#define MS_HOST_TEXT 64

/* A literal address; IPv6 may carry a zone ("fe80::1%eth0"). MS_EINVAL for a name. */
ms_status_t ms_address_parse(const char *host, uint16_t port, ms_address_t *address);
void ms_address_format(const ms_address_t *address, char host[MS_HOST_TEXT], uint16_t *port);
uint16_t ms_address_port(const ms_address_t *address);
void ms_address_set_port(ms_address_t *address, uint16_t port);
bool ms_address_same_host(const ms_address_t *a, const ms_address_t *b);
bool ms_address_equal(const ms_address_t *a, const ms_address_t *b);

typedef struct ms_udp_pair {
    int rtp, rtcp; /* descriptors */
    ms_address_t rtp_address, rtcp_address;
} ms_udp_pair_t;

/* Bind RTP to an even port and RTCP to the next (RFC 3550 s11). Ports first..last are tried in turn, beginning at
   *cursor, which is moved on; first 0 means wherever the system has a free pair. MS_EBUSY: none is free. */
ms_status_t ms_udp_open_pair(const ms_address_t *host, uint16_t first, uint16_t last, uint16_t *cursor,
                             ms_udp_pair_t *pair);
void ms_udp_close_pair(ms_udp_pair_t *pair);

#define MS_DSCP_MAX 63
/* Mark what is sent with a DiffServ code point (RFC 2474); where the system refuses, it goes out unmarked. */
void ms_udp_mark(const ms_udp_pair_t *pair, uint8_t dscp);

/* One datagram without waiting: its length, or -1 when there is none. wall_time: when it reached this machine
   (ms_clock_wall); 0 where the system does not tell. A datagram longer than the buffer gives length capacity + 1. */
long ms_udp_receive(int fd, uint8_t *buffer, size_t capacity, ms_address_t *from, int64_t *wall_time);

/* True when the system took the whole datagram. `to` is NULL for a connected socket. */
bool ms_udp_send(int fd, const uint8_t *datagram, size_t length, const ms_address_t *to);

/* Exchange datagrams with one address only, which spares a lookup each, or with any again (NULL). False, and nothing is
   changed, where that can not be undone. */
bool ms_udp_connect(int fd, const ms_address_t *peer);

#endif
