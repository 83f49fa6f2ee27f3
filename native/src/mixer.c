/* The tick of a conference: what each member says, summed for all the others. */
#include "mixer.h"

#include "engine.h"
#include "level.h"

#include <string.h>

#define SKIP_NS (60 * MS_NS_PER_MS)

static void add(_Atomic uint64_t *counter, uint64_t n) {
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + n, memory_order_relaxed);
}

static void retire(ms_mixer_t *mixer, ms_node_t *node) { ms_mpsc_push(&mixer->engine->rubbish, node); }

/* 32 bits hold the sum of 65,536 members at full scale. */
static int16_t saturated(int32_t value) {
    return (int16_t)(value > INT16_MAX ? INT16_MAX : value < INT16_MIN ? INT16_MIN : value);
}

static void tell_played(ms_mixer_t *mixer, const char *why) {
    ms_playback_t *playback = mixer->playback;
    if (playback == NULL)
        return;
    ms_event_t event = {.kind = MS_EVENT_PLAYBACK_FINISHED, .stream_id = mixer->id, .reference = playback->id,
                        .value = (int64_t)(playback->played * 1000 / mixer->rate), .time = mixer->shard->now};
    strcpy(event.text, why);
    ms_event_ring_put(&mixer->shard->events, &event);
    mixer->playback = NULL;
    retire(mixer, &playback->node);
}

static void add_up(ms_mixer_t *mixer, ms_member_t *member) {
    uint32_t n = mixer->frame_samples;
    int32_t gain = atomic_load_explicit(&member->talk_gain, memory_order_relaxed);
    ms_pipe_read(&member->link->pipes[0], member->frame, n);
    if (atomic_load_explicit(&member->muted, memory_order_relaxed))
        memset(member->frame, 0, n * sizeof *member->frame);
    else if (gain != MS_GAIN_ONE)
        ms_gain(member->frame, n, gain);
    atomic_store_explicit(&member->energy, ms_energy(member->frame, n), memory_order_relaxed);
    for (uint32_t i = 0; i < n; i++)
        mixer->total[i] += member->frame[i];
}

static void hand_out(ms_mixer_t *mixer, ms_member_t *member) {
    uint32_t n = mixer->frame_samples;
    int32_t gain = atomic_load_explicit(&member->hear_gain, memory_order_relaxed);
    int16_t *out = member->frame; /* each sample is read before it is written */
    if (atomic_load_explicit(&member->deaf, memory_order_relaxed)) {
        memset(out, 0, n * sizeof *out);
    } else {
        for (uint32_t i = 0; i < n; i++)
            out[i] = saturated(mixer->total[i] - member->frame[i]);
        if (gain != MS_GAIN_ONE)
            ms_gain(out, n, gain);
    }
    ms_pipe_write(&member->link->pipes[1], out, n);
}

/* Those whose stream has ended leave by themselves. */
static void drop_ended(ms_mixer_t *mixer) {
    for (ms_member_t **at = &mixer->members; *at != NULL;) {
        ms_member_t *member = *at;
        if (!atomic_load_explicit(&member->link->left, memory_order_relaxed)) {
            at = &member->next;
            continue;
        }
        *at = member->next;
        atomic_fetch_sub(&mixer->member_count, 1);
        retire(mixer, &member->node);
    }
}

static void record(ms_mixer_t *mixer) {
    if (mixer->recorder != NULL)
        mixer->recorder = ms_recorder_put(mixer->recorder, mixer->said, NULL, mixer->frame_samples,
                                          &mixer->shard->events, mixer->shard->now);
}

static void mix(ms_mixer_t *mixer) {
    uint32_t n = mixer->frame_samples;
    drop_ended(mixer);
    memset(mixer->total, 0, n * sizeof *mixer->total);
    if (mixer->playback != NULL) {
        size_t made = ms_playback_read(mixer->playback, mixer->said, n);
        for (uint32_t i = 0; i < n; i++)
            mixer->total[i] = mixer->said[i];
        if (made < n)
            tell_played(mixer, "finished");
    }
    for (ms_member_t *member = mixer->members; member != NULL; member = member->next)
        add_up(mixer, member);
    for (ms_member_t *member = mixer->members; member != NULL; member = member->next)
        hand_out(mixer, member);
    for (uint32_t i = 0; i < n; i++)
        mixer->said[i] = saturated(mixer->total[i]);
    atomic_store_explicit(&mixer->energy, ms_energy(mixer->said, n), memory_order_relaxed);
    record(mixer);
}

