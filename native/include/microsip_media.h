/* The public interface of the media engine: opaque types, a status returned, results through pointers last.

   An engine has a few threads ("shards"), each of which owns its streams outright. What is asked of a stream goes to its
   shard as a command and happens at its next tick; what happens there comes back as events. No function here waits for the
   network; opening, loading and closing take the time of some system calls. Functions on one engine and its streams may be
   called from any thread, but not two at the same time on the same stream or tap direction. */
#ifndef MICROSIP_MEDIA_H
#define MICROSIP_MEDIA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum ms_status {
    MS_OK = 0,
    MS_EINVAL = -1,    /* an argument outside its documented range */
    MS_ENOMEM = -2,
    MS_ENETWORK = -3,  /* a socket or thread could not be opened; errno tells why */
    MS_EBUSY = -4,     /* the port, or every port of the range, is taken */
    MS_EIO = -5,       /* a file could not be read or written; errno tells why */
    MS_EFORMAT = -6,   /* a file or packet holds something else than expected */
    MS_ENOTSUP = -7,
    MS_ESTATE = -8,    /* not possible now */
    MS_ELIMIT = -9
} ms_status_t;

/* One line for a status. */
const char *ms_status_text(ms_status_t status);

/* ---- engine */

typedef struct ms_engine ms_engine_t;
typedef struct ms_stream ms_stream_t;

#define MS_SHARDS_MAX 64

typedef struct ms_engine_config {
    uint32_t shards;      /* threads, 1..MS_SHARDS_MAX */
    bool manual;          /* no threads: ms_engine_tick says what time it is */
    bool unhurried;       /* do not ask for a priority of the threads' own */
    bool pinned;          /* keep each thread on a processor of its own, as far as there are */
    uint32_t streams_max; /* of a shard: further ones are refused, MS_ELIMIT; 0: no limit */
    uint32_t load_max_percent; /* of a shard's time, over the last second: while more is used up, new streams are refused;
                                  0: no limit */
} ms_engine_config_t;

ms_status_t ms_engine_create(const ms_engine_config_t *config, ms_engine_t **engine);
/* End every stream that is left (with an RTCP BYE), complete the recordings, end the threads. Events can still be taken. */
void ms_engine_stop(ms_engine_t *engine);
/* Stops first where that is due. Streams and taps are invalid afterwards; a tap not closed yet may only be closed. */
void ms_engine_free(ms_engine_t *engine);

typedef enum ms_event_kind {
    MS_EVENT_FIRST_RTP = 1,   /* value: payload type; text: "host:port" */
    MS_EVENT_DTMF,            /* value: duration in ms; text: the digit */
    MS_EVENT_DTMF_SENT,       /* value: digits sent since the queue was last empty */
    MS_EVENT_MEDIA_TIMEOUT,   /* value: ms without a packet; text: "never" when none ever came */
    MS_EVENT_MEDIA_RESUMED,   /* value: ms without a packet */
    MS_EVENT_RTCP_BYE,        /* value: the SSRC that left */
    MS_EVENT_SSRC_CHANGE,     /* value: the new SSRC */
    MS_EVENT_PLAYBACK_FINISHED,  /* value: ms played; text: finished, stopped or replaced; reference: its id */
    MS_EVENT_RECORDING_FINISHED, /* value: ms recorded; text: what went wrong, if anything; reference: its id */
    MS_EVENT_ERROR,           /* value: errno; text: what failed */
    MS_EVENT_NO_RTP,          /* value: ms since something was to be heard; text: what came instead: nothing, rtcp_only,
                                 foreign HOST:PORT, payload_type N, not_rtp, not_authentic */
    MS_EVENT_OVERLOAD,        /* of no stream: a thread can not keep up. value: frames skipped in the last second;
                                 text: "LATE late of FRAMES frames, PERCENT % busy". At most one in 10 s and shard */
    MS_EVENT_DTMF_INBAND,     /* as MS_EVENT_DTMF, but heard in the sound */
    MS_EVENT_RECORDING_STALLED, /* sound is being lost, nothing was written for so long; value: ms; reference: its id */
    MS_EVENT_SPEECH_STARTED,  /* value: ms since it began */
    MS_EVENT_SPEECH_ENDED,    /* value: ms it lasted; reference: ms since its end */
    MS_EVENT_TONE,            /* one that may turn out to be a beep; value: ms since it began; text: its frequency in Hz */
    MS_EVENT_BEEP             /* value: ms it lasted; reference: ms since its end; text: its frequency in Hz */
} ms_event_kind_t;

