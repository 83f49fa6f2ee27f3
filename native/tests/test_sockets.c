/* Addresses, port pairs, receiving with time stamps, and whom a stream believes. */
#include "check.h"
#include "clock.h"
#include "peer.h"

#include <errno.h>
#include <unistd.h>

static ms_address_t address(const char *host, uint16_t port) {
    ms_address_t result;
    CHECK_EQ(ms_address_parse(host, port, &result), MS_OK);
    return result;
}

static void addresses_are_literal(void) {
    static const char *const GOOD[] = {"127.0.0.1", "::1", "2001:db8::5", "fe80::1%lo", "fe80::1%3"};
    static const char *const BAD[] = {"", "localhost", "1.2.3", "256.1.1.1", ":::", "127.0.0.1:5060",
                                      "0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000"};
    ms_address_t parsed;
    char host[MS_HOST_TEXT];
    uint16_t port;
    for (size_t i = 0; i < sizeof GOOD / sizeof *GOOD; i++) {
        REQUIRE(ms_address_parse(GOOD[i], 4000, &parsed) == MS_OK);
        ms_address_format(&parsed, host, &port);
        CHECK(strncmp(host, GOOD[i], strcspn(GOOD[i], "%")) == 0);
        CHECK_EQ(port, 4000);
    }
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++)
        CHECK_EQ(ms_address_parse(BAD[i], 1, &parsed), MS_EINVAL);
    ms_address_t a = address("10.0.0.1", 5), b = address("10.0.0.1", 6), c = address("::1", 5);
    CHECK(ms_address_same_host(&a, &b) && !ms_address_equal(&a, &b) && !ms_address_same_host(&a, &c));
}

static void pairs_are_even_and_odd(void) {
    static const char *const HOSTS[] = {"127.0.0.1", "::1"};
    for (size_t i = 0; i < 2; i++) {
        ms_address_t host = address(HOSTS[i], 0);
        ms_udp_pair_t pairs[32];
        uint16_t cursor = 0;
        for (size_t k = 0; k < 32; k++) {
            REQUIRE(ms_udp_open_pair(&host, 0, 0, &cursor, &pairs[k]) == MS_OK);
            CHECK_EQ(ms_address_port(&pairs[k].rtp_address) % 2, 0);
            CHECK_EQ(ms_address_port(&pairs[k].rtcp_address), ms_address_port(&pairs[k].rtp_address) + 1);
        }
        for (size_t k = 0; k < 32; k++)
            ms_udp_close_pair(&pairs[k]);
    }
}

static void a_range_is_used_round_and_round(void) {
    ms_address_t host = address("127.0.0.1", 0);
    uint16_t first = (uint16_t)(21000 + getpid() % 1000 * 8), cursor = 0;
    ms_udp_pair_t a, b, c;
    REQUIRE(ms_udp_open_pair(&host, (uint16_t)(first + 1), (uint16_t)(first + 6), &cursor, &a) == MS_OK);
    CHECK_EQ(ms_address_port(&a.rtp_address), first + 2); /* the odd end of a range is left out */
    REQUIRE(ms_udp_open_pair(&host, (uint16_t)(first + 1), (uint16_t)(first + 6), &cursor, &b) == MS_OK);
    CHECK_EQ(ms_address_port(&b.rtp_address), first + 4);
    CHECK_EQ(ms_udp_open_pair(&host, (uint16_t)(first + 1), (uint16_t)(first + 6), &cursor, &c), MS_EBUSY);
    ms_udp_close_pair(&a);
    CHECK_EQ(ms_udp_open_pair(&host, (uint16_t)(first + 1), (uint16_t)(first + 6), &cursor, &c), MS_OK);
    ms_udp_close_pair(&b);
    for (int i = 0; i < 4; i++) { /* the one just given up is not the one taken next */
        uint16_t before = ms_address_port(&c.rtp_address);
        ms_udp_close_pair(&c);
        CHECK_EQ(ms_udp_open_pair(&host, (uint16_t)(first + 1), (uint16_t)(first + 6), &cursor, &c), MS_OK);
        CHECK(ms_address_port(&c.rtp_address) != before);
    }
    ms_udp_close_pair(&c);
    CHECK_EQ(ms_udp_open_pair(&host, 5001, 5001, &cursor, &c), MS_EINVAL);
    host = address("192.0.2.1", 0); /* not ours */
    CHECK_EQ(ms_udp_open_pair(&host, 0, 0, &cursor, &c), MS_ENETWORK);
}