static void place(ms_shard_t *shard, ms_mixer_t *mixer) {
    uint32_t index = mixer->due % MS_WHEEL_SLOTS;
    mixer->next = shard->mixers[index];
    shard->mixers[index] = mixer;
    shard->mixing |= UINT64_C(1) << index;
}

static void serve(ms_shard_t *shard, ms_mixer_t *mixer) {
    int64_t begin = shard->manual ? shard->now : ms_clock_now();
    int64_t lateness = begin - ms_shard_deadline(shard, mixer->due);
    shard->now = begin;
    if (lateness >= SKIP_NS) {
        uint64_t frames = (uint64_t)(lateness / (MS_MIX_MS * MS_NS_PER_MS));
        add(&mixer->skipped, frames);
        mixer->due += frames * MS_MIX_MS;
        return;
    }
    mix(mixer);
    mixer->due += MS_MIX_MS;
    add(&mixer->ticks, 1);
    if (!shard->manual)
        add(&mixer->work_ns, (uint64_t)(ms_clock_now() - begin));
}

void ms_mixers_run(ms_shard_t *shard) {
    uint32_t index = shard->tick % MS_WHEEL_SLOTS;
    if ((shard->mixing >> index & 1) == 0)
        return;
    ms_mixer_t *mixer = shard->mixers[index];
    shard->mixers[index] = NULL;
    shard->mixing &= ~(UINT64_C(1) << index);
    for (ms_mixer_t *next; mixer != NULL; mixer = next) {
        next = mixer->next;
        if (mixer->due == shard->tick)
            serve(shard, mixer);
        place(shard, mixer);
    }
}

static void end(ms_mixer_t *mixer) {
    for (ms_member_t *next, *member = mixer->members; member != NULL; member = next) {
        next = member->next;
        retire(mixer, &member->node);
    }
    mixer->members = NULL;
    tell_played(mixer, "stopped");
    if (mixer->recorder != NULL)
        ms_recorder_end(mixer->recorder);
    mixer->recorder = NULL;
    retire(mixer, &mixer->node);
}

void ms_mixers_end(ms_shard_t *shard) {
    for (uint32_t index = 0; index < MS_WHEEL_SLOTS; index++) {
        for (ms_mixer_t *next, *mixer = shard->mixers[index]; mixer != NULL; mixer = next) {
            next = mixer->next;
            end(mixer);
        }
        shard->mixers[index] = NULL;
    }
    shard->mixing = 0;
}

static void close_mixer(ms_shard_t *shard, ms_mixer_t *mixer) {
    uint32_t index = mixer->due % MS_WHEEL_SLOTS;
    ms_mixer_t **at = &shard->mixers[index];
    while (*at != mixer)
        at = &(*at)->next;
    *at = mixer->next;
    if (shard->mixers[index] == NULL)
        shard->mixing &= ~(UINT64_C(1) << index);
    end(mixer);
}

static void leave(ms_mixer_t *mixer, ms_member_t *member) {
    ms_member_t **at = &mixer->members;
    while (*at != NULL && *at != member)
        at = &(*at)->next;
    if (*at == NULL)
        return; /* its stream has ended before */
    *at = member->next;
    atomic_fetch_sub(&mixer->member_count, 1);
    retire(mixer, &member->node);
}

void ms_mixer_apply(ms_command_t *command, ms_shard_t *shard) {
    ms_mixer_t *mixer = command->mixer;
    switch (command->kind) {
    case MS_COMMAND_MIX_ADD:
        mixer->due = ms_shard_next_tick(shard);
        place(shard, mixer);
        break;
    case MS_COMMAND_MIX_JOIN:
        command->as.member->next = mixer->members;
        mixer->members = command->as.member;
        break;
    case MS_COMMAND_MIX_LEAVE: leave(mixer, command->as.member); break;
    case MS_COMMAND_MIX_PLAY:
        tell_played(mixer, command->as.playback == NULL ? "stopped" : "replaced");
        mixer->playback = command->as.playback;
        break;
    case MS_COMMAND_MIX_RECORD:
        if (mixer->recorder != NULL)
            ms_recorder_end(mixer->recorder);
        mixer->recorder = command->as.recorder;
        break;
    case MS_COMMAND_MIX_PAUSE_RECORD:
        if (mixer->recorder != NULL && mixer->recorder->id == command->as.play.id)
            mixer->recorder->paused = command->as.play.paused;
        break;
    default: close_mixer(shard, mixer); break;
    }
}
