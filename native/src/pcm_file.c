/* WAV files: read whole into samples, and the header that is written (RIFF, "Multimedia Programming Interface"). */
#include "pcm_file.h"

#include "codecs/g711.h"
#include "resampler.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX (512 << 20)
#define CHANNELS_MAX 32
#define EXTENSIBLE 0xfffe

static uint16_t get16(const uint8_t *at) { return (uint16_t)(at[0] | at[1] << 8); }

static uint32_t get32(const uint8_t *at) { return get16(at) | (uint32_t)get16(at + 2) << 16; }

static void put16(uint8_t *at, uint32_t value) {
    at[0] = (uint8_t)value;
    at[1] = (uint8_t)(value >> 8);
}

static void put32(uint8_t *at, uint32_t value) {
    put16(at, value);
    put16(at + 2, value >> 16);
}

static ms_status_t read_format(const uint8_t *chunk, size_t size, ms_wav_t *wav) {
    if (size < 16)
        return MS_EFORMAT;
    uint16_t encoding = get16(chunk);
    if (encoding == EXTENSIBLE) { /* the encoding proper opens the sub-format GUID */
        if (size < 26)
            return MS_EFORMAT;
        encoding = get16(chunk + 24);
    }
    wav->channels = get16(chunk + 2);
    wav->sample_rate = get32(chunk + 4);
    wav->bits = get16(chunk + 14);
    wav->encoding = (ms_wav_encoding_t)encoding;
    if (wav->channels == 0 || wav->channels > CHANNELS_MAX || wav->sample_rate == 0)
        return MS_EFORMAT;
    switch (encoding) {
    case MS_WAV_PCM: return wav->bits % 8 == 0 && wav->bits >= 8 && wav->bits <= 32 ? MS_OK : MS_ENOTSUP;
    case MS_WAV_FLOAT: return wav->bits == 32 || wav->bits == 64 ? MS_OK : MS_ENOTSUP;
    case MS_WAV_ALAW:
    case MS_WAV_ULAW: return wav->bits == 8 ? MS_OK : MS_ENOTSUP;
    default: return MS_ENOTSUP;
    }
}

ms_status_t ms_wav_parse(const uint8_t *bytes, size_t length, ms_wav_t *wav) {
    memset(wav, 0, sizeof *wav);
    if (length < 12 || memcmp(bytes, "RIFF", 4) != 0 || memcmp(bytes + 8, "WAVE", 4) != 0)
        return MS_EFORMAT;
    for (size_t at = 12; length - at >= 8;) {
        size_t size = get32(bytes + at + 4), left = length - at - 8;
        const uint8_t *chunk = bytes + at + 8;
        if (memcmp(bytes + at, "fmt ", 4) == 0) {
            ms_status_t status = size > left ? MS_EFORMAT : read_format(chunk, size, wav);
            if (status != MS_OK)
                return status;
        } else if (memcmp(bytes + at, "data", 4) == 0) {
            if (wav->channels == 0)
                return MS_EFORMAT;
            wav->data = chunk;
            wav->frames = (size < left ? size : left) / (wav->channels * wav->bits / 8U);
            return MS_OK;
        }
        if (size + (size & 1) > left) /* chunks are padded to an even length */
            return MS_EFORMAT;
        at += 8 + size + (size & 1);
    }
    return MS_EFORMAT;
}

/* One sample on the scale of int16. */
static double sample_at(const ms_wav_t *wav, const uint8_t *at) {
    int16_t code;
    float single;
    double twice;
    switch (wav->encoding) {
    case MS_WAV_ULAW: ms_g711_ulaw_decode(at, 1, &code); return code;
    case MS_WAV_ALAW: ms_g711_alaw_decode(at, 1, &code); return code;
    case MS_WAV_FLOAT:
        if (wav->bits == 32) {
            memcpy(&single, at, sizeof single);
            return isfinite(single) ? single * 32768.0 : 0.0;
        }
        memcpy(&twice, at, sizeof twice);
        return isfinite(twice) ? twice * 32768.0 : 0.0;
    case MS_WAV_PCM: break;
    }
    switch (wav->bits) {
    case 8: return (at[0] - 128) * 256.0;
    case 16: return (int16_t)get16(at);
    case 24: return (double)(int32_t)((uint32_t)at[0] << 8 | (uint32_t)get16(at + 1) << 16) / 65536.0;
    default: return (double)(int32_t)get32(at) / 65536.0;
    }
}

void ms_wav_decode(const ms_wav_t *wav, int16_t *out) {
    const uint8_t *at = wav->data;
    for (size_t frame = 0; frame < wav->frames; frame++) {
        double sum = 0.0;
        for (unsigned channel = 0; channel < wav->channels; channel++, at += wav->bits / 8)
            sum += sample_at(wav, at);
        double mean = round(sum / wav->channels);
        out[frame] = mean > 32767.0 ? INT16_MAX : mean < -32768.0 ? INT16_MIN : (int16_t)mean;
    }
}

