/* WAV files of every encoding read, headers written, and sample rates converted. */
#include "check.h"
#include "pcm_file.h"
#include "resampler.h"

#include <math.h>
#include <unistd.h>

static uint8_t file[1 << 16];

static void put(size_t at, uint32_t value, size_t octets) {
    for (size_t i = 0; i < octets; i++)
        file[at + i] = (uint8_t)(value >> 8 * i);
}

/* A file with one format and one data chunk; its length. */
static size_t make_wav(unsigned encoding, unsigned channels, unsigned rate, unsigned bits, const void *data, size_t n) {
    memcpy(file, "RIFF....WAVEfmt ", 16);
    put(16, 16, 4);
    put(20, encoding, 2);
    put(22, channels, 2);
    put(24, rate, 4);
    put(28, rate * channels * bits / 8, 4);
    put(32, channels * bits / 8, 2);
    put(34, bits, 2);
    memcpy(file + 36, "data", 4);
    put(40, (uint32_t)n, 4);
    memcpy(file + 44, data, n);
    put(4, (uint32_t)n + 36, 4);
    return 44 + n;
}

static void check_decodes(unsigned encoding, unsigned bits, const void *data, size_t n, const int16_t *want,
                          size_t frames) {
    ms_wav_t wav;
    int16_t got[16];
    REQUIRE(ms_wav_parse(file, make_wav(encoding, 1, 8000, bits, data, n), &wav) == MS_OK);
    CHECK_EQ(wav.sample_rate, 8000);
    REQUIRE(wav.frames == frames);
    ms_wav_decode(&wav, got);
    for (size_t i = 0; i < frames; i++)
        if (!CHECK_EQ(got[i], want[i]))
            fprintf(stderr, "  encoding %u, %u bits, sample %zu\n", encoding, bits, i);
}

static void every_encoding_is_read(void) {
    static const int16_t WANT[] = {0, 256, -256, INT16_MAX, INT16_MIN};
    check_decodes(MS_WAV_PCM, 16, "\0\0\0\1\0\xff\xff\x7f\0\x80", 10, WANT, 5);
    check_decodes(MS_WAV_PCM, 8, "\x80\x81\x7f", 3, WANT, 3);
    check_decodes(MS_WAV_PCM, 24, "\0\0\0\0\0\1\0\0\xff\xff\xff\x7f\0\0\x80", 15, WANT, 5);
    check_decodes(MS_WAV_PCM, 32, "\0\0\0\0\0\0\0\1\0\0\0\xff\xff\xff\xff\x7f\0\0\0\x80", 20, WANT, 5);
    const float singles[] = {0.0f, 256.0f / 32768, -256.0f / 32768, 1.5f, -2.0f};
    check_decodes(MS_WAV_FLOAT, 32, singles, sizeof singles, WANT, 5);
    const double doubles[] = {0.0, 256.0 / 32768, -256.0 / 32768, 1e300, -HUGE_VAL};
    static const int16_t INFINITE_IS_NOTHING[] = {0, 256, -256, INT16_MAX, 0};
    check_decodes(MS_WAV_FLOAT, 64, doubles, sizeof doubles, INFINITE_IS_NOTHING, 5);
    static const int16_t ULAW[] = {-32124, 32124, 0};
    check_decodes(MS_WAV_ULAW, 8, "\x00\x80\xff", 3, ULAW, 3);
    static const int16_t ALAW[] = {8, -8, -5504};
    check_decodes(MS_WAV_ALAW, 8, "\xd5\x55\x00", 3, ALAW, 3);
}

static void channels_are_mixed_and_other_chunks_skipped(void) {
    ms_wav_t wav;
    int16_t got[2];
    size_t n = make_wav(MS_WAV_PCM, 2, 44100, 16, "\x64\0\x2c\1\x9c\xff\x64\0", 8); /* 100 300, -100 100 */
    memmove(file + 36 + 14, file + 36, n - 36);
    memcpy(file + 36, "LIST\5\0\0\0abcde\0", 14); /* odd length, padded */
    REQUIRE(ms_wav_parse(file, n + 14, &wav) == MS_OK);
    REQUIRE(wav.frames == 2);
    CHECK_EQ(wav.sample_rate, 44100);
    ms_wav_decode(&wav, got);
    CHECK_EQ(got[0], 200);
    CHECK_EQ(got[1], 0);
}

