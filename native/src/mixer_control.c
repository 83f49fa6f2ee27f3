/* Conferences and bridges as callers make and end them. */
#include "engine.h"
#include "mixer.h"
#include "stream.h"

#include <math.h>
#include <stdlib.h>

#define GAIN_MAX 8.0

static void let_go(ms_member_t *member) {
    if (atomic_fetch_sub(&member->owners, 1) != 1)
        return;
    ms_link_let_go(member->link);
    free(member);
}

static void dispose_member(ms_node_t *node) {
    ms_member_t *member = (ms_member_t *)node;
    atomic_store(&member->link->left, true);
    let_go(member);
}

static void dispose_mixer(ms_node_t *node) {
    ms_mixer_t *mixer = (ms_mixer_t *)node;
    free(mixer->close_command);
    free(mixer);
}

static bool rate_is_known(uint32_t rate) { return rate == 8000 || rate == 16000 || rate == 32000 || rate == 48000; }

/* The least busy one: mixing is work for one shard, however many its members are spread over. */
static ms_shard_t *emptiest_shard(ms_engine_t *engine) {
    ms_shard_t *best = &engine->shards[0];
    for (uint32_t i = 1; i < engine->shard_count; i++)
        if (atomic_load(&engine->shards[i].streams) < atomic_load(&best->streams))
            best = &engine->shards[i];
    return best;
}

static ms_command_t *mixer_command(ms_mixer_t *mixer, ms_command_kind_t kind) {
    ms_command_t *command = ms_command_create(NULL, kind);
    if (command != NULL)
        command->mixer = mixer;
    return command;
}

ms_status_t ms_mixer_open(ms_engine_t *engine, uint32_t rate, ms_mixer_t **out) {
    *out = NULL;
    ms_engine_clean(engine);
    if (engine->stopped)
        return MS_ESTATE;
    if (!rate_is_known(rate))
        return MS_EINVAL;
    ms_mixer_t *mixer = calloc(1, sizeof *mixer);
    if (mixer == NULL)
        return MS_ENOMEM;
    ms_command_t *command = mixer_command(mixer, MS_COMMAND_MIX_ADD);
    mixer->close_command = mixer_command(mixer, MS_COMMAND_MIX_CLOSE);
    if (command == NULL || mixer->close_command == NULL) {
        free(command);
        free(mixer->close_command);
        free(mixer);
        return MS_ENOMEM;
    }
    mixer->node.dispose = dispose_mixer;
    mixer->engine = engine;
    mixer->shard = emptiest_shard(engine);
    mixer->id = atomic_fetch_add(&engine->next_stream_id, 1) + 1;
    mixer->rate = rate;
    mixer->frame_samples = rate / 1000 * MS_MIX_MS;
    *out = mixer;
    ms_command_submit_to(mixer->shard, command);
    return MS_OK;
}

void ms_mixer_close(ms_mixer_t *mixer) {
    ms_engine_t *engine = mixer->engine;
    ms_command_t *command = mixer->close_command;
    mixer->close_command = NULL;
    ms_command_submit_to(mixer->shard, command);
    ms_engine_clean(engine);
}

uint32_t ms_mixer_id(const ms_mixer_t *mixer) { return mixer->id; }

void ms_mixer_get_statistics(const ms_mixer_t *mixer, ms_mixer_statistics_t *statistics) {
    *statistics = (ms_mixer_statistics_t){
        .members = atomic_load(&mixer->member_count), .ticks = atomic_load(&mixer->ticks),
        .skipped = atomic_load(&mixer->skipped), .work_ns = atomic_load(&mixer->work_ns),
        .power = (double)atomic_load(&mixer->energy) / mixer->frame_samples,
    };
}

/* ---- members */

