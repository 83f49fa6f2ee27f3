/* Burst and gap metrics, counted as the packets go by. */
#include "loss_pattern.h"

/* Put what is open where it belongs. RFC 3611 A.2 keeps a Markov chain's transitions for the same figures; with the open run
   kept apart there is nothing to derive. */
static void settle(const ms_loss_pattern_t *pattern, ms_loss_figures_t *figures) {
    if (pattern->open_lost > 1) {
        figures->bursts++;
        figures->burst_packets += pattern->open_packets;
        figures->burst_lost += pattern->open_lost;
    } else {
        figures->gap_packets += pattern->open_packets;
        figures->gap_lost += pattern->open_lost;
    }
    figures->gap_packets += pattern->played;
}

void ms_loss_pattern_played(ms_loss_pattern_t *pattern) { pattern->played++; }

void ms_loss_pattern_lost(ms_loss_pattern_t *pattern, uint64_t packets) {
    if (packets == 0)
        return;
    pattern->done.runs += pattern->open_lost == 0 || pattern->played > 0;
    if (pattern->open_lost > 0 && pattern->played < MS_LOSS_GMIN)
        pattern->open_packets += pattern->played;
    else {
        settle(pattern, &pattern->done);
        pattern->open_packets = pattern->open_lost = 0;
    }
    pattern->open_packets += packets;
    pattern->open_lost += packets;
    pattern->played = 0;
}

ms_loss_figures_t ms_loss_pattern_figures(const ms_loss_pattern_t *pattern) {
    ms_loss_figures_t figures = pattern->done;
    settle(pattern, &figures);
    return figures;
}
