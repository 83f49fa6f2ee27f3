/* Statistics of a stream, read by any thread without stopping it. */
#include "stream.h"

#include <sched.h>
#include <string.h>

/* Copied again when a tick came between. That takes it a microsecond, unless its thread has just been put off the
   processor: then this one makes room. */
static void read_snapshot(const ms_stream_t *stream, ms_stream_snapshot_t *snapshot) {
    const ms_published_t *published = &stream->published;
    uint64_t words[MS_SNAPSHOT_WORDS];
    uint32_t before, after;
    for (bool first = true;; first = false) {
        if (!first)
            sched_yield();
        before = atomic_load_explicit(&published->version, memory_order_acquire);
        for (size_t i = 0; i < MS_SNAPSHOT_WORDS; i++)
            words[i] = atomic_load_explicit(&published->words[i], memory_order_acquire);
        after = atomic_load_explicit(&published->version, memory_order_relaxed);
        if (before == after && before % 2 == 0)
            break;
    }
    memcpy(snapshot, words, sizeof *snapshot);
}

uint64_t ms_stream_digits_done(const ms_stream_t *stream) {
    ms_stream_snapshot_t snapshot;
    read_snapshot(stream, &snapshot);
    return snapshot.counters.dtmf_sent + snapshot.counters.dtmf_forgotten;
}

static uint64_t units_to_us(uint64_t units, uint32_t clock_rate) {
    return clock_rate == 0 ? 0 : units * 1000000 / clock_rate;
}

static void fill_received(const ms_stream_snapshot_t *snapshot, ms_stream_statistics_t *out) {
    const ms_stream_counters_t *counters = &snapshot->counters;
    const ms_rtp_receiver_t *receiver = &snapshot->receiver;
    const ms_jb_stats_t *buffer = &snapshot->buffer;
    out->remote_known = receiver->known;
    out->remote_ssrc = receiver->ssrc;
    out->packets_received = counters->received;
    out->octets_received = counters->octets_received;
    out->packets_expected = ms_rtp_receiver_expected(receiver);
    uint64_t unique = counters->received - (buffer->duplicates < counters->received ? buffer->duplicates : 0);
    out->packets_lost = out->packets_expected > unique ? out->packets_expected - unique : 0;
    out->duplicates = buffer->duplicates;
    out->reordered = buffer->reordered;
    out->late = buffer->late;
    out->discarded = buffer->discarded + counters->unplayed;
    out->invalid = counters->invalid + buffer->ignored;
    out->foreign = counters->foreign;
    out->ssrc_changes = counters->ssrc_changes;
    out->dtmf_received = counters->dtmf_received;
    out->srtp_forged = counters->srtp_forged;
    out->srtp_replayed = counters->srtp_replayed;
    out->srtp_errors = counters->srtp_errors;
    out->jitter_us = units_to_us(receiver->jitter, counters->clock_rate) / 16;
    out->jitter_max_us = units_to_us(receiver->jitter_max, counters->clock_rate) / 16;
}

static void fill_played(const ms_stream_snapshot_t *snapshot, ms_stream_statistics_t *out) {
    const ms_stream_counters_t *counters = &snapshot->counters;
    const ms_jb_stats_t *buffer = &snapshot->buffer;
    bool known = counters->received > 0;
    out->sample_rate = counters->sample_rate;
    out->samples_played = buffer->pulled_samples;
    out->samples_concealed = buffer->concealed_samples + buffer->bridged_samples;
    out->samples_bridged = buffer->bridged_samples;
    out->samples_recovered = buffer->recovered_samples;
    out->samples_inserted = buffer->inserted_samples;
    out->samples_removed = buffer->removed_samples;
    out->buffer_us = known ? snapshot->playing.buffered_ms * INT64_C(1000) : -1;
    out->buffer_max_us = known ? counters->buffered_max_ms * 1000 : -1;
    out->buffer_target_us = known ? snapshot->playing.target_ms * INT64_C(1000) : -1;
    out->buffer_delay_us = known ? snapshot->playing.delay_ms * INT64_C(1000) : -1;
    out->buffer_mean_us = buffer->delay_count > 0 ? (int64_t)(buffer->delay_sum_ms * 1000 / buffer->delay_count) : -1;
    out->resets = buffer->resets;
    out->bursts = buffer->pattern.bursts;
    out->burst_packets = buffer->pattern.burst_packets;
    out->burst_lost = buffer->pattern.burst_lost;
    out->gap_packets = buffer->pattern.gap_packets;
    out->gap_lost = buffer->pattern.gap_lost;
    out->loss_runs = buffer->pattern.runs;
    out->clock_skew_known = buffer->clock_skew_known != 0;
    out->clock_skew_ppm = buffer->clock_skew_ppm;
    double samples = counters->frame_samples > 0 ? counters->frame_samples : 1.0;
    out->sent_power = (double)counters->sent_energy / samples;
    out->received_power = (double)counters->received_energy / samples;
}

static int64_t known(uint8_t value) { return value == MS_XR_UNKNOWN ? -1 : value; }

/* The peer's view of what we send. */
static void fill_remote(const ms_stream_counters_t *counters, ms_stream_statistics_t *out) {
    const ms_rtcp_voip_metrics_t *voip = &counters->remote_voip;
    bool has = counters->remote_voip_known;
    out->round_trip_us = counters->round_trip_us;
    out->round_trip_max_us = counters->round_trip_max_us;
    out->remote_packets_lost = counters->remote_lost;
    out->remote_fraction_lost = counters->remote_fraction_lost;
    out->remote_jitter_us = counters->remote_jitter_us;
    out->remote_xr_loss = has ? voip->loss_rate : -1;
    out->remote_xr_discard = has ? voip->discard_rate : -1;
    out->remote_xr_burst_density = has ? voip->burst_density : -1;
    out->remote_xr_gap_density = has ? voip->gap_density : -1;
    out->remote_xr_burst_ms = has ? voip->burst_ms : -1;
    out->remote_xr_gap_ms = has ? voip->gap_ms : -1;
    out->remote_xr_delay_ms = has ? voip->end_system_ms : -1;
    out->remote_xr_r_factor = has ? known(voip->r_factor) : -1;
    out->remote_xr_mos_lq = has ? known(voip->mos_lq) : -1;
    out->remote_xr_mos_cq = has ? known(voip->mos_cq) : -1;
}

void ms_stream_get_statistics(const ms_stream_t *stream, ms_stream_statistics_t *out) {
    ms_stream_snapshot_t snapshot;
    read_snapshot(stream, &snapshot);
    const ms_stream_counters_t *counters = &snapshot.counters;
    *out = (ms_stream_statistics_t){.ssrc = snapshot.sender.ssrc,
                                    .packets_sent = snapshot.sender.packets,
                                    .octets_sent = snapshot.sender.octets,
                                    .send_errors = counters->send_errors,
                                    .dtmf_sent = counters->dtmf_sent,
                                    .rtcp_sent = counters->rtcp_sent,
                                    .rtcp_received = counters->rtcp_received,
                                    .rtcp_invalid = counters->rtcp_invalid,
                                    .ticks = counters->ticks,
                                    .ticks_late = counters->late,
                                    .ticks_skipped = counters->skipped};
    fill_remote(counters, out);
    fill_received(&snapshot, out);
    fill_played(&snapshot, out);
}
