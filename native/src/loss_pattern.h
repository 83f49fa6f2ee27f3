/* How losses lie together: bursts, and the gaps between them (RFC 3611 s4.7.2). */
#ifndef MS_LOSS_PATTERN_H
#define MS_LOSS_PATTERN_H

#include <stdint.h>

#define MS_LOSS_GMIN 16u /* packets in a row that must be played for a burst to be over: the recommended gap threshold */

/* In packets, over the whole call. A lost packet is one that was not played: it never came, or came too late. A burst begins
   and ends with a lost packet, holds at least two, and never MS_LOSS_GMIN played ones in a row; the rest is gap. */
typedef struct ms_loss_figures {
    uint64_t bursts;
    uint64_t burst_packets, burst_lost; /* lengths of all bursts, and what was lost in them */
    uint64_t gap_packets, gap_lost;     /* the same of the gaps */
    uint64_t runs;                      /* of packets lost one after the other */
} ms_loss_figures_t;

typedef struct ms_loss_pattern {
    ms_loss_figures_t done;              /* all but what follows: */
    uint64_t open_packets, open_lost;    /* from the first to the last loss of what may be or become a burst */
    uint64_t played;                     /* since then */
} ms_loss_pattern_t;

/* Zero-initialise. Packets are told in the order of their sequence numbers. */
void ms_loss_pattern_played(ms_loss_pattern_t *pattern);
void ms_loss_pattern_lost(ms_loss_pattern_t *pattern, uint64_t packets);

ms_loss_figures_t ms_loss_pattern_figures(const ms_loss_pattern_t *pattern);

#endif
