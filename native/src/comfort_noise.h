/* Background noise for pauses: as a comfort noise packet (RFC 3389) says, or like what was heard last. */
#ifndef MS_COMFORT_NOISE_H
#define MS_COMFORT_NOISE_H

#include <stddef.h>
#include <stdint.h>

#define MS_NOISE_ORDER 10 /* more coefficients of a packet are not used (RFC 3389 3.3) */

/* White noise through an all-pole lattice filter, brought to unit power. */
typedef struct ms_coloured_noise {
    float reflection[MS_NOISE_ORDER];
    float state[MS_NOISE_ORDER]; /* backward errors */
    float scale;
    uint32_t random;
} ms_coloured_noise_t;

/* The colour of a signal with this autocorrelation (lags 0 to MS_NOISE_ORDER). */
void ms_colour_from_correlation(ms_coloured_noise_t *noise, const float *correlation);
void ms_correlation(const int16_t *pcm, size_t n, float *correlation);
float ms_coloured_next(ms_coloured_noise_t *noise);

typedef struct ms_comfort_noise {
    ms_coloured_noise_t source;
    float level; /* root mean square aimed at */
    float gain;  /* that of now: it follows gradually */
    float correlation[MS_NOISE_ORDER + 1]; /* of the background heard, forgetting */
    int described; /* by a packet: what is heard no longer matters */
} ms_comfort_noise_t;

void ms_noise_init(ms_comfort_noise_t *noise);

/* Listen to background: audio in which nobody talks. */
void ms_noise_hear(ms_comfort_noise_t *noise, const int16_t *pcm, size_t n);

/* Take over the payload of a comfort noise packet. */
void ms_noise_describe(ms_comfort_noise_t *noise, const uint8_t *payload, size_t length);

/* A pause begins without (or with an older) packet: use what was heard. */
void ms_noise_from_heard(ms_comfort_noise_t *noise);

void ms_noise_generate(ms_comfort_noise_t *noise, int16_t *out, size_t n);

/* The same, on top of what is there. */
void ms_noise_add(ms_comfort_noise_t *noise, int16_t *out, size_t n);

#endif