#define MS_EVENT_TEXT 72

typedef struct ms_event {
    ms_event_kind_t kind;
    uint32_t stream_id;
    uint32_t reference;
    int64_t value;
    int64_t time;             /* ns of the monotonic clock */
    char text[MS_EVENT_TEXT];
} ms_event_t;

/* Readable while events wait. */
int ms_engine_event_fd(const ms_engine_t *engine);
/* How many were taken, at most `capacity`. One caller at a time. */
size_t ms_engine_poll_events(ms_engine_t *engine, ms_event_t *events, size_t capacity);

#define MS_LATENESS_BUCKETS 12
/* Upper bounds in microseconds; the last bucket has none. */
extern const uint32_t ms_lateness_bounds[MS_LATENESS_BUCKETS - 1];

/* Frames are what streams do every ptime: receive, play, send. */
typedef struct ms_engine_statistics {
    uint32_t shards;
    uint32_t shards_realtime; /* with real-time priority: where the system allows it, and while they keep up */
    uint32_t streams;
    uint64_t wakeups;
    uint64_t frames;
    uint64_t frames_late;     /* more than 5 ms */
    uint64_t frames_skipped;  /* never done: the thread was too late */
    uint64_t lateness[MS_LATENESS_BUCKETS];
    uint64_t lateness_max_us;
    uint64_t events_lost;     /* nobody took them, and the ring was full */
    uint64_t cpu_ns;          /* of the shards' threads */
    uint32_t load_percent;    /* time used up by the busiest shard, over a second */
    uint64_t streams_refused; /* by the limits of the configuration */
} ms_engine_statistics_t;

void ms_engine_get_statistics(ms_engine_t *engine, ms_engine_statistics_t *statistics);

/* Manual engines: do everything due until `now` (ns); when the next thing is due, INT64_MAX if nothing is. */
int64_t ms_engine_tick(ms_engine_t *engine, int64_t now);

/* ---- codecs of other libraries */

/* Functions of libopus 1. They have to stay where they are as long as there are streams. */
typedef struct ms_opus_library {
    int (*encoder_size)(int channels);
    int (*encoder_init)(void *encoder, int32_t rate, int channels, int application);
    int (*encoder_ctl)(void *encoder, int request, ...);
    int32_t (*encode)(void *encoder, const int16_t *pcm, int frame_size, unsigned char *packet, int32_t capacity);
    int (*decoder_size)(int channels);
    int (*decoder_init)(void *decoder, int32_t rate, int channels);
    int (*decode)(void *decoder, const unsigned char *packet, int32_t length, int16_t *pcm, int frame_size, int fec);
} ms_opus_library_t;

/* Once, and before there are streams. MS_ESTATE: it was done already. */
ms_status_t ms_opus_install(const ms_opus_library_t *functions);

/* Whether streams can send and receive a codec: it is built in, or its library is installed. */
bool ms_codec_available(const char *name, uint32_t clock_rate, uint8_t channels);

/* ---- streams */

