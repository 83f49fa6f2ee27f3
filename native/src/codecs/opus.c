/* Opus (RFC 6716, RFC 7587) through libopus, which others have loaded: its functions come as pointers. */
#include "codecs/opus.h"

#include "microsip_media.h"

/* Of opus_defines.h, which has promised them for ever. */
#define APPLICATION_VOIP 2048
#define SET_BITRATE 4002
#define SET_MAX_BANDWIDTH 4004
#define SET_COMPLEXITY 4010
#define SET_INBAND_FEC 4012
#define SET_PACKET_LOSS 4014
#define SET_DTX 4016
#define BANDWIDTH_NARROW 1101
#define BANDWIDTH_MEDIUM 1102
#define BANDWIDTH_WIDE 1103
#define BANDWIDTH_SUPERWIDE 1104
#define BANDWIDTH_FULL 1105

#define PACKET_MAX_MS 120
#define DTX_OCTETS 2 /* a packet so short says that nothing needs to be sent */

static ms_opus_library_t library;
static bool installed;

/* ---- looking at packets */

static uint32_t frame_us(uint8_t toc) {
    static const uint32_t SILK[4] = {10000, 20000, 40000, 60000}, CELT[4] = {2500, 5000, 10000, 20000};
    uint32_t config = toc >> 3;
    if (config < 12)
        return SILK[config & 3];
    return config < 16 ? (config & 1 ? 20000 : 10000) : CELT[config & 3];
}

size_t ms_opus_samples(const uint8_t *packet, size_t length, uint32_t sample_rate) {
    if (length < 1)
        return 0;
    uint32_t count = 1;
    switch (packet[0] & 3) {
    case 0: break;
    case 3: count = length < 2 ? 0 : packet[1] & 63; break;
    default: count = 2; break;
    }
    uint32_t us = count * frame_us(packet[0]);
    return us > PACKET_MAX_MS * 1000 ? 0 : (size_t)us * (sample_rate / 1000) / 1000;
}

int ms_opus_has_redundancy(const uint8_t *packet, size_t length) {
    if (length < 2 || (packet[0] & 0x80) != 0 || (packet[0] & 3) != 0) /* CELT has none; one frame is what is asked of */
        return 0;
    /* RFC 6716 s4.2.3: a voice activity bit for every 20 ms, then the bit for redundancy; for stereo the same again */
    uint32_t frames = frame_us(packet[0]) > 20000 ? frame_us(packet[0]) / 20000 : 1;
    int middle = packet[1] >> (7 - frames) & 1, side = packet[1] >> (6 - 2 * frames) & 1;
    return (packet[0] & 4) != 0 ? middle | side : middle;
}

static size_t samples_16k(const uint8_t *packet, size_t length) { return ms_opus_samples(packet, length, 16000); }
static size_t samples_48k(const uint8_t *packet, size_t length) { return ms_opus_samples(packet, length, 48000); }

/* ---- decoding: one channel, whatever was sent */

static void decoder_init_16k(void *state) { library.decoder_init(state, 16000, 1); }
static void decoder_init_48k(void *state) { library.decoder_init(state, 48000, 1); }

static size_t decode(void *state, const uint8_t *packet, size_t length, int16_t *pcm, size_t capacity) {
    int n = library.decode(state, packet, (int32_t)length, pcm, (int)capacity, 0);
    return n > 0 ? (size_t)n : 0;
}

static size_t recover(void *state, const uint8_t *next, size_t length, int16_t *pcm, size_t n) {
    if (!ms_opus_has_redundancy(next, length))
        return 0;
    int got = library.decode(state, next, (int32_t)length, pcm, (int)n, 1);
    return got > 0 ? (size_t)got : 0;
}

/* ---- encoding */

static void encoder_init_16k(void *state) { library.encoder_init(state, 16000, 1, APPLICATION_VOIP); }
static void encoder_init_48k(void *state) { library.encoder_init(state, 48000, 1, APPLICATION_VOIP); }

static int bandwidth_for(uint32_t rate) {
    if (rate <= 8000)
        return BANDWIDTH_NARROW;
    if (rate <= 12000)
        return BANDWIDTH_MEDIUM;
    if (rate <= 16000)
        return BANDWIDTH_WIDE;
    return rate <= 24000 ? BANDWIDTH_SUPERWIDE : BANDWIDTH_FULL;
}

static void encoder_set(void *state, const ms_encoder_settings_t *settings) {
    library.encoder_ctl(state, SET_COMPLEXITY, (int)settings->complexity);
    library.encoder_ctl(state, SET_INBAND_FEC, settings->redundancy ? 1 : 0);
    library.encoder_ctl(state, SET_PACKET_LOSS, (int)settings->expected_loss_percent);
    library.encoder_ctl(state, SET_DTX, settings->silence_suppression ? 1 : 0);
    if (settings->bitrate > 0)
        library.encoder_ctl(state, SET_BITRATE, (int)settings->bitrate);
    if (settings->playback_rate > 0)
        library.encoder_ctl(state, SET_MAX_BANDWIDTH, bandwidth_for(settings->playback_rate));
}

static size_t encode(void *state, const int16_t *pcm, size_t n, uint8_t *payload, size_t capacity) {
    int32_t octets = library.encode(state, pcm, (int)n, payload, (int32_t)capacity);
    return octets > DTX_OCTETS ? (size_t)octets : 0;
}

static ms_codec_t wide = {
    .name = "opus", .kind = MS_CODEC_AUDIO, .clock_rate = MS_OPUS_CLOCK_RATE, .sample_rate = 16000, .channels = 2,
    .payload_type = -1, .decoder_init = decoder_init_16k, .samples = samples_16k, .decode = decode, .recover = recover,
    .encoder_init = encoder_init_16k, .encoder_set = encoder_set, .encode = encode,
};

static ms_codec_t full = {
    .name = "opus", .kind = MS_CODEC_AUDIO, .clock_rate = MS_OPUS_CLOCK_RATE, .sample_rate = 48000, .channels = 2,
    .payload_type = -1, .decoder_init = decoder_init_48k, .samples = samples_48k, .decode = decode, .recover = recover,
    .encoder_init = encoder_init_48k, .encoder_set = encoder_set, .encode = encode,
};

const ms_codec_t *ms_opus_codec(uint32_t sample_rate) {
    if (!installed)
        return NULL;
    return sample_rate == 16000 ? &wide : sample_rate == 48000 ? &full : NULL;
}

ms_status_t ms_opus_install(const ms_opus_library_t *functions) {
    if (functions->encoder_size == NULL || functions->encoder_init == NULL || functions->encoder_ctl == NULL ||
        functions->encode == NULL || functions->decoder_size == NULL || functions->decoder_init == NULL ||
        functions->decode == NULL)
        return MS_EINVAL;
    if (installed)
        return MS_ESTATE;
    int encoder = functions->encoder_size(1), decoder = functions->decoder_size(1);
    if (encoder <= 0 || decoder <= 0)
        return MS_EINVAL;
    library = *functions;
    wide.encoder_size = full.encoder_size = (size_t)encoder;
    wide.decoder_size = full.decoder_size = (size_t)decoder;
    installed = true;
    return MS_OK;
}
