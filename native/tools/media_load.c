/* Load for media servers, and the least a server could do, for comparison. Loopback only.

   media_load raw N            N sockets; every 20 ms each is read once and what came is sent back: the cost of the
                               system calls alone. Prints its ports on one line and runs until stdin ends.
   media_load raw-connected N  the same with connected sockets.
   media_load load N SECONDS WARM_UP [PACKETS]
                               N calls: prints its own ports on one line, reads those of the echoing side from stdin,
                               sends each 50 G.711 packets a second, evenly spread, and after the warm-up judges what
                               comes back by the kernel's time stamps; prints one line of JSON. PACKETS is a file of
                               packets to send instead, each after its length in two octets: all calls send the same. */
#include "byte_order.h"
#include "clock.h"
#include "rtp_packet.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define FLOWS_MAX 20000
#define PTIME_NS (20 * MS_NS_PER_MS)
#define SLOTS 20
#define PACKET_SIZE (MS_RTP_HEADER_SIZE + 160)
#define BATCH 8
#define PACKETS_MAX 100000
#define BUCKETS 10000 /* of 10 us */

typedef struct flow {
    int fd;
    struct sockaddr_in to;
    uint32_t sent, received, judged_sent, judged_received;
    int64_t last_arrival, worst_gap;
} flow_t;

static flow_t flows[FLOWS_MAX];
static uint64_t deviations[BUCKETS];
static uint64_t gaps;

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static struct sockaddr_in loopback(unsigned port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

static int open_socket(unsigned *port, int stamps) {
    struct sockaddr_in address = loopback(0);
    socklen_t length = sizeof address;
    int one = 1, fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, length) != 0)
        fail("bind");
    if (stamps)
        setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &one, sizeof one);
    getsockname(fd, (struct sockaddr *)&address, &length);
    *port = ntohs(address.sin_port);
    return fd;
}

static void sleep_until(int64_t deadline) {
    struct timespec until = {deadline / MS_NS_PER_SECOND, deadline % MS_NS_PER_SECOND};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR) {
    }
}

/* ---- raw */

static void echo_once(flow_t *flow, int connected) {
    uint8_t packet[2048];
    struct sockaddr_in from;
    socklen_t length = sizeof from;
    if (flow->to.sin_port != 0 && connected) {
        ssize_t n = recv(flow->fd, packet, sizeof packet, 0);
        if (n > 0)
            send(flow->fd, packet, (size_t)n, 0);
        return;
    }
    ssize_t n = recvfrom(flow->fd, packet, sizeof packet, 0, (struct sockaddr *)&from, &length);
    if (n <= 0)
        return;
    if (connected && connect(flow->fd, (struct sockaddr *)&from, length) == 0)
        flow->to = from;
    sendto(flow->fd, packet, (size_t)n, 0, (struct sockaddr *)&from, length);
}

static void open_flows(int count, int stamps) {
    for (int i = 0; i < count; i++) {
        unsigned port;
        flows[i].fd = open_socket(&port, stamps);
        printf("%u%c", port, i + 1 < count ? ' ' : '\n');
    }
    fflush(stdout);
}

static int raw(int count, int connected) {
    open_flows(count, 0);
    int64_t start = ms_clock_now();
    ms_thread_hurry();
    for (int64_t slot = 0;; slot++) {
        char line[64];
        struct pollfd input = {0, POLLIN, 0};
        sleep_until(start + slot * PTIME_NS / SLOTS);
        for (int i = (int)(slot % SLOTS); i < count; i += SLOTS)
            echo_once(&flows[i], connected);
        if (slot % SLOTS == 0 && poll(&input, 1, 0) > 0 && read(0, line, sizeof line) <= 0)
            return 0;
    }
}

/* ---- load */

static struct {
    uint8_t *bytes;
    uint32_t count, offsets[PACKETS_MAX];
} replayed;

static void read_packets(const char *path) {
    FILE *file = fopen(path, "rb");
    long size = 0;
    if (file == NULL || fseek(file, 0, SEEK_END) != 0 || (size = ftell(file)) <= 0)
        fail(path);
    rewind(file);
    replayed.bytes = malloc((size_t)size);
    if (replayed.bytes == NULL || fread(replayed.bytes, 1, (size_t)size, file) != (size_t)size)
        fail(path);
    fclose(file);
    for (uint32_t at = 0; at + 2 < (uint32_t)size && replayed.count < PACKETS_MAX; at += 2U + ms_get16(replayed.bytes + at))
        replayed.offsets[replayed.count++] = at;
}

/* What goes out as the flow's next packet; its length. */
static size_t next_packet(const flow_t *flow, const uint8_t **packet) {
    static uint8_t made[PACKET_SIZE];
    if (replayed.count > 0) {
        const uint8_t *entry = replayed.bytes + replayed.offsets[flow->sent % replayed.count];
        *packet = entry + 2;
        return ms_get16(entry);
    }
    ms_rtp_packet_t header = {.sequence = (uint16_t)flow->sent, .timestamp = flow->sent * 160,
                              .ssrc = 0x10000000U + (uint32_t)(flow - flows), .marker = flow->sent == 0};
    ms_rtp_write_header(made, &header);
    for (int i = 0; i < 160; i++) /* a signal that is neither silent nor constant */
        made[MS_RTP_HEADER_SIZE + i] = (uint8_t)(0x90 + (i * 7 + (int)flow->sent * 13) % 0x60);
    *packet = made;
    return sizeof made;
}

