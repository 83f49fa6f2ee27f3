/* Where RTP goes and from where it is believed: symmetric RTP (RFC 4961) with a guard against theft of the stream. */
#ifndef MS_PEER_H
#define MS_PEER_H

#include "udp_socket.h"

/* Zero-initialise: nothing goes anywhere, and the first valid packet decides. */
typedef struct ms_peer {
    ms_address_t rtp, rtcp;           /* where it goes */
    ms_address_t signaled, signaled_rtcp; /* what SDP said */
    bool latched;                     /* rtp is where packets came from */
    bool rtcp_latched;
    bool settled;                     /* no more learning */
    int64_t latched_at, last_heard;   /* ns */
} ms_peer_t;

/* What SDP says now. The same address again keeps what has been learned. */
void ms_peer_configure(ms_peer_t *peer, const ms_address_t *rtp, const ms_address_t *rtcp);

/* What speaks for a packet from another address than before. */
typedef enum ms_proof {
    MS_PROOF_NONE,
    MS_PROOF_SAME_SOURCE, /* it carries the SSRC in force, which a stranger can not guess */
    MS_PROOF_AUTHENTIC    /* it is encrypted with the peer's key, and no replay */
} ms_proof_t;

/* Whether a valid packet from there is of this call. */
bool ms_peer_accept(ms_peer_t *peer, const ms_address_t *from, ms_proof_t proof, int64_t now);
/* The lock has held for long and packets keep coming: nothing is to be expected from elsewhere. */
bool ms_peer_is_steady(const ms_peer_t *peer, int64_t now);
/* `muxed`: it came on the port of RTP, so that there is nothing to learn from where it came. */
bool ms_peer_accept_rtcp(ms_peer_t *peer, const ms_address_t *from, bool muxed);

#endif
