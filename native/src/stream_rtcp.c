/* RTCP of a stream: reports when they are due, and what the other side reports. */
#include "stream.h"

#define IP_UDP_SIZE 28
/* 5 % of 80 kbit/s, in octets per second: with two members the 5 s minimum rules anyway. */
#define BANDWIDTH 500.0
#define FIRST_AVERAGE 128.0
/* RTCP is not urgent: its socket is asked every so manieth frame; the kernel stamps what waits there. */
#define FRAMES_PER_LOOK 25
#define PACKETS_PER_LOOK 8
#define ROUND_TRIP_MAX_US (60 * INT64_C(1000000))

static int64_t units_to_us(const ms_stream_t *stream, uint64_t units) {
    return (int64_t)(units * 1000000 / stream->counters.clock_rate);
}

static void schedule(ms_stream_t *stream, ms_shard_t *shard, bool initial) {
    double seconds = ms_rtcp_interval(initial, stream->rtcp_average_size, BANDWIDTH, ms_shard_random(shard));
    stream->rtcp_due = shard->now + (int64_t)(seconds * (double)MS_NS_PER_SECOND);
}

static void average(ms_stream_t *stream, size_t octets) {
    double size = (double)(octets + IP_UDP_SIZE);
    stream->rtcp_average_size += (size - stream->rtcp_average_size) / 16; /* RFC 3550 s6.3.3 */
}

static ms_rtcp_report_block_t block_of(ms_stream_t *stream, const ms_shard_t *shard) {
    ms_rtp_receiver_t *receiver = &stream->receiver;
    uint32_t delay = 0;
    if (stream->last_sr != 0)
        delay = (uint32_t)((shard->now - stream->last_sr_arrival) / MS_NS_PER_US * 65536 / 1000000);
    return (ms_rtcp_report_block_t){.ssrc = receiver->ssrc,
                                    .fraction_lost = ms_rtp_receiver_fraction_lost(receiver),
                                    .cumulative_lost = ms_rtp_receiver_cumulative_lost(receiver),
                                    .extended_max = ms_rtp_receiver_extended_max(receiver),
                                    .jitter = receiver->jitter >> 4,
                                    .last_sr = stream->last_sr,
                                    .delay_since_last_sr = delay};
}

static uint8_t rate_of(uint64_t part, uint64_t whole) {
    uint64_t rate = whole == 0 ? 0 : part * 256 / whole;
    return rate > 255 ? 255 : (uint8_t)rate;
}

/* Mean length of `count` stretches of packets. */
static int64_t mean_ms(const ms_stream_t *stream, uint64_t packets, uint64_t count) {
    return count == 0 ? 0 : (int64_t)(packets * stream->ptime_ms / count);
}

static uint16_t at_most_16_bits(int64_t value) { return value < 0 ? 0 : value > 0xffff ? 0xffff : (uint16_t)value; }

/* RFC 3611 s4.7 about what we receive. Quality is estimated where the figures of both directions meet, not here. */
static ms_rtcp_voip_metrics_t voip_of(const ms_stream_t *stream, uint32_t ssrc) {
    ms_jb_stats_t buffer;
    ms_jb_get_stats(stream->playout->jb, &buffer);
    const ms_loss_figures_t *losses = &buffer.pattern;
    uint64_t expected = ms_rtp_receiver_expected(&stream->receiver), received = stream->counters.received;
    uint64_t lost = expected > received ? expected - received : 0;
    int64_t delay = stream->playing.buffered_ms + stream->ptime_ms;
    return (ms_rtcp_voip_metrics_t){.ssrc = ssrc,
                                    .loss_rate = rate_of(lost, expected),
                                    .discard_rate = rate_of(buffer.late + buffer.discarded, expected),
                                    .burst_density = rate_of(losses->burst_lost, losses->burst_packets),
                                    .gap_density = rate_of(losses->gap_lost, losses->gap_packets),
                                    .burst_ms = at_most_16_bits(mean_ms(stream, losses->burst_packets, losses->bursts)),
                                    .gap_ms = at_most_16_bits(mean_ms(stream, losses->gap_packets, losses->bursts + 1)),
                                    .gap_threshold = MS_LOSS_GMIN,
                                    .round_trip_ms = at_most_16_bits(stream->counters.round_trip_us / 1000),
                                    .end_system_ms = at_most_16_bits(delay),
                                    .r_factor = MS_XR_UNKNOWN,
                                    .mos_lq = MS_XR_UNKNOWN,
                                    .mos_cq = MS_XR_UNKNOWN,
                                    .adaptive = true,
                                    .buffer_nominal_ms = at_most_16_bits(stream->playing.target_ms),
                                    .buffer_max_ms = at_most_16_bits(stream->counters.buffered_max_ms),
                                    .buffer_limit_ms = stream->buffer_config.max_delay_ms};
}

