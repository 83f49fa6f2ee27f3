/* A conference: what each member says, summed for all the others. One shard ticks it; its members' streams may be of
   any, and are linked to it by pipes. */
#ifndef MS_MIXER_H
#define MS_MIXER_H

#include "command.h"
#include "link.h"
#include "shard.h"

#define MS_MIX_MS 20
#define MS_MIX_SAMPLES_MAX (48000 / 1000 * MS_MIX_MS)

/* The mixer's and the caller's; whoever lets go last frees it. */
struct ms_member {
    ms_node_t node;            /* for the mixer's part of the ownership */
    struct ms_member *next;
    _Atomic uint32_t owners;
    ms_link_t *link;
    ms_command_t *leave_command; /* callers' only: made at once, so that leaving can not fail */
    _Atomic int32_t talk_gain, hear_gain; /* 4096 is 1 */
    _Atomic bool muted, deaf;
    _Atomic uint64_t energy;   /* sum of squares of the last frame said */
    int16_t frame[MS_MIX_SAMPLES_MAX];
};

struct ms_mixer {
    ms_node_t node;
    struct ms_mixer *next;     /* in the shard's slot */
    uint64_t due;              /* tick */
    struct ms_engine *engine;  /* callers' too */
    ms_shard_t *shard;         /* callers' too */
    uint32_t id, rate;         /* callers' too */
    ms_command_t *close_command; /* callers' only */
    uint32_t frame_samples;
    ms_member_t *members;
    ms_playback_t *playback;
    ms_recorder_t *recorder;
    _Atomic uint32_t member_count;
    _Atomic uint64_t ticks, skipped, work_ns, energy;
    int32_t total[MS_MIX_SAMPLES_MAX];
    int16_t said[MS_MIX_SAMPLES_MAX];
};

/* ---- at the tick */

/* Those of the shard that are due at its tick. */
void ms_mixers_run(ms_shard_t *shard);
void ms_mixers_end(ms_shard_t *shard);
void ms_mixer_apply(ms_command_t *command, ms_shard_t *shard);

#endif
