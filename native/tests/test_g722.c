/* G.722 against the ITU-T vectors: speech through the filters, and the digital sequences of Appendix II past them. */
#include "check.h"
#include "codecs/g722.h"

#define VECTORS "tests/vectors/codec/g722/"
#define MOST 400000

static uint8_t octets[MOST];

/* A file of little-endian 16-bit words; how many there are, 0 when it can not be read. */
static size_t load(const char *name, uint16_t *words) {
    FILE *file = fopen(name, "rb");
    if (!CHECK(file != NULL))
        return 0;
    size_t n = fread(octets, 1, sizeof octets, file) / 2;
    fclose(file);
    for (size_t i = 0; i < n; i++)
        words[i] = (uint16_t)(octets[2 * i] | octets[2 * i + 1] << 8);
    return n;
}

static uint16_t words[MOST / 2], expected[MOST / 2], more[MOST / 2];

static void speech_is_encoded_exactly(void) {
    static int16_t pcm[MOST / 2];
    static uint8_t codes[MOST];
    size_t n = load(VECTORS "inpsp.bin", words);
    REQUIRE(n > 0);
    memcpy(pcm, words, n * sizeof *pcm);
    ms_g722_t state;
    ms_g722_init(&state);
    for (size_t done = 0, part = 2; done < n; done += part, part = part % 638 + 2) { /* parts of many sizes */
        size_t left = n - done < part ? n - done : part;
        ms_g722_encode(&state, pcm + done, left, codes + done / 2);
    }
    size_t pairs = load(VECTORS "codsp.cod", expected);
    CHECK_EQ(pairs * 2, n / 2);
    int wrong = 0;
    for (size_t i = 0; i < pairs; i++) /* two codes a word, the first in its upper half */
        wrong += codes[2 * i] != expected[i] >> 8 || codes[2 * i + 1] != (expected[i] & 0xFF);
    CHECK_EQ(wrong, 0);
}

static void speech_is_decoded_exactly(void) {
    static int16_t pcm[MOST / 2 + 640];
    static uint8_t codes[MOST];
    size_t pairs = load(VECTORS "codsp.cod", words);
    REQUIRE(pairs > 0);
    for (size_t i = 0; i < pairs; i++)
        codes[2 * i] = (uint8_t)(words[i] >> 8), codes[2 * i + 1] = (uint8_t)words[i];
    ms_g722_t state;
    ms_g722_init(&state);
    for (size_t done = 0, part = 1; done < 2 * pairs; done += part, part = part % 319 + 1) {
        size_t left = 2 * pairs - done < part ? 2 * pairs - done : part;
        ms_g722_decode(&state, codes + done, left, pcm + 2 * done);
    }
    size_t n = load(VECTORS "outsp1.bin", expected);
    CHECK_EQ(n, 4 * pairs);
    CHECK_EQ(memcmp(pcm, expected, n * sizeof *pcm), 0);
}

/* Bit 0 of every word resets the coder; the other fifteen are a sample for both bands, or hold the code in the upper octet. */
static void sequence_is_encoded(const char *input, const char *output) {
    size_t n = load(input, words);
    REQUIRE(n > 0 && load(output, expected) == n);
    ms_g722_t state;
    ms_g722_init(&state);
    int wrong = 0;
    for (size_t i = 0; i < n; i++) {
        if (words[i] & 1) {
            ms_g722_init(&state);
            continue;
        }
        int16_t sample = (int16_t)((int16_t)words[i] >> 1);
        wrong += ms_g722_encode_bands(&state, sample, sample) != expected[i] >> 8;
    }
    CHECK_EQ(wrong, 0);
}

static void sequences_are_encoded_exactly(void) {
    sequence_is_encoded(VECTORS "bt1c1.xmt", VECTORS "bt2r1.cod");
    sequence_is_encoded(VECTORS "bt1c2.xmt", VECTORS "bt2r2.cod");
}

static void sequence_is_decoded(const char *low_name, int mode) {
    size_t n = load(VECTORS "bt2r2.cod", words);
    REQUIRE(n > 0 && load(low_name, expected) == n && load(VECTORS "bt3h2.rc0", more) == n);
    ms_g722_t state;
    ms_g722_init(&state);
    int wrong = 0;
    for (size_t i = 0; i < n; i++) {
        if (words[i] & 1) {
            ms_g722_init(&state);
            continue;
        }
        int16_t low, high;
        ms_g722_decode_bands(&state, (uint8_t)(words[i] >> 8), mode, &low, &high);
        wrong += (uint16_t)(low * 2) != expected[i] || (uint16_t)(high * 2) != more[i];
    }
    CHECK_EQ(wrong, 0);
}

static void sequences_are_decoded_exactly(void) {
    sequence_is_decoded(VECTORS "bt3l2.rc1", 1);
    sequence_is_decoded(VECTORS "bt3l2.rc2", 2);
    sequence_is_decoded(VECTORS "bt3l2.rc3", 3);
}

int main(void) {
    RUN(speech_is_encoded_exactly);
    RUN(speech_is_decoded_exactly);
    RUN(sequences_are_encoded_exactly);
    RUN(sequences_are_decoded_exactly);
    return check_result("g722");
}
