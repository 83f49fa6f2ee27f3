/* What to do next: pure functions of what the buffer holds. Nothing here touches audio. */
#ifndef MS_PLAYOUT_DECISION_H
#define MS_PLAYOUT_DECISION_H

#include <stdint.h>

#include "codec_registry.h"

/* Where the sound being played comes from. */
typedef enum ms_playout_source {
    MS_SOURCE_AUDIO, /* packets, and bridges between them */
    MS_SOURCE_GAP,   /* continued from the past: packets are missing */
    MS_SOURCE_NOISE  /* the sender pauses */
} ms_playout_source_t;

typedef enum ms_fill {
    MS_FILL_DECODE,   /* the first packet follows, perhaps without its beginning, which is too late */
    MS_FILL_REWIND,   /* play the late packet whole: the delay grows by its lateness */
    MS_FILL_DROP,     /* the first packet is too late altogether */
    MS_FILL_DESCRIBE, /* the first packet says what the pause sounds like */
    MS_FILL_SKIP,     /* the first packet holds no audio */
    MS_FILL_BRIDGE,   /* packets are lost up to the first one held */
    MS_FILL_CONTINUE, /* nothing known of the future */
    MS_FILL_NOISE     /* the sender pauses up to the first packet, or longer */
} ms_fill_t;

typedef struct ms_fill_question {
    ms_playout_source_t source;
    int have_packet; /* if so: */
    ms_codec_kind_t kind;
    int64_t gap;      /* its first sample minus the next one wanted, samples */
    int64_t samples;
    int follows;      /* its sequence number is the next one */
    int64_t longest_bridge, shortest_future; /* samples */
    int64_t growth_wanted; /* samples the delay should grow by: */
    uint32_t late;         /* times lately that packets were late */
    int64_t quiet, per_ms; /* samples since somebody talked; samples a millisecond */
    int64_t longest_rewind; /* after a pause, samples */
} ms_fill_question_t;

ms_fill_t ms_playout_fill(const ms_fill_question_t *question);

/* A change of the delay. Amounts are samples; negative shrinks. */
typedef struct ms_change_question {
    int64_t change;   /* wanted */
    int64_t per_ms;
    int pause;        /* the audio at hand is background */
    int64_t quiet;    /* samples that it has been so */
    uint32_t late;    /* times lately that packets were late */
    int64_t since_change; /* samples played since the last change made in speech */
} ms_change_question_t;

typedef enum ms_change {
    MS_CHANGE_NONE,
    MS_CHANGE_IN_PAUSE, /* up to `amount` at once */
    MS_CHANGE_IN_SPEECH /* by one pitch period */
} ms_change_t;

ms_change_t ms_playout_change(const ms_change_question_t *question, int64_t *amount);

#endif