static void datagrams_come_with_their_time(void) {
    ms_address_t host = address("127.0.0.1", 0), from;
    ms_udp_pair_t pair;
    uint8_t bytes[64];
    uint16_t cursor = 0;
    int64_t stamp = 0, before = ms_clock_wall();
    REQUIRE(ms_udp_open_pair(&host, 0, 0, &cursor, &pair) == MS_OK);
    CHECK_EQ(ms_udp_receive(pair.rtcp, bytes, sizeof bytes, &from, &stamp), -1);
    CHECK(ms_udp_send(pair.rtp, (const uint8_t *)"hello", 5, &pair.rtcp_address));
    CHECK(ms_udp_send(pair.rtp, (const uint8_t *)"", 0, &pair.rtcp_address));
    CHECK_EQ(ms_udp_receive(pair.rtcp, bytes, sizeof bytes, &from, &stamp), 5);
    CHECK(ms_address_equal(&from, &pair.rtp_address));
#ifdef __linux__
    CHECK(stamp >= before && stamp <= ms_clock_wall());
#else
    (void)before;
#endif
    CHECK_EQ(ms_udp_receive(pair.rtcp, bytes, sizeof bytes, &from, &stamp), 0);
    memset(bytes, 0, sizeof bytes);
    CHECK(ms_udp_send(pair.rtp, bytes, sizeof bytes, &pair.rtcp_address));
    CHECK_EQ(ms_udp_receive(pair.rtcp, bytes, 10, &from, &stamp), 11); /* cut, and said so */
    ms_udp_close_pair(&pair);
}

/* ---- peer */

#define AT(seconds) ((int64_t)((seconds) * (double)MS_NS_PER_SECOND))

static void the_first_packet_decides_and_the_lock_holds(void) {
    ms_peer_t peer = {0};
    ms_address_t told = address("10.0.0.1", 4000), told_rtcp = address("10.0.0.1", 4001);
    ms_address_t nat = address("198.51.100.7", 31000), thief = address("203.0.113.9", 4000);
    ms_peer_configure(&peer, &told, &told_rtcp);
    CHECK(ms_address_equal(&peer.rtp, &told));
    CHECK(ms_peer_accept(&peer, &nat, MS_PROOF_NONE, AT(1)));
    CHECK(ms_address_equal(&peer.rtp, &nat));
    CHECK_EQ(ms_address_port(&peer.rtcp), 31001);
    CHECK(!ms_peer_accept(&peer, &thief, MS_PROOF_NONE, AT(1.1)));
    CHECK(!ms_peer_accept(&peer, &thief, MS_PROOF_SAME_SOURCE, AT(1.1)));
    CHECK(ms_address_equal(&peer.rtp, &nat));
    /* the same answer again keeps what was learned; another one does not */
    ms_peer_configure(&peer, &told, &told_rtcp);
    CHECK(ms_address_equal(&peer.rtp, &nat));
    ms_peer_configure(&peer, &thief, &told_rtcp);
    CHECK(ms_address_equal(&peer.rtp, &thief));
    CHECK(ms_peer_accept(&peer, &thief, MS_PROOF_NONE, AT(2)));
    CHECK(!ms_peer_accept(&peer, &nat, MS_PROOF_SAME_SOURCE, AT(2.1)));
}