typedef struct ms_stream_config {
    const char *local_host;            /* literal IPv4 or IPv6 address */
    uint16_t port_first, port_last;    /* RTP is on an even port of these, RTCP on the next; 0, 0: the system chooses */
    uint16_t jitter_min_ms, jitter_max_ms, jitter_initial_ms; /* 0..1000, 20..1000, 0..1000 */
    uint32_t media_timeout_ms;         /* 0: never */
    uint32_t no_rtp_ms;                /* tell when nothing was heard so long after it was to be; 0: never */
    uint8_t dscp;                      /* DiffServ code point of what is sent, 0..63: 46 is EF, 0 is best effort */
    const char *cname;                 /* up to 63 octets; NULL or empty: random */
} ms_stream_config_t;

ms_status_t ms_stream_open(ms_engine_t *engine, const ms_stream_config_t *config, ms_stream_t **stream);

typedef struct ms_stream_statistics {
    /* sent */
    uint32_t ssrc;
    uint64_t packets_sent, octets_sent, send_errors, dtmf_sent;
    /* received; "octets" are payload */
    uint32_t remote_ssrc;
    bool remote_known;
    uint64_t packets_received, octets_received, packets_expected, packets_lost, duplicates, reordered, late, discarded;
    uint64_t invalid, foreign, ssrc_changes, dtmf_received;
    uint64_t jitter_us, jitter_max_us;
    uint64_t srtp_forged, srtp_replayed, srtp_errors; /* RTP and RTCP; errors are of both directions */
    /* played, in samples of sample_rate */
    uint32_t sample_rate;
    uint64_t samples_played, samples_concealed, samples_bridged, samples_recovered, samples_inserted, samples_removed;
    int64_t buffer_us, buffer_mean_us, buffer_max_us, buffer_target_us, buffer_delay_us; /* -1: not known */
    uint64_t resets;
    /* RFC 3611 s4.7.2, gap threshold 16: packets, and those of them that were not played, in bursts and between them */
    uint64_t bursts, burst_packets, burst_lost, gap_packets, gap_lost;
    uint64_t loss_runs; /* of packets lost one after the other */
    bool clock_skew_known;
    int64_t clock_skew_ppm; /* how much faster the sender's clock runs than ours */
    /* RTCP; -1: not known */
    uint64_t rtcp_sent, rtcp_received, rtcp_invalid;
    int64_t round_trip_us, round_trip_max_us;
    int64_t remote_packets_lost, remote_fraction_lost, remote_jitter_us;
    /* what the peer's VoIP metrics say of our stream (RFC 3611 s4.7), -1: not known; rates and densities in 1/256 */
    int64_t remote_xr_loss, remote_xr_discard, remote_xr_burst_density, remote_xr_gap_density;
    int64_t remote_xr_burst_ms, remote_xr_gap_ms, remote_xr_delay_ms; /* its end system delay */
    int64_t remote_xr_r_factor, remote_xr_mos_lq, remote_xr_mos_cq;   /* MOS times 10 */
    /* frames */
    uint64_t ticks, ticks_late, ticks_skipped;
    /* sums of squares per sample of the last frame, on the scale of int16 */
    double sent_power, received_power;
} ms_stream_statistics_t;

/* The stream ends at its next tick; the pointer is invalid at once. `last` may be NULL. */
void ms_stream_close(ms_stream_t *stream, ms_stream_statistics_t *last);
uint32_t ms_stream_id(const ms_stream_t *stream);
/* `host` has room for 64 octets. */
void ms_stream_address(const ms_stream_t *stream, bool rtcp, char *host, uint16_t *port);
/* Go on from another local address, and from ports as in ms_stream_config_t, from the next tick on: the network has
   changed. ms_stream_address tells the new ones at once. On failure nothing has changed. */
ms_status_t ms_stream_move(ms_stream_t *stream, const char *local_host, uint16_t port_first, uint16_t port_last);
/* As of the end of the last tick. */
void ms_stream_get_statistics(const ms_stream_t *stream, ms_stream_statistics_t *statistics);

/* SRTP of one direction: a context of a library such as libsrtp 2, and two functions of it. They protect or unprotect a
   packet in place, take its length and give the new one, and return 0, 7 for a packet that is not authentic, 9 or 10 for
   one that was replayed. Protecting may add 148 octets. */
