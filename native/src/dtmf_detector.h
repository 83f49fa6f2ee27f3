/* DTMF in the sound itself (ITU-T Q.23, received as Q.24 asks): for peers that send digits no other way. */
#ifndef MS_DTMF_DETECTOR_H
#define MS_DTMF_DETECTOR_H

#include "microsip_media.h"
#include "mpsc_list.h"

/* Tones count when both are within 2.4 % of their frequency (asked: yes at 1.5, no at 3.5), at least -36 dBm0, the
   high one between 9 dB below and 5 dB above the low one (asked: 8 and 4), hold nearly all of the energy, and last from
   about 36 ms on (asked: 40). A digit ends after 18 ms without it. */

#define MS_DTMF_TONES 8

typedef struct ms_tone_sum {
    float re, im;
} ms_tone_sum_t;

struct ms_dtmf_detector {
    ms_node_t node;
    uint32_t rate, hop;          /* Hz, samples: 6 ms, half a block */
    uint32_t filled;             /* of the hop at hand */
    uint64_t position;           /* samples taken so far */
    double rotation[MS_DTMF_TONES][2], step[MS_DTMF_TONES][2]; /* phase at the hop's beginning, and how far it turns */
    ms_tone_sum_t sums[MS_DTMF_TONES], last_hop[MS_DTMF_TONES], last_block[MS_DTMF_TONES];
    float energy, last_energy;
    /* the digit that is heard: a row and a column of the keypad, -1 for none */
    int row, column;
    uint32_t hits, misses;       /* blocks with it; in a row without it */
    bool confirmed;
    double turn[2][2];           /* sums of products of blocks with those before, of row and column: their phase is the
                                    distance from the frequency */
    double turned[2];            /* sums of the same products' magnitudes */
    double tone[2], total;       /* energies */
    int16_t *block;              /* samples of the hop at hand */
    float *table;                /* hop * MS_DTMF_TONES * 2: cosines and sines */
};

/* The digit that has ended, or '\0'. */
typedef struct ms_dtmf_inband {
    char digit;
    uint32_t duration_ms;
    uint64_t position;           /* of its end, samples */
} ms_dtmf_inband_t;

/* Take n samples; how many of them were taken: fewer when a digit has ended, which `heard` tells then. */
size_t ms_dtmf_detector_take(ms_dtmf_detector_t *detector, const int16_t *samples, size_t n, ms_dtmf_inband_t *heard);

#endif
