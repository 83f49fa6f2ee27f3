/* UDP sockets for RTP and RTCP: recvmsg with the kernel's time stamps where there are any. */
#include "udp_socket.h"

#include "clock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EPHEMERAL_TRIES 64

/* The kernel's time of arrival: in nanoseconds on Linux, in microseconds on other systems, or none. */
#if defined(SO_TIMESTAMPNS)
#define STAMP_OPTION SO_TIMESTAMPNS
#define STAMP_MESSAGE SCM_TIMESTAMPNS
typedef struct timespec stamp_t;
static int64_t nanoseconds(const stamp_t *stamp) { return stamp->tv_sec * MS_NS_PER_SECOND + stamp->tv_nsec; }
#elif defined(SO_TIMESTAMP)
#define STAMP_OPTION SO_TIMESTAMP
#define STAMP_MESSAGE SCM_TIMESTAMP
typedef struct timeval stamp_t;
static int64_t nanoseconds(const stamp_t *stamp) {
    return stamp->tv_sec * MS_NS_PER_SECOND + stamp->tv_usec * MS_NS_PER_US;
}
#else
typedef struct timespec stamp_t;
#endif

static socklen_t address_length(const ms_address_t *address) {
    return address->any.sa_family == AF_INET6 ? sizeof address->v6 : sizeof address->v4;
}

ms_status_t ms_address_parse(const char *host, uint16_t port, ms_address_t *address) {
    char text[MS_HOST_TEXT];
    memset(address, 0, sizeof *address);
    if (host == NULL || strlen(host) >= sizeof text)
        return MS_EINVAL;
    if (inet_pton(AF_INET, host, &address->v4.sin_addr) == 1) {
        address->v4.sin_family = AF_INET;
        address->v4.sin_port = htons(port);
        return MS_OK;
    }
    strcpy(text, host);
    char *zone = strchr(text, '%');
    if (zone != NULL)
        *zone++ = '\0';
    if (inet_pton(AF_INET6, text, &address->v6.sin6_addr) != 1)
        return MS_EINVAL;
    address->v6.sin6_family = AF_INET6;
    address->v6.sin6_port = htons(port);
    if (zone != NULL) {
        unsigned long number = if_nametoindex(zone);
        address->v6.sin6_scope_id = (uint32_t)(number != 0 ? number : strtoul(zone, NULL, 10));
    }
    return MS_OK;
}

void ms_address_format(const ms_address_t *address, char host[MS_HOST_TEXT], uint16_t *port) {
    host[0] = '\0';
    *port = ms_address_port(address);
    if (address->any.sa_family == AF_INET)
        inet_ntop(AF_INET, &address->v4.sin_addr, host, MS_HOST_TEXT);
    else if (address->any.sa_family == AF_INET6)
        inet_ntop(AF_INET6, &address->v6.sin6_addr, host, MS_HOST_TEXT);
}

uint16_t ms_address_port(const ms_address_t *address) {
    if (address->any.sa_family == AF_INET)
        return ntohs(address->v4.sin_port);
    return address->any.sa_family == AF_INET6 ? ntohs(address->v6.sin6_port) : 0;
}

void ms_address_set_port(ms_address_t *address, uint16_t port) {
    if (address->any.sa_family == AF_INET6)
        address->v6.sin6_port = htons(port);
    else
        address->v4.sin_port = htons(port);
}

bool ms_address_same_host(const ms_address_t *a, const ms_address_t *b) {
    if (a->any.sa_family != b->any.sa_family)
        return false;
    if (a->any.sa_family == AF_INET6)
        return memcmp(&a->v6.sin6_addr, &b->v6.sin6_addr, sizeof a->v6.sin6_addr) == 0;
    return a->v4.sin_addr.s_addr == b->v4.sin_addr.s_addr;
}

bool ms_address_equal(const ms_address_t *a, const ms_address_t *b) {
    return ms_address_same_host(a, b) && ms_address_port(a) == ms_address_port(b);
}

static void set_option(int fd, int level, int option) {
    int one = 1;
    setsockopt(fd, level, option, &one, sizeof one);
}

/* A bound, non-blocking socket with time stamps, or -1 and errno. The address gets the port that was bound. */
static int open_socket(ms_address_t *address) {
    int fd = socket(address->any.sa_family, SOCK_DGRAM, 0);
    if (fd < 0)
        return -1;
    fcntl(fd, F_SETFL, O_NONBLOCK);
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    if (address->any.sa_family == AF_INET6)
        set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY);
#ifdef STAMP_OPTION
    set_option(fd, SOL_SOCKET, STAMP_OPTION);
#endif
    socklen_t length = address_length(address);
    if (bind(fd, &address->any, length) != 0 || getsockname(fd, &address->any, &length) != 0) {
        int reason = errno;
        close(fd);
        errno = reason;
        return -1;
    }
    return fd;
}

static ms_status_t bind_status(void) { return errno == EADDRINUSE || errno == EACCES ? MS_EBUSY : MS_ENETWORK; }

/* The pair whose even port is given. */
static ms_status_t open_pair_at(const ms_address_t *host, uint16_t port, ms_udp_pair_t *pair) {
    pair->rtp_address = pair->rtcp_address = *host;
    ms_address_set_port(&pair->rtp_address, port);
    ms_address_set_port(&pair->rtcp_address, (uint16_t)(port + 1));
    pair->rtp = open_socket(&pair->rtp_address);
    if (pair->rtp < 0)
        return bind_status();
    pair->rtcp = open_socket(&pair->rtcp_address);
    if (pair->rtcp >= 0)
        return MS_OK;
    ms_status_t status = bind_status();
    close(pair->rtp);
    return status;
}