static void send_one(flow_t *flow, int judging) {
    const uint8_t *packet;
    size_t length = next_packet(flow, &packet);
    ssize_t sent = sendto(flow->fd, packet, length, 0, (struct sockaddr *)&flow->to, sizeof flow->to);
    if (sent == (ssize_t)length) {
        flow->sent++;
        flow->judged_sent += (uint32_t)judging;
    }
}

static int64_t stamp_of(struct msghdr *header) {
    struct cmsghdr *part = CMSG_FIRSTHDR(header);
    struct timespec time;
    if (part == NULL || part->cmsg_type != SCM_TIMESTAMPNS)
        return 0;
    memcpy(&time, CMSG_DATA(part), sizeof time);
    return time.tv_sec * MS_NS_PER_SECOND + time.tv_nsec;
}

static void judge(flow_t *flow, int64_t arrival, int judging) {
    flow->received++;
    if (judging && flow->last_arrival != 0) {
        int64_t gap = arrival - flow->last_arrival, deviation = gap > PTIME_NS ? gap - PTIME_NS : PTIME_NS - gap;
        int64_t bucket = deviation / 10000;
        deviations[bucket < BUCKETS ? bucket : BUCKETS - 1]++;
        gaps++;
        if (gap > flow->worst_gap)
            flow->worst_gap = gap;
        flow->judged_received++;
    }
    flow->last_arrival = arrival;
}

static void receive(flow_t *flow, int judging) {
    static uint8_t packets[BATCH][2048];
    static char control[BATCH][64];
    struct mmsghdr headers[BATCH] = {0};
    struct iovec parts[BATCH];
    for (int i = 0; i < BATCH; i++) {
        parts[i] = (struct iovec){packets[i], sizeof packets[i]};
        headers[i].msg_hdr = (struct msghdr){.msg_iov = &parts[i], .msg_iovlen = 1, .msg_control = control[i],
                                             .msg_controllen = sizeof control[i]};
    }
    int n = recvmmsg(flow->fd, headers, BATCH, 0, NULL);
    for (int i = 0; i < n; i++)
        judge(flow, stamp_of(&headers[i].msg_hdr), judging);
}

static double quantile_ms(double part) {
    uint64_t wanted = (uint64_t)((double)gaps * part), sum = 0;
    int bucket = 0;
    while (bucket < BUCKETS - 1 && (sum += deviations[bucket]) <= wanted)
        bucket++;
    return bucket * 0.01;
}

static void report(int count, double seconds) {
    uint64_t sent = 0, received = 0;
    int64_t worst = 0;
    int passed = 0;
    for (int i = 0; i < count; i++) {
        flow_t *flow = &flows[i];
        double rate = flow->judged_received / seconds;
        sent += flow->judged_sent;
        received += flow->judged_received;
        worst = flow->worst_gap > worst ? flow->worst_gap : worst;
        passed += rate >= 49.0 && rate <= 51.0 && flow->worst_gap <= 60 * MS_NS_PER_MS;
    }
    printf("{\"flows\": %d, \"passed\": %d, \"seconds\": %.2f, \"sent\": %llu, \"received\": %llu, "
           "\"pacing_p50_ms\": %.2f, \"pacing_p99_ms\": %.2f, \"pacing_p999_ms\": %.2f, \"worst_gap_ms\": %.2f}\n",
           count, passed, seconds, (unsigned long long)sent, (unsigned long long)received, quantile_ms(0.5),
           quantile_ms(0.99), quantile_ms(0.999), (double)worst / 1e6);
}

static int load(int count, double seconds, double warm_up) {
    open_flows(count, 1);
    for (int i = 0; i < count; i++) {
        unsigned port;
        if (scanf("%u", &port) != 1)
            return 2;
        flows[i].to = loopback(port);
    }
    int64_t start = ms_clock_now();
    int64_t first = (int64_t)(warm_up * 1e9 / (double)PTIME_NS) * SLOTS;
    int64_t slots = first + (int64_t)(seconds * 1e9 / (double)PTIME_NS) * SLOTS;
    ms_thread_hurry();
    for (int64_t slot = 0; slot < slots; slot++) {
        int judging = slot >= first;
        sleep_until(start + slot * PTIME_NS / SLOTS);
        for (int i = (int)(slot % SLOTS); i < count; i += SLOTS)
            send_one(&flows[i], judging);
        for (int i = (int)((slot + SLOTS / 2) % SLOTS); i < count; i += SLOTS)
            receive(&flows[i], judging);
    }
    report(count, seconds);
    return 0;
}

int main(int argc, char **argv) {
    int count = argc >= 3 ? atoi(argv[2]) : 0;
    if (count >= 1 && count <= FLOWS_MAX && (argc == 5 || argc == 6) && strcmp(argv[1], "load") == 0) {
        if (argc == 6)
            read_packets(argv[5]);
        return load(count, atof(argv[3]), atof(argv[4]));
    }
    if (count >= 1 && count <= FLOWS_MAX && argc == 3 && strncmp(argv[1], "raw", 3) == 0)
        return raw(count, strcmp(argv[1], "raw-connected") == 0);
    fprintf(stderr, "usage: media_load raw|raw-connected N, or media_load load N SECONDS WARM_UP [PACKETS] < ports\n");
    return 2;
}