static void what_is_no_wav_file_is_refused(void) {
    ms_wav_t wav;
    size_t n = make_wav(MS_WAV_PCM, 1, 8000, 16, "abcdefgh", 8);
    CHECK_EQ(ms_wav_parse(file, n, &wav), MS_OK);
    CHECK_EQ(ms_wav_parse(file, n - 3, &wav), MS_OK); /* cut short: what is there counts */
    CHECK_EQ(wav.frames, 2);
    CHECK_EQ(ms_wav_parse(file, 43, &wav), MS_EFORMAT);
    CHECK_EQ(ms_wav_parse(file, 0, &wav), MS_EFORMAT);
    put(22, 0, 2);
    CHECK_EQ(ms_wav_parse(file, n, &wav), MS_EFORMAT);
    put(22, 1, 2);
    put(34, 12, 2);
    CHECK_EQ(ms_wav_parse(file, n, &wav), MS_ENOTSUP);
    put(34, 16, 2);
    put(20, 0x55, 2); /* MP3 */
    CHECK_EQ(ms_wav_parse(file, n, &wav), MS_ENOTSUP);
    put(20, 1, 2);
    memcpy(file + 12, "FMT ", 4); /* data before any format */
    CHECK_EQ(ms_wav_parse(file, n, &wav), MS_EFORMAT);
    memcpy(file, "RIFX", 4);
    CHECK_EQ(ms_wav_parse(file, n, &wav), MS_EFORMAT);
}

static void a_written_header_reads_back(void) {
    ms_wav_t wav;
    memset(file, 0, sizeof file);
    ms_wav_write_header(file, 2, 16000, 100);
    REQUIRE(ms_wav_parse(file, 44 + 400, &wav) == MS_OK);
    CHECK(wav.encoding == MS_WAV_PCM && wav.channels == 2 && wav.sample_rate == 16000 && wav.bits == 16);
    CHECK_EQ(wav.frames, 100);
    ms_wav_write_header(file, 1, 8000, UINT64_MAX / 2); /* no longer than the field can tell */
    CHECK(ms_wav_parse(file, 100, &wav) == MS_OK);
}

static void files_are_loaded_at_the_rate_asked_for(void) {
    char path[] = "/tmp/microsip_pcm_XXXXXX";
    int16_t samples[441];
    ms_pcm_t *pcm;
    for (int i = 0; i < 441; i++)
        samples[i] = 1000;
    size_t n = make_wav(MS_WAV_PCM, 1, 44100, 16, samples, sizeof samples);
    int fd = mkstemp(path);
    REQUIRE(fd >= 0 && write(fd, file, n) == (ssize_t)n);
    close(fd);
    CHECK_EQ(ms_pcm_load(path, 8000, &pcm), MS_OK);
    CHECK_EQ(ms_pcm_length(pcm), 80);
    ms_pcm_release(pcm);
    unlink(path);
    CHECK_EQ(ms_pcm_load(path, 8000, &pcm), MS_EIO);
    CHECK(pcm == NULL);
    CHECK_EQ(ms_pcm_load("/tmp", 8000, &pcm), MS_EIO);
    CHECK_EQ(ms_pcm_copy(samples, 441, 44100, 3999, &pcm), MS_EINVAL);
}

/* ---- sample rates */

static double power_at(const int16_t *samples, size_t n, double rate, double frequency) {
    double re = 0, im = 0;
    for (size_t i = 0; i < n; i++) {
        double window = 0.5 - 0.5 * cos(2 * M_PI * (double)i / (double)n);
        re += window * samples[i] * cos(2 * M_PI * frequency * (double)i / rate);
        im += window * samples[i] * sin(2 * M_PI * frequency * (double)i / rate);
    }
    return 10 * log10((re * re + im * im) / ((double)n * (double)n / 16) + 1e-9) - 80; /* 0 for an amplitude of 10000 */
}