#define MS_SRTP_MKI_MAX 128
#define MS_SRTP_TAG_MAX 20

typedef struct ms_srtp ms_srtp_t;
typedef int (*ms_srtp_function_t)(void *context, void *packet, int *length);

typedef struct ms_srtp_config {
    void *context;
    int (*release)(void *context);     /* called once, by whichever thread the context is last known to */
    ms_srtp_function_t rtp, rtcp;      /* both to protect, or both to unprotect */
    uint8_t mki[MS_SRTP_MKI_MAX];      /* receiving: what the peer puts into its packets (RFC 3711 s3.1) ... */
    uint8_t mki_length;                /* ... 0: nothing */
    uint8_t mki_before, mki_before_rtcp; /* octets that follow it: 10 or 4 of a tag, 0 for AEAD (RFC 7714 s8.1) */
} ms_srtp_config_t;

/* Takes over the context when it succeeds. */
ms_status_t ms_srtp_create(const ms_srtp_config_t *config, ms_srtp_t **srtp);
/* For one that no stream has taken over. */
void ms_srtp_free(ms_srtp_t *srtp);

#define MS_PAYLOADS_MAX 16

typedef struct ms_payload {
    const char *name;         /* encoding name of SDP */
    uint8_t type;             /* 0..127 */
    uint32_t clock_rate;
    uint8_t channels;
    uint32_t sample_rate;     /* of the audio, where the codec leaves a choice; 0: the codec's own */
} ms_payload_t;

/* What some encoders can be told; the others do not mind. */
typedef struct ms_encoder_settings {
    uint32_t bitrate;              /* bit/s; 0: the codec's choice */
    uint32_t playback_rate;        /* Hz: nothing above half of it is worth sending; 0: everything is */
    uint8_t complexity;            /* 0..10 */
    uint8_t expected_loss_percent; /* 0..100 */
    bool redundancy;               /* say every frame a second time, in the packet after it */
    bool silence_suppression;      /* send nothing while nobody talks */
} ms_encoder_settings_t;

typedef struct ms_stream_format {
    const char *remote_host;       /* NULL: not known yet */
    uint16_t remote_port;
    const char *remote_rtcp_host;  /* NULL: the remote host */
    uint16_t remote_rtcp_port;     /* 0: the port after RTP's */
    bool rtcp_mux;                 /* RTCP goes and comes with RTP (RFC 5761): the two lines above do not count */
    bool rtcp_reduced_size;        /* the peer may leave out the report (RFC 5506); we never do */
    bool rtcp_voip_metrics;        /* the peer wants VoIP metrics in our reports (RFC 3611 s4.7) */
    bool sending, receiving;
    bool has_send;                 /* `send` and ptime_ms count */
    ms_payload_t send;
    uint16_t ptime_ms;             /* 10, 20, ... 60; Opus: not 30 or 50 */
    ms_encoder_settings_t encoder;
    ms_payload_t receive[MS_PAYLOADS_MAX]; /* telephone-event and CN included */
    size_t receive_count;
    int16_t telephone_event;       /* payload type to send digits with, -1: none */
    uint32_t telephone_event_rate; /* clock of their durations, Hz; 0: that of the audio sent */
    bool srtp;                     /* false: RTP in the clear */
    ms_srtp_t *srtp_send, *srtp_receive; /* NULL: as before. Taken over when ms_stream_configure succeeds */
} ms_stream_format_t;

/* MS_ENOTSUP: a codec that is not built in. MS_EINVAL also for SRTP without keys. */
ms_status_t ms_stream_configure(ms_stream_t *stream, const ms_stream_format_t *format);

/* Of what a stream plays, records and taps, Hz: the codec's, until there has been something of that; from then on it
   stays, and is converted where the codec changes. */
