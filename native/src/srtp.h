/* SRTP and SRTCP of one direction (RFC 3711), through function pointers into a library that others have loaded.

   The library's functions have the form of libsrtp 2: they work in place, take the length and give the new one, and
   return 0 for success. A context is used by one thread at a time. */
#ifndef MS_SRTP_H
#define MS_SRTP_H

#include "microsip_media.h"
#include "mpsc_list.h"

/* Octets that protection may add to a packet: a tag of 16, an MKI of 128, and for RTCP an index of 4. */
#define MS_SRTP_TRAILER_MAX 148

struct ms_srtp {
    ms_node_t node;
    ms_srtp_config_t config;
};

typedef enum ms_srtp_verdict {
    MS_SRTP_OK,
    MS_SRTP_FORGED,   /* authentication failed: another key, or not from the peer */
    MS_SRTP_REPLAYED, /* seen before, or too old to tell */
    MS_SRTP_FAILED    /* no such packet, or the library gave up */
} ms_srtp_verdict_t;

/* Encrypt a packet in place; behind it is room for MS_SRTP_TRAILER_MAX octets. The new length, 0: it must not be sent. */
size_t ms_srtp_protect(ms_srtp_t *srtp, uint8_t *packet, size_t length, bool rtcp);

/* Check and decrypt a packet in place. *length gets smaller. */
ms_srtp_verdict_t ms_srtp_unprotect(ms_srtp_t *srtp, uint8_t *packet, size_t *length, bool rtcp);

#endif