static ms_member_t *new_member(ms_mixer_t *mixer, ms_link_t *link) {
    ms_member_t *member = calloc(1, sizeof *member);
    if (member == NULL)
        return NULL;
    member->leave_command = mixer_command(mixer, MS_COMMAND_MIX_LEAVE);
    if (member->leave_command == NULL) {
        free(member);
        return NULL;
    }
    member->leave_command->as.member = member;
    member->node.dispose = dispose_member;
    atomic_init(&member->owners, 2);
    atomic_init(&member->talk_gain, MS_GAIN_ONE);
    atomic_init(&member->hear_gain, MS_GAIN_ONE);
    member->link = link;
    return member;
}

ms_status_t ms_mixer_join(ms_mixer_t *mixer, ms_stream_t *stream, ms_member_t **out) {
    ms_link_t *link = NULL;
    *out = NULL;
    if (mixer->engine != stream->engine)
        return MS_EINVAL;
    ms_status_t status = ms_link_create(mixer->rate, &link);
    if (status != MS_OK)
        return status;
    ms_end_t *end = NULL;
    ms_member_t *member = new_member(mixer, link);
    ms_command_t *join = mixer_command(mixer, MS_COMMAND_MIX_JOIN), *attach = ms_command_create(stream, MS_COMMAND_LINK);
    if (member == NULL || join == NULL || attach == NULL ||
        ms_end_create(link, 0, stream->caller_audio_rate, &end) != MS_OK) {
        if (member != NULL)
            free(member->leave_command);
        free(member);
        free(join);
        free(attach);
        ms_link_let_go(link); /* as the one owner and the other */
        ms_link_let_go(link);
        return MS_ENOMEM;
    }
    join->as.member = member;
    attach->as.end = end;
    stream->caller_attached = true;
    atomic_fetch_add(&mixer->member_count, 1);
    ms_command_submit_to(mixer->shard, join);
    ms_command_submit(attach);
    *out = member;
    return MS_OK;
}

void ms_member_leave(ms_member_t *member, ms_mixer_t *mixer, ms_stream_t *stream) {
    ms_command_t *command = stream != NULL ? ms_command_create(stream, MS_COMMAND_UNLINK) : NULL;
    if (command != NULL) { /* else the stream says nothing more from here, and lets go when it ends */
        command->as.link = member->link;
        ms_command_submit(command);
    }
    if (mixer != NULL)
        ms_command_submit_to(mixer->shard, member->leave_command);
    else
        free(member->leave_command);
    member->leave_command = NULL;
    let_go(member);
}

ms_status_t ms_member_set(ms_member_t *member, const ms_member_settings_t *settings) {
    if (!(settings->talk_gain >= 0.0 && settings->talk_gain <= GAIN_MAX && settings->hear_gain >= 0.0 &&
          settings->hear_gain <= GAIN_MAX))
        return MS_EINVAL;
    atomic_store(&member->talk_gain, (int32_t)lrint(settings->talk_gain * MS_GAIN_ONE));
    atomic_store(&member->hear_gain, (int32_t)lrint(settings->hear_gain * MS_GAIN_ONE));
    atomic_store(&member->muted, settings->muted);
    atomic_store(&member->deaf, settings->deaf);
    return MS_OK;
}

void ms_member_get_statistics(const ms_member_t *member, ms_member_statistics_t *statistics) {
    const ms_pipe_t *from = &member->link->pipes[0], *to = &member->link->pipes[1];
    *statistics = (ms_member_statistics_t){
        .power = (double)atomic_load(&member->energy) / (member->link->rate / 1000 * MS_MIX_MS),
        .starved = atomic_load(&from->starved), .trimmed = atomic_load(&from->trimmed),
        .starved_out = atomic_load(&to->starved), .trimmed_out = atomic_load(&to->trimmed),
    };
}

/* ---- announcements and recordings */

static ms_status_t submit_playback(ms_mixer_t *mixer, ms_playback_t *playback) {
    ms_command_t *command = mixer_command(mixer, MS_COMMAND_MIX_PLAY);
    if (command == NULL) {
        if (playback != NULL)
            ms_playback_close(playback);
        return MS_ENOMEM;
    }
    command->as.playback = playback;
    ms_command_submit_to(mixer->shard, command);
    return MS_OK;
}

