/* Opus: what is read off packets without the library, and which libraries are taken. */
#include "check.h"
#include "codecs/opus.h"

static int size_of(int channels) { return channels * 64; }
static int no_size(int channels) { return -channels; }
static int init_encoder(void *encoder, int32_t rate, int channels, int application) {
    (void)encoder;
    return rate > 0 && channels == 1 && application > 0 ? 0 : -1;
}
static int control(void *encoder, int request, ...) {
    (void)encoder;
    return request > 0 ? 0 : -1;
}
static int32_t encode(void *encoder, const int16_t *pcm, int n, unsigned char *packet, int32_t capacity) {
    (void)encoder;
    packet[0] = (unsigned char)pcm[0];
    return pcm[0] < capacity ? pcm[0] : -n; /* as many octets as the first sample says */
}
static int init_decoder(void *decoder, int32_t rate, int channels) {
    (void)decoder;
    return rate > 0 && channels == 1 ? 0 : -1;
}
static int decode(void *decoder, const unsigned char *packet, int32_t length, int16_t *pcm, int n, int fec) {
    (void)decoder;
    pcm[0] = (int16_t)(packet[0] + fec);
    return length > 1 ? n : -4;
}

static void packets_are_measured(void) {
    static const struct {
        uint8_t packet[2];
        size_t length, samples;
    } CASES[] = {
        {{0x00, 0}, 2, 160},   {{0x08, 0}, 2, 320},    {{0x10, 0}, 2, 640},  {{0x18, 0}, 2, 960}, /* SILK 10, 20, 40, 60 ms */
        {{0x60, 0}, 2, 160},   {{0x68, 0}, 2, 320},    {{0x80, 0}, 2, 40},   {{0x98, 0}, 2, 320}, /* hybrid, CELT */
        {{0x09, 0}, 2, 640},   {{0x0A, 0}, 2, 640},    {{0x0B, 3}, 2, 960},  {{0x0B, 0x86}, 2, 1920},
        {{0x0B, 7}, 2, 0},     {{0x0B, 0}, 2, 0},      {{0x0B, 0}, 1, 0},    {{0x1B, 3}, 2, 0},   {{0, 0}, 0, 0},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        CHECK_EQ(ms_opus_samples(CASES[i].packet, CASES[i].length, 16000), CASES[i].samples);
        CHECK_EQ(ms_opus_samples(CASES[i].packet, CASES[i].length, 48000), 3 * CASES[i].samples);
    }
}

static void redundancy_is_seen(void) {
    CHECK(ms_opus_has_redundancy((const uint8_t[]){0x08, 0x40}, 2));  /* 20 ms: one bit of voice activity before it */
    CHECK(!ms_opus_has_redundancy((const uint8_t[]){0x08, 0x80}, 2));
    CHECK(ms_opus_has_redundancy((const uint8_t[]){0x10, 0x20}, 2));  /* 40 ms: two */
    CHECK(ms_opus_has_redundancy((const uint8_t[]){0x18, 0x10}, 2));  /* 60 ms: three */
    CHECK(ms_opus_has_redundancy((const uint8_t[]){0x0C, 0x10}, 2));  /* stereo: the side channel's */
    CHECK(!ms_opus_has_redundancy((const uint8_t[]){0x08, 0x10}, 2));
    CHECK(!ms_opus_has_redundancy((const uint8_t[]){0x98, 0xFF}, 2)); /* CELT */
    CHECK(!ms_opus_has_redundancy((const uint8_t[]){0x09, 0xFF}, 2)); /* two frames */
    CHECK(!ms_opus_has_redundancy((const uint8_t[]){0x08}, 1));
}

static void only_whole_libraries_are_taken_and_only_one(void) {
    ms_opus_library_t whole = {size_of, init_encoder, control, encode, size_of, init_decoder, decode}, library = whole;
    CHECK(ms_opus_codec(16000) == NULL);
    CHECK(!ms_codec_available("opus", 48000, 2));
    library.encode = NULL;
    CHECK_EQ(ms_opus_install(&library), MS_EINVAL);
    library = whole;
    library.decoder_size = no_size;
    CHECK_EQ(ms_opus_install(&library), MS_EINVAL);
    CHECK(ms_opus_codec(16000) == NULL);
    CHECK_EQ(ms_opus_install(&whole), MS_OK);
    CHECK_EQ(ms_opus_install(&whole), MS_ESTATE);
    CHECK(ms_codec_available("OPUS", 48000, 2));
    CHECK(!ms_codec_available("opus", 48000, 1));
    CHECK(ms_opus_codec(8000) == NULL);
    CHECK(ms_codec_find_rate("opus", 48000, 2, 0) == ms_opus_codec(16000));
    CHECK(ms_codec_find_rate("opus", 48000, 2, 48000) == ms_opus_codec(48000));
    CHECK(ms_codec_find_rate("PCMU", 8000, 1, 16000) == NULL);
    CHECK(!ms_codec_available("telephone-event", 8000, 1));
}

static void results_of_the_library_are_looked_at(void) {
    const ms_codec_t *codec = ms_opus_codec(16000);
    uint8_t state[64], packet[32] = {0x08, 0x40};
    int16_t pcm[320] = {20};
    REQUIRE(codec != NULL);
    CHECK_EQ(codec->encode(state, pcm, 320, packet, sizeof packet), 20);
    pcm[0] = 2; /* DTX */
    CHECK_EQ(codec->encode(state, pcm, 320, packet, sizeof packet), 0);
    pcm[0] = 99; /* an error */
    CHECK_EQ(codec->encode(state, pcm, 320, packet, sizeof packet), 0);
    CHECK_EQ(codec->decode(state, (const uint8_t[]){0x08}, 1, pcm, 320), 0);
    CHECK_EQ(codec->decode(state, (const uint8_t[]){0x08, 0}, 2, pcm, 320), 320);
    CHECK_EQ(pcm[0], 8);
    CHECK_EQ(codec->recover(state, (const uint8_t[]){0x08, 0x40}, 2, pcm, 320), 320);
    CHECK_EQ(pcm[0], 9);
    CHECK_EQ(codec->recover(state, (const uint8_t[]){0x08, 0x00}, 2, pcm, 320), 0);
}

int main(void) {
    RUN(packets_are_measured);
    RUN(redundancy_is_seen);
    RUN(only_whole_libraries_are_taken_and_only_one);
    RUN(results_of_the_library_are_looked_at);
    return check_result("opus");
}
