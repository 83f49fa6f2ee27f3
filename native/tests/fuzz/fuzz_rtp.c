/* Any octets as a train of RTP packets: the parser, and a receiver's bookkeeping behind it. */
#include "clock.h"
#include "rtp_receiver.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static volatile uint32_t sink;

/* Read the whole payload, so that a length past the end is seen. */
static uint32_t sum_of(const ms_rtp_packet_t *packet) {
    uint32_t sum = 0;
    for (size_t i = 0; i < packet->length; i++)
        sum += packet->payload[i];
    return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    ms_rtp_receiver_t receiver = {0};
    ms_rtp_packet_t packet;
    int64_t now = 0;
    /* the whole, then every suffix on a word boundary as another packet of the same socket */
    for (size_t at = 0; at <= size && at < 256; at += 4) {
        if (ms_rtp_parse(data + at, size - at, &packet) != MS_OK)
            continue;
        if (packet.payload < data || packet.payload + packet.length > data + size || packet.payload_type > 127)
            abort();
        sink = sum_of(&packet);
        now += (int64_t)(packet.timestamp % 100) * MS_NS_PER_MS;
        ms_rtp_receiver_update(&receiver, &packet, now);
        ms_rtp_receiver_jitter(&receiver, packet.timestamp, now, 8000);
    }
    ms_rtp_receiver_fraction_lost(&receiver);
    ms_rtp_receiver_cumulative_lost(&receiver);
    return 0;
}