static void a_peer_is_steady_after_a_while_and_until_it_pauses(void) {
    ms_peer_t peer = {0};
    ms_address_t told = address("10.0.0.1", 4000), told_rtcp = address("10.0.0.1", 4001);
    ms_peer_configure(&peer, &told, &told_rtcp);
    CHECK(!ms_peer_is_steady(&peer, AT(100)));
    for (int i = 0; i < 300; i++) { /* where SDP said: there is nothing to learn */
        CHECK(ms_peer_accept(&peer, &told, MS_PROOF_SAME_SOURCE, AT(1 + 0.02 * i)));
        CHECK_EQ(ms_peer_is_steady(&peer, AT(1 + 0.02 * i)), i >= 50);
    }
    CHECK(ms_peer_is_steady(&peer, AT(7.3)));
    CHECK(!ms_peer_is_steady(&peer, AT(7.45)));
    ms_address_t elsewhere = address("198.51.100.7", 31000);
    peer = (ms_peer_t){0};
    ms_peer_configure(&peer, &told, &told_rtcp);
    for (int i = 0; i < 300; i++) {
        CHECK(ms_peer_accept(&peer, &elsewhere, MS_PROOF_SAME_SOURCE, AT(1 + 0.02 * i)));
        CHECK_EQ(ms_peer_is_steady(&peer, AT(1 + 0.02 * i)), i >= 150);
    }
}

static void a_connected_socket_hears_its_peer_only(void) {
    ms_address_t host = address("127.0.0.1", 0);
    ms_udp_pair_t a, b;
    uint16_t cursor = 0;
    REQUIRE(ms_udp_open_pair(&host, 0, 0, &cursor, &a) == MS_OK && ms_udp_open_pair(&host, 0, 0, &cursor, &b) == MS_OK);
#ifdef __linux__
    ms_address_t from;
    uint8_t bytes[16];
    int64_t stamp;
    CHECK(ms_udp_connect(a.rtp, &b.rtp_address));
    CHECK(ms_udp_send(b.rtp, (const uint8_t *)"yes", 3, &a.rtp_address));
    CHECK_EQ(ms_udp_receive(a.rtp, bytes, sizeof bytes, &from, &stamp), 3);
    ms_udp_send(b.rtcp, (const uint8_t *)"no", 2, &a.rtp_address); /* refused, and the sender is told so */
    CHECK_EQ(ms_udp_receive(a.rtp, bytes, sizeof bytes, &from, &stamp), -1);
    CHECK(ms_udp_send(a.rtp, (const uint8_t *)"back", 4, NULL));
    CHECK_EQ(ms_udp_receive(b.rtp, bytes, sizeof bytes, &from, &stamp), 4);
    ms_udp_close_pair(&b);
    for (int i = 0; i < 4; i++) /* nobody there any more: what the system says of the last one is no reason to fail */
        CHECK(ms_udp_send(a.rtp, (const uint8_t *)"gone", 4, NULL));
    CHECK(ms_udp_connect(a.rtp, NULL));
    CHECK(ms_udp_send(a.rtcp, (const uint8_t *)"open", 4, &a.rtp_address));
    CHECK_EQ(ms_udp_receive(a.rtp, bytes, sizeof bytes, &from, &stamp), 4);
#else
    CHECK(!ms_udp_connect(a.rtp, &b.rtp_address));
    ms_udp_close_pair(&b);
#endif
    ms_udp_close_pair(&a);
}

static void the_signaled_address_may_take_over_while_learning(void) {
    ms_address_t told = address("10.0.0.1", 4000), told_rtcp = address("10.0.0.1", 4001);
    ms_address_t early = address("10.0.0.2", 5000);
    ms_peer_t peer = {0};
    ms_peer_configure(&peer, &told, &told_rtcp);
    CHECK(ms_peer_accept(&peer, &early, MS_PROOF_NONE, AT(1)));
    CHECK(ms_peer_accept(&peer, &told, MS_PROOF_NONE, AT(1.5)));
    CHECK(ms_address_equal(&peer.rtp, &told));
    CHECK(!ms_peer_accept(&peer, &early, MS_PROOF_NONE, AT(1.6)));
    peer = (ms_peer_t){0};
    ms_peer_configure(&peer, &told, &told_rtcp);
    for (double at = 1; at < 5; at += 0.02)
        CHECK(ms_peer_accept(&peer, &early, MS_PROOF_NONE, AT(at)));
    CHECK(!ms_peer_accept(&peer, &told, MS_PROOF_NONE, AT(5))); /* too late: the lock holds */
}

