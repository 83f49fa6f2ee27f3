/* G.722 at 64 kbit/s: wideband speech, two sub-bands, ADPCM in each; bit-exact with ITU-T G.722 (09/2012). */
#ifndef MS_G722_H
#define MS_G722_H

#include <stddef.h>
#include <stdint.h>

#define MS_G722_TAPS 24  /* of the quadrature mirror filters */
#define MS_G722_DELAY 22 /* samples that encoder and decoder delay together */

/* Adaptive predictor and step size of one sub-band. Index 0 is the newest; the arrays of six are padded with zeros to
   eight, so that loops over them become vector instructions. */
typedef struct ms_g722_band {
    int16_t zero[8];       /* zero predictor: coefficients, */
    int16_t twice[8];      /* and twice the quantised differences they weigh */
    int16_t pole[2];       /* pole predictor: coefficients, */
    int16_t signal[2];     /* and the reconstructed signals they weigh */
    int16_t partial[2];    /* signs of these steer the pole predictor's adaptation */
    int16_t zero_estimate; /* contribution of the zero predictor, */
    int16_t estimate;      /* and of both, to the next sample */
    int16_t log_step;
    int16_t step;
} ms_g722_band_t;

typedef struct ms_g722 {
    ms_g722_band_t low, high;
    int16_t filter[MS_G722_TAPS]; /* samples (encoder) or sums and differences of the bands (decoder), newest last */
} ms_g722_t;

void ms_g722_init(ms_g722_t *state);

/* n even: n samples at 16 kHz become n / 2 octets. */
void ms_g722_encode(ms_g722_t *state, const int16_t *pcm, size_t n, uint8_t *codes);

/* n octets become 2 n samples at 16 kHz. */
void ms_g722_decode(ms_g722_t *state, const uint8_t *codes, size_t n, int16_t *pcm);

/* Bring a decoder to where it would stand had it decoded what was played in place of lost packets. n even; pcm[0..n +
   MS_G722_DELAY) must exist: what comes after is looked at too. */
void ms_g722_resynchronise(ms_g722_t *state, const int16_t *pcm, size_t n);

/* One sample of each sub-band with the filters by-passed, as the test sequences of Appendix II want it. mode is 1 (64
   kbit/s), 2 (56) or 3 (48): 6, 5 or 4 bits of the code belong to the low band. */
uint8_t ms_g722_encode_bands(ms_g722_t *state, int16_t low, int16_t high);
void ms_g722_decode_bands(ms_g722_t *state, uint8_t code, int mode, int16_t *low, int16_t *high);

#endif
