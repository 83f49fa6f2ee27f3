/* SRTP and SRTCP of one direction (RFC 3711), through function pointers into a library that others have loaded. */
#include "srtp.h"

#include <stdlib.h>
#include <string.h>

#define RTP_HEADER 12
#define RTCP_HEADER 8
/* Of libsrtp 2. */
#define STATUS_AUTHENTICATION 7
#define STATUS_REPLAY 9
#define STATUS_REPLAY_OLD 10

static void dispose(ms_node_t *node) {
    ms_srtp_t *srtp = (ms_srtp_t *)node;
    srtp->config.release(srtp->config.context);
    free(srtp);
}

ms_status_t ms_srtp_create(const ms_srtp_config_t *config, ms_srtp_t **out) {
    *out = NULL;
    if (config->context == NULL || config->release == NULL || config->rtp == NULL || config->rtcp == NULL ||
        config->mki_length > MS_SRTP_MKI_MAX || config->mki_before > MS_SRTP_TAG_MAX ||
        config->mki_before_rtcp > MS_SRTP_TAG_MAX)
        return MS_EINVAL;
    ms_srtp_t *srtp = calloc(1, sizeof *srtp);
    if (srtp == NULL)
        return MS_ENOMEM;
    srtp->node.dispose = dispose;
    srtp->config = *config;
    *out = srtp;
    return MS_OK;
}

void ms_srtp_free(ms_srtp_t *srtp) {
    if (srtp != NULL)
        dispose(&srtp->node);
}

size_t ms_srtp_protect(ms_srtp_t *srtp, uint8_t *packet, size_t length, bool rtcp) {
    int new_length = (int)length;
    ms_srtp_function_t protect = rtcp ? srtp->config.rtcp : srtp->config.rtp;
    if (protect(srtp->config.context, packet, &new_length) != 0 || new_length <= 0)
        return 0;
    return (size_t)new_length;
}

/* Take out the master key identifier. It is not authenticated (RFC 3711 s3.1), and stands before so many last octets. */
static bool remove_mki(const ms_srtp_config_t *config, uint8_t *packet, size_t *length, size_t after, size_t header) {
    size_t mki = config->mki_length;
    if (*length < header + mki + after)
        return false;
    uint8_t *place = packet + *length - after - mki;
    if (memcmp(place, config->mki, mki) != 0)
        return false;
    memmove(place, place + mki, after);
    *length -= mki;
    return true;
}

ms_srtp_verdict_t ms_srtp_unprotect(ms_srtp_t *srtp, uint8_t *packet, size_t *length, bool rtcp) {
    const ms_srtp_config_t *config = &srtp->config;
    size_t header = rtcp ? RTCP_HEADER : RTP_HEADER;
    if (*length < header || packet[0] >> 6 != 2)
        return MS_SRTP_FAILED;
    if (config->mki_length > 0 &&
        !remove_mki(config, packet, length, rtcp ? config->mki_before_rtcp : config->mki_before, header))
        return MS_SRTP_FORGED;
    int new_length = (int)*length;
    int status = (rtcp ? config->rtcp : config->rtp)(config->context, packet, &new_length);
    if (status == STATUS_AUTHENTICATION)
        return MS_SRTP_FORGED;
    if (status == STATUS_REPLAY || status == STATUS_REPLAY_OLD)
        return MS_SRTP_REPLAYED;
    if (status != 0 || new_length < (int)header || (size_t)new_length > *length)
        return MS_SRTP_FAILED;
    *length = (size_t)new_length;
    return MS_SRTP_OK;
}