static bool send_packet(ms_stream_t *stream, ms_shard_t *shard, size_t length) {
    if (stream->packet_log != NULL) {
        const ms_udp_pair_t *sockets = &stream->sockets;
        ms_packet_log_put(stream->packet_log, shard->now + shard->wall_offset, true,
                          stream->rtcp_mux ? &sockets->rtp_address : &sockets->rtcp_address,
                          stream->rtcp_mux ? &stream->peer.rtp : &stream->peer.rtcp, shard->packet, length);
    }
    if (!stream->rtcp_mux)
        return ms_udp_send(stream->sockets.rtcp, shard->packet, length, &stream->peer.rtcp);
    return ms_udp_send(stream->sockets.rtp, shard->packet, length, stream->connected ? NULL : &stream->peer.rtp);
}

static bool has_peer(const ms_stream_t *stream) {
    const ms_address_t *to = stream->rtcp_mux ? &stream->peer.rtp : &stream->peer.rtcp;
    return to->any.sa_family != AF_UNSPEC;
}

static void send_report(ms_stream_t *stream, ms_shard_t *shard, bool bye) {
    ms_rtp_sender_t *sender = &stream->sender;
    ms_rtcp_report_t report = {.ssrc = sender->ssrc, .is_sender = sender->packets > stream->packets_at_report};
    if (report.is_sender) {
        int64_t since = shard->now - sender->last_sent;
        report.ntp_time = ms_ntp_time(shard->now + shard->wall_offset);
        /* the frame last sent began one frame before the timestamp at hand */
        report.rtp_timestamp = sender->timestamp - stream->frame_units +
                               (uint32_t)(since / MS_NS_PER_US * stream->counters.clock_rate / 1000000);
        report.packets = (uint32_t)sender->packets;
        report.octets = (uint32_t)sender->octets;
    }
    report.has_block = stream->receiver.known;
    if (report.has_block)
        report.block = block_of(stream, shard);
    report.has_voip = stream->rtcp_voip_metrics && report.has_block;
    if (report.has_voip)
        report.voip = voip_of(stream, report.block.ssrc);
    size_t length = ms_rtcp_write(shard->packet, MS_RTP_PACKET_MAX, &report, stream->cname, bye);
    if (stream->srtp_send != NULL && length > 0)
        length = ms_stream_seal(stream, shard, length, true);
    if (length > 0 && send_packet(stream, shard, length)) {
        stream->counters.rtcp_sent++;
        average(stream, length);
    }
    stream->packets_at_report = sender->packets;
}

static void take_block(ms_stream_t *stream, const ms_rtcp_report_block_t *block, uint32_t arrival) {
    ms_stream_counters_t *counters = &stream->counters;
    counters->remote_lost = block->cumulative_lost;
    counters->remote_fraction_lost = block->fraction_lost;
    counters->remote_jitter_us = units_to_us(stream, block->jitter);
    if (block->last_sr == 0)
        return;
    /* RFC 3550 s6.4.1: A - LSR - DLSR in 1/65536 s; a little below zero comes from rounding */
    int32_t units = (int32_t)(arrival - block->last_sr - block->delay_since_last_sr);
    int64_t microseconds = units < 0 ? 0 : (int64_t)units * 1000000 / 65536;
    if (units < -65536 || microseconds > ROUND_TRIP_MAX_US)
        return;
    counters->round_trip_us = microseconds;
    if (microseconds > counters->round_trip_max_us)
        counters->round_trip_max_us = microseconds;
}

