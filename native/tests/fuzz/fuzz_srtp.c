/* Any octets as SRTP or SRTCP: what is looked at before the check of authenticity, and the parsers behind one that lets
   everything through. The first octets choose: RTCP, whether anything counts as authentic, length and place of the MKI. */
#include "../fake_srtp.h"
#include "rtcp.h"
#include "rtp_packet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void parse(const uint8_t *packet, size_t length, bool rtcp) {
    ms_rtp_packet_t parsed;
    ms_rtcp_news_t news;
    if (rtcp)
        ms_rtcp_parse(packet, length, true, 1, &news);
    else if (ms_rtp_parse(packet, length, &parsed) == MS_OK && parsed.payload + parsed.length > packet + length)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 4 || size > 4 + MS_RTP_PACKET_MAX)
        return 0;
    bool rtcp = (data[0] & 1) != 0;
    ms_srtp_t *srtp = fake_open(data[1], true, NULL);
    ((fake_context_t *)srtp->config.context)->unauthenticated = (data[0] & 2) != 0;
    srtp->config.mki_length = data[2] % (MS_SRTP_MKI_MAX + 1);
    srtp->config.mki_before = srtp->config.mki_before_rtcp = data[3] % (MS_SRTP_TAG_MAX + 1);
    size_t length = size - 4;
    uint8_t *packet = malloc(length + 1); /* no room to spare, so that a read past the end is seen */
    if (packet == NULL)
        abort();
    memcpy(packet, data + 4, length);
    memset(srtp->config.mki, length > 30 ? packet[length - 15] : 0, sizeof srtp->config.mki);
    if (ms_srtp_unprotect(srtp, packet, &length, rtcp) == MS_SRTP_OK) {
        if (length > size - 4)
            abort();
        parse(packet, length, rtcp);
    }
    free(packet);
    ms_srtp_free(srtp);
    return 0;
}
