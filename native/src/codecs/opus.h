/* Opus (RFC 6716, RFC 7587) through libopus, which others have loaded: its functions come as pointers. */
#ifndef MS_OPUS_H
#define MS_OPUS_H

#include "codec_registry.h"

#define MS_OPUS_CLOCK_RATE 48000

/* The codec with audio of so many Hz, 16000 or 48000; NULL before the library is installed, or for another rate. */
const ms_codec_t *ms_opus_codec(uint32_t sample_rate);

/* Whether a packet carries the frame before it a second time ("low bit-rate redundancy", RFC 6716 s4.2.4). */
int ms_opus_has_redundancy(const uint8_t *packet, size_t length);

/* Samples at sample_rate that a packet holds by its first octets (RFC 6716 s3.1); 0 when it is malformed. */
size_t ms_opus_samples(const uint8_t *packet, size_t length, uint32_t sample_rate);

#endif