/* The system names a free port, which is given up again and asked for by number, with its neighbour: a socket bound to
   port 0 loses its port when it is connected and opened to all again (Linux, __udp_disconnect). */
static ms_status_t open_ephemeral_pair(const ms_address_t *host, ms_udp_pair_t *pair) {
    ms_status_t status = MS_EBUSY;
    for (int i = 0; i < EPHEMERAL_TRIES && status == MS_EBUSY; i++) {
        ms_address_t probe = *host;
        ms_address_set_port(&probe, 0);
        int fd = open_socket(&probe);
        if (fd < 0)
            return bind_status();
        close(fd);
        status = open_pair_at(host, ms_address_port(&probe) & 0xfffe, pair);
    }
    return status;
}

ms_status_t ms_udp_open_pair(const ms_address_t *host, uint16_t first, uint16_t last, uint16_t *cursor,
                             ms_udp_pair_t *pair) {
    if (first == 0)
        return open_ephemeral_pair(host, pair);
    uint32_t low = (first + 1U) & ~1U;
    if (low + 1 > last)
        return MS_EINVAL;
    uint32_t pairs = (last - low + 1) / 2;
    uint32_t start = *cursor >= low && *cursor < low + 2 * pairs ? (*cursor - low) / 2 : 0;
    for (uint32_t i = 0; i < pairs; i++) {
        uint32_t port = low + 2 * ((start + i) % pairs);
        ms_status_t status = open_pair_at(host, (uint16_t)port, pair);
        if (status != MS_EBUSY) {
            *cursor = (uint16_t)(port + 2); /* go round, so that a late packet of an ended call meets no new one */
            return status;
        }
    }
    return MS_EBUSY;
}

void ms_udp_close_pair(ms_udp_pair_t *pair) {
    close(pair->rtp);
    close(pair->rtcp);
}

/* The code point is the upper six bits of the octet; the other two are congestion notification (RFC 3168). */
void ms_udp_mark(const ms_udp_pair_t *pair, uint8_t dscp) {
    int octet = dscp << 2;
    bool ipv6 = pair->rtp_address.any.sa_family == AF_INET6;
    int level = ipv6 ? IPPROTO_IPV6 : IPPROTO_IP, option = ipv6 ? IPV6_TCLASS : IP_TOS;
    if (dscp == 0)
        return;
    setsockopt(pair->rtp, level, option, &octet, sizeof octet);
    setsockopt(pair->rtcp, level, option, &octet, sizeof octet);
}

#ifdef STAMP_OPTION
static int64_t stamp_of(struct msghdr *header) {
    for (struct cmsghdr *part = CMSG_FIRSTHDR(header); part != NULL; part = CMSG_NXTHDR(header, part)) {
        if (part->cmsg_level == SOL_SOCKET && part->cmsg_type == STAMP_MESSAGE) {
            stamp_t stamp;
            memcpy(&stamp, CMSG_DATA(part), sizeof stamp);
            return nanoseconds(&stamp);
        }
    }
    return 0;
}
#else
static int64_t stamp_of(struct msghdr *header) {
    (void)header;
    return 0;
}
#endif

long ms_udp_receive(int fd, uint8_t *buffer, size_t capacity, ms_address_t *from, int64_t *wall_time) {
    union {
        char bytes[CMSG_SPACE(sizeof(stamp_t))];
        struct cmsghdr alignment;
    } control;
    struct iovec part = {buffer, capacity};
    struct msghdr header = {.msg_name = from, .msg_namelen = sizeof *from, .msg_iov = &part, .msg_iovlen = 1,
                            .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
    ssize_t length = recvmsg(fd, &header, MSG_DONTWAIT);
    if (length < 0 && errno == ECONNREFUSED) /* about a datagram sent before, not about what waits */
        length = recvmsg(fd, &header, MSG_DONTWAIT);
    if (length < 0)
        return -1;
    *wall_time = stamp_of(&header);
    return header.msg_flags & MSG_TRUNC ? (long)capacity + 1 : (long)length;
}

static bool send_once(int fd, const uint8_t *datagram, size_t length, const ms_address_t *to) {
    if (to == NULL)
        return send(fd, datagram, length, MSG_DONTWAIT) == (ssize_t)length;
    return sendto(fd, datagram, length, MSG_DONTWAIT, &to->any, address_length(to)) == (ssize_t)length;
}

bool ms_udp_send(int fd, const uint8_t *datagram, size_t length, const ms_address_t *to) {
    return send_once(fd, datagram, length, to) || (errno == ECONNREFUSED && send_once(fd, datagram, length, to));
}

#ifdef __linux__
bool ms_udp_connect(int fd, const ms_address_t *peer) {
    struct sockaddr nobody = {.sa_family = AF_UNSPEC};
    return peer == NULL ? connect(fd, &nobody, sizeof nobody) == 0 : connect(fd, &peer->any, address_length(peer)) == 0;
}
#else
bool ms_udp_connect(int fd, const ms_address_t *peer) {
    (void)fd, (void)peer;
    return false;
}
#endif
