/* RTCP compound packets: written, read within bounds, and how often they go out (RFC 3550 s6, RFC 3611 s4.7). */
#include "rtcp.h"

#include "byte_order.h"

#include <string.h>

enum { SR = 200, RR = 201, SDES = 202, BYE = 203, XR = 207 };

#define SDES_CNAME 1
#define SR_SIZE 28
#define RR_SIZE 8
#define BLOCK_SIZE 24
#define XR_HEAD 8
#define XR_VOIP_METRICS 7 /* RFC 3611 s4.7 */
#define XR_VOIP_SIZE 36
#define XR_VOIP_WORDS 8 /* of its length field */
#define NTP_EPOCH_OFFSET UINT64_C(2208988800) /* 1900 to 1970 */
#define NS_PER_SECOND UINT64_C(1000000000)

uint64_t ms_ntp_time(int64_t wall_time) {
    uint64_t seconds = (uint64_t)wall_time / NS_PER_SECOND, rest = (uint64_t)wall_time % NS_PER_SECOND;
    return (seconds + NTP_EPOCH_OFFSET) << 32 | (rest << 32) / NS_PER_SECOND;
}

static void write_header(uint8_t *at, unsigned count, unsigned type, size_t octets) {
    at[0] = (uint8_t)(2 << 6 | count);
    at[1] = (uint8_t)type;
    ms_put16(at + 2, (uint16_t)(octets / 4 - 1));
}

static void write_block(uint8_t *at, const ms_rtcp_report_block_t *block) {
    ms_put32(at, block->ssrc);
    ms_put32(at + 4, (uint32_t)block->fraction_lost << 24 | ((uint32_t)block->cumulative_lost & 0xffffff));
    ms_put32(at + 8, block->extended_max);
    ms_put32(at + 12, block->jitter);
    ms_put32(at + 16, block->last_sr);
    ms_put32(at + 20, block->delay_since_last_sr);
}

/* Levels of signal and noise and the echo return loss are not measured. The receiver conceals losses by waveform, which
   is more than standard: enhanced (s4.7.7). */
static void write_voip(uint8_t *at, uint32_t sender, const ms_rtcp_voip_metrics_t *voip) {
    enum { ENHANCED = 2, ADAPTIVE = 3, FIXED = 2, DEFAULT_GMIN = 16 };
    write_header(at, 0, XR, XR_HEAD + XR_VOIP_SIZE);
    ms_put32(at + 4, sender);
    at += XR_HEAD;
    at[0] = XR_VOIP_METRICS;
    ms_put16(at + 2, XR_VOIP_WORDS);
    ms_put32(at + 4, voip->ssrc);
    at[8] = voip->loss_rate;
    at[9] = voip->discard_rate;
    at[10] = voip->burst_density;
    at[11] = voip->gap_density;
    ms_put16(at + 12, voip->burst_ms);
    ms_put16(at + 14, voip->gap_ms);
    ms_put16(at + 16, voip->round_trip_ms);
    ms_put16(at + 18, voip->end_system_ms);
    at[20] = at[21] = at[22] = MS_XR_UNKNOWN;
    at[23] = voip->gap_threshold != 0 ? voip->gap_threshold : DEFAULT_GMIN;
    at[24] = voip->r_factor;
    at[25] = MS_XR_UNKNOWN; /* external R factor: there is no other network */
    at[26] = voip->mos_lq;
    at[27] = voip->mos_cq;
    at[28] = (uint8_t)(ENHANCED << 6 | (voip->adaptive ? ADAPTIVE : FIXED) << 4);
    ms_put16(at + 30, voip->buffer_nominal_ms);
    ms_put16(at + 32, voip->buffer_max_ms);
    ms_put16(at + 34, voip->buffer_limit_ms);
}

/* SDES with one chunk: SSRC, CNAME item, at least one zero octet, up to a whole word. */
static size_t sdes_size(size_t name_length) { return 8 + (2 + name_length + 1 + 3) / 4 * 4; }

size_t ms_rtcp_write(uint8_t *out, size_t capacity, const ms_rtcp_report_t *report, const char *cname, bool bye) {
    size_t name_length = strlen(cname);
    size_t head = report->is_sender ? SR_SIZE : RR_SIZE;
    size_t report_size = head + (report->has_block ? BLOCK_SIZE : 0);
    size_t extended_size = report->has_voip ? XR_HEAD + XR_VOIP_SIZE : 0;
    size_t total = report_size + sdes_size(name_length) + extended_size + (bye ? 8 : 0);
    if (name_length > MS_CNAME_MAX || total > capacity)
        return 0;
    memset(out, 0, total);
    write_header(out, report->has_block, report->is_sender ? SR : RR, report_size);
    ms_put32(out + 4, report->ssrc);
    if (report->is_sender) {
        ms_put32(out + 8, (uint32_t)(report->ntp_time >> 32));
        ms_put32(out + 12, (uint32_t)report->ntp_time);
        ms_put32(out + 16, report->rtp_timestamp);
        ms_put32(out + 20, report->packets);
        ms_put32(out + 24, report->octets);
    }
    if (report->has_block)
        write_block(out + head, &report->block);
    uint8_t *at = out + report_size;
    write_header(at, 1, SDES, sdes_size(name_length));
    ms_put32(at + 4, report->ssrc);
    at[8] = SDES_CNAME;
    at[9] = (uint8_t)name_length;
    memcpy(at + 10, cname, name_length);
    at += sdes_size(name_length);
    if (report->has_voip)
        write_voip(at, report->ssrc, &report->voip);
    if (bye) {
        at += extended_size;
        write_header(at, 1, BYE, 8);
        ms_put32(at + 4, report->ssrc);
    }
    return total;
}