static void take(ms_stream_t *stream, ms_shard_t *shard, const ms_rtcp_news_t *news, int64_t arrival) {
    uint64_t ntp_arrival = ms_ntp_time(arrival + shard->wall_offset);
    if (news->report.is_sender) {
        stream->last_sr = ms_ntp_middle(news->report.ntp_time);
        stream->last_sr_arrival = arrival;
    }
    if (news->report.has_block)
        take_block(stream, &news->report.block, ms_ntp_middle(ntp_arrival));
    if (news->report.has_voip) {
        stream->counters.remote_voip = news->report.voip;
        stream->counters.remote_voip_known = true;
    }
    if (news->bye && !stream->bye_received && (!stream->receiver.known || news->bye_ssrc == stream->receiver.ssrc)) {
        stream->bye_received = true;
        ms_stream_tell(stream, shard, MS_EVENT_RTCP_BYE, news->bye_ssrc, 0, NULL);
    }
}

void ms_stream_take_rtcp(ms_stream_t *stream, ms_shard_t *shard, size_t length, const ms_address_t *from,
                         int64_t arrival) {
    ms_rtcp_news_t news;
    size_t plain = length;
    if ((stream->srtp_receive != NULL && !ms_stream_unseal(stream, shard, &plain, true)) ||
        plain > sizeof shard->packet || !ms_peer_accept_rtcp(&stream->peer, from, stream->rtcp_mux) ||
        ms_rtcp_parse(shard->packet, plain, stream->rtcp_reduced_size, stream->sender.ssrc, &news) != MS_OK) {
        stream->counters.rtcp_invalid++;
        return;
    }
    stream->counters.rtcp_received++;
    average(stream, length);
    take(stream, shard, &news, arrival);
}

static void receive(ms_stream_t *stream, ms_shard_t *shard) {
    for (int i = 0; i < PACKETS_PER_LOOK; i++) {
        ms_address_t from;
        int64_t wall_time;
        long length = ms_udp_receive(stream->sockets.rtcp, shard->packet, sizeof shard->packet, &from, &wall_time);
        if (length < 0)
            return;
        int64_t arrival = wall_time == 0 || shard->manual ? shard->now : wall_time - shard->wall_offset;
        if (stream->packet_log != NULL && (size_t)length <= sizeof shard->packet)
            ms_packet_log_put(stream->packet_log, arrival + shard->wall_offset, false, &stream->sockets.rtcp_address,
                              &from, shard->packet, (size_t)length);
        ms_stream_take_rtcp(stream, shard, (size_t)length, &from, arrival < shard->now ? arrival : shard->now);
    }
}

void ms_stream_rtcp(ms_stream_t *stream, ms_shard_t *shard) {
    if (!stream->rtcp_mux && stream->counters.ticks % FRAMES_PER_LOOK == 0)
        receive(stream, shard);
    if (!stream->rtcp_began) {
        stream->rtcp_began = true;
        stream->rtcp_average_size = FIRST_AVERAGE;
        schedule(stream, shard, true);
    } else if (shard->now >= stream->rtcp_due) {
        if (has_peer(stream))
            send_report(stream, shard, false);
        schedule(stream, shard, false);
    }
}

/* RFC 3550 s6.3.7: who has never sent anything leaves without a word. */
void ms_stream_send_bye(ms_stream_t *stream, ms_shard_t *shard) {
    bool known = stream->sender.packets > 0 || stream->counters.rtcp_sent > 0;
    if (known && has_peer(stream))
        send_report(stream, shard, true);
}
