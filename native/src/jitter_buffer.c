/* The jitter buffer: a first body with a fixed delay and repetition for what is missing. */
#include "jitter_buffer.h"

#include <string.h>

#include "packet_store.h"

#define PAYLOAD_MAX 3840u
#define FRAME_MAX 2880u

struct ms_jb {
    ms_jb_config_t config;
    const ms_codec_t *codecs[128];
    ms_packet_store_t store;
    ms_jb_stats_t stats;
    int64_t highest;      /* sequence */
    int64_t media;        /* extended timestamp of `highest` */
    int64_t playout;      /* next sample */
    int64_t start_us;
    int64_t arrival_us;
    uint32_t ssrc, timestamp;
    int seen, playing;
    uint8_t payload_type;
    int16_t last[FRAME_MAX];
    uint8_t payload[PAYLOAD_MAX];
};

static int settle(const ms_jb_config_t *given, ms_jb_config_t *config) {
    static const ms_jb_config_t none;
    *config = given != NULL ? *given : none;
    if (config->sample_rate == 0) config->sample_rate = 8000;
    if (config->max_delay_ms == 0) config->max_delay_ms = 500;
    if (config->initial_delay_ms == 0) config->initial_delay_ms = 40;
    if (config->max_packets == 0) config->max_packets = 64;
    if (config->payload_bytes == 0) config->payload_bytes = 6400;
    return config->sample_rate % 8000 == 0 && config->sample_rate <= 48000 && config->max_packets <= 1024 &&
           config->payload_bytes <= 1u << 20 && config->max_delay_ms >= 20 && config->max_delay_ms <= 1000 &&
           config->min_delay_ms <= config->max_delay_ms;
}

size_t ms_jb_size(const ms_jb_config_t *given) {
    ms_jb_config_t config;
    if (!settle(given, &config))
        return 0;
    return sizeof(ms_jb_t) + ms_store_size(config.max_packets, config.payload_bytes);
}

ms_status_t ms_jb_init(void *memory, size_t size, const ms_jb_config_t *given, ms_jb_t **out) {
    size_t need = ms_jb_size(given);
    if (memory == NULL || out == NULL || need == 0 || size < need)
        return MS_EINVAL;
    ms_jb_t *jb = memory;
    memset(jb, 0, sizeof *jb);
    settle(given, &jb->config);
    ms_store_init(&jb->store, jb + 1, jb->config.max_packets, jb->config.payload_bytes);
    jb->codecs[0] = &ms_codec_pcmu;
    jb->codecs[8] = &ms_codec_pcma;
    jb->codecs[13] = &ms_codec_cn;
    *out = jb;
    return MS_OK;
}

ms_status_t ms_jb_set_payload(ms_jb_t *jb, uint8_t payload_type, const ms_codec_t *codec) {
    if (payload_type > 127)
        return MS_EINVAL;
    if (codec != NULL && codec->kind == MS_CODEC_AUDIO && codec->sample_rate != jb->config.sample_rate)
        return MS_ENOTSUP;
    jb->codecs[payload_type] = codec;
    return MS_OK;
}

ms_status_t ms_jb_set_delay(ms_jb_t *jb, uint16_t min_ms, uint16_t max_ms) {
    if (min_ms > max_ms || max_ms < 20 || max_ms > 1000)
        return MS_EINVAL;
    jb->config.min_delay_ms = min_ms;
    jb->config.max_delay_ms = max_ms;
    return MS_OK;
}

void ms_jb_reset(ms_jb_t *jb) {
    ms_store_clear(&jb->store);
    jb->seen = jb->playing = 0;
}

static void restart(ms_jb_t *jb, const ms_jb_packet_t *packet, int64_t arrival_us) {
    if (jb->seen)
        jb->stats.resets++;
    ms_store_clear(&jb->store);
    jb->seen = 1;
    jb->playing = 0;
    jb->ssrc = packet->ssrc;
    jb->highest = packet->sequence;
    jb->media = packet->timestamp;
    jb->start_us = arrival_us + jb->config.initial_delay_ms * 1000;
    jb->playout = 0;
}

ms_jb_push_result_t ms_jb_push_packet(ms_jb_t *jb, const ms_jb_packet_t *packet, int64_t arrival_us) {
    jb->stats.pushed++;
    const ms_codec_t *codec = packet->payload_type < 128 ? jb->codecs[packet->payload_type] : NULL;
    size_t samples = codec != NULL && codec->samples != NULL ? codec->samples(packet->payload, packet->length) : 0;
    if (samples == 0 || packet->length > PAYLOAD_MAX || samples > FRAME_MAX) {
        jb->stats.ignored++;
        return MS_JB_IGNORED;
    }
    int32_t step = (int32_t)(packet->timestamp - (uint32_t)jb->media);
    if (!jb->seen || packet->ssrc != jb->ssrc || step > 80000 || step < -80000)
        restart(jb, packet, arrival_us);
    int64_t sequence = jb->highest + (int16_t)(packet->sequence - (uint16_t)jb->highest);
    int64_t media = jb->media + (int32_t)(packet->timestamp - (uint32_t)jb->media);
    if (sequence < jb->highest) jb->stats.reordered++;
    else { jb->highest = sequence; jb->media = media; jb->arrival_us = arrival_us; }
    ms_stored_packet_t stored = {
        .position = media * (int64_t)(codec->sample_rate / codec->clock_rate), .sequence = sequence,
        .arrival_us = arrival_us, .samples = (uint32_t)samples, .timestamp = packet->timestamp,
        .length = (uint16_t)packet->length, .payload_type = packet->payload_type, .marker = packet->marker};
    if (jb->playing && stored.position + (int64_t)samples <= jb->playout) {
        jb->stats.late++;
        return MS_JB_LATE;
    }
    switch (ms_store_insert(&jb->store, &stored, packet->payload)) {
    case MS_STORE_DUPLICATE: jb->stats.duplicates++; return MS_JB_DUPLICATE;
    case MS_STORE_FULL: jb->stats.discarded++; return MS_JB_DISCARDED;
    case MS_STORE_ADDED: break;
    }
    return MS_JB_QUEUED;
}

