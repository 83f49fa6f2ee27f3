/* The receiving half of the jitter buffer: making one, and taking packets in. */
#include "jitter_buffer.h"

#include <string.h>

#include "jitter_buffer_state.h"

static int settle(const ms_jb_config_t *given, ms_jb_config_t *config) {
    static const ms_jb_config_t none;
    *config = given != NULL ? *given : none;
    if (config->sample_rate == 0) config->sample_rate = 8000;
    if (config->max_delay_ms == 0) config->max_delay_ms = 500;
    if (config->max_packets == 0) config->max_packets = 64;
    if (config->payload_bytes == 0) config->payload_bytes = 6400;
    if (config->decoder_bytes == 0) config->decoder_bytes = (uint32_t)ms_codec_decoder_size();
    return config->sample_rate % 100 == 0 && config->sample_rate >= 8000 && config->sample_rate <= 48000 &&
           config->max_packets <= 1024 && config->payload_bytes <= 1u << 20 && config->decoder_bytes <= 1u << 20 && config->max_delay_ms >= 20 &&
           config->max_delay_ms <= 1000 && config->min_delay_ms <= config->max_delay_ms &&
           config->initial_delay_ms <= 1000;
}

/* Everything lies in one piece of memory, each part aligned. */
typedef struct layout { size_t store, cycle, decoder, audio, total, samples; } layout_t;

static size_t aligned(size_t size) { return (size + 15u) & ~(size_t)15u; }

static layout_t lay_out(const ms_jb_config_t *config) {
    layout_t at;
    at.samples = (size_t)(MS_JB_HISTORY_MS + MS_JB_AHEAD_MS) * (config->sample_rate / 1000);
    at.store = aligned(sizeof(ms_jb_t));
    at.cycle = at.store + aligned(ms_store_size(config->max_packets, config->payload_bytes));
    at.decoder = at.cycle + aligned(ms_conceal_size(config->sample_rate));
    at.audio = at.decoder + aligned(config->decoder_bytes);
    at.total = at.audio + at.samples * sizeof(int16_t);
    return at;
}

size_t ms_jb_size(const ms_jb_config_t *given) {
    ms_jb_config_t config;
    return settle(given, &config) ? lay_out(&config).total : 0;
}

ms_status_t ms_jb_init(void *memory, size_t size, const ms_jb_config_t *given, ms_jb_t **out) {
    size_t need = ms_jb_size(given);
    if (memory == NULL || out == NULL || need == 0 || size < need)
        return MS_EINVAL;
    memset(memory, 0, need);
    ms_jb_t *jb = memory;
    uint8_t *octets = memory;
    settle(given, &jb->config);
    layout_t at = lay_out(&jb->config);
    ms_store_init(&jb->store, octets + at.store, jb->config.max_packets, jb->config.payload_bytes);
    ms_conceal_init(&jb->concealment, jb->config.sample_rate, octets + at.cycle);
    jb->decoder = octets + at.decoder;
    jb->audio = (int16_t *)(void *)(octets + at.audio);
    jb->history = MS_JB_HISTORY_MS * ms_jb_per_ms(jb);
    jb->room = at.samples - jb->history;
    for (uint8_t type = 0; type < 35; type++) {
        const ms_codec_t *codec = ms_codec_static(type);
        if (codec != NULL)
            ms_jb_set_payload(jb, type, codec);
    }
    ms_jb_reset(jb);
    *out = jb;
    return MS_OK;
}

ms_status_t ms_jb_set_payload(ms_jb_t *jb, uint8_t payload_type, const ms_codec_t *codec) {
    if (payload_type > 127)
        return MS_EINVAL;
    if (codec != NULL && codec->kind == MS_CODEC_AUDIO &&
        (codec->sample_rate != jb->config.sample_rate || codec->decoder_size > jb->config.decoder_bytes ||
         codec->decode == NULL || (codec->concealed != NULL && codec->decoder_size > MS_CODEC_LED_STATE)))
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
    ms_timeline_init(&jb->timeline, jb->config.sample_rate);
    ms_delay_init(&jb->delays);
    ms_skew_restart(&jb->skew);
    ms_noise_init(&jb->noise);
    ms_activity_init(&jb->activity);
    memset(jb->audio, 0, (jb->history + jb->room) * sizeof *jb->audio);
    jb->ahead = 0;
    jb->source = MS_SOURCE_AUDIO;
    jb->waiting = jb->playing = 0;
    jb->misaligned = 0;
    jb->decoding = NULL;
    jb->change = 0;
    jb->arrived = 0;
    memset(jb->seen, 0, sizeof jb->seen);
}

/* Offset (arrival minus sample time) that a run of packets with new numbers is given: the middle of the present depth. */
static int64_t typical_offset(const ms_jb_t *jb) {
    return jb->delays.count > 0 ? ms_delay_base(&jb->delays) + (int64_t)jb->delays.typical_us : 0;
}

/* Duplicates must not reach the estimator, which would take the second copy for a late packet. */
static int seen_before(ms_jb_t *jb, const ms_timeline_place_t *place) {
    int64_t forward = place->step < (int64_t)MS_JB_SEEN ? place->step : (int64_t)MS_JB_SEEN;
    for (int64_t i = 0; i < forward; i++)
        jb->seen[(uint64_t)(place->sequence - i) % MS_JB_SEEN] = 0;
    uint8_t *mark = &jb->seen[(uint64_t)place->sequence % MS_JB_SEEN];
    int before = *mark;
    *mark = 1;
    return before;
}

