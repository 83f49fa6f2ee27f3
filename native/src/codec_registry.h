/* One vtable for every codec, and the list of the codecs that are built in. */
#ifndef MS_CODEC_REGISTRY_H
#define MS_CODEC_REGISTRY_H

#include "microsip_media.h"

#include <stddef.h>
#include <stdint.h>

#define MS_CODEC_MARGIN 24     /* samples */
#define MS_CODEC_LED_STATE 256 /* octets */

typedef enum ms_codec_kind {
    MS_CODEC_AUDIO,
    MS_CODEC_COMFORT_NOISE,  /* RFC 3389: describes the noise of a pause */
    MS_CODEC_TELEPHONE_EVENT /* RFC 4733: no audio; time passes */
} ms_codec_kind_t;

/* A codec. Functions keep no state but in `state`, allocate nothing and read payloads of any content safely.
   A codec without decoder or encoder has NULL there. Decoders deliver mono (stereo is mixed down). */
typedef struct ms_codec {
    const char *name; /* encoding name as in SDP */
    ms_codec_kind_t kind;
    uint32_t clock_rate;  /* of RTP timestamps, Hz */
    uint32_t sample_rate; /* of the audio, Hz (G.722: 16000 with a clock of 8000, RFC 3551 4.5.2) */
    uint8_t channels;     /* on the wire */
    int8_t payload_type;  /* static one of RFC 3551, or -1 */
    size_t decoder_size, encoder_size; /* octets of state, 0: stateless */
    void (*decoder_init)(void *state);
    /* Samples (of one channel) a payload holds; 0 when it is malformed. */
    size_t (*samples)(const uint8_t *payload, size_t length);
    /* Decode into at most `capacity` samples; how many there are. */
    size_t (*decode)(void *state, const uint8_t *payload, size_t length, int16_t *pcm, size_t capacity);
    /* `n` samples were played in place of lost packets: bring the decoder's state in step. What comes after them is
       in pcm[n..n + MS_CODEC_MARGIN). NULL: nothing to do. A codec that has it must make do with MS_CODEC_LED_STATE octets, and its
       payload must be cut anywhere (a constant number of samples an octet). */
    void (*concealed)(void *state, const int16_t *pcm, size_t n);
    void (*encoder_init)(void *state);
    /* Encode n samples (n fits the codec's frame); octets written, 0 when they do not fit or need not be sent. */
    size_t (*encode)(void *state, const int16_t *pcm, size_t n, uint8_t *payload, size_t capacity);
    /* The n samples before a packet that carries them a second time; how many there are. NULL: it never does. */
    size_t (*recover)(void *state, const uint8_t *next, size_t length, int16_t *pcm, size_t n);
    /* After encoder_init. NULL: there is nothing to set. */
    void (*encoder_set)(void *state, const ms_encoder_settings_t *settings);
} ms_codec_t;

extern const ms_codec_t ms_codec_pcmu;
extern const ms_codec_t ms_codec_pcma;
extern const ms_codec_t ms_codec_g722;
extern const ms_codec_t ms_codec_cn;
extern const ms_codec_t ms_codec_telephone_event;

/* By SDP encoding name (any case), clock rate and channels; NULL when there is none. */
const ms_codec_t *ms_codec_find(const char *name, uint32_t clock_rate, uint8_t channels);

/* The same where a codec has audio of several rates; sample_rate 0 takes the first. */
const ms_codec_t *ms_codec_find_rate(const char *name, uint32_t clock_rate, uint8_t channels, uint32_t sample_rate);

/* By static payload type of RFC 3551 table 4; NULL when there is none. */
const ms_codec_t *ms_codec_static(uint8_t payload_type);

/* Octets of the largest decoder state among the built-in codecs. */
size_t ms_codec_decoder_size(void);

#endif