static void a_silent_source_may_be_followed(void) {
    ms_address_t told = address("10.0.0.1", 4000), told_rtcp = address("10.0.0.1", 4001);
    ms_address_t moved = address("10.0.0.1", 6000);
    ms_peer_t peer = {0};
    ms_peer_configure(&peer, &told, &told_rtcp);
    CHECK(ms_peer_accept(&peer, &told, MS_PROOF_NONE, AT(10)));
    CHECK(!ms_peer_accept(&peer, &moved, MS_PROOF_SAME_SOURCE, AT(10.4)));
    CHECK(ms_peer_accept(&peer, &moved, MS_PROOF_SAME_SOURCE, AT(10.6))); /* same SSRC: the NAT has moved it */
    CHECK(!ms_peer_accept(&peer, &told, MS_PROOF_NONE, AT(15)));
    CHECK(ms_peer_accept(&peer, &told, MS_PROOF_NONE, AT(15.7))); /* another SSRC waits longer */
}

static void an_authentic_source_is_followed_at_once(void) {
    ms_address_t told = address("10.0.0.1", 4000), moved = address("198.51.100.7", 31000);
    ms_peer_t peer = {0};
    ms_peer_configure(&peer, &told, &told);
    CHECK(ms_peer_accept(&peer, &told, MS_PROOF_AUTHENTIC, AT(1)));
    CHECK(!ms_peer_accept(&peer, &moved, MS_PROOF_NONE, AT(1.1)));
    CHECK(!ms_peer_accept(&peer, &moved, MS_PROOF_SAME_SOURCE, AT(1.2)));
    CHECK(ms_peer_accept(&peer, &moved, MS_PROOF_AUTHENTIC, AT(1.3)));
    CHECK(ms_address_equal(&peer.rtp, &moved));
}

static void rtcp_is_believed_from_the_hosts_of_the_call(void) {
    ms_address_t told = address("10.0.0.1", 4000), told_rtcp = address("10.0.0.3", 4001);
    ms_address_t nat = address("198.51.100.7", 31000), nat_rtcp = address("198.51.100.7", 40000);
    ms_address_t thief = address("203.0.113.9", 4001);
    ms_peer_t peer = {0};
    ms_peer_configure(&peer, &told, &told_rtcp);
    CHECK(!ms_peer_accept_rtcp(&peer, &thief, false));
    CHECK(ms_peer_accept(&peer, &nat, MS_PROOF_NONE, AT(1)));
    CHECK(ms_peer_accept_rtcp(&peer, &nat_rtcp, false));
    CHECK(ms_address_equal(&peer.rtcp, &nat_rtcp));
    CHECK(ms_peer_accept_rtcp(&peer, &told_rtcp, false));
}

int main(void) {
    RUN(addresses_are_literal);
    RUN(pairs_are_even_and_odd);
    RUN(a_range_is_used_round_and_round);
    RUN(datagrams_come_with_their_time);
    RUN(the_first_packet_decides_and_the_lock_holds);
    RUN(a_peer_is_steady_after_a_while_and_until_it_pauses);
    RUN(a_connected_socket_hears_its_peer_only);
    RUN(the_signaled_address_may_take_over_while_learning);
    RUN(a_silent_source_may_be_followed);
    RUN(an_authentic_source_is_followed_at_once);
    RUN(rtcp_is_believed_from_the_hosts_of_the_call);
    return check_result("sockets");
}