uint32_t ms_stream_sample_rate(const ms_stream_t *stream);

ms_status_t ms_stream_set_echo(ms_stream_t *stream, bool on);
ms_status_t ms_stream_set_mute(ms_stream_t *stream, bool on);
/* Linear, 0..8. */
ms_status_t ms_stream_set_gain(ms_stream_t *stream, double send, double receive);
/* 40..5000 ms and 20..5000 ms. MS_EINVAL: not a digit of 0-9*#A-D; MS_ELIMIT: more than 64 wait; MS_ESTATE: not
   negotiated. */
ms_status_t ms_stream_send_dtmf(ms_stream_t *stream, const char *digits, uint32_t duration_ms, uint32_t gap_ms);

/* ---- playing and recording; ids are the caller's */

typedef struct ms_pcm ms_pcm_t;

/* A WAV file as mono samples at `rate`. */
ms_status_t ms_pcm_load(const char *path, uint32_t rate, ms_pcm_t **pcm);
ms_status_t ms_pcm_copy(const int16_t *samples, size_t length, uint32_t from_rate, uint32_t rate, ms_pcm_t **pcm);
uint64_t ms_pcm_length(const ms_pcm_t *pcm);
void ms_pcm_release(ms_pcm_t *pcm);

#define MS_TONE_FREQUENCIES 4
#define MS_TONE_STEPS 8

typedef struct ms_tone {
    float frequencies[MS_TONE_FREQUENCIES]; /* Hz, sounding together */
    uint32_t frequency_count;
    uint32_t on_ms, off_ms;                 /* up to 3,600,000; on 0: for ever */
} ms_tone_t;

ms_status_t ms_stream_play(ms_stream_t *stream, ms_pcm_t *pcm, bool loop, uint32_t id);
ms_status_t ms_stream_play_tones(ms_stream_t *stream, const ms_tone_t *tones, size_t count, bool loop, uint32_t id);
/* What the caller writes while it plays, from any one thread, at the stream's rate; `capacity` samples may wait. It ends
   when all that was written before ms_feed_end has been played. */
typedef struct ms_feed ms_feed_t;
ms_status_t ms_stream_play_feed(ms_stream_t *stream, uint32_t capacity, uint32_t id, ms_feed_t **feed);
uint32_t ms_feed_space(const ms_feed_t *feed);
uint32_t ms_feed_waiting(const ms_feed_t *feed);
uint32_t ms_feed_write(ms_feed_t *feed, const int16_t *samples, uint32_t n);
/* What was written and not played yet will not be; how many samples. */
uint32_t ms_feed_clear(ms_feed_t *feed);
void ms_feed_end(ms_feed_t *feed);
/* It was stopped or replaced, or its stream has ended: writing is in vain. */
bool ms_feed_gone(const ms_feed_t *feed);
/* Samples of silence played because the next ones came too late. */
uint64_t ms_feed_starved(const ms_feed_t *feed);
void ms_feed_close(ms_feed_t *feed);

/* Silence instead of what plays, if it is `id`, until it is paused no more. */
ms_status_t ms_stream_pause_play(ms_stream_t *stream, uint32_t id, bool on);
/* A clip goes on at a sample of the stream's rate, at its end if it is shorter. */
ms_status_t ms_stream_seek_play(ms_stream_t *stream, uint32_t id, uint64_t position);
/* Samples played of what plays, or of what played last. */
uint64_t ms_stream_played(const ms_stream_t *stream);
ms_status_t ms_stream_stop_play(ms_stream_t *stream);
/* 16-bit WAV: sent left and received right, or both mixed. */
ms_status_t ms_stream_record(ms_stream_t *stream, const char *path, bool stereo, uint32_t id);
ms_status_t ms_stream_stop_record(ms_stream_t *stream);
/* Leave out what comes, of the recording `id`, until it is paused no more. */
ms_status_t ms_stream_pause_record(ms_stream_t *stream, uint32_t id, bool on);

