/* Where RTP goes and from where it is believed: symmetric RTP (RFC 4961) with a guard against theft of the stream. */
#include "peer.h"

#include "clock.h"

/* The first packet decides, so that a peer behind a NAT is heard at once. For the first seconds the address that SDP
   named may still take over; then the lock holds. A locked source that has fallen silent may be followed to another
   address: soon when the SSRC is the same, which a stranger can not guess (a NAT has given it another port), late when
   it is not (another media server without a re-INVITE). With SRTP no patience is needed: a packet that is authentic and
   no replay is the peer's, wherever it comes from. */
#define LEARNING_NS (3000 * MS_NS_PER_MS)
#define STEADY_NS (1000 * MS_NS_PER_MS)
#define SAME_SOURCE_NS (500 * MS_NS_PER_MS)
#define OTHER_SOURCE_NS (5000 * MS_NS_PER_MS)
/* Less than any of these: a steady peer ceases to be so before it may be followed. */
#define PAUSE_NS (400 * MS_NS_PER_MS)

void ms_peer_configure(ms_peer_t *peer, const ms_address_t *rtp, const ms_address_t *rtcp) {
    if (!ms_address_equal(&peer->signaled, rtp)) {
        peer->signaled = peer->rtp = *rtp;
        peer->latched = peer->settled = peer->rtcp_latched = false;
    }
    if (!ms_address_equal(&peer->signaled_rtcp, rtcp) || !peer->rtcp_latched) {
        peer->signaled_rtcp = peer->rtcp = *rtcp;
        peer->rtcp_latched = false;
    }
}

/* RTCP follows RTP to its new host until it is heard itself. */
static void follow(ms_peer_t *peer, const ms_address_t *from, int64_t now) {
    peer->rtp = *from;
    peer->latched = true;
    peer->latched_at = peer->last_heard = now;
    if (!ms_address_same_host(&peer->rtcp, from) && !ms_address_same_host(&peer->signaled_rtcp, from)) {
        peer->rtcp = *from;
        ms_address_set_port(&peer->rtcp, (uint16_t)(ms_address_port(from) + 1));
        peer->rtcp_latched = false;
    }
}

bool ms_peer_accept(ms_peer_t *peer, const ms_address_t *from, ms_proof_t proof, int64_t now) {
    if (peer->latched && ms_address_equal(&peer->rtp, from)) {
        peer->last_heard = now;
        return true;
    }
    if (!peer->latched) {
        follow(peer, from, now);
        peer->settled = peer->signaled.any.sa_family == AF_UNSPEC || ms_address_equal(from, &peer->signaled);
        return true;
    }
    int64_t silence = now - peer->last_heard;
    bool learning = !peer->settled && now - peer->latched_at < LEARNING_NS;
    bool rightful = learning && ms_address_equal(from, &peer->signaled);
    if (!rightful && proof != MS_PROOF_AUTHENTIC &&
        silence < (proof == MS_PROOF_SAME_SOURCE ? SAME_SOURCE_NS : OTHER_SOURCE_NS))
        return false;
    follow(peer, from, now);
    peer->settled = true;
    return true;
}

bool ms_peer_is_steady(const ms_peer_t *peer, int64_t now) {
    return peer->latched && now - peer->latched_at >= (peer->settled ? STEADY_NS : LEARNING_NS) &&
           now - peer->last_heard < PAUSE_NS;
}

bool ms_peer_accept_rtcp(ms_peer_t *peer, const ms_address_t *from, bool muxed) {
    if (!ms_address_same_host(from, &peer->rtp) && !ms_address_same_host(from, &peer->signaled_rtcp))
        return false;
    if (!muxed) {
        peer->rtcp = *from;
        peer->rtcp_latched = true;
    }
    return true;
}
