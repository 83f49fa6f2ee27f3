/* Making audio: packets, bridges, continuations, noise. */
#include "playout.h"

#include <string.h>

#include "bridge.h"

#define MERGE_MS 5u        /* cross-fade from concealment or noise into a packet */
#define FUTURE_MS 8u       /* least that a bridge needs to know of the other side */
#define REWIND_MS 200      /* most that a talk spurt may start late without being cut */
#define FADED_MS 100u      /* a gap this long has become silence: no bridge across all of it, */
#define LATE_BRIDGE_MS 40u /* but over its end */
#define BACKGROUND_MS 60u  /* of gap, after which the background is heard */

static void *decoder_of(ms_jb_t *jb, const ms_codec_t *codec) {
    if (jb->decoding != codec) {
        jb->decoding = codec;
        if (codec->decoder_init != NULL)
            codec->decoder_init(jb->decoder);
    }
    return jb->decoder;
}

static const ms_codec_t *codec_of_first(const ms_jb_t *jb) {
    const ms_codec_t *codec = jb->codecs[jb->store.packets[0].payload_type];
    int fits = codec != NULL && codec->kind == MS_CODEC_AUDIO && codec->sample_rate == jb->config.sample_rate;
    return fits ? codec : NULL;
}

/* Decode the first packet from sample `skip` on; how many samples there were. The packet stays. */
static size_t decode_first(ms_jb_t *jb, size_t skip, int16_t *out, size_t room) {
    const ms_stored_packet_t *packet = jb->store.packets;
    const ms_codec_t *codec = codec_of_first(jb);
    if (codec == NULL || packet->samples == 0)
        return 0;
    uint8_t payload[MS_JB_PAYLOAD_MAX];
    ms_store_copy(&jb->store, 0, payload);
    void *decoder = decoder_of(jb, codec);
    if (codec->concealed != NULL && skip > 0) { /* a decoder that has been led over them must not decode them again */
        size_t octets = packet->length * skip / packet->samples;
        return codec->decode(decoder, payload + octets, packet->length - octets, out, room);
    }
    size_t n = codec->decode(decoder, payload, packet->length, out, room);
    if (n <= skip)
        return 0;
    memmove(out, out + skip, (n - skip) * sizeof *out);
    return n - skip;
}

/* The first packet after a gap may say, by its number, that none is missing, and, by its time, that it did not come late:
   its sender paused without a word (Opus does), so what was played since then conceals no loss. */
static void was_a_pause(ms_jb_t *jb) {
    const ms_stored_packet_t *packet = jb->store.packets;
    int64_t played = jb->concealment.played, pause = packet->position - (jb->end - played);
    pause = pause < played ? pause : played;
    if (jb->source != MS_SOURCE_GAP || packet->sequence > jb->last_sequence + 1 || pause <= 0 ||
        (uint64_t)pause > jb->stats.concealed_samples)
        return;
    jb->stats.concealed_samples -= (uint64_t)pause;
    jb->stats.noise_samples += (uint64_t)pause;
}

static void use_up_first(ms_jb_t *jb) {
    const ms_stored_packet_t *packet = jb->store.packets;
    const ms_codec_t *codec = codec_of_first(jb);
    if (codec != NULL) {
        jb->payload_type = packet->payload_type;
        jb->clock_rate = codec->clock_rate;
        jb->stats.decoded++;
    }
    jb->timestamp = packet->timestamp;
    jb->timestamp_position = packet->position;
    if (packet->sequence > jb->last_sequence) {
        uint64_t lost = (uint64_t)(packet->sequence - jb->last_sequence - 1);
        jb->stats.lost += lost;
        ms_loss_pattern_lost(&jb->pattern, lost);
        ms_loss_pattern_played(&jb->pattern);
        jb->last_sequence = packet->sequence;
    }
    ms_store_remove_first(&jb->store, 1);
}