/* A recording that the caller encodes: he reads its samples, stereo interleaved, from any one thread, until it had ended
   before a reading that found none, and finishes it then; 2 s may wait. A failure (errno) ends it early. It is invalid
   once it is finished. */
typedef struct ms_recorder ms_recorder_t;
ms_status_t ms_stream_record_samples(ms_stream_t *stream, bool stereo, uint32_t id, ms_recorder_t **recorder);
uint32_t ms_recorder_read(ms_recorder_t *recorder, int16_t *samples, uint32_t n);
bool ms_recorder_ended(const ms_recorder_t *recorder);
void ms_recorder_finish(ms_recorder_t *recorder, int failure);

/* ---- conferences: everybody hears all the others, not himself */

typedef struct ms_mixer ms_mixer_t;
typedef struct ms_member ms_member_t;

/* `rate`: of the mixing, 8000, 16000, 32000 or 48000 Hz; members of other rates are converted, each by its own shard. */
ms_status_t ms_mixer_open(ms_engine_t *engine, uint32_t rate, ms_mixer_t **mixer);
/* At its next tick it lets its members go, completes the recording and ends; the pointer is invalid at once. */
void ms_mixer_close(ms_mixer_t *mixer);
/* Stands as the stream in events. */
uint32_t ms_mixer_id(const ms_mixer_t *mixer);

typedef struct ms_mixer_statistics {
    uint32_t members;
    uint64_t ticks, skipped;  /* of 20 ms */
    uint64_t work_ns;         /* wall clock time spent on mixing; without the members' codecs and conversions */
    double power;             /* mean square of the last frame of all together, on the scale of int16 */
} ms_mixer_statistics_t;

void ms_mixer_get_statistics(const ms_mixer_t *mixer, ms_mixer_statistics_t *statistics);

/* What the stream receives goes to the others, what they say is sent where nothing is played or written to its tap; it
   leaves any other mixer or bridge. Adds 20 ms on average from one member to the other. */
ms_status_t ms_mixer_join(ms_mixer_t *mixer, ms_stream_t *stream, ms_member_t **member);
/* `mixer` or `stream` is NULL when it is closed already; a stream that is closed leaves by itself. The member is invalid
   afterwards. */
void ms_member_leave(ms_member_t *member, ms_mixer_t *mixer, ms_stream_t *stream);

typedef struct ms_member_settings {
    double talk_gain, hear_gain; /* linear, 0..8 */
    bool muted, deaf;            /* not heard by the others, does not hear them */
} ms_member_settings_t;

ms_status_t ms_member_set(ms_member_t *member, const ms_member_settings_t *settings);

typedef struct ms_member_statistics {
    double power;                   /* mean square of the last frame said */
    uint64_t starved, trimmed;      /* samples of silence for want of sound, samples left out; on the way in ... */
    uint64_t starved_out, trimmed_out; /* ... and out */
} ms_member_statistics_t;

void ms_member_get_statistics(const ms_member_t *member, ms_member_statistics_t *statistics);

/* To all members; the clip is at the mixer's rate. */
ms_status_t ms_mixer_play(ms_mixer_t *mixer, ms_pcm_t *pcm, bool loop, uint32_t id);
ms_status_t ms_mixer_stop_play(ms_mixer_t *mixer);
/* 16-bit mono WAV of all together. */
ms_status_t ms_mixer_record(ms_mixer_t *mixer, const char *path, uint32_t id);
ms_status_t ms_mixer_stop_record(ms_mixer_t *mixer);
ms_status_t ms_mixer_pause_record(ms_mixer_t *mixer, uint32_t id, bool on);
ms_status_t ms_mixer_record_samples(ms_mixer_t *mixer, uint32_t id, ms_recorder_t **recorder);

