/* Listens to what a stream receives: is somebody talking (statistical model after Sohn, Kim and Sung, IEEE SPL 6-1,
   1999, in bands), and was that the beep of an answering machine? */
#ifndef MS_LISTENER_H
#define MS_LISTENER_H

#include "microsip_media.h"
#include "mpsc_list.h"

#define MS_LISTENER_HOP 80     /* samples at 8000 Hz: 10 ms */
#define MS_LISTENER_WINDOW 256 /* 32 ms */
#define MS_LISTENER_BANDS 15   /* of 250 Hz from 125 Hz on */
#define MS_TONE_HISTORY 256    /* hops that a beep may last */

/* Speech in noise. Powers are means of a band, on the scale of int16 squared. */
typedef struct ms_voice {
    float noise[MS_LISTENER_BANDS], smooth[MS_LISTENER_BANDS], prior[MS_LISTENER_BANDS];
    float least[MS_LISTENER_BANDS][4]; /* of the smoothed power, in stretches of 0.4 s */
    uint32_t frames;
    uint16_t flags;                    /* of the last 16 hops: the newest is bit 0 */
    float score;                       /* smoothed log likelihood ratio */
    bool talking;
    uint32_t quiet, length;            /* hops since speech was last seen; since it began */
} ms_voice_t;

/* A tone that may be a beep. */
typedef struct ms_beep {
    uint32_t length, misses;           /* hops */
    float frequency;                   /* Hz, mean */
    float powers[MS_TONE_HISTORY];
    uint32_t since_tone;               /* hops since any tone ended */
    float last_frequency;              /* of that */
    bool crowded;                      /* another tone came just before */
    /* one that has ended and is waited with, in case another tone follows */
    uint32_t waiting, age, duration_ms;
    float waiting_frequency;
} ms_beep_t;

struct ms_listener {
    ms_node_t node;
    ms_resampler_t *resampler;         /* NULL at 8000 Hz */
    int16_t *converted;                /* what it gives of one piece */
    uint32_t piece;                    /* samples given to it at once */
    uint32_t converted_count, converted_at;
    uint32_t hangover;                 /* hops */
    float window[MS_LISTENER_WINDOW], past[MS_LISTENER_WINDOW];
    uint32_t filled;                   /* of the hop at hand */
    float last_peaks[2], last_centre;  /* Hz */
    uint32_t steady;                   /* hops in a row with nothing but the same one or two tones */
    ms_voice_t voice;
    ms_beep_t beep;
    ms_heard_t queued;                 /* when two things end at once */
};

#endif
