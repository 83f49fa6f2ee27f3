/* DTMF digits as named telephone-events in RTP, sent and received (RFC 4733). */
#include "telephone_event.h"

#include "byte_order.h"
#include "clock.h"

#include <string.h>

static const char DIGITS[] = "0123456789*#ABCD";

#define END_PACKETS 3          /* RFC 4733 s2.5.1.4 */
#define VOLUME 10              /* -10 dBm0, what phones send */
#define DURATION_MAX 0xffff
#define LOST_END_NS (200 * MS_NS_PER_MS)
#define STRAGGLER_NS (2000 * MS_NS_PER_MS)

int ms_dtmf_code(char digit) {
    if (digit >= 'a' && digit <= 'd')
        digit = (char)(digit - 'a' + 'A');
    const char *found = digit == '\0' ? NULL : strchr(DIGITS, digit);
    return found == NULL ? -1 : (int)(found - DIGITS);
}

char ms_dtmf_digit(uint8_t code) { return code < sizeof DIGITS - 1 ? DIGITS[code] : '\0'; }

void ms_telephone_event_write(uint8_t payload[MS_TELEPHONE_EVENT_SIZE], const ms_telephone_event_t *event) {
    payload[0] = event->event;
    payload[1] = (uint8_t)(event->end << 7 | (event->volume & 0x3f));
    ms_put16(payload + 2, event->duration);
}

ms_status_t ms_telephone_event_read(const uint8_t *payload, size_t length, ms_telephone_event_t *event) {
    if (length < MS_TELEPHONE_EVENT_SIZE)
        return MS_EFORMAT;
    *event = (ms_telephone_event_t){payload[0], payload[1] >> 7, payload[1] & 0x3f, ms_get16(payload + 2)};
    return MS_OK;
}

bool ms_dtmf_sender_put(ms_dtmf_sender_t *sender, const ms_dtmf_order_t *order) {
    if (sender->count == MS_DTMF_QUEUE)
        return false;
    sender->queue[(sender->first + sender->count) % MS_DTMF_QUEUE] = *order;
    sender->count++;
    return true;
}

static void finish_digit(ms_dtmf_sender_t *sender, uint32_t units, uint32_t clock_rate) {
    uint32_t gap = sender->queue[sender->first].gap_ms * (clock_rate / 1000), used = (END_PACKETS - 1) * units;
    sender->gap_left = gap > used ? gap - used : 0;
    sender->first = (uint8_t)((sender->first + 1) % MS_DTMF_QUEUE);
    sender->count--;
    sender->active = false;
    sender->finished++;
}

/* A packet tells the duration up to the end of its frame. The two repeated end packets follow one a frame instead of at
   once, so that a burst of loss does not take all three; they use up the gap. */
bool ms_dtmf_sender_next(ms_dtmf_sender_t *sender, uint32_t timestamp, uint32_t units, uint32_t clock_rate,
                         ms_dtmf_frame_t *frame) {
    bool begins = false;
    if (!sender->active) {
        if (sender->gap_left > 0) {
            sender->gap_left -= sender->gap_left < units ? sender->gap_left : units;
            return false;
        }
        if (sender->count == 0)
            return false;
        sender->active = begins = true;
        sender->elapsed = 0;
        sender->timestamp = timestamp;
        sender->ends_left = END_PACKETS;
    }
    const ms_dtmf_order_t *order = &sender->queue[sender->first];
    uint32_t whole = order->duration_ms * (clock_rate / 1000);
    whole = whole < DURATION_MAX ? whole : DURATION_MAX;
    sender->elapsed = sender->elapsed + units < whole ? sender->elapsed + units : whole;
    bool end = sender->elapsed == whole;
    if (end)
        sender->ends_left--;
    *frame = (ms_dtmf_frame_t){.marker = begins, .last = end && sender->ends_left == 0, .timestamp = sender->timestamp,
                               .event = {order->code, end, VOLUME, (uint16_t)sender->elapsed}};
    if (frame->last)
        finish_digit(sender, units, clock_rate);
    return true;
}

static void begin_event(ms_dtmf_receiver_t *receiver, const ms_telephone_event_t *event, uint32_t timestamp) {
    receiver->known = receiver->active = true;
    receiver->event = event->event;
    receiver->timestamp = timestamp;
    receiver->segments = 0;
    receiver->duration = event->duration;
}

/* An event longer than its field goes on in a segment of its own, whose timestamp says so (RFC 4733 s2.5.1.3). */
static bool continues(const ms_dtmf_receiver_t *receiver, const ms_telephone_event_t *event, uint32_t timestamp,
                      bool marker) {
    return receiver->active && !marker && event->event == receiver->event &&
           timestamp == receiver->timestamp + DURATION_MAX;
}

bool ms_dtmf_receiver_update(ms_dtmf_receiver_t *receiver, const ms_telephone_event_t *event, uint32_t timestamp,
                             bool marker, int64_t now, ms_dtmf_heard_t *heard) {
    bool ended = false;
    bool older = receiver->known && (int32_t)(timestamp - receiver->timestamp) < 0;
    if (older && now - receiver->last_arrival < STRAGGLER_NS)
        return false; /* of an event that is over; much later it would be a sender that has restarted its clock */
    if (receiver->known && continues(receiver, event, timestamp, marker)) {
        receiver->segments += DURATION_MAX;
        receiver->timestamp = timestamp;
    } else if (!receiver->known || timestamp != receiver->timestamp) {
        if (receiver->active) {
            *heard = (ms_dtmf_heard_t){receiver->event, receiver->duration};
            ended = true;
        }
        begin_event(receiver, event, timestamp);
    } else if (!receiver->active) {
        return false; /* a repeated end packet */
    }
    uint32_t duration = receiver->segments + event->duration;
    receiver->duration = duration > receiver->duration ? duration : receiver->duration;
    receiver->last_arrival = now;
    /* A digit whose only packet is its end, right after one whose end was lost, waits for its own repeated end packets:
       there is room for one answer only. */
    if (event->end && !ended) {
        receiver->active = false;
        *heard = (ms_dtmf_heard_t){receiver->event, receiver->duration};
        ended = true;
    }
    return ended;
}

bool ms_dtmf_receiver_expire(ms_dtmf_receiver_t *receiver, int64_t now, ms_dtmf_heard_t *heard) {
    if (!receiver->active || now - receiver->last_arrival < LOST_END_NS)
        return false;
    receiver->active = false;
    *heard = (ms_dtmf_heard_t){receiver->event, receiver->duration};
    return true;
}