/* Two streams hear each other, without a mixer. They leave what they were in. */
ms_status_t ms_stream_bridge(ms_stream_t *a, ms_stream_t *b);
/* Leave the bridge or mixer; the other side hears silence. */
ms_status_t ms_stream_unbridge(ms_stream_t *stream);

/* ---- digits in the sound */

typedef struct ms_dtmf_detector ms_dtmf_detector_t;

/* For recordings; 8000..48000 Hz, a multiple of 500. */
ms_status_t ms_dtmf_detector_open(uint32_t rate, ms_dtmf_detector_t **detector);
void ms_dtmf_detector_close(ms_dtmf_detector_t *detector);
/* Take samples until they are at their end or a digit has ended; how many were taken. `digit` is '\0' for none. */
size_t ms_dtmf_detector_process(ms_dtmf_detector_t *detector, const int16_t *samples, size_t n, char *digit,
                                uint32_t *duration_ms);
/* Listen for digits in what a stream receives: MS_EVENT_DTMF_INBAND tells them. */
ms_status_t ms_stream_detect_dtmf(ms_stream_t *stream, bool on);

/* ---- speech and beeps */

typedef enum ms_heard_kind {
    MS_HEARD_NOTHING,
    MS_HEARD_SPEECH_STARTED,
    MS_HEARD_SPEECH_ENDED,
    MS_HEARD_TONE, /* that may turn out to be a beep */
    MS_HEARD_BEEP
} ms_heard_kind_t;

typedef struct ms_heard {
    ms_heard_kind_t kind;
    uint32_t since_ms;     /* since its beginning or end, which is known only afterwards */
    uint32_t duration_ms;  /* of what has ended */
    uint32_t frequency;    /* of a beep, Hz */
} ms_heard_t;

typedef struct ms_listener ms_listener_t;

/* For recordings; 8000..48000 Hz. Speech ends after hangover_ms (50..10000) without any. */
ms_status_t ms_listener_open(uint32_t rate, uint32_t hangover_ms, ms_listener_t **listener);
void ms_listener_close(ms_listener_t *listener);
/* Take samples until they are at their end or something was heard, which may concern samples before; how many were
   taken. To be called again with what is left, also with none, until nothing is heard. */
size_t ms_listener_process(ms_listener_t *listener, const int16_t *samples, size_t n, ms_heard_t *heard);
/* Listen to what a stream receives: MS_EVENT_SPEECH_STARTED, MS_EVENT_SPEECH_ENDED and MS_EVENT_BEEP tell. */
ms_status_t ms_stream_listen(ms_stream_t *stream, bool on, uint32_t hangover_ms);

/* ---- taps: samples at the stream's rate; one thread reads, one writes */

typedef struct ms_tap ms_tap_t;

/* Room for `capacity` samples each way, up to 2^24; a tap already there is detached. */
ms_status_t ms_stream_open_tap(ms_stream_t *stream, uint32_t capacity, ms_tap_t **tap);
/* `stream` is NULL when it is closed already. */
void ms_tap_close(ms_tap_t *tap, ms_stream_t *stream);
uint32_t ms_tap_readable(const ms_tap_t *tap);
uint32_t ms_tap_space(const ms_tap_t *tap);
uint32_t ms_tap_unplayed(const ms_tap_t *tap);
uint32_t ms_tap_read(ms_tap_t *tap, int16_t *samples, uint32_t n);
uint32_t ms_tap_write(ms_tap_t *tap, const int16_t *samples, uint32_t n);
uint32_t ms_tap_clear(ms_tap_t *tap);
uint64_t ms_tap_dropped(const ms_tap_t *tap);
uint64_t ms_tap_starved(const ms_tap_t *tap);

/* ---- packet logs: RTP and RTCP as they come and go; one thread reads */

typedef struct ms_packet_log ms_packet_log_t;

typedef struct ms_packet_record {
    int64_t wall_time; /* ns since the epoch; of what is received, the kernel's */
    uint32_t length;   /* of the datagram, as it is on the wire: sealed where SRTP is used */
    bool outgoing;
    bool ipv6;
    uint16_t local_port, remote_port;
    uint8_t local[16], remote[16]; /* 4 octets for IPv4 */
} ms_packet_record_t;