ms_status_t ms_mixer_play(ms_mixer_t *mixer, ms_pcm_t *pcm, bool loop, uint32_t id) {
    ms_playback_t *playback = NULL;
    ms_status_t status = ms_playback_open_clip(pcm, loop, id, &playback);
    return status == MS_OK ? submit_playback(mixer, playback) : status;
}

ms_status_t ms_mixer_stop_play(ms_mixer_t *mixer) { return submit_playback(mixer, NULL); }

static ms_status_t record(ms_mixer_t *mixer, const char *path, uint32_t id, ms_recorder_t **recorder) {
    ms_command_t *command = mixer_command(mixer, MS_COMMAND_MIX_RECORD);
    if (command == NULL)
        return MS_ENOMEM;
    ms_status_t status = ms_recorder_open(&mixer->engine->writer, path, false, mixer->rate, id, mixer->id,
                                          &command->as.recorder);
    *recorder = command->as.recorder;
    if (status == MS_OK)
        ms_command_submit_to(mixer->shard, command);
    else
        command->node.dispose(&command->node);
    return status;
}

ms_status_t ms_mixer_record(ms_mixer_t *mixer, const char *path, uint32_t id) {
    ms_recorder_t *recorder;
    return path == NULL ? MS_EINVAL : record(mixer, path, id, &recorder);
}

ms_status_t ms_mixer_record_samples(ms_mixer_t *mixer, uint32_t id, ms_recorder_t **recorder) {
    *recorder = NULL;
    return record(mixer, NULL, id, recorder);
}

ms_status_t ms_mixer_pause_record(ms_mixer_t *mixer, uint32_t id, bool on) {
    ms_command_t *command = mixer_command(mixer, MS_COMMAND_MIX_PAUSE_RECORD);
    if (command == NULL)
        return MS_ENOMEM;
    command->as.play.id = id;
    command->as.play.paused = on;
    ms_command_submit_to(mixer->shard, command);
    return MS_OK;
}

ms_status_t ms_mixer_stop_record(ms_mixer_t *mixer) {
    ms_command_t *command = mixer_command(mixer, MS_COMMAND_MIX_RECORD);
    if (command == NULL)
        return MS_ENOMEM;
    ms_command_submit_to(mixer->shard, command);
    return MS_OK;
}

/* ---- two streams without a mixer */

ms_status_t ms_stream_bridge(ms_stream_t *a, ms_stream_t *b) {
    ms_link_t *link = NULL;
    if (a == b || a->engine != b->engine)
        return MS_EINVAL;
    /* at the lower rate, as the other side has no more to give or take: only one side converts */
    uint32_t rate = a->caller_audio_rate < b->caller_audio_rate ? a->caller_audio_rate : b->caller_audio_rate;
    ms_status_t status = ms_link_create(rate, &link);
    if (status != MS_OK)
        return status;
    ms_end_t *end_a = NULL, *end_b = NULL;
    ms_command_t *to_a = ms_command_create(a, MS_COMMAND_LINK), *to_b = ms_command_create(b, MS_COMMAND_LINK);
    if (to_a == NULL || to_b == NULL || ms_end_create(link, 0, a->caller_audio_rate, &end_a) != MS_OK ||
        ms_end_create(link, 1, b->caller_audio_rate, &end_b) != MS_OK) {
        free(to_a);
        free(to_b);
        if (end_a != NULL)
            end_a->node.dispose(&end_a->node);
        else
            ms_link_let_go(link);
        ms_link_let_go(link);
        return MS_ENOMEM;
    }
    to_a->as.end = end_a;
    to_b->as.end = end_b;
    a->caller_attached = b->caller_attached = true;
    ms_command_submit(to_a);
    ms_command_submit(to_b);
    return MS_OK;
}

ms_status_t ms_stream_unbridge(ms_stream_t *stream) {
    ms_command_t *command = ms_command_create(stream, MS_COMMAND_LINK);
    if (command == NULL)
        return MS_ENOMEM;
    ms_command_submit(command);
    return MS_OK;
}
