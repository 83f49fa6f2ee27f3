/* G.711 against the ITU-T STL sweep: every 16-bit sample encoded, every code decoded, all exact. */
#include "check.h"
#include "codecs/g711.h"

#define SAMPLES 65536
#define VECTORS "tests/vectors/codec/g711/"

static uint16_t source[SAMPLES], expected[SAMPLES];

/* The sweep's files hold little-endian 16-bit words, codes included. */
static int load(const char *name, uint16_t *words) {
    static uint8_t bytes[SAMPLES * 2];
    FILE *file = fopen(name, "rb");
    if (!CHECK(file != NULL))
        return 0;
    size_t got = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    for (size_t i = 0; i < SAMPLES; i++)
        words[i] = (uint16_t)(bytes[2 * i] | bytes[2 * i + 1] << 8);
    return CHECK_EQ(got, sizeof bytes);
}

static void law(const char *codes_name, const char *decoded_name,
                void (*encode)(const int16_t *, size_t, uint8_t *), void (*decode)(const uint8_t *, size_t, int16_t *)) {
    static int16_t samples[SAMPLES];
    static uint8_t codes[SAMPLES];
    REQUIRE(load(VECTORS "sweep.src", source) && load(codes_name, expected));
    memcpy(samples, source, sizeof samples);
    encode(samples, SAMPLES, codes);
    int wrong = 0;
    for (size_t i = 0; i < SAMPLES; i++)
        wrong += codes[i] != (uint8_t)expected[i];
    CHECK_EQ(wrong, 0);
    REQUIRE(load(decoded_name, expected));
    decode(codes, SAMPLES, samples);
    CHECK_EQ(memcmp(samples, expected, sizeof samples), 0);
}

static void ulaw_sweep(void) {
    law(VECTORS "sweep-r.u", VECTORS "sweep-r.u-u", ms_g711_ulaw_encode, ms_g711_ulaw_decode);
}

static void alaw_sweep(void) {
    law(VECTORS "sweep-r.a", VECTORS "sweep-r.a-a", ms_g711_alaw_encode, ms_g711_alaw_decode);
}

static void odd_lengths_touch_nothing_else(void) {
    int16_t samples[9] = {0, 100, -100, 32767, -32768, 1, -1, 5, 77};
    for (size_t n = 0; n < 9; n++) {
        uint8_t codes[9] = {0, 0, 0, 0, 0, 0, 0, 0, 0};
        ms_g711_ulaw_encode(samples, n, codes);
        for (size_t i = n; i < 9; i++)
            CHECK_EQ(codes[i], 0);
    }
}

int main(void) {
    RUN(ulaw_sweep);
    RUN(alaw_sweep);
    RUN(odd_lengths_touch_nothing_else);
    return check_result("g711");
}
