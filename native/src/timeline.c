/* Runs of packets, and how one is joined to the next. */
#include "timeline.h"

#include <string.h>

/* A re-INVITE, a transfer, music on hold or a rebooted gateway changes SSRC, sequence or timestamp at random. The listener
   should not notice: mostly the same voice or the next one simply goes on, one frame after the other. So a new run is laid
   right behind the old one when its first packet comes about when the next packet was due; otherwise it is placed by its
   arrival, at the usual distance from it. Either way the delay stays what it was. */

#define MAX_DROPOUT 3000     /* sequence numbers, RFC 3550 A.1 */
#define MAX_MISORDER 100
#define MAX_JUMP_S 4         /* a timestamp off by more against arrival is a jump, not a pause */
#define FOLLOWS_EARLY_US 60000
#define FOLLOWS_LATE_US 120000

void ms_timeline_init(ms_timeline_t *t, uint32_t sample_rate) {
    memset(t, 0, sizeof *t);
    t->sample_rate = sample_rate;
}

static int64_t to_samples(const ms_timeline_t *t, int64_t ticks, uint32_t clock_rate) {
    return ticks * t->sample_rate / clock_rate;
}

static int64_t to_us(const ms_timeline_t *t, int64_t samples) { return samples * 1000000 / t->sample_rate; }

/* Place within a run; false when the numbers do not fit it. */
static int fits(const ms_timeline_t *t, const ms_timeline_run_t *run, const ms_timeline_packet_t *p,
                ms_timeline_place_t *place) {
    if (run->ssrc != p->ssrc)
        return 0;
    int16_t step = (int16_t)(p->sequence - run->wire_sequence);
    int32_t ticks = (int32_t)(p->timestamp - run->wire_timestamp);
    int64_t samples = to_samples(t, ticks, p->clock_rate);
    int64_t elapsed = (p->arrival_us - run->arrival_us) * t->sample_rate / 1000000;
    if (step > MAX_DROPOUT || step < -MAX_MISORDER)
        return 0;
    if (samples - elapsed > (int64_t)MAX_JUMP_S * t->sample_rate || elapsed - samples > (int64_t)MAX_JUMP_S * t->sample_rate)
        return 0;
    place->sequence = run->sequence + step;
    place->position = run->position + samples;
    place->reordered = step <= 0;
    place->step = step > 0 ? step : 0;
    return 1;
}

static void advance(ms_timeline_run_t *run, const ms_timeline_packet_t *p, const ms_timeline_place_t *place) {
    run->ssrc = p->ssrc;
    run->sequence = place->sequence;
    run->position = place->position;
    run->wire_sequence = p->sequence;
    run->wire_timestamp = p->timestamp;
    run->arrival_us = p->arrival_us;
    run->end = place->position + p->samples;
}

/* First sample of a run that has nothing to do with the one before it by its numbers. */
static int64_t join(const ms_timeline_t *t, const ms_timeline_packet_t *p, int64_t typical_offset_us) {
    int64_t offset = p->arrival_us - to_us(t, t->now.end);
    if (offset > typical_offset_us - FOLLOWS_EARLY_US && offset < typical_offset_us + FOLLOWS_LATE_US)
        return t->now.end;
    int64_t by_arrival = (p->arrival_us - typical_offset_us) * t->sample_rate / 1000000;
    return by_arrival > t->now.end ? by_arrival : t->now.end;
}

ms_timeline_place_t ms_timeline_place(ms_timeline_t *t, const ms_timeline_packet_t *p, int64_t typical_offset_us) {
    ms_timeline_place_t place = {0};
    if (t->runs > 0 && fits(t, &t->now, p, &place)) {
        if (!place.reordered)
            advance(&t->now, p, &place);
        return place;
    }
    if (t->runs > 1 && fits(t, &t->before, p, &place) && place.reordered)
        return place;
    place = (ms_timeline_place_t){.new_run = t->runs > 0, .step = 1};
    if (t->runs > 0) {
        place.sequence = t->now.sequence + 1;
        place.position = join(t, p, typical_offset_us);
        t->before = t->now;
    }
    t->runs = t->runs > 0 ? 2 : 1;
    advance(&t->now, p, &place);
    return place;
}
