/* From RTP sequence numbers and timestamps, which wrap and jump, to one line of samples that does neither. */
#ifndef MS_TIMELINE_H
#define MS_TIMELINE_H

#include <stdint.h>

/* One run of packets with the same SSRC and continuous numbers. */
typedef struct ms_timeline_run {
    uint32_t ssrc;
    int64_t sequence, position; /* extended values of ... */
    uint16_t wire_sequence;     /* ... these two of the newest packet */
    uint32_t wire_timestamp;
    int64_t end;                /* first sample after the newest packet */
    int64_t arrival_us;         /* of the newest packet */
} ms_timeline_run_t;

typedef struct ms_timeline {
    ms_timeline_run_t now, before; /* stragglers of the run before still find their place */
    int runs;                      /* 0: nothing seen yet */
    uint32_t sample_rate;
} ms_timeline_t;

typedef struct ms_timeline_packet {
    uint32_t ssrc, timestamp, clock_rate, samples; /* samples: of the timeline's rate */
    uint16_t sequence;
    int64_t arrival_us;
} ms_timeline_packet_t;

typedef struct ms_timeline_place {
    int64_t sequence, position;
    int reordered; /* an older number than the newest seen */
    int new_run;   /* SSRC, sequence or timestamp jumped */
    int64_t step;  /* sequence numbers gone forward, 0 when reordered */
} ms_timeline_place_t;

void ms_timeline_init(ms_timeline_t *timeline, uint32_t sample_rate);

/* Where a packet belongs. typical_offset_us: usual difference of arrival and sample time, for a run that does not follow
   on the one before it. */
ms_timeline_place_t ms_timeline_place(ms_timeline_t *timeline, const ms_timeline_packet_t *packet, int64_t typical_offset_us);

#endif