void ms_wav_write_header(uint8_t header[MS_WAV_HEADER_SIZE], uint16_t channels, uint32_t sample_rate, uint64_t frames) {
    uint32_t frame_size = channels * 2U;
    uint64_t most = (UINT32_MAX - MS_WAV_HEADER_SIZE) / frame_size;
    uint32_t size = (uint32_t)((frames < most ? frames : most) * frame_size);
    memcpy(header, "RIFF....WAVEfmt ", 16);
    put32(header + 4, size + MS_WAV_HEADER_SIZE - 8);
    put32(header + 16, 16);
    put16(header + 20, MS_WAV_PCM);
    put16(header + 22, channels);
    put32(header + 24, sample_rate);
    put32(header + 28, sample_rate * frame_size);
    put16(header + 32, frame_size);
    put16(header + 34, 16);
    memcpy(header + 36, "data", 4);
    put32(header + 40, size);
}

/* Up to `size` octets: the file may have become shorter. */
static bool read_all(int fd, uint8_t *bytes, size_t size, size_t *length) {
    for (*length = 0; *length < size;) {
        ssize_t got = read(fd, bytes + *length, size - *length);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return got == 0;
        *length += (size_t)got;
    }
    return true;
}

static ms_status_t read_whole(const char *path, uint8_t **bytes, size_t *length) {
    struct stat about;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* so that a named pipe does not hold us up */
    if (fd < 0)
        return MS_EIO;
    ms_status_t status = fstat(fd, &about) == 0 ? MS_OK : MS_EIO;
    if (status == MS_OK && !S_ISREG(about.st_mode)) {
        status = MS_EIO;
        errno = S_ISDIR(about.st_mode) ? EISDIR : EINVAL;
    }
    if (status == MS_OK && about.st_size > FILE_MAX)
        status = MS_ELIMIT;
    if (status == MS_OK && (*bytes = malloc((size_t)about.st_size + 1)) == NULL)
        status = MS_ENOMEM;
    if (status == MS_OK && !read_all(fd, *bytes, (size_t)about.st_size, length))
        status = MS_EIO;
    int reason = errno;
    close(fd);
    errno = reason;
    return status;
}

/* Takes over `samples`, which are at rate `from`. */
static ms_status_t make_pcm(int16_t *samples, size_t length, uint32_t from, uint32_t rate, ms_pcm_t **pcm) {
    if (from != rate) {
        int16_t *converted = NULL;
        ms_status_t status = ms_resample_clip(samples, length, from, rate, &converted, &length);
        free(samples);
        if (status != MS_OK)
            return status;
        samples = converted;
    }
    *pcm = malloc(sizeof **pcm);
    if (*pcm == NULL) {
        free(samples);
        return MS_ENOMEM;
    }
    atomic_init(&(*pcm)->references, 1);
    (*pcm)->sample_rate = rate;
    (*pcm)->length = length;
    (*pcm)->samples = samples;
    return MS_OK;
}

ms_status_t ms_pcm_load(const char *path, uint32_t rate, ms_pcm_t **pcm) {
    uint8_t *bytes = NULL;
    size_t length = 0;
    ms_wav_t wav;
    *pcm = NULL;
    ms_status_t status = read_whole(path, &bytes, &length);
    if (status == MS_OK)
        status = ms_wav_parse(bytes, length, &wav);
    if (status == MS_OK) {
        int16_t *samples = malloc((wav.frames + 1) * sizeof *samples);
        if (samples == NULL) {
            status = MS_ENOMEM;
        } else {
            ms_wav_decode(&wav, samples);
            status = make_pcm(samples, wav.frames, wav.sample_rate, rate, pcm);
        }
    }
    free(bytes);
    return status;
}

ms_status_t ms_pcm_copy(const int16_t *samples, size_t length, uint32_t from, uint32_t rate, ms_pcm_t **pcm) {
    *pcm = NULL;
    int16_t *copy = malloc((length + 1) * sizeof *copy);
    if (copy == NULL)
        return MS_ENOMEM;
    memcpy(copy, samples, length * sizeof *copy);
    return make_pcm(copy, length, from, rate, pcm);
}

uint64_t ms_pcm_length(const ms_pcm_t *pcm) { return pcm->length; }

void ms_pcm_release(ms_pcm_t *pcm) {
    if (pcm != NULL && atomic_fetch_sub(&pcm->references, 1) == 1) {
        free(pcm->samples);
        free(pcm);
    }
}