/* Lead the decoder over n samples at `pcm` that did not come from it. What follows them must lie behind them. */
static void lead_decoder(ms_jb_t *jb, const int16_t *pcm, size_t n) {
    if (jb->decoding != NULL && jb->decoding->concealed != NULL)
        jb->decoding->concealed(jb->decoder, pcm, n);
}

/* What the first packet says a second time of the frame before it, put at the end of a hole of `gap` samples; how much. */
static size_t recover_frame(ms_jb_t *jb, int16_t *hole, size_t gap) {
    const ms_stored_packet_t *packet = jb->store.packets;
    const ms_codec_t *codec = jb->codecs[packet->payload_type];
    if (codec == NULL || codec->recover == NULL || codec != jb->decoding || packet->samples > gap ||
        packet->sequence <= jb->last_sequence + 1)
        return 0;
    if (jb->source == MS_SOURCE_GAP && packet->samples == gap)
        return 0; /* nothing would be left in which to come over from the concealment under way */
    uint8_t payload[MS_JB_PAYLOAD_MAX];
    ms_store_copy(&jb->store, 0, payload);
    size_t n = codec->recover(jb->decoder, payload, packet->length, hole + gap - packet->samples, packet->samples);
    if (n != packet->samples)
        return 0;
    jb->stats.recovered_samples += n;
    return n;
}

static void continue_past(ms_jb_t *jb, size_t n) {
    if (jb->source != MS_SOURCE_GAP) {
        ms_conceal_begin(&jb->concealment, jb->audio, jb->history + jb->ahead);
        ms_noise_from_heard(&jb->noise);
        jb->noise.gain = 0.0f;
        jb->source = MS_SOURCE_GAP;
    }
    int16_t *out = ms_playout_ahead(jb) + jb->ahead;
    ms_conceal_continue(&jb->concealment, out, n);
    ms_concealment_t after = jb->concealment;
    ms_conceal_continue(&after, out + n, MS_CODEC_MARGIN);
    lead_decoder(jb, out, n);
    if (jb->concealment.played > BACKGROUND_MS * ms_jb_per_ms(jb))
        ms_noise_add(&jb->noise, out, n); /* the line must not sound dead */
    jb->ahead += n;
    jb->end += (int64_t)n;
    jb->stats.concealed_samples += n;
}

static void make_noise(ms_jb_t *jb, size_t n) {
    if (jb->source != MS_SOURCE_NOISE && !jb->noise.described)
        ms_noise_from_heard(&jb->noise);
    jb->source = MS_SOURCE_NOISE;
    ms_noise_generate(&jb->noise, ms_playout_ahead(jb) + jb->ahead, n);
    jb->ahead += n;
    jb->end += (int64_t)n;
    jb->stats.noise_samples += n;
}

/* Fade from what was being played into the packet at `start`. */
static void merge(ms_jb_t *jb, int16_t *start, size_t n) {
    size_t overlap = MERGE_MS * ms_jb_per_ms(jb);
    overlap = overlap < n ? overlap : n;
    if (jb->source == MS_SOURCE_GAP)
        ms_conceal_merge(&jb->concealment, start, overlap);
    else if (jb->source == MS_SOURCE_NOISE) {
        int16_t noise[MERGE_MS * 48];
        ms_noise_generate(&jb->noise, noise, overlap);
        for (size_t i = 0; i < overlap; i++)
            start[i] = (int16_t)(noise[i] + ((int32_t)start[i] - noise[i]) * (int32_t)(i + 1) / (int32_t)(overlap + 1));
    }
}

