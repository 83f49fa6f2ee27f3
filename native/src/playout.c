/* The playing half of the jitter buffer: ms_jb_pull. */
#include "playout.h"

#include <string.h>

#include "jitter_buffer.h"

#define STOOD_STILL_US 100000 /* the clock of whoever pulls has jumped */

static void start(ms_jb_t *jb, int64_t now_us) {
    if (!jb->waiting || jb->store.count == 0)
        return;
    jb->initial_us = ms_playout_initial_delay(jb);
    if (now_us - jb->first_us < jb->initial_us)
        return;
    jb->playing = 1;
    jb->end = jb->store.packets[0].position;
    jb->last_sequence = jb->store.packets[0].sequence - 1;
    jb->frame = jb->store.packets[0].samples > 0 ? jb->store.packets[0].samples : jb->config.sample_rate / 50;
    jb->delay_us = now_us - ms_jb_us(jb, jb->end);
}

/* A consumer that is late for once must not make the delay look longer than it is. */
static void watch_clock(ms_jb_t *jb, int64_t now_us) {
    int64_t delay = now_us - ms_jb_us(jb, ms_playout_position(jb));
    if (delay < jb->delay_us || delay > jb->delay_us + STOOD_STILL_US)
        jb->delay_us = delay;
    else
        jb->delay_us += (delay - jb->delay_us) / 32;
}

static void learn(ms_jb_t *jb, const int16_t *pcm, size_t n, ms_jb_kind_t kind) {
    if (jb->source == MS_SOURCE_NOISE)
        jb->quiet += (int64_t)n;
    if (kind == MS_JB_CONCEAL || jb->source == MS_SOURCE_NOISE)
        return;
    float level = ms_mean_square(pcm, n);
    if (ms_activity_pause(&jb->activity, level)) {
        ms_noise_hear(&jb->noise, pcm, n);
        jb->quiet += (int64_t)n;
    } else
        jb->quiet = 0;
    ms_activity_learn(&jb->activity, level, (float)n / (float)ms_jb_per_ms(jb));
}

static void tell(const ms_jb_t *jb, int64_t now_us, int64_t playing, ms_jb_kind_t kind, ms_jb_info_t *info) {
    int64_t newest = jb->waiting ? jb->timeline.now.end : playing;
    int64_t ticks = jb->clock_rate > 0 ? (playing - jb->timestamp_position) * jb->clock_rate / jb->config.sample_rate : 0;
    info->kind = kind;
    info->playout_timestamp = jb->timestamp + (uint32_t)ticks;
    info->ssrc = jb->timeline.now.ssrc;
    info->buffered_ms = (int32_t)((newest - playing) * 1000 / jb->config.sample_rate);
    info->delay_ms = jb->playing ? (int32_t)((jb->delay_us - ms_delay_base(&jb->delays)) / 1000) : 0;
    info->target_ms = (int32_t)(jb->target_us / 1000);
    info->arrived_ms = jb->waiting ? (uint32_t)((now_us - jb->newest_us) / 1000) : UINT32_MAX;
    info->payload_type = jb->payload_type;
}

static ms_jb_kind_t later_kind(ms_jb_kind_t a, ms_jb_kind_t b) { return a > b ? a : b; }

ms_status_t ms_jb_pull(ms_jb_t *jb, int16_t *pcm, size_t n, int64_t now_us, ms_jb_info_t *info) {
    ms_jb_kind_t kind = MS_JB_NORMAL;
    int64_t playing = ms_playout_position(jb);
    if (n == 0 || n > MS_JB_PULL_MS * ms_jb_per_ms(jb)) {
        memset(pcm, 0, n * sizeof *pcm);
        return MS_EINVAL;
    }
    if (!jb->playing)
        start(jb, now_us);
    if (!jb->playing) {
        memset(pcm, 0, n * sizeof *pcm);
        kind = MS_JB_SILENCE;
    } else {
        watch_clock(jb, now_us);
        if ((jb->arrived || jb->source != MS_SOURCE_AUDIO) && jb->delays.count > 0)
            ms_playout_choose_delay(jb, n);
        jb->arrived = 0;
        ms_playout_skip_stale(jb);
        while (jb->ahead < n)
            kind = later_kind(kind, ms_playout_fill_some(jb, n, n));
        kind = later_kind(kind, ms_playout_change_delay(jb, n));
        playing = ms_playout_position(jb);
        memcpy(pcm, ms_playout_ahead(jb), n * sizeof *pcm);
        memmove(jb->audio, jb->audio + n, (jb->history + jb->ahead - n) * sizeof *jb->audio);
        jb->ahead -= n;
        jb->since_change += (int64_t)n;
        learn(jb, pcm, n, kind);
        jb->stats.delay_sum_ms += (uint64_t)((jb->delay_us - ms_delay_base(&jb->delays)) / 1000);
        jb->stats.delay_count++;
    }
    jb->stats.pulled_samples += n;
    if (info != NULL)
        tell(jb, now_us, playing, kind, info);
    return MS_OK;
}
