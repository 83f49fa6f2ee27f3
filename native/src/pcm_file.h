/* WAV files: read whole into samples, and the header that is written (RIFF, "Multimedia Programming Interface"). */
#ifndef MS_PCM_FILE_H
#define MS_PCM_FILE_H

#include "microsip_media.h"

typedef enum ms_wav_encoding {
    MS_WAV_PCM = 1,
    MS_WAV_FLOAT = 3,
    MS_WAV_ALAW = 6,
    MS_WAV_ULAW = 7
} ms_wav_encoding_t;

typedef struct ms_wav {
    ms_wav_encoding_t encoding;
    uint16_t channels;
    uint32_t sample_rate;
    uint16_t bits;        /* per sample: 8, 16, 24, 32, 64 */
    const uint8_t *data;  /* inside the parsed octets */
    size_t frames;
} ms_wav_t;

/* A data chunk that claims more than there is (a recording cut short) counts as far as it goes. MS_EFORMAT: no WAV
   file, or one without the two chunks; MS_ENOTSUP: an encoding not listed above. */
ms_status_t ms_wav_parse(const uint8_t *bytes, size_t length, ms_wav_t *wav);

/* Mix down to mono int16: `out` has room for wav->frames. */
void ms_wav_decode(const ms_wav_t *wav, int16_t *out);

#define MS_WAV_HEADER_SIZE 44

/* 16-bit PCM. Frames beyond 4 GiB of data are told as 4 GiB. */
void ms_wav_write_header(uint8_t header[MS_WAV_HEADER_SIZE], uint16_t channels, uint32_t sample_rate, uint64_t frames);

/* Samples that can be played: counted references, because one announcement is played to many calls at once. */
struct ms_pcm {
    _Atomic uint32_t references;
    uint32_t sample_rate;
    size_t length;
    int16_t *samples;
};

#endif
