/* The playing half of the jitter buffer: ms_jb_pull. */
#include <string.h>

#include "jitter_buffer.h"
#include "jitter_buffer_state.h"
#include "time_stretch.h"

#define MERGE_MS 5u        /* cross-fade from concealment or noise into a packet */
#define SPLICE_MS 4u       /* cross-fade of a splice */
#define FUTURE_MS 8u       /* least that a bridge needs to know of the other side */
#define REWIND_MS 200      /* most that a talk spurt may start late without being cut */
#define FADED_MS 100u      /* a gap this long has become silence: no bridge across all of it */
#define BACKGROUND_MS 60u  /* of gap, after which the background is heard */
#define SETTLED_PACKETS 100 /* the depth may come down from the initial one in proportion */
#define LATE_BRIDGE_MS 40u /* but over its end */

static int16_t *ahead_of(ms_jb_t *jb) { return jb->audio + jb->history; }

static int64_t position(const ms_jb_t *jb) { return jb->end - (int64_t)jb->ahead; }

static size_t divisor(size_t a, size_t b) {
    while (b != 0) {
        size_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/* --- Making audio ---------------------------------------------------------------------------------------------------- */

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
        jb->stats.lost += (uint64_t)(packet->sequence - jb->last_sequence - 1);
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
    int16_t *out = ahead_of(jb) + jb->ahead;
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
    ms_noise_generate(&jb->noise, ahead_of(jb) + jb->ahead, n);
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
static ms_jb_kind_t play_packet(ms_jb_t *jb, size_t pull) {
    const ms_stored_packet_t *packet = jb->store.packets;
    size_t late = (size_t)(jb->end - packet->position), frame = packet->samples;
    int16_t *out = ahead_of(jb) + jb->ahead;
    if (late == 0) {
        jb->frame = frame;
        jb->misaligned = jb->ahead % pull % divisor(pull, frame);
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
        ms_conceal_lead(&jb->concealment, history, past, hole + gap + MS_CODEC_MARGIN, n - MS_CODEC_MARGIN, hole,
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
        ms_conceal_bridge(&jb->concealment, jb->audio, past, hole + bridged, gap - bridged + n, hole, bridged);
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
    int16_t *hole = ahead_of(jb) + jb->ahead;
    jb->frame = jb->store.packets[0].samples;
    size_t recovered = recover_frame(jb, hole, gap);
    size_t n = build_bridge(jb, hole, gap - recovered, gap, jb->room - jb->ahead - gap);
    use_up_first(jb);
    if (n < FUTURE_MS * ms_jb_per_ms(jb)) {
        continue_past(jb, gap < pull ? gap : pull);
        return MS_JB_CONCEAL;
    }
    size_t bridged = gap - recovered;
    jb->misaligned = (jb->ahead + gap) % pull % divisor(pull, jb->frame);
    jb->source = MS_SOURCE_AUDIO;
    jb->ahead += gap + n;
    jb->end += (int64_t)(gap + n);
    jb->stats.bridged_samples += bridged;
    return MS_JB_BRIDGE;
}

static ms_fill_t next_fill(const ms_jb_t *jb) {
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
static ms_jb_kind_t fill_some(ms_jb_t *jb, size_t need, size_t pull) {
    size_t missing = need - jb->ahead;
    const ms_stored_packet_t *first = jb->store.packets;
    switch (next_fill(jb)) {
    case MS_FILL_REWIND:
        jb->stats.inserted_samples += (uint64_t)(jb->end - first->position);
        jb->delay_us += ms_jb_us(jb, jb->end - first->position);
        jb->change -= jb->end - first->position;
        jb->end = first->position;
        return play_packet(jb, pull);
    case MS_FILL_DECODE:
        return play_packet(jb, pull);
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
    case MS_FILL_SKIP:
        use_up_first(jb);
        return MS_JB_NORMAL;
    case MS_FILL_BRIDGE:
        return play_bridge(jb, (size_t)(first->position - jb->end), pull);
    case MS_FILL_NOISE: {
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

/* --- Delay ----------------------------------------------------------------------------------------------------------- */

/* Offset that a packet may have and still be there when its first sample is pulled. */
static int64_t tolerance(const ms_jb_t *jb, size_t pull) {
    size_t grid = divisor(pull, jb->frame);
    return jb->delay_us - ms_jb_us(jb, (int64_t)(pull - grid + jb->misaligned));
}

static int32_t initial_delay(const ms_jb_t *jb) {
    int32_t depth = jb->config.initial_delay_ms;
    depth = depth < jb->config.min_delay_ms ? jb->config.min_delay_ms : depth;
    return depth > jb->config.max_delay_ms ? jb->config.max_delay_ms : depth;
}

/* Packets seen, up to as many as are needed to trust a smaller delay than the initial one. */
static uint32_t settled(const ms_jb_t *jb) {
    return jb->delays.count < SETTLED_PACKETS ? jb->delays.count : SETTLED_PACKETS;
}

static void choose_delay(ms_jb_t *jb, size_t pull) {
    int32_t step = (int32_t)ms_jb_us(jb, (int64_t)divisor(pull, jb->frame));
    ms_delay_question_t q = {.tolerance_us = tolerance(jb, pull), .step_us = step,
                             .frame_us = (int32_t)ms_jb_us(jb, (int64_t)jb->frame),
                             .min_us = jb->config.min_delay_ms * 1000, .max_us = jb->config.max_delay_ms * 1000};
    int32_t cautious = initial_delay(jb) * 1000 / SETTLED_PACKETS * (SETTLED_PACKETS - (int32_t)settled(jb));
    q.min_us = q.min_us > cautious ? q.min_us : cautious;
    ms_delay_answer_t answer = ms_delay_choose(&jb->delays, &q);
    int64_t growth = answer.tolerance_us - q.tolerance_us;
    jb->late = answer.late;
    jb->change = ms_jb_samples(jb, growth) - (int64_t)jb->misaligned;
    jb->target_us = answer.tolerance_us - ms_delay_base(&jb->delays);
}

/* In noise the delay changes by how much of it is played. */
static void change_in_noise(ms_jb_t *jb) {
    if (jb->change > 0) {
        jb->end -= jb->change; /* the packets to come move away */
        jb->stats.inserted_samples += (uint64_t)jb->change;
    } else {
        int64_t gap = jb->store.count > 0 ? jb->store.packets[0].position - jb->end : -jb->change;
        if (gap < -jb->change)
            jb->change = gap > 0 ? -gap : 0;
        jb->end -= jb->change;
        jb->stats.removed_samples += (uint64_t)-jb->change;
    }
    jb->delay_us += ms_jb_us(jb, jb->change);
    jb->misaligned = 0;
    jb->change = 0;
}

static int is_pause(const ms_jb_t *jb, const int16_t *pcm, size_t n) {
    size_t part = 5 * ms_jb_per_ms(jb);
    for (size_t i = 0; i < n; i += part)
        if (!ms_activity_pause(&jb->activity, ms_mean_square(pcm + i, n - i < part ? n - i : part)))
            return 0;
    return 1;
}

/* Decode until there are `need` samples ahead, as long as packets follow each other. */
static int have_ahead(ms_jb_t *jb, size_t need, size_t pull) {
    while (jb->ahead < need) {
        if (jb->store.count == 0 || next_fill(jb) != MS_FILL_DECODE || jb->store.packets[0].position != jb->end)
            return 0;
        size_t misaligned = jb->misaligned;
        play_packet(jb, pull);
        jb->misaligned = misaligned;
    }
    return 1;
}

static ms_jb_kind_t apply(ms_jb_t *jb, int64_t amount, size_t overlap, size_t pull) {
    size_t n = (size_t)(amount < 0 ? -amount : amount);
    if (amount < 0) {
        jb->ahead = ms_stretch_remove(ahead_of(jb), jb->ahead, 0, n, overlap);
        jb->stats.removed_samples += n;
    } else {
        jb->ahead = ms_stretch_insert(ahead_of(jb), jb->ahead, jb->history, 0, n, overlap);
        jb->stats.inserted_samples += n;
    }
    size_t grid = divisor(pull, jb->frame);
    jb->delay_us += ms_jb_us(jb, amount);
    jb->misaligned = (size_t)(((int64_t)jb->misaligned + amount) % (int64_t)grid + (int64_t)grid) % grid;
    jb->change -= amount;
    return amount < 0 ? MS_JB_ACCELERATE : MS_JB_DECELERATE;
}

/* Splice a pitch period out of, or into, speech: the multiple of it nearest to what is wanted. */
static ms_jb_kind_t change_in_speech(ms_jb_t *jb, int64_t amount, size_t pull) {
    size_t ms = ms_jb_per_ms(jb), low = ms * 5 / 2, high = 16 * ms, window = 10 * ms;
    float likeness;
    if (amount < 0 && !have_ahead(jb, high + window + pull, pull))
        return MS_JB_NORMAL;
    if (jb->ahead < window)
        return MS_JB_NORMAL;
    size_t lag = ms_stretch_lag(ahead_of(jb), amount < 0 ? 1 : -1, low, high, window, &likeness);
    if (likeness < 0.8f)
        return MS_JB_NORMAL;
    jb->since_change = 0;
    return apply(jb, amount < 0 ? -(int64_t)lag : (int64_t)lag, window, pull);
}

static ms_jb_kind_t change_delay(ms_jb_t *jb, size_t pull) {
    size_t overlap = SPLICE_MS * ms_jb_per_ms(jb);
    if (jb->change == 0 || jb->source == MS_SOURCE_GAP)
        return MS_JB_NORMAL;
    ms_change_question_t q = {.change = jb->change, .per_ms = (int64_t)ms_jb_per_ms(jb), .quiet = jb->quiet,
                              .late = jb->late,
                              .since_change = jb->since_change};
    int64_t amount;
    if (jb->source == MS_SOURCE_NOISE) {
        q.pause = 1;
        if (ms_playout_change(&q, &amount) == MS_CHANGE_IN_PAUSE)
            change_in_noise(jb);
        return MS_JB_NOISE;
    }
    q.pause = 1;
    ms_playout_change(&q, &amount);
    if (amount < 0)
        q.pause = have_ahead(jb, (size_t)-amount + (pull > overlap ? pull : overlap), pull) &&
                  is_pause(jb, ahead_of(jb), (size_t)-amount + overlap);
    else
        q.pause = is_pause(jb, ahead_of(jb) - amount, (size_t)amount + overlap);
    switch (ms_playout_change(&q, &amount)) {
    case MS_CHANGE_IN_PAUSE:
        return apply(jb, amount, overlap, pull);
    case MS_CHANGE_IN_SPEECH:
        return change_in_speech(jb, amount, pull);
    case MS_CHANGE_NONE:
        break;
    }
    return MS_JB_NORMAL;
}

/* --- Pulling --------------------------------------------------------------------------------------------------------- */

static void start(ms_jb_t *jb, int64_t now_us) {
    if (!jb->waiting || jb->store.count == 0 || now_us - jb->first_us < initial_delay(jb) * 1000)
        return;
    jb->playing = 1;
    jb->end = jb->store.packets[0].position;
    jb->last_sequence = jb->store.packets[0].sequence - 1;
    jb->frame = jb->store.packets[0].samples > 0 ? jb->store.packets[0].samples : jb->config.sample_rate / 50;
    jb->delay_us = now_us - ms_jb_us(jb, jb->end);
}

/* A consumer that is late for once must not make the delay look longer than it is. */
static void watch_clock(ms_jb_t *jb, int64_t now_us) {
    int64_t delay = now_us - ms_jb_us(jb, position(jb));
    if (delay < jb->delay_us)
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
    if (n == 0 || n > MS_JB_PULL_MS * ms_jb_per_ms(jb)) {
        memset(pcm, 0, n * sizeof *pcm);
        return MS_EINVAL;
    }
    if (!jb->playing)
        start(jb, now_us);
    int64_t playing = position(jb);
    if (!jb->playing) {
        memset(pcm, 0, n * sizeof *pcm);
        kind = MS_JB_SILENCE;
    } else {
        watch_clock(jb, now_us);
        if (jb->arrived || jb->source != MS_SOURCE_AUDIO)
            choose_delay(jb, n);
        jb->arrived = 0;
        while (jb->ahead < n)
            kind = later_kind(kind, fill_some(jb, n, n));
        kind = later_kind(kind, change_delay(jb, n));
        memcpy(pcm, ahead_of(jb), n * sizeof *pcm);
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