/* The first packet, from where the clock is. */
ms_jb_kind_t ms_playout_packet(ms_jb_t *jb, size_t pull) {
    const ms_stored_packet_t *packet = jb->store.packets;
    size_t late = (size_t)(jb->end - packet->position), frame = packet->samples;
    int16_t *out = ms_playout_ahead(jb) + jb->ahead;
    if (late == 0) {
        jb->frame = frame;
        jb->misaligned = jb->ahead % pull % ms_common_divisor(pull, frame);
    }
    size_t n = decode_first(jb, late, out, jb->room - jb->ahead);
    use_up_first(jb);
    ms_jb_kind_t kind = jb->source == MS_SOURCE_GAP ? MS_JB_MERGE : MS_JB_NORMAL;
    merge(jb, out, n);
    jb->source = n > 0 ? MS_SOURCE_AUDIO : jb->source;
    jb->noise.described = 0;
    jb->ahead += n;
    jb->end += (int64_t)n;
    return kind;
}

/* A decoder with memory (G.722's predictors) gives a spoilt future when it goes on as if there had been no gap. So it is led
   over a one-sided guess first. With what it decodes then, the past can be continued so that it arrives in step; led over
   that, the decoder is nearer to the sender's. Measured behind gaps of 20 ms: 5.2 dB left alone, 6.8 after the guess, 7.6
   after both; PESQ-WB at 5 % random loss 2.67 after the guess, 2.91 after both. */
static void lead_over_gap(ms_jb_t *jb, const ms_codec_t *codec, int16_t *hole, size_t gap, size_t room) {
    const int16_t *history = jb->audio;
    size_t past = jb->history + jb->ahead;
    uint8_t saved[MS_CODEC_LED_STATE];
    memcpy(saved, jb->decoder, codec->decoder_size);
    ms_concealment_t guess = jb->concealment;
    if (jb->source != MS_SOURCE_GAP)
        ms_conceal_begin(&guess, history, past);
    ms_conceal_continue(&guess, hole, gap + MS_CODEC_MARGIN);
    lead_decoder(jb, hole, gap);
    size_t n = decode_first(jb, 0, hole + gap, room);
    if (n >= FUTURE_MS * ms_jb_per_ms(jb) + MS_CODEC_MARGIN)
        ms_bridge_lead(jb->config.sample_rate, history, past, hole + gap + MS_CODEC_MARGIN, n - MS_CODEC_MARGIN, hole,
                        gap + MS_CODEC_MARGIN);
    memcpy(jb->decoder, saved, codec->decoder_size);
    lead_decoder(jb, hole, gap);
}

/* Decode the first packet behind a hole of `gap` samples, the first `bridged` of which are then made up; the samples of that
   packet, or fewer than a bridge needs. */
static size_t build_bridge(ms_jb_t *jb, int16_t *hole, size_t bridged, size_t gap, size_t room) {
    size_t past = jb->history + jb->ahead;
    const ms_codec_t *codec = codec_of_first(jb);
    if (bridged > 0 && codec != NULL && codec == jb->decoding && codec->concealed != NULL)
        lead_over_gap(jb, codec, hole, gap, room);
    size_t n = decode_first(jb, 0, hole + gap, room);
    if (n >= FUTURE_MS * ms_jb_per_ms(jb) && bridged > 0)
        ms_bridge(jb->config.sample_rate, jb->audio, past, hole + bridged, gap - bridged + n, hole, bridged);
    return n;
}

/* Fill the gap before the first packet from both sides, and play that packet. */
static ms_jb_kind_t play_bridge(ms_jb_t *jb, size_t gap, size_t pull) {
    size_t late_gap = LATE_BRIDGE_MS * ms_jb_per_ms(jb);
    if (jb->source == MS_SOURCE_GAP && gap > late_gap &&
        jb->concealment.played + gap > FADED_MS * ms_jb_per_ms(jb)) {
        continue_past(jb, gap - late_gap < pull ? gap - late_gap : pull);
        return MS_JB_CONCEAL;
    }
    int16_t *hole = ms_playout_ahead(jb) + jb->ahead;
    jb->frame = jb->store.packets[0].samples;
    size_t recovered = recover_frame(jb, hole, gap);
    size_t n = build_bridge(jb, hole, gap - recovered, gap, jb->room - jb->ahead - gap);
    use_up_first(jb);
    if (n < FUTURE_MS * ms_jb_per_ms(jb)) {
        continue_past(jb, gap < pull ? gap : pull);
        return MS_JB_CONCEAL;
    }
    size_t bridged = gap - recovered;
    jb->misaligned = (jb->ahead + gap) % pull % ms_common_divisor(pull, jb->frame);
    jb->source = MS_SOURCE_AUDIO;
    jb->ahead += gap + n;
    jb->end += (int64_t)(gap + n);
    jb->stats.bridged_samples += bridged;
    return MS_JB_BRIDGE;
}

