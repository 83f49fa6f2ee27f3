/* Audio between a stream and a mixer, or between two streams, each on a shard of its own: a pipe each way. */
#ifndef MS_LINK_H
#define MS_LINK_H

#include "converter.h"
#include "mpsc_list.h"
#include "pcm_ring.h"

/* Both shards keep the same clock, so that a pipe neither runs dry nor over for long: where the writer comes after the
   reader for once, silence is read, and what comes then is the cushion that keeps it from happening again. A cushion
   that proves too thick is taken out by a cross-fade. */
typedef struct ms_pipe {
    ms_pcm_ring_t ring;
    uint32_t limit;            /* samples: older ones are thrown away at once */
    uint32_t least, readings;  /* the reader's: fewest left after a reading, of so many */
    uint32_t silent;           /* the reader's: readings in a row that found nothing */
    _Atomic uint64_t starved;  /* samples of silence in the midst of sound */
    _Atomic uint64_t trimmed;  /* samples left out */
} ms_pipe_t;

/* All n samples or, where there is no room, none. */
void ms_pipe_write(ms_pipe_t *pipe, const int16_t *samples, uint32_t n);
/* The next n samples; silence where there are not so many. n is at most 2880. */
void ms_pipe_read(ms_pipe_t *pipe, int16_t *samples, uint32_t n);
void ms_pipe_skip(ms_pipe_t *pipe, uint32_t n);

/* Side e writes pipes[e] and reads the other. Freed by the one of the two owners who lets go last. */
typedef struct ms_link {
    _Atomic uint32_t owners;
    _Atomic bool left;         /* one of them has let go */
    uint32_t rate;
    ms_pipe_t pipes[2];
} ms_link_t;

ms_status_t ms_link_create(uint32_t rate, ms_link_t **link);
void ms_link_let_go(ms_link_t *link);

/* A stream's end of a link, which converts between the stream's rate and the link's. */
typedef struct ms_end {
    ms_node_t node;            /* disposing of it lets go of the link */
    ms_link_t *link;
    uint32_t side, rate;       /* the stream's */
    ms_converter_t *converter; /* NULL: the rates are one. "receive" is to the link's */
} ms_end_t;

/* Takes over one ownership of the link when it succeeds. */
ms_status_t ms_end_create(ms_link_t *link, uint32_t side, uint32_t rate, ms_end_t **end);

/* At the tick, with frames of n samples at the stream's rate; `scratch` has room for 2881. What the stream has received
   goes to the other side ... */
void ms_end_hear(ms_end_t *end, const int16_t *samples, uint32_t n, int16_t *scratch);
/* ... and what comes from there is for the stream to send ... */
void ms_end_say(ms_end_t *end, int16_t *samples, uint32_t n, int16_t *scratch);
/* ... or to forget, while it sends something else. */
void ms_end_skip(ms_end_t *end, uint32_t n);

#endif
