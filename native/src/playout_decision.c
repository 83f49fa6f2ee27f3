/* The rules of playing. */
#include "playout_decision.h"

/* 1. What comes next.

   The play-out clock does not wait. A packet that is missing at its time is concealed, one that comes later is played from
   the point the clock has reached, or dropped; the delay stays. That is the lesson of the spikes: a receiver that lets a
   300 ms gap stretch its delay plays everything after it late and has to hurry for seconds (NetEQ: MOS-CQ 1.71, a plain
   fixed buffer: 3.57).

   The exception is a delay that should grow anyway, because the estimator says that lateness like this is here to stay:
   then the late packet is played whole, and the concealment before it was an insertion. After a pause of the sender
   lateness costs nothing, so the first packet of a talk spurt is always played whole.

   Sequence numbers tell a loss from a pause: no number missing, but time, means that the sender had nothing to say. */

#define CHANGE_AFTER_MS 200 /* of pause: a change within a sentence's short stops is a fault to PESQ, 4.4 to 3.5 and less */
#define URGENT 3 /* times late in 2.5 s: not a spike any more */

static ms_fill_t late(const ms_fill_question_t *q, int64_t lateness) {
    if (lateness == 0)
        return MS_FILL_DECODE;
    int pause = q->quiet >= CHANGE_AFTER_MS * q->per_ms;
    if (q->source == MS_SOURCE_NOISE && lateness <= q->longest_rewind && pause)
        return MS_FILL_REWIND;
    if (q->source == MS_SOURCE_GAP && lateness <= q->growth_wanted && (pause || q->late >= URGENT))
        return MS_FILL_REWIND;
    return lateness < q->samples ? MS_FILL_DECODE : MS_FILL_DROP;
}

ms_fill_t ms_playout_fill(const ms_fill_question_t *q) {
    ms_fill_t unknown = q->source == MS_SOURCE_NOISE ? MS_FILL_NOISE : MS_FILL_CONTINUE;
    if (!q->have_packet)
        return unknown;
    if (q->kind == MS_CODEC_COMFORT_NOISE && (q->gap <= 0 || q->follows))
        return MS_FILL_DESCRIBE;
    if (q->kind == MS_CODEC_TELEPHONE_EVENT && (q->gap <= 0 || q->follows))
        return MS_FILL_SKIP;
    if (q->gap <= 0)
        return late(q, -q->gap);
    if (q->follows || q->source == MS_SOURCE_NOISE)
        return MS_FILL_NOISE;
    if (q->kind == MS_CODEC_AUDIO && q->gap <= q->longest_bridge && q->samples >= q->shortest_future)
        return MS_FILL_BRIDGE;
    return MS_FILL_CONTINUE;
}

/* 2. Changing the delay.

   In a pause any change is unheard, so it is made at once, in both directions. In speech a splice of one pitch period is
   heard little but not at all not, and to PESQ every one is a fault; it is made only when waiting for a pause costs more:
   packets are being lost to lateness now, or the queue is so deep that conversation suffers. */

#define SMALLEST_MS 1
#define PAUSE_MS 20          /* at once */
#define GROW_AFTER_MS 60     /* when packets are late now */
#define DEEP_MS 60           /* queue deeper than wanted */
#define SPEECH_INTERVAL_MS 60

ms_change_t ms_playout_change(const ms_change_question_t *q, int64_t *amount) {
    int64_t size = q->change < 0 ? -q->change : q->change;
    *amount = q->change;
    if (size < SMALLEST_MS * q->per_ms)
        return MS_CHANGE_NONE;
    if (q->pause && q->quiet >= (q->change > 0 && q->late >= URGENT ? GROW_AFTER_MS : CHANGE_AFTER_MS) * q->per_ms) {
        int64_t most = PAUSE_MS * q->per_ms;
        *amount = q->change > most ? most : q->change < -most ? -most : q->change;
        return MS_CHANGE_IN_PAUSE;
    }
    if (q->since_change < SPEECH_INTERVAL_MS * q->per_ms)
        return MS_CHANGE_NONE;
    if ((q->change > 0 && q->late >= URGENT) || q->change < -DEEP_MS * q->per_ms)
        return MS_CHANGE_IN_SPEECH;
    return MS_CHANGE_NONE;
}
