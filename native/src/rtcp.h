/* RTCP compound packets: written, read within bounds, and how often they go out (RFC 3550 s6, RFC 3611 s4.7). */
#ifndef MS_RTCP_H
#define MS_RTCP_H

#include "microsip_media.h"

#include <stdbool.h>

#define MS_RTCP_PACKET_MAX 1500
#define MS_CNAME_MAX 63

/* RFC 3550 s6.4.1. */
typedef struct ms_rtcp_report_block {
    uint32_t ssrc;
    uint8_t fraction_lost;
    int32_t cumulative_lost; /* 24 bits signed */
    uint32_t extended_max;
    uint32_t jitter;         /* in timestamp units */
    uint32_t last_sr;        /* middle 32 bits of an NTP time; 0: none came */
    uint32_t delay_since_last_sr; /* in 1/65536 s */
} ms_rtcp_report_block_t;

#define MS_XR_UNKNOWN 127 /* in r_factor, mos_lq, mos_cq and the levels */

/* The VoIP metrics of RFC 3611 s4.7, in its units: rates and densities 1/256, times ms, MOS times 10. */
typedef struct ms_rtcp_voip_metrics {
    uint32_t ssrc;       /* of the stream they are about */
    uint8_t loss_rate, discard_rate, burst_density, gap_density;
    uint16_t burst_ms, gap_ms, round_trip_ms, end_system_ms;
    uint8_t gap_threshold; /* Gmin; 0 counts as 16, its default */
    uint8_t r_factor, mos_lq, mos_cq;
    bool adaptive;       /* the jitter buffer */
    uint16_t buffer_nominal_ms, buffer_max_ms, buffer_limit_ms;
} ms_rtcp_voip_metrics_t;

typedef struct ms_rtcp_report {
    uint32_t ssrc;       /* of who reports */
    bool is_sender;      /* SR, not RR: the next five count */
    uint64_t ntp_time;   /* seconds since 1900 and 2^-32 s */
    uint32_t rtp_timestamp;
    uint32_t packets, octets;
    bool has_block;
    ms_rtcp_report_block_t block;
    bool has_voip;
    ms_rtcp_voip_metrics_t voip;
} ms_rtcp_report_t;

/* SR or RR, SDES with CNAME, XR with VoIP metrics, and BYE when leaving; octets written, 0 when they do not fit. */
size_t ms_rtcp_write(uint8_t *out, size_t capacity, const ms_rtcp_report_t *report, const char *cname, bool bye);

/* What a compound packet said that concerns us. */
typedef struct ms_rtcp_news {
    ms_rtcp_report_t report; /* its block and its VoIP metrics are those about `our_ssrc`, if any */
    bool bye;
    uint32_t bye_ssrc;
} ms_rtcp_news_t;

/* MS_EFORMAT when it fails the checks of RFC 3550 A.2; with `reduced_size` it need not begin with a report (RFC 5506). */
ms_status_t ms_rtcp_parse(const uint8_t *bytes, size_t length, bool reduced_size, uint32_t our_ssrc,
                          ms_rtcp_news_t *news);

/* NTP time of a wall clock time in ns (RFC 3550 s4), and its middle 32 bits. */
uint64_t ms_ntp_time(int64_t wall_time);
static inline uint32_t ms_ntp_middle(uint64_t ntp_time) { return (uint32_t)(ntp_time >> 16); }

/* Seconds until the next report (A.7) in a session of two. `random` is uniform in 0..1; average_size counts IP and UDP
   headers; bandwidth is RTCP's share in octets per second. */
double ms_rtcp_interval(bool initial, double average_size, double bandwidth, double random);

#endif
