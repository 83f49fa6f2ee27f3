/* The receiver's view of a source: sequence numbers, loss and jitter (RFC 3550 A.1, A.3, A.8). */
#include "rtp_receiver.h"

#include "clock.h"

#include <string.h>

#define SEQUENCE_MODULUS (UINT32_C(1) << 16)
#define MAX_DROPOUT 3000
#define MAX_MISORDER 100
/* A source given up for another stays given up while the new one has been heard within this time. */
#define OLD_SOURCE_NS (1000 * MS_NS_PER_MS)

static void init_sequence(ms_rtp_receiver_t *receiver, uint16_t sequence) {
    receiver->base_sequence = sequence;
    receiver->max_sequence = sequence;
    receiver->bad_sequence = SEQUENCE_MODULUS + 1; /* so that no number equals it */
    receiver->cycles = 0;
    receiver->received = 0;
    receiver->received_prior = 0;
    receiver->expected_prior = 0;
    receiver->has_transit = false;
}

static uint32_t expected_of_source(const ms_rtp_receiver_t *receiver) {
    return receiver->known ? ms_rtp_receiver_extended_max(receiver) - receiver->base_sequence + 1 : 0;
}

static void add_up(ms_rtp_receiver_t *receiver) {
    receiver->expected_before += expected_of_source(receiver);
    receiver->received_before += receiver->received;
}

static void begin_source(ms_rtp_receiver_t *receiver, const ms_rtp_packet_t *packet) {
    receiver->ssrc = packet->ssrc;
    receiver->known = true;
    receiver->jitter = 0;
    init_sequence(receiver, packet->sequence);
}

/* update_seq of A.1, without probation: the stream's lock on an address already keeps strangers out, and waiting for a
   second packet would cost 20 ms of every call's start. */
static bool update_sequence(ms_rtp_receiver_t *receiver, uint16_t sequence) {
    uint16_t delta = (uint16_t)(sequence - receiver->max_sequence);
    if (delta < MAX_DROPOUT) {
        if (sequence < receiver->max_sequence)
            receiver->cycles += SEQUENCE_MODULUS;
        receiver->max_sequence = sequence;
    } else if (delta <= SEQUENCE_MODULUS - MAX_MISORDER) {
        if (sequence != receiver->bad_sequence) {
            receiver->bad_sequence = (sequence + 1U) & (SEQUENCE_MODULUS - 1);
            return false;
        }
        add_up(receiver); /* two in a row: the other side restarted without saying so */
        init_sequence(receiver, sequence);
    }
    receiver->received++;
    return true;
}

ms_rtp_verdict_t ms_rtp_receiver_update(ms_rtp_receiver_t *receiver, const ms_rtp_packet_t *packet, int64_t arrival) {
    ms_rtp_verdict_t verdict = MS_RTP_VALID;
    if (!receiver->known) {
        if (receiver->received_before == 0)
            verdict = MS_RTP_FIRST;
        else if (packet->ssrc != receiver->ssrc)
            verdict = MS_RTP_NEW_SSRC;
        begin_source(receiver, packet);
    } else if (packet->ssrc != receiver->ssrc) {
        bool current_alive = arrival - receiver->last_arrival < OLD_SOURCE_NS;
        if (receiver->has_old && packet->ssrc == receiver->old_ssrc && current_alive)
            return MS_RTP_OLD_SOURCE;
        add_up(receiver);
        receiver->old_ssrc = receiver->ssrc;
        receiver->has_old = true;
        begin_source(receiver, packet);
        verdict = MS_RTP_NEW_SSRC;
    }
    if (!update_sequence(receiver, packet->sequence))
        return MS_RTP_JUMP;
    receiver->last_arrival = arrival;
    return verdict;
}

void ms_rtp_receiver_jitter(ms_rtp_receiver_t *receiver, uint32_t timestamp, int64_t arrival, uint32_t clock_rate) {
    /* seconds and rest apart, because nanoseconds times a clock rate overflow after some hours */
    uint64_t seconds = (uint64_t)(arrival / MS_NS_PER_SECOND), rest = (uint64_t)(arrival % MS_NS_PER_SECOND);
    uint32_t arrival_units = (uint32_t)(seconds * clock_rate + rest * clock_rate / (uint64_t)MS_NS_PER_SECOND);
    uint32_t transit = arrival_units - timestamp;
    if (receiver->has_transit && timestamp != receiver->last_timestamp) {
        int32_t difference = (int32_t)(transit - receiver->transit);
        uint32_t distance = difference < 0 ? 0U - (uint32_t)difference : (uint32_t)difference;
        /* a jump of seconds is a new clock (transfer, music on hold), not jitter */
        if (distance < 4 * clock_rate) {
            receiver->jitter += distance - ((receiver->jitter + 8) >> 4);
            if (receiver->jitter > receiver->jitter_max)
                receiver->jitter_max = receiver->jitter;
        }
    }
    receiver->transit = transit;
    receiver->last_timestamp = timestamp;
    receiver->has_transit = true;
}

void ms_rtp_receiver_restart(ms_rtp_receiver_t *receiver) {
    if (!receiver->known)
        return;
    add_up(receiver);
    receiver->known = false;
    receiver->has_old = false;
    receiver->received = 0;
}

uint32_t ms_rtp_receiver_extended_max(const ms_rtp_receiver_t *receiver) {
    return receiver->cycles + receiver->max_sequence;
}

uint64_t ms_rtp_receiver_expected(const ms_rtp_receiver_t *receiver) {
    return receiver->expected_before + expected_of_source(receiver);
}

uint8_t ms_rtp_receiver_fraction_lost(ms_rtp_receiver_t *receiver) {
    uint32_t expected = expected_of_source(receiver);
    uint32_t expected_interval = expected - receiver->expected_prior;
    uint32_t received_interval = receiver->received - receiver->received_prior;
    receiver->expected_prior = expected;
    receiver->received_prior = receiver->received;
    int64_t lost_interval = (int64_t)expected_interval - received_interval;
    if (expected_interval == 0 || lost_interval <= 0)
        return 0;
    int64_t fraction = (lost_interval << 8) / expected_interval;
    return fraction > 255 ? 255 : (uint8_t)fraction;
}

int32_t ms_rtp_receiver_cumulative_lost(const ms_rtp_receiver_t *receiver) {
    int64_t lost = (int64_t)expected_of_source(receiver) - receiver->received;
    return lost > 0x7fffff ? 0x7fffff : lost < -0x800000 ? -0x800000 : (int32_t)lost;
}