ms_jb_push_result_t ms_jb_push(ms_jb_t *jb, const uint8_t *packet, size_t length, int64_t arrival_us) {
    ms_jb_packet_t parsed;
    size_t head = length >= 12 ? 12 + 4u * (packet[0] & 15u) : 0;
    if (head == 0 || packet[0] >> 6 != 2 || head > length)
        goto ignored;
    if (packet[0] & 0x10) {
        if (head + 4 > length) goto ignored;
        head += 4 + 4u * (size_t)(packet[head + 2] << 8 | packet[head + 3]);
    }
    size_t padding = packet[0] & 0x20 ? packet[length - 1] : 0;
    if (head + padding > length)
        goto ignored;
    parsed.payload = packet + head;
    parsed.length = length - head - padding;
    parsed.marker = packet[1] >> 7;
    parsed.payload_type = packet[1] & 127;
    parsed.sequence = (uint16_t)(packet[2] << 8 | packet[3]);
    parsed.timestamp = (uint32_t)packet[4] << 24 | (uint32_t)packet[5] << 16 | (uint32_t)packet[6] << 8 | packet[7];
    parsed.ssrc = (uint32_t)packet[8] << 24 | (uint32_t)packet[9] << 16 | (uint32_t)packet[10] << 8 | packet[11];
    return ms_jb_push_packet(jb, &parsed, arrival_us);
ignored:
    jb->stats.pushed++;
    jb->stats.ignored++;
    return MS_JB_IGNORED;
}

/* Fill from the packet that covers the playout position; false when there is none. */
static int take(ms_jb_t *jb, int16_t *pcm, size_t n, size_t *got) {
    int16_t frame[FRAME_MAX];
    ms_packet_store_t *store = &jb->store;
    while (store->count > 0 && store->packets[0].position + store->packets[0].samples <= jb->playout)
        ms_store_remove_first(store, 1);
    if (store->count == 0 || store->packets[0].position > jb->playout)
        return 0;
    const ms_stored_packet_t *packet = store->packets;
    size_t skip = (size_t)(jb->playout - packet->position);
    ms_store_copy(store, 0, jb->payload);
    jb->timestamp = packet->timestamp;
    jb->payload_type = packet->payload_type;
    size_t samples = jb->codecs[packet->payload_type]->decode(NULL, jb->payload, packet->length, frame, FRAME_MAX);
    if (samples <= skip)
        return 0;
    *got = samples - skip < n ? samples - skip : n;
    memcpy(pcm, frame + skip, *got * sizeof *pcm);
    if (skip == 0)
        jb->stats.decoded++;
    return 1;
}

ms_status_t ms_jb_pull(ms_jb_t *jb, int16_t *pcm, size_t n, int64_t now_us, ms_jb_info_t *info) {
    ms_jb_kind_t kind = MS_JB_NORMAL;
    if (!jb->playing && jb->seen && now_us >= jb->start_us && jb->store.count > 0) {
        jb->playing = 1;
        jb->playout = jb->store.packets[0].position;
    }
    size_t done = 0;
    while (jb->playing && done < n) {
        size_t got = 0;
        if (!take(jb, pcm + done, n - done, &got)) {
            got = n - done;
            for (size_t i = 0; i < got; i++)
                pcm[done + i] = (int16_t)(jb->last[i % FRAME_MAX] / 2);
            jb->stats.concealed_samples += got;
            kind = MS_JB_CONCEAL;
        }
        done += got;
        jb->playout += (int64_t)got;
    }
    if (!jb->playing) {
        memset(pcm, 0, n * sizeof *pcm);
        kind = MS_JB_SILENCE;
    }
    if (n <= FRAME_MAX)
        memcpy(jb->last, pcm, n * sizeof *pcm);
    jb->stats.pulled_samples += n;
    if (info != NULL) {
        memset(info, 0, sizeof *info);
        info->kind = kind;
        info->playout_timestamp = jb->timestamp;
        info->ssrc = jb->seen ? jb->ssrc : 0;
        info->payload_type = jb->payload_type;
        info->target_ms = info->delay_ms = jb->config.initial_delay_ms;
        info->arrived_ms = jb->seen ? (uint32_t)((now_us - jb->arrival_us) / 1000) : UINT32_MAX;
    }
    return MS_OK;
}

void ms_jb_get_stats(const ms_jb_t *jb, ms_jb_stats_t *stats) { *stats = jb->stats; }

const char *ms_jb_kind_name(ms_jb_kind_t kind) {
    static const char *const names[] = {"normal", "silence", "noise", "accelerate", "decelerate", "merge", "bridge",
                                        "conceal"};
    return (unsigned)kind < sizeof names / sizeof *names ? names[kind] : "unknown";
}
