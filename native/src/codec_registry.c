/* The built-in codecs: found by name or by static payload type. */
#include "codec_registry.h"

#include "codecs/g711.h"
#include "codecs/g722.h"
#include "codecs/l16.h"
#include "codecs/opus.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static size_t one_sample_an_octet(const uint8_t *payload, size_t length) {
    (void)payload;
    return length;
}

static size_t pcmu_decode(void *state, const uint8_t *payload, size_t length, int16_t *pcm, size_t capacity) {
    (void)state;
    size_t n = length < capacity ? length : capacity;
    ms_g711_ulaw_decode(payload, n, pcm);
    return n;
}

static size_t pcma_decode(void *state, const uint8_t *payload, size_t length, int16_t *pcm, size_t capacity) {
    (void)state;
    size_t n = length < capacity ? length : capacity;
    ms_g711_alaw_decode(payload, n, pcm);
    return n;
}

static size_t pcmu_encode(void *state, const int16_t *pcm, size_t n, uint8_t *payload, size_t capacity) {
    (void)state;
    if (n > capacity)
        return 0;
    ms_g711_ulaw_encode(pcm, n, payload);
    return n;
}

static size_t pcma_encode(void *state, const int16_t *pcm, size_t n, uint8_t *payload, size_t capacity) {
    (void)state;
    if (n > capacity)
        return 0;
    ms_g711_alaw_encode(pcm, n, payload);
    return n;
}

const ms_codec_t ms_codec_pcmu = {
    .name = "PCMU", .kind = MS_CODEC_AUDIO, .clock_rate = 8000, .sample_rate = 8000, .channels = 1, .payload_type = 0,
    .samples = one_sample_an_octet, .decode = pcmu_decode, .encode = pcmu_encode,
};

const ms_codec_t ms_codec_pcma = {
    .name = "PCMA", .kind = MS_CODEC_AUDIO, .clock_rate = 8000, .sample_rate = 8000, .channels = 1, .payload_type = 8,
    .samples = one_sample_an_octet, .decode = pcma_decode, .encode = pcma_encode,
};

static void g722_init(void *state) { ms_g722_init(state); }

static size_t g722_samples(const uint8_t *payload, size_t length) {
    (void)payload;
    return 2 * length;
}

static size_t g722_decode(void *state, const uint8_t *payload, size_t length, int16_t *pcm, size_t capacity) {
    size_t n = length < capacity / 2 ? length : capacity / 2;
    ms_g722_decode(state, payload, n, pcm);
    return 2 * n;
}

static size_t g722_encode(void *state, const int16_t *pcm, size_t n, uint8_t *payload, size_t capacity) {
    if (n / 2 > capacity)
        return 0;
    ms_g722_encode(state, pcm, n, payload);
    return n / 2;
}

static void g722_concealed(void *state, const int16_t *pcm, size_t n) { ms_g722_resynchronise(state, pcm, n); }

_Static_assert(sizeof(ms_g722_t) <= MS_CODEC_LED_STATE && MS_G722_DELAY <= MS_CODEC_MARGIN, "room for leading G.722");

const ms_codec_t ms_codec_g722 = {
    .name = "G722", .kind = MS_CODEC_AUDIO, .clock_rate = 8000, .sample_rate = 16000, .channels = 1, .payload_type = 9,
    .decoder_size = sizeof(ms_g722_t), .encoder_size = sizeof(ms_g722_t), .decoder_init = g722_init,
    .samples = g722_samples, .decode = g722_decode, .concealed = g722_concealed, .encoder_init = g722_init,
    .encode = g722_encode,
};

/* One set of functions for each number of channels. */
#define L16_FUNCTIONS(channels_) \
    static size_t l16_samples_##channels_(const uint8_t *payload, size_t length) { \
        (void)payload; \
        return length / (2 * channels_); \
    } \
    static size_t l16_decode_##channels_(void *state, const uint8_t *payload, size_t length, int16_t *pcm, size_t capacity) { \
        (void)state; \
        size_t n = length / (2 * channels_) < capacity ? length / (2 * channels_) : capacity; \
        ms_l16_decode(payload, n, channels_, pcm); \
        return n; \
    } \
    static size_t l16_encode_##channels_(void *state, const int16_t *pcm, size_t n, uint8_t *payload, size_t capacity) { \
        (void)state; \
        if (2 * channels_ * n > capacity) \
            return 0; \
        ms_l16_encode(pcm, n, channels_, payload); \
        return 2 * channels_ * n; \
    }

