/* Background noise for pauses: as a comfort noise packet (RFC 3389) says, or like what was heard last. */
#ifndef MS_COMFORT_NOISE_H
#define MS_COMFORT_NOISE_H

#include <stddef.h>
#include <stdint.h>

#define MS_NOISE_ORDER 10 /* more coefficients of a packet are not used (RFC 3389 3.3) */

typedef struct ms_comfort_noise {
    float reflection[MS_NOISE_ORDER]; /* of the all-pole filter that gives the noise its colour */
    float level;                      /* root mean square aimed at */
    float gain;                       /* level / gain of the filter, approached gradually */
    float state[MS_NOISE_ORDER];      /* backward errors of the lattice */
    float correlation[MS_NOISE_ORDER + 1]; /* of the background heard, forgetting */
    uint32_t random;
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

#endif