/* A tone below both Nyquist frequencies keeps its level; one above the lower of them is gone, aliases included. */
static void check_conversion(uint32_t from, uint32_t to) {
    static int16_t in[96000];
    int16_t *out = NULL;
    size_t n = from / 2, made = 0;
    for (size_t i = 0; i < n; i++)
        in[i] = (int16_t)lrint(10000 * sin(2 * M_PI * 1000 * (double)i / from));
    REQUIRE(ms_resample_clip(in, n, from, to, &out, &made) == MS_OK);
    CHECK_EQ(made, (uint64_t)n * to / from);
    double level = power_at(out + made / 4, made / 2, to, 1000);
    if (!CHECK(fabs(level) < 0.1))
        fprintf(stderr, "  %u to %u Hz: level off by %.3f dB\n", from, to, level);
    /* aligned with the input: the tone's zero crossing stays where it was */
    size_t whole = made / 4 / (to / 1000) * (to / 1000);
    if (to % 1000 == 0)
        CHECK(abs(out[whole]) < 120);
    free(out);
    if (to < from) {
        double high = to * 0.6;
        for (size_t i = 0; i < n; i++)
            in[i] = (int16_t)lrint(10000 * sin(2 * M_PI * high * (double)i / from));
        REQUIRE(ms_resample_clip(in, n, from, to, &out, &made) == MS_OK);
        double alias = power_at(out + made / 4, made / 2, to, to - high);
        if (!CHECK(alias < -70))
            fprintf(stderr, "  %u to %u Hz: alias at %.1f dB\n", from, to, alias);
        free(out);
    }
}

static void rates_are_converted_cleanly(void) {
    static const uint32_t RATES[] = {8000, 11025, 16000, 22050, 24000, 32000, 44100, 48000, 96000};
    for (size_t i = 0; i < sizeof RATES / sizeof *RATES; i++) {
        check_conversion(RATES[i], 8000);
        check_conversion(8000, RATES[i]);
        check_conversion(RATES[i], 48000);
    }
}

static void pieces_give_what_the_whole_gives(void) {
    ms_resampler_t *resampler;
    int16_t in[4000], whole[12000], pieces[12000];
    size_t made = 0;
    for (int i = 0; i < 4000; i++)
        in[i] = (int16_t)(i * 7919 % 20011 - 10000);
    REQUIRE(ms_resampler_open(8000, 22050, &resampler) == MS_OK);
    size_t all = ms_resampler_process(resampler, in, 4000, whole);
    ms_resampler_reset(resampler);
    for (size_t at = 0, n; at < 4000; at += n) {
        n = at % 300 + 1 < 4000 - at ? at % 300 + 1 : 4000 - at;
        size_t bound = ms_resampler_bound(resampler, n);
        size_t got = ms_resampler_process(resampler, in + at, n, pieces + made);
        CHECK(got <= bound);
        made += got;
    }
    CHECK_EQ(made, all);
    CHECK(memcmp(whole, pieces, all * sizeof *whole) == 0);
    ms_resampler_close(resampler);
    CHECK_EQ(ms_resampler_open(3999, 8000, &resampler), MS_EINVAL);
    CHECK_EQ(ms_resampler_open(8000, 192001, &resampler), MS_EINVAL);
}

int main(void) {
    RUN(every_encoding_is_read);
    RUN(channels_are_mixed_and_other_chunks_skipped);
    RUN(what_is_no_wav_file_is_refused);
    RUN(a_written_header_reads_back);
    RUN(files_are_loaded_at_the_rate_asked_for);
    RUN(rates_are_converted_cleanly);
    RUN(pieces_give_what_the_whole_gives);
    return check_result("pcm_file");
}