L16_FUNCTIONS(1)
L16_FUNCTIONS(2)

#define L16(rate_, channels_, type_) { \
    .name = "L16", .kind = MS_CODEC_AUDIO, .clock_rate = rate_, .sample_rate = rate_, .channels = channels_, \
    .payload_type = type_, .samples = l16_samples_##channels_, .decode = l16_decode_##channels_, \
    .encode = l16_encode_##channels_}

static const ms_codec_t l16[] = {
    L16(8000, 1, -1), L16(16000, 1, -1), L16(24000, 1, -1), L16(32000, 1, -1), L16(44100, 1, 11), L16(48000, 1, -1),
    L16(8000, 2, -1), L16(16000, 2, -1), L16(24000, 2, -1), L16(32000, 2, -1), L16(44100, 2, 10), L16(48000, 2, -1)};

const ms_codec_t ms_codec_cn = {
    .name = "CN", .kind = MS_CODEC_COMFORT_NOISE, .clock_rate = 8000, .sample_rate = 8000, .channels = 1,
    .payload_type = 13,
};

const ms_codec_t ms_codec_telephone_event = {
    .name = "telephone-event", .kind = MS_CODEC_TELEPHONE_EVENT, .clock_rate = 8000, .sample_rate = 8000, .channels = 1,
    .payload_type = -1,
};

/* RFC 4733 s2.1: events of a stream have the clock of its audio. */
static const ms_codec_t telephone_event_48k = {
    .name = "telephone-event", .kind = MS_CODEC_TELEPHONE_EVENT, .clock_rate = 48000, .sample_rate = 48000, .channels = 1,
    .payload_type = -1,
};

static const ms_codec_t telephone_event_16k = {
    .name = "telephone-event", .kind = MS_CODEC_TELEPHONE_EVENT, .clock_rate = 16000, .sample_rate = 16000, .channels = 1,
    .payload_type = -1,
};

static const ms_codec_t *const codecs[] = {
    &ms_codec_pcmu, &ms_codec_pcma, &ms_codec_g722, &ms_codec_cn, &ms_codec_telephone_event, &telephone_event_16k,
    &telephone_event_48k, l16, l16 + 1, l16 + 2, l16 + 3, l16 + 4, l16 + 5, l16 + 6, l16 + 7, l16 + 8, l16 + 9, l16 + 10,
    l16 + 11};

static int same_name(const char *a, const char *b) {
    for (; *a != '\0' && *b != '\0'; a++, b++) {
        char left = (char)(*a >= 'a' && *a <= 'z' ? *a - 'a' + 'A' : *a);
        char right = (char)(*b >= 'a' && *b <= 'z' ? *b - 'a' + 'A' : *b);
        if (left != right)
            return 0;
    }
    return *a == *b;
}

const ms_codec_t *ms_codec_find(const char *name, uint32_t clock_rate, uint8_t channels) {
    for (size_t i = 0; i < COUNT(codecs); i++)
        if (same_name(codecs[i]->name, name) && codecs[i]->clock_rate == clock_rate && codecs[i]->channels == channels)
            return codecs[i];
    return NULL;
}

const ms_codec_t *ms_codec_find_rate(const char *name, uint32_t clock_rate, uint8_t channels, uint32_t sample_rate) {
    if (same_name(name, "opus"))
        return clock_rate == MS_OPUS_CLOCK_RATE && channels == 2 ? ms_opus_codec(sample_rate == 0 ? 16000 : sample_rate) : NULL;
    const ms_codec_t *codec = ms_codec_find(name, clock_rate, channels);
    return codec != NULL && (sample_rate == 0 || codec->sample_rate == sample_rate) ? codec : NULL;
}

bool ms_codec_available(const char *name, uint32_t clock_rate, uint8_t channels) {
    const ms_codec_t *codec = ms_codec_find_rate(name, clock_rate, channels, 0);
    return codec != NULL && codec->encode != NULL && codec->decode != NULL;
}

const ms_codec_t *ms_codec_static(uint8_t payload_type) {
    for (size_t i = 0; i < COUNT(codecs); i++)
        if (codecs[i]->payload_type == (int)payload_type)
            return codecs[i];
    return NULL;
}

size_t ms_codec_decoder_size(void) {
    size_t largest = 1;
    for (size_t i = 0; i < COUNT(codecs); i++)
        largest = codecs[i]->decoder_size > largest ? codecs[i]->decoder_size : largest;
    return largest;
}
