/* DTMF digits as named telephone-events in RTP, sent and received (RFC 4733). */
#ifndef MS_TELEPHONE_EVENT_H
#define MS_TELEPHONE_EVENT_H

#include "microsip_media.h"

#include <stdbool.h>

#define MS_TELEPHONE_EVENT_SIZE 4
#define MS_DTMF_QUEUE 64

/* Event codes 0 to 15 are the digits 0-9 * # A-D (RFC 4733 s3.2). -1 for anything else. */
int ms_dtmf_code(char digit);
char ms_dtmf_digit(uint8_t code);

/* The payload: what has been heard of an event so far. */
typedef struct ms_telephone_event {
    uint8_t event;
    bool end;
    uint8_t volume;    /* 0..63, in -dBm0 */
    uint16_t duration; /* timestamp units since the event began */
} ms_telephone_event_t;

void ms_telephone_event_write(uint8_t payload[MS_TELEPHONE_EVENT_SIZE], const ms_telephone_event_t *event);
/* MS_EFORMAT when it is too short. What follows the first event of a payload is not looked at. */
ms_status_t ms_telephone_event_read(const uint8_t *payload, size_t length, ms_telephone_event_t *event);

/* ---- sending: zero-initialise, put digits in, ask at every frame */

typedef struct ms_dtmf_order {
    uint8_t code;
    uint16_t duration_ms, gap_ms;
} ms_dtmf_order_t;

typedef struct ms_dtmf_sender {
    ms_dtmf_order_t queue[MS_DTMF_QUEUE];
    uint8_t first, count;
    uint8_t ends_left;    /* end packets of the digit at hand still to go */
    bool active;
    uint32_t elapsed;     /* units of the digit at hand, this frame not included */
    uint32_t gap_left;    /* units */
    uint32_t timestamp;   /* where the digit at hand began */
    uint32_t finished;    /* digits, ever */
} ms_dtmf_sender_t;

/* What to send in a frame. */
typedef struct ms_dtmf_frame {
    bool marker;          /* first packet of the digit */
    bool last;            /* last of the three end packets */
    uint32_t timestamp;   /* the same in every packet of the digit (RFC 4733 s2.3.1) */
    ms_telephone_event_t event;
} ms_dtmf_frame_t;

/* False when the queue is full. */
bool ms_dtmf_sender_put(ms_dtmf_sender_t *sender, const ms_dtmf_order_t *order);
/* False when this frame of `units` that begins at `timestamp` is not for a digit: audio goes on in gaps. */
bool ms_dtmf_sender_next(ms_dtmf_sender_t *sender, uint32_t timestamp, uint32_t units, uint32_t clock_rate,
                         ms_dtmf_frame_t *frame);

/* ---- receiving: zero-initialise, give every packet, ask for the end at every frame */

typedef struct ms_dtmf_receiver {
    bool known;           /* an event has been seen */
    bool active;          /* its end has not */
    uint8_t event;
    uint32_t timestamp;
    uint32_t duration;    /* units, of all segments of a long event */
    uint32_t segments;    /* units in the segments before this one */
    int64_t last_arrival; /* ns */
} ms_dtmf_receiver_t;

/* A digit that has ended. */
typedef struct ms_dtmf_heard {
    uint8_t code;
    uint32_t duration;    /* timestamp units */
} ms_dtmf_heard_t;

/* True when this packet ended a digit: its own, or the one before, whose end was lost. */
bool ms_dtmf_receiver_update(ms_dtmf_receiver_t *receiver, const ms_telephone_event_t *event, uint32_t timestamp,
                             bool marker, int64_t now, ms_dtmf_heard_t *heard);
/* True when a digit under way has to be given up as ended, because nothing has come for long. */
bool ms_dtmf_receiver_expire(ms_dtmf_receiver_t *receiver, int64_t now, ms_dtmf_heard_t *heard);

#endif