static void read_block(const uint8_t *at, ms_rtcp_report_block_t *block) {
    block->ssrc = ms_get32(at);
    block->fraction_lost = at[4];
    uint32_t lost = ms_get32(at + 4) & 0xffffff;
    block->cumulative_lost = lost & 0x800000 ? (int32_t)lost - 0x1000000 : (int32_t)lost;
    block->extended_max = ms_get32(at + 8);
    block->jitter = ms_get32(at + 12);
    block->last_sr = ms_get32(at + 16);
    block->delay_since_last_sr = ms_get32(at + 20);
}

/* One SR or RR of the compound packet; false when its blocks do not fit in its length. */
static bool read_report(const uint8_t *at, size_t size, uint32_t our_ssrc, ms_rtcp_report_t *report) {
    bool is_sender = at[1] == SR;
    size_t head = is_sender ? SR_SIZE : RR_SIZE, count = at[0] & 0x1f;
    if (size < head + count * BLOCK_SIZE)
        return false;
    report->ssrc = ms_get32(at + 4);
    if (is_sender) {
        report->is_sender = true;
        report->ntp_time = (uint64_t)ms_get32(at + 8) << 32 | ms_get32(at + 12);
        report->rtp_timestamp = ms_get32(at + 16);
        report->packets = ms_get32(at + 20);
        report->octets = ms_get32(at + 24);
    }
    for (size_t i = 0; i < count; i++) {
        const uint8_t *block = at + head + i * BLOCK_SIZE;
        if (ms_get32(block) == our_ssrc) {
            read_block(block, &report->block);
            report->has_block = true;
        }
    }
    return true;
}

static void read_voip(const uint8_t *at, ms_rtcp_voip_metrics_t *voip) {
    *voip = (ms_rtcp_voip_metrics_t){
        .ssrc = ms_get32(at + 4), .loss_rate = at[8], .discard_rate = at[9], .burst_density = at[10],
        .gap_density = at[11], .burst_ms = ms_get16(at + 12), .gap_ms = ms_get16(at + 14),
        .round_trip_ms = ms_get16(at + 16), .end_system_ms = ms_get16(at + 18), .gap_threshold = at[23],
        .r_factor = at[24], .mos_lq = at[26], .mos_cq = at[27], .adaptive = (at[28] >> 4 & 3) == 3,
        .buffer_nominal_ms = ms_get16(at + 30), .buffer_max_ms = ms_get16(at + 32),
        .buffer_limit_ms = ms_get16(at + 34)};
}

/* The blocks of one XR packet; those of other kinds are passed over (RFC 3611 s3). False when lengths do not agree. */
static bool read_extended(const uint8_t *at, size_t size, uint32_t our_ssrc, ms_rtcp_report_t *report) {
    if (size < XR_HEAD)
        return false;
    for (size_t block = XR_HEAD, next; block < size; block = next) {
        if (size - block < 4)
            return false;
        next = block + 4 * ((size_t)ms_get16(at + block + 2) + 1);
        if (next > size)
            return false;
        if (at[block] == XR_VOIP_METRICS && next - block == XR_VOIP_SIZE && ms_get32(at + block + 4) == our_ssrc) {
            read_voip(at + block, &report->voip);
            report->has_voip = true;
        }
    }
    return true;
}

/* Lengths first, for the whole compound packet, as A.2 does; nothing is believed of a packet that fails. */
static bool lengths_agree(const uint8_t *bytes, size_t length, bool reduced_size) {
    size_t least = reduced_size ? 4 : RR_SIZE;
    if (length < least || (bytes[0] & 0xe0) != 2 << 6 || (!reduced_size && bytes[1] != SR && bytes[1] != RR))
        return false;
    for (size_t at = 0; at < length;) {
        if (length - at < 4 || bytes[at] >> 6 != 2)
            return false;
        size_t size = 4 * ((size_t)ms_get16(bytes + at + 2) + 1);
        if (size > length - at)
            return false;
        at += size;
    }
    return true;
}

ms_status_t ms_rtcp_parse(const uint8_t *bytes, size_t length, bool reduced_size, uint32_t our_ssrc,
                          ms_rtcp_news_t *news) {
    memset(news, 0, sizeof *news);
    if (!lengths_agree(bytes, length, reduced_size))
        return MS_EFORMAT;
    for (size_t at = 0, size; at < length; at += size) {
        const uint8_t *packet = bytes + at;
        size = 4 * ((size_t)ms_get16(packet + 2) + 1);
        if ((packet[1] == SR || packet[1] == RR) && !read_report(packet, size, our_ssrc, &news->report))
            return MS_EFORMAT;
        if (packet[1] == XR && !read_extended(packet, size, our_ssrc, &news->report))
            return MS_EFORMAT;
        if (packet[1] == BYE) {
            size_t count = packet[0] & 0x1f;
            if (size < 4 + 4 * count)
                return MS_EFORMAT;
            if (count > 0) { /* the further ones are a mixer's contributors */
                news->bye = true;
                news->bye_ssrc = ms_get32(packet + 4);
            }
        }
    }
    return MS_OK;
}

double ms_rtcp_interval(bool initial, double average_size, double bandwidth, double random) {
    const double minimum = 5.0, compensation = 2.71828 - 1.5;
    /* With two members senders are at least a quarter, so A.7's split of the bandwidth never applies. */
    double interval = 2 * average_size / bandwidth;
    double least = initial ? minimum / 2 : minimum;
    if (interval < least)
        interval = least;
    return interval * (random + 0.5) / compensation;
}
