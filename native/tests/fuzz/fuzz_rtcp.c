/* Any octets as a compound RTCP packet; what is understood of it can be written and read again. */
#include "byte_order.h"
#include "rtcp.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    ms_rtcp_news_t news, again;
    uint8_t packet[MS_RTCP_PACKET_MAX];
    uint32_t ours = size >= 12 ? ms_get32(data + 8) : 0;
    bool whole = ms_rtcp_parse(data, size, false, ours, &news) == MS_OK;
    if (ms_rtcp_parse(data, size, true, ours, &news) != MS_OK) {
        if (whole)
            abort(); /* reduced size allows more, never less */
        return 0;
    }
    size_t length = ms_rtcp_write(packet, sizeof packet, &news.report, "name", news.bye);
    if (length == 0 || ms_rtcp_parse(packet, length, false, ours, &again) != MS_OK)
        abort();
    if (again.report.has_voip != news.report.has_voip || again.report.voip.mos_cq != news.report.voip.mos_cq ||
        again.report.voip.burst_ms != news.report.voip.burst_ms)
        abort();
    if (again.report.has_block != news.report.has_block || again.bye != news.bye ||
        memcmp(&again.report.block, &news.report.block, sizeof again.report.block) != 0)
        abort();
    return 0;
}