/* Room for `capacity` octets, up to 2^24; what does not fit is counted. One at a time: another takes its place. */
ms_status_t ms_stream_open_packet_log(ms_stream_t *stream, uint32_t capacity, ms_packet_log_t **log);
/* `stream` is NULL when it is closed already. */
void ms_packet_log_close(ms_packet_log_t *log, ms_stream_t *stream);
/* The oldest packet, cut to `room` octets; false when there is none. */
bool ms_packet_log_next(ms_packet_log_t *log, ms_packet_record_t *record, uint8_t *datagram, size_t room);
uint64_t ms_packet_log_dropped(const ms_packet_log_t *log);

/* ---- sound devices: one direction each, driven by a callback of PortAudio */

typedef struct ms_device ms_device_t;

typedef struct ms_device_config {
    bool capture;             /* a microphone; else a loudspeaker */
    uint32_t device_rate;     /* 4000..192000 Hz */
    uint32_t channels;        /* of the device, 1..64: a microphone's are mixed, a loudspeaker's all say the same */
    uint32_t stream_rate;     /* of the stream it is for, ms_stream_sample_rate */
    uint32_t margin_ms;       /* 0..60: kept in the ring beyond the least, for callbacks that come late */
} ms_device_config_t;

ms_status_t ms_device_open(const ms_device_config_t *config, ms_device_t **device);
/* A PaStreamCallback for 16-bit samples, with the device as its user data: it never waits, and allocates nothing. */
int ms_device_callback(const void *input, void *output, unsigned long frames, const void *time_info,
                       unsigned long flags, void *device);
/* What the microphone hears is sent where nothing is played, written to the tap or said in a conference; the loudspeaker
   plays what is received. It takes the place of one of the same direction. MS_ESTATE: it has a stream already; MS_EINVAL:
   that has another sample rate. */
ms_status_t ms_stream_set_device(ms_stream_t *stream, ms_device_t *device);
/* Once its callback is called no more. `stream` is the one it was set for, NULL when that is closed, or it never was. */
void ms_device_close(ms_device_t *device, ms_stream_t *stream);

typedef struct ms_device_statistics {
    bool running;             /* sound goes through */
    uint64_t callbacks, host_faults; /* host_faults: callbacks told of over- or underflow in the driver */
    uint64_t missing, dropped, cut;  /* samples of silence for want of sound, without room, left out as too old */
    int64_t delay_us;         /* in the ring and the conversion */
    int64_t latency_us;       /* in the driver and device, as they say; -1: they do not */
    int64_t margin_us;
    int64_t correction_ppb;   /* how much faster its clock is taken to run than the stream's */
    int64_t quiet_us;         /* since the last callback, -1: there was none */
    double power;             /* mean square of the last samples, on the scale of int16 */
} ms_device_statistics_t;

void ms_device_get_statistics(const ms_device_t *device, ms_device_statistics_t *statistics);

/* ---- sample rate conversion, for taps at another rate than the stream's */

typedef struct ms_resampler ms_resampler_t;

/* From and to 4000..192000 Hz. Delays by 16 samples of the lower rate: 2 ms when that is 8000 Hz. */
ms_status_t ms_resampler_open(uint32_t from, uint32_t to, ms_resampler_t **resampler);
void ms_resampler_close(ms_resampler_t *resampler);
void ms_resampler_reset(ms_resampler_t *resampler);
/* Most samples that n samples of input can give. */
size_t ms_resampler_bound(const ms_resampler_t *resampler, size_t n);
/* Convert all of the input; how many samples came out. `out` has room for ms_resampler_bound(n). */
size_t ms_resampler_process(ms_resampler_t *resampler, const int16_t *in, size_t n, int16_t *out);

#endif