static ms_jb_push_result_t keep(ms_jb_t *jb, const ms_jb_packet_t *packet, const ms_codec_t *codec,
                                const ms_timeline_place_t *place, uint32_t samples, int64_t arrival_us) {
    ms_stored_packet_t stored = {.position = place->position, .sequence = place->sequence, .arrival_us = arrival_us,
                                 .samples = samples, .timestamp = packet->timestamp, .length = (uint16_t)packet->length,
                                 .payload_type = packet->payload_type, .marker = packet->marker};
    ms_store_result_t result = ms_store_insert(&jb->store, &stored, packet->payload);
    while (result == MS_STORE_FULL && jb->store.count > 0) { /* the newest is worth more than the oldest */
        ms_store_remove_first(&jb->store, 1);
        jb->stats.discarded++;
        result = ms_store_insert(&jb->store, &stored, packet->payload);
    }
    if (result == MS_STORE_FULL) {
        jb->stats.discarded++;
        return MS_JB_DISCARDED;
    }
    if (jb->playing && codec->kind == MS_CODEC_AUDIO && place->position < jb->end - (int64_t)jb->ahead) {
        jb->stats.late++;
        return MS_JB_LATE;
    }
    return MS_JB_QUEUED;
}

ms_jb_push_result_t ms_jb_push_packet(ms_jb_t *jb, const ms_jb_packet_t *packet, int64_t arrival_us) {
    jb->stats.pushed++;
    const ms_codec_t *codec = packet->payload_type < 128 ? jb->codecs[packet->payload_type] : NULL;
    size_t samples = 0;
    if (codec != NULL && packet->length <= MS_JB_PAYLOAD_MAX && codec->kind == MS_CODEC_AUDIO)
        samples = codec->samples(packet->payload, packet->length);
    if (codec == NULL || packet->length > MS_JB_PAYLOAD_MAX || samples > MS_JB_PACKET_MS * ms_jb_per_ms(jb) ||
        (codec->kind == MS_CODEC_AUDIO && samples == 0)) {
        jb->stats.ignored++;
        return MS_JB_IGNORED;
    }
    ms_timeline_packet_t wire = {.ssrc = packet->ssrc, .timestamp = packet->timestamp, .clock_rate = codec->clock_rate,
                                 .samples = (uint32_t)samples, .sequence = packet->sequence, .arrival_us = arrival_us};
    ms_timeline_place_t place = ms_timeline_place(&jb->timeline, &wire, typical_offset(jb));
    if (!jb->waiting) {
        jb->waiting = 1;
        jb->first_us = arrival_us;
        jb->last_sequence = place.sequence - 1;
    }
    jb->stats.resets += place.new_run != 0;
    jb->newest_us = arrival_us;
    if (seen_before(jb, &place)) {
        jb->stats.duplicates++;
        return MS_JB_DUPLICATE;
    }
    jb->stats.reordered += place.reordered != 0;
    if (place.new_run)
        ms_skew_restart(&jb->skew);
    if (codec->kind == MS_CODEC_AUDIO) {
        ms_delay_arrival(&jb->delays, arrival_us - ms_jb_us(jb, place.position), arrival_us, place.step);
        ms_skew_arrival(&jb->skew, ms_delay_newest(&jb->delays), arrival_us);
        jb->arrived = 1;
    }
    return keep(jb, packet, codec, &place, (uint32_t)samples, arrival_us);
}

static uint32_t word(const uint8_t *p) {
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

ms_jb_push_result_t ms_jb_push(ms_jb_t *jb, const uint8_t *packet, size_t length, int64_t arrival_us) {
    size_t head = length >= 12 ? 12 + 4u * (packet[0] & 15u) : length + 1;
    if (head + 4 <= length && packet[0] & 0x10)
        head += 4 + 4u * (size_t)(packet[head + 2] << 8 | packet[head + 3]);
    else if (length >= 12 && packet[0] & 0x10)
        head = length + 1;
    size_t padding = length >= 12 && packet[0] & 0x20 ? packet[length - 1] : 0;
    if (head + padding > length || packet[0] >> 6 != 2) {
        jb->stats.pushed++;
        jb->stats.ignored++;
        return MS_JB_IGNORED;
    }
    ms_jb_packet_t parsed = {.payload = packet + head, .length = length - head - padding, .ssrc = word(packet + 8),
                             .timestamp = word(packet + 4), .sequence = (uint16_t)(packet[2] << 8 | packet[3]),
                             .payload_type = packet[1] & 127, .marker = packet[1] >> 7};
    return ms_jb_push_packet(jb, &parsed, arrival_us);
}

void ms_jb_get_stats(const ms_jb_t *jb, ms_jb_stats_t *stats) {
    *stats = jb->stats;
    stats->pattern = ms_loss_pattern_figures(&jb->pattern);
    stats->clock_skew_known = jb->skew.known != 0;
    stats->clock_skew_ppm = (int64_t)(jb->skew.ppm < 0 ? jb->skew.ppm - 0.5f : jb->skew.ppm + 0.5f);
}

const char *ms_jb_kind_name(ms_jb_kind_t kind) {
    static const char *const names[] = {"normal", "silence", "noise", "accelerate", "decelerate", "merge", "bridge",
                                        "conceal"};
    return (unsigned)kind < sizeof names / sizeof *names ? names[kind] : "unknown";
}