ms_fill_t ms_playout_next(const ms_jb_t *jb) {
    ms_fill_question_t q = {.source = jb->source, .have_packet = jb->store.count > 0};
    if (q.have_packet) {
        const ms_stored_packet_t *first = jb->store.packets;
        const ms_codec_t *codec = jb->codecs[first->payload_type];
        q.kind = codec != NULL ? codec->kind : MS_CODEC_TELEPHONE_EVENT;
        q.gap = first->position - jb->end;
        q.samples = first->samples;
        q.follows = first->sequence <= jb->last_sequence + 1;
        q.longest_bridge = MS_JB_BRIDGE_MS * (int64_t)ms_jb_per_ms(jb);
        q.shortest_future = FUTURE_MS * (int64_t)ms_jb_per_ms(jb);
        q.growth_wanted = jb->change > 0 ? jb->change : 0;
        q.quiet = jb->quiet;
        q.per_ms = (int64_t)ms_jb_per_ms(jb);
        q.late = jb->late;
        q.longest_rewind = REWIND_MS * (int64_t)ms_jb_per_ms(jb);
    }
    return ms_playout_fill(&q);
}

/* One step towards more audio ahead. */
ms_jb_kind_t ms_playout_fill_some(ms_jb_t *jb, size_t need, size_t pull) {
    size_t missing = need - jb->ahead;
    const ms_stored_packet_t *first = jb->store.packets;
    switch (ms_playout_next(jb)) {
    case MS_FILL_REWIND:
        jb->stats.inserted_samples += (uint64_t)(jb->end - first->position);
        jb->delay_us += ms_jb_us(jb, jb->end - first->position);
        jb->change -= jb->end - first->position;
        jb->end = first->position;
        return ms_playout_packet(jb, pull);
    case MS_FILL_DECODE:
        was_a_pause(jb);
        return ms_playout_packet(jb, pull);
    case MS_FILL_DROP:
        jb->stats.discarded++;
        ms_store_remove_first(&jb->store, 1);
        return MS_JB_NORMAL;
    case MS_FILL_DESCRIBE: {
        uint8_t payload[MS_JB_PAYLOAD_MAX];
        size_t length = first->length;
        ms_store_copy(&jb->store, 0, payload);
        ms_noise_describe(&jb->noise, payload, length);
        use_up_first(jb);
        make_noise(jb, missing);
        return MS_JB_NOISE;
    }
    case MS_FILL_SKIP: /* a digit is sent in place of audio: that is a pause, and nothing is missing */
        use_up_first(jb);
        make_noise(jb, missing);
        return MS_JB_NOISE;
    case MS_FILL_BRIDGE:
        return play_bridge(jb, (size_t)(first->position - jb->end), pull);
    case MS_FILL_NOISE: {
        if (jb->store.count > 0)
            was_a_pause(jb);
        int64_t gap = jb->store.count > 0 ? first->position - jb->end : (int64_t)missing;
        make_noise(jb, gap < (int64_t)missing ? (size_t)gap : missing);
        return MS_JB_NOISE;
    }
    case MS_FILL_CONTINUE: {
        int64_t gap = jb->store.count > 0 ? first->position - jb->end : (int64_t)missing;
        continue_past(jb, gap > 0 && gap < (int64_t)missing ? (size_t)gap : missing);
        return MS_JB_CONCEAL;
    }
    }
    return MS_JB_NORMAL;
}
