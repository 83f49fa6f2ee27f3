/* Written by microsip_core.c_api.generate from microsip.h.in: do not edit. */
/** \file The C interface of microsip: SIP calls for C and C++ programs.
 *
 *      #include <microsip.h>
 *
 *      sip_init();
 *      sip_create_account("sip:user@domain.com", "password");
 *      sip_invite("sip:remote@endpoint.com", "audio");
 *      sip_hangup();
 *
 *      gcc program.c $(microsip-config --cflags --libs)
 *
 * sip_init starts an engine process and every function is a request to it: a fault there can not harm the program, and
 * any thread may call any function, also from a callback. The engine ends with the program, hanging up and
 * unregistering, however that ends.
 *
 * Every function returns an int: >= 0 is success, a handle or a count, < 0 an error code of microsip_error.h. Handles
 * begin at 1; 0 or an argument that is left out stands for the default account or the current call. Strings are UTF-8;
 * a NULL string stands for the default. A function that fills a string or an array takes its size and returns the full
 * length or count, which may be more; what does not fit is cut off.
 */
#ifndef MICROSIP_H
#define MICROSIP_H

#include <stddef.h>
#include <stdint.h>

#include "microsip_error.h"

#ifdef __cplusplus
#define SIP_OR(value) = value
extern "C" {
#else
#define SIP_OR(value)
#endif

#if defined(_WIN32)
#define SIP_API __declspec(dllimport)
#else
#define SIP_API __attribute__((visibility("default")))
#endif

#define MICROSIP_VERSION "0.1.0"
#define SIP_TEXT_MAX 256 /**< octets of a string in a structure, its 0 included; longer ones are cut */
#define SIP_MESSAGE_MAX 8192 /**< octets of a message's headers, and of its body */
#define SIP_LIST_MAX 128 /**< members of a list in a structure */

/* Events */
#define SIP_EVENT_REGISTERED "registered"
#define SIP_EVENT_REGISTER_FAILED "register_failed"
#define SIP_EVENT_UNREGISTERED "unregistered"
#define SIP_EVENT_TRUNK_UP "trunk_up"
#define SIP_EVENT_TRUNK_DOWN "trunk_down"
#define SIP_EVENT_CALL_INCOMING "call_incoming"
#define SIP_EVENT_CALL_OUTGOING "call_outgoing"
#define SIP_EVENT_CALL_RINGING "call_ringing"
#define SIP_EVENT_CALL_PROGRESS "call_progress"
#define SIP_EVENT_CALL_ANSWERED "call_answered"
#define SIP_EVENT_CALL_STARTED "call_started"
#define SIP_EVENT_CALL_HELD "call_held"
#define SIP_EVENT_CALL_RESUMED "call_resumed"
#define SIP_EVENT_CALL_TRANSFERRING "call_transferring"
#define SIP_EVENT_CALL_TRANSFER_STATUS "call_transfer_status"
#define SIP_EVENT_CALL_REPLACED "call_replaced"
#define SIP_EVENT_CALL_BUSY "call_busy"
#define SIP_EVENT_CALL_ENDED "call_ended"
#define SIP_EVENT_DTMF "dtmf"
#define SIP_EVENT_SPEECH_STARTED "speech_started"
#define SIP_EVENT_SPEECH_ENDED "speech_ended"
#define SIP_EVENT_BEEP "beep"
#define SIP_EVENT_MESSAGE "message"
#define SIP_EVENT_MESSAGE_STATUS "message_status"
#define SIP_EVENT_MEDIA_STARTED "media_started"
#define SIP_EVENT_MEDIA_TIMEOUT "media_timeout"
#define SIP_EVENT_MEDIA_MISSING "media_missing"
#define SIP_EVENT_MEDIA_OVERLOAD "media_overload"
#define SIP_EVENT_DEVICE_CHANGED "device_changed"
#define SIP_EVENT_DEVICE_LOST "device_lost"
#define SIP_EVENT_RECORDING_STARTED "recording_started"
#define SIP_EVENT_RECORDING_STOPPED "recording_stopped"
#define SIP_EVENT_RECORDING_STALLED "recording_stalled"
#define SIP_EVENT_PLAYBACK_FINISHED "playback_finished"
#define SIP_EVENT_TRANSPORT_ERROR "transport_error"
#define SIP_EVENT_REQUEST "request"
#define SIP_EVENT_RESPONSE "response"
#define SIP_EVENT_SHUTDOWN "shutdown"

/* Call states */
#define SIP_STATE_IDLE "idle"
#define SIP_STATE_CALLING "calling"
#define SIP_STATE_RINGING "ringing"
#define SIP_STATE_INCOMING "incoming"
#define SIP_STATE_EARLY "early"
#define SIP_STATE_CONNECTING "connecting"
#define SIP_STATE_ACTIVE "active"
#define SIP_STATE_HELD "held"
#define SIP_STATE_REMOTE_HELD "remote_held"
#define SIP_STATE_ENDED "ended"

/** What the engine is started with. Zero or NULL in a field stands for its default: start with sip_config_t c = {0}. */
typedef struct {
    const char *listen;     /**< "host:port", several with commas between; default a free port of 127.0.0.1 */
    const char *codecs;     /**< "PCMU,PCMA,opus", in order of preference */
    const char *srtp;       /**< "off", "optional" or "mandatory" */
    const char *user_agent; /**< of the User-Agent header */
    const char *media;      /**< "none": signaling only */
    int rtp_port_min;       /**< the range of RTP ports, both or neither */
    int rtp_port_max;
    int max_calls;          /**< refuse further incoming calls */
} sip_config_t;

/**
 * sip_account_t. state: unregistered, registering, registered, unregistering, failed; expires: seconds.
 *
 * transport is "UDP", "TCP", ... where the account says so, else ""; srtp is that of the engine.
 */
typedef struct {
    int id;
    char aor[SIP_TEXT_MAX];
    char registrar[SIP_TEXT_MAX];
    char proxy[SIP_TEXT_MAX];
    char state[SIP_TEXT_MAX];
    int expires;
    int last_status;
    char transport[SIP_TEXT_MAX];
    char srtp[SIP_TEXT_MAX];
} sip_account_t;

/**
 * sip_codec_t. payload is the RTP payload type we offer, clock_rate that of RTP and sample_rate that of the sound
 * in Hz, priority 255 for the first choice and below, 0 for a codec that is not used.
 */
typedef struct {
    char name[SIP_TEXT_MAX];
    int payload;
    int clock_rate;
    int sample_rate;
    int channels;
    int priority;
    char description[SIP_TEXT_MAX];
} sip_codec_t;

/**
 * sip_conference_t. calls are handles, levels what each last said in dBov (-127: silence).
 *
 * frames of 20 ms have been mixed; frames_skipped were not, because the machine was too busy.
 */
typedef struct {
    int id;
    int sample_rate;
    int calls[SIP_LIST_MAX];
    int calls_count;
    double levels[SIP_LIST_MAX];
    int levels_count;
    int muted[SIP_LIST_MAX];
    int muted_count;
    int64_t frames;
    int64_t frames_skipped;
} sip_conference_t;

/** sip_device_t: a sound device. inputs and outputs are its channels, is_default the system's choice. */
typedef struct {
    int id;
    char name[SIP_TEXT_MAX];
    int inputs;
    int outputs;
    int sample_rate;
    int is_default;
} sip_device_t;

/** sip_level_t: how loud a call was last, in dBov (RFC 6465): 0 is full scale, -127 silence. */
typedef struct {
    double sent;
    double received;
} sip_level_t;

/**
 * sip_media_stream_t: one direction of a call's sound; -1 stands for what is not known or makes no sense there.
 *
 * dir is "send" or "receive"; payload the RTP payload type, clock_rate in Hz, ptime in ms, addresses "host:port",
 * srtp the suite or "", packets, bytes (payload) and lost counts, the rest in ms but MOS.
 */
typedef struct {
    char type[SIP_TEXT_MAX];
    char dir[SIP_TEXT_MAX];
    char codec[SIP_TEXT_MAX];
    int payload;
    int clock_rate;
    int ptime;
    char local_address[SIP_TEXT_MAX];
    char remote_address[SIP_TEXT_MAX];
    int64_t ssrc;
    char srtp[SIP_TEXT_MAX];
    int64_t packets;
    int64_t bytes;
    int64_t lost;
    double jitter_ms;
    double rtt_ms;
    double mos;
} sip_media_stream_t;

/**
 * sip_session_t. state is a call state of the documentation; times are seconds since the epoch, 0: not yet.
 *
 * duration is seconds since the answer. end_cause and ended_by are "" while the call lasts. asserted_id is the
 * caller as a trusted peer says, diversion who sent the call on last, media the kinds of media agreed on with
 * commas between, recording the file of the last recording; each "" where there is none.
 */
typedef struct {
    int call;
    char direction[SIP_TEXT_MAX];
    char state[SIP_TEXT_MAX];
    int account;
    char local[SIP_TEXT_MAX];
    char remote[SIP_TEXT_MAX];
    char display_name[SIP_TEXT_MAX];
    char call_id[SIP_TEXT_MAX];
    char codec[SIP_TEXT_MAX];
    double created;
    double ringing;
    double answered;
    double ended;
    double duration;
    int last_status;
    char reason[SIP_TEXT_MAX];
    char end_cause[SIP_TEXT_MAX];
    char ended_by[SIP_TEXT_MAX];
    int held;
    int remote_held;
    int muted;
    char asserted_id[SIP_TEXT_MAX];
    char diversion[SIP_TEXT_MAX];
    char local_tag[SIP_TEXT_MAX];
    char remote_tag[SIP_TEXT_MAX];
    char media[SIP_TEXT_MAX];
    char recording[SIP_TEXT_MAX];
} sip_session_t;

/** sip_transport_t: an address where the engine takes SIP messages. protocol is "UDP", "TCP", "TLS", ... */
typedef struct {
    int id;
    char protocol[SIP_TEXT_MAX];
    char host[SIP_TEXT_MAX];
    int port;
} sip_transport_t;

/**
 * sip_uri_t: a SIP or SIPS URI in its parts, "" and port 0 where it has none. user is without escapes; parameters
 * is what stands between the host and the "?", headers what stands behind it.
 */
typedef struct {
    char scheme[SIP_TEXT_MAX];
    char user[SIP_TEXT_MAX];
    char host[SIP_TEXT_MAX];
    int port;
    char transport[SIP_TEXT_MAX];
    char parameters[SIP_TEXT_MAX];
    char headers[SIP_TEXT_MAX];
} sip_uri_t;

/** sip_event_t. All strings belong to the event: sip_event_free frees them with it. */
typedef struct {
    const char *type; /**< SIP_EVENT_... */
    double time;      /**< seconds since the epoch */
    int account;      /**< handle, or 0 */
    int call;         /**< handle, or 0 */
    int status;       /**< SIP status, or 0 */
    const char *text; /**< reason phrase, digit, file name or text message */
    const char *peer; /**< who sent it or was to get it, or "" */
    int request;      /**< handle for sip_send_response where a request waits for its answer, else 0 */
    const char *message; /**< the SIP message behind it, or "": see sip_parse */
} sip_event_t;

/** sip_message_t: a SIP message. Strings that do not fit are cut; sip_build looks at the start line's fields, headers
 * and body only. */
typedef struct {
    int is_request;
    char method[SIP_TEXT_MAX]; /**< of a request */
    char uri[SIP_TEXT_MAX];
    int status; /**< of a response */
    char reason[SIP_TEXT_MAX];
    char via[SIP_TEXT_MAX]; /**< this and the next: the first header of that name, or "" */
    char from[SIP_TEXT_MAX];
    char to[SIP_TEXT_MAX];
    char call_id[SIP_TEXT_MAX];
    char cseq[SIP_TEXT_MAX];
    char contact[SIP_TEXT_MAX];
    char headers[SIP_MESSAGE_MAX]; /**< all header lines, each with \r\n */
    char body[SIP_MESSAGE_MAX];
} sip_message_t;

/** Called with each event, on a thread of its own; the event is freed when it returns. */
typedef void (*sip_callback_t)(const sip_event_t *event, void *user);

/** Start the engine; NULL: with defaults. Returns 0, SIP_EALREADY, SIP_EBUSY, SIP_ECONFIG, SIP_EIO... */
SIP_API int sip_init(const sip_config_t *config SIP_OR(NULL));

/** Hang up every call, unregister, end the engine. SIP_ENOTINIT when it does not run. */
SIP_API int sip_shutdown(void);

/** Return 1 while the engine runs, else 0. */
SIP_API int sip_is_running(void);

/** Return the version of the library. */
SIP_API const char *sip_version(void);

/** Return one line for a code that a function returned, a peer's refusal (-1486) included. */
SIP_API const char *sip_strerror(int code);

/** Return the code of the last function that failed in this thread, 0 when none did. */
SIP_API int sip_errno(void);

/** Return what went wrong in the last function that failed in this thread: the step, the peer, the remedy. */
SIP_API const char *sip_error_text(void);

/** Return the reason phrase of a SIP status, "" for an unknown one. */
SIP_API const char *sip_status_text(int status);

/** Call back with each event whose type is in mask, names with commas between (NULL: every one). A NULL callback ends
 * it. Events that go to a callback do not go to sip_poll. Returns when a callback that runs has returned, unless it is
 * called by that one: do not hold a lock that the callback takes. */
SIP_API int sip_set_callback(sip_callback_t callback, void *user, const char *mask);

/** Return the next event, NULL when none comes within timeout seconds (below 0: no limit). Free it. */
SIP_API sip_event_t *sip_poll(double timeout);

/** Return the next event of the types in mask, names with commas between; others stay. As sip_poll otherwise. */
SIP_API sip_event_t *sip_event_wait(const char *mask, double timeout);

/** Free an event; NULL is fine. */
SIP_API void sip_event_free(sip_event_t *event);

/** Copy up to n received samples into buffer and return how many there were; does not wait. */
SIP_API int sip_media_read(int call, int16_t *buffer, int n);

/** Queue n samples to be sent and return how many were taken; does not wait. */
SIP_API int sip_media_write(int call, const int16_t *buffer, int n);

/** Describe what a call sends and receives, the last figures after its end; returns how many streams there are. */
SIP_API int sip_media_stats(int call, sip_media_stream_t *list, int most);

/** Read a SIP message from its text; SIP_EPARSE for what is none. */
SIP_API int sip_parse(const char *text, sip_message_t *message);

/** Write a SIP message as text: its start line, headers and body. Returns the length of the text. */
SIP_API int sip_build(const sip_message_t *message, char *text, int size);

/**
 * Answer an incoming call and wait for the caller's ACK; 0 is the oldest that rings. Returns its handle.
 *
 * code 180 only rings, 183 opens early media, 300-699 refuses. SIP_ENOCALL when none rings.
 */
SIP_API int sip_answer(int call SIP_OR(0), int code SIP_OR(200));

/** Connect the peers of two answered calls with each other, and wait for it; both calls have ended then. */
SIP_API int sip_attended_transfer(int call, int other);

/** Give up an outgoing call that is not answered; 0 is the newest. SIP_ESTATE when it is answered or incoming. */
SIP_API int sip_cancel(int call SIP_OR(0));

/** Return the codecs of this build, those in use first, in their order. */
SIP_API int sip_codec_list(sip_codec_t *list, int most);

/** Order the codecs of calls to come: 255 is the first choice, 0 does not use it. Equal ones keep their order. */
SIP_API int sip_codec_set_priority(const char *codec, int priority);

/** Let a call take part; call 0 is the current one. It leaves any other conference. */
SIP_API int sip_conference_add(int conference, int call SIP_OR(0));

/** Open a conference that mixes at 8000, 16000, 32000 or 48000 Hz; returns its handle. */
SIP_API int sip_conference_create(int sample_rate SIP_OR(16000));

/** Let all calls leave, and forget the conference. The calls go on. */
SIP_API int sip_conference_end(int conference);

/** Return who takes part and how it goes. */
SIP_API int sip_conference_info(int conference, sip_conference_t *info);

/** Let the others of a conference not hear a call, or hear it again. */
SIP_API int sip_conference_mute(int conference, int call SIP_OR(0), int muted SIP_OR(1));

/** Let a call leave; it goes on by itself. */
SIP_API int sip_conference_remove(int conference, int call SIP_OR(0));

/** Scale what the others hear of a call, and what it hears of them: linear factors, 0 to 8. */
SIP_API int sip_conference_set_gain(int conference, int call SIP_OR(0), double gain SIP_OR(1.0), double volume SIP_OR(1.0));

/** Add an account, sip:user@domain, and register it in the background. Returns its handle. */
SIP_API int sip_create_account(const char *aor, const char *password SIP_OR(NULL));

/** Return the handle of the call that 0 stands for. SIP_ENOCALL when there is none. */
SIP_API int sip_current_call(void);

/** Forget an account; its registration is removed in the background. */
SIP_API int sip_delete_account(int account SIP_OR(0));

/** Return a snapshot of an account. */
SIP_API int sip_get_account_info(int account, sip_account_t *info);

/** Return a snapshot of a call, also of an ended one. */
SIP_API int sip_get_call_info(int call, sip_session_t *info);

/** Return an option as text, as sip_set_option takes it; also one that can not be changed. */
SIP_API int sip_get_option(const char *key, char *text, int size);

/** Return the presence of somebody subscribed to. SIP_ENOTSUP in this version. */
SIP_API int sip_get_presence(const char *uri, char *text, int size);

/** End a call whatever its state: CANCEL, final response or BYE. 0 is the current call. An ended call is fine. */
SIP_API int sip_hangup(int call SIP_OR(0));

/** End calls: "all", "incoming" or "calling" (not answered yet), or "answered". Returns how many. */
SIP_API int sip_hangup_all(const char *which SIP_OR(NULL));

/** Put the peer on hold, and wait until it has agreed. */
SIP_API int sip_hold(int call SIP_OR(0));

/** Send INFO within a call, and wait for the final response. Returns as sip_send_request does. */
SIP_API int sip_info(int call, const char *body SIP_OR(NULL), const char *content_type SIP_OR(NULL), const char *headers SIP_OR(NULL));

/**
 * Call uri and wait for the answer, after a registration that is under way. Returns the call's handle.
 *
 * Else the reason: -1486 for 486 Busy Here, SIP_ETIMEOUT, SIP_EDNS, ... SIP_EAUTH also when the registrar has
 * refused the account's credentials: then nobody is called. media is "audio".
 */
SIP_API int sip_invite(const char *uri, const char *media SIP_OR(NULL), int account SIP_OR(0));

/**
 * Call uri and return the call's handle at once; events and sip_wait_call tell what becomes of it.
 *
 * A registration under way is not waited for.
 */
SIP_API int sip_invite_nowait(const char *uri, const char *media SIP_OR(NULL), int account SIP_OR(0));

/** Return the last SIP status of a call, 0 before the first; 0 is the newest call, ended or not. */
SIP_API int sip_last_status(int call SIP_OR(0));

/** Return the handles of all accounts, the default one first. */
SIP_API int sip_list_accounts(int *handles, int most);

/** Return the handles of all calls that have not ended, oldest first. */
SIP_API int sip_list_calls(int *handles, int most);

/**
 * Go by a MicroSIP.ini: its accounts are made and registered in the background, its settings apply.
 *
 * Returns how many accounts it has. Those of a file loaded before go; SIP_ECONFIG tells every bad value with its
 * line, and nothing has changed then. Settings that only a phone has use of (event commands, recording by itself)
 * are kept for sip_save_config.
 */
SIP_API int sip_load_config(const char *path);

/** Return how loud is what the call last sent and received. */
SIP_API int sip_media_get_level(int call, sip_level_t *info);

/** Return the sound devices of the system. SIP_EDEVICE, with the remedy, where PortAudio is not installed. */
SIP_API int sip_media_list_devices(sip_device_t *list, int most);

/** Play a WAV file to the peer, in the background; "playback_finished" tells the end. Returns 0. */
SIP_API int sip_media_play(int call, const char *file, int loop SIP_OR(0));

/** Play up to four frequencies in Hz together for ms milliseconds. */
SIP_API int sip_media_play_tone(int call, const double *frequencies, int frequencies_count, int ms SIP_OR(1000));

/** Record both sides to a stereo WAV file: we are left, the peer is right. */
SIP_API int sip_media_record(int call, const char *file);

/**
 * Let calls use a microphone and a loudspeaker from now on, those that are up included.
 *
 * A device is meant by its name, a part or pattern of it, its number, "default" for the system's choice, or "null"
 * for none; None leaves what it was, at first "null". SIP_EDEVICE when there is no such device. Nothing rings on a
 * device yet: SIP_ENOTSUP for any ring but "null".
 */
SIP_API int sip_media_set_devices(const char *input SIP_OR(NULL), const char *output SIP_OR(NULL), const char *ring SIP_OR(NULL));

/** Use no sound device: calls send silence but for what is played or written, and what comes can be read. */
SIP_API int sip_media_set_null(void);

/** Scale what a call sends and what it receives: linear factors, 0 to 8. */
SIP_API int sip_media_set_volume(int call, double send SIP_OR(1.0), double receive SIP_OR(1.0));

/** Stop what plays. */
SIP_API int sip_media_stop_play(int call SIP_OR(0));

/** End the recording, and wait until the file is complete. */
SIP_API int sip_media_stop_record(int call SIP_OR(0));

/** Send a text message, line breaks allowed, and wait until it has been taken. Returns 0, -1480, SIP_ETIMEOUT... */
SIP_API int sip_message(const char *uri, const char *body, int account SIP_OR(0));

/** Send silence. */
SIP_API int sip_mute(int call SIP_OR(0));

/** Return how many new voice messages wait (RFC 3842). SIP_ENOTSUP in this version. */
SIP_API int sip_mwi_state(int account SIP_OR(0));

/**
 * Say that the network is another one: new sockets, registrations anew, and calls that go on by them.
 *
 * Returns at once; what does not work yet is tried again in the background. The events tell what becomes of it.
 */
SIP_API int sip_network_changed(void);

/**
 * Return what is called for what a user typed: without scheme and separators, by the dial plan.
 *
 * Names and URIs pass through. SIP_EPERM for a number that the plan blocks.
 */
SIP_API int sip_normalize_number(const char *number, int account, char *text, int size);

/**
 * Ask a peer what it can: returns the milliseconds until its 2xx, or -1000 - status where it refuses.
 *
 * SIP_ETIMEOUT when nothing comes within timeout seconds, by default the 32 s of SIP.
 */
SIP_API int sip_options(const char *uri, double timeout SIP_OR(-1.0), int account SIP_OR(0));

/** Take a SIP or SIPS URI apart. SIP_EPARSE for what is none. */
SIP_API int sip_parse_uri(const char *uri, sip_uri_t *info);

/** Publish our presence (RFC 3903): "open" or "closed" and a note. SIP_ENOTSUP in this version. */
SIP_API int sip_publish(const char *status, const char *note SIP_OR(NULL), int account SIP_OR(0));

/** Return the next n digits as a string; fewer when timeout seconds are over or the call has ended. */
SIP_API int sip_recv_dtmf(int call, int n, double timeout, char *text, int size);

/** Send the caller of an unanswered incoming call to uri (302); call 0 is the oldest that rings. */
SIP_API int sip_redirect(int call, const char *uri);

/** Register, and wait for the outcome. expires in seconds, 0: as before. Returns 0 or why it failed. */
SIP_API int sip_register(int account SIP_OR(0), int expires SIP_OR(0));

/** Return 0 unregistered, 1 registering, 2 registered, 3 unregistering, 4 failed. */
SIP_API int sip_registration_state(int account SIP_OR(0));

/** Refuse an incoming call with a status of 300-699; 0 is the oldest that rings. */
SIP_API int sip_reject(int call SIP_OR(0), int code SIP_OR(486), const char *reason SIP_OR(NULL));

/** Send 180 Ringing to an incoming call; the engine has done so by itself. 0 is the oldest that is not answered. */
SIP_API int sip_ringing(int call SIP_OR(0));

/**
 * Write a MicroSIP.ini with what is set and the accounts there are; comments and unknown keys of the file that was
 * loaded stay. A new file is for its owner only. Passwords that the program gave are not written.
 */
SIP_API int sip_save_config(const char *path);

/** Send digits, and wait until they are sent. method is "auto", "rfc4733" or "info"; ms is 40 to 5000. */
SIP_API int sip_send_dtmf(int call, const char *digits, const char *method SIP_OR(NULL), int ms SIP_OR(160));

/**
 * Send a request out of any call, and wait for the final response. Returns its status where that is 2xx.
 *
 * Else -1000 - status, SIP_ETIMEOUT, ... The event "response" has the response itself. headers are "Name: value"
 * lines, or pairs; Content-Type among them. INVITE, BYE, REGISTER and their like are not sent by hand.
 */
SIP_API int sip_send_request(const char *method, const char *uri, const char *headers SIP_OR(NULL), const char *body SIP_OR(NULL), int account SIP_OR(0), double timeout SIP_OR(-1.0));

/**
 * Answer a request that an event "request" has told, by the request handle of that event. Returns 0.
 *
 * Only the methods that the setting methods names wait for an answer, up to 30 s; the others have been answered.
 */
SIP_API int sip_send_response(int request, int status SIP_OR(200), const char *reason SIP_OR(NULL), const char *headers SIP_OR(NULL), const char *body SIP_OR(NULL));

/**
 * Answer by itself "all" calls, or those whose caller asks for it ("header"), while there is no other call, after
 * delay seconds of ringing; only callers like one of the masks in filter, such as 555*;+4930?. "off" ends it. A
 * caller may lie about who it is.
 */
SIP_API int sip_set_auto_answer(const char *mode, int delay SIP_OR(0), const char *filter SIP_OR(NULL));

/** Set the user name and password that challenges are answered with; a registration starts anew. */
SIP_API int sip_set_credentials(const char *username, const char *password, int account SIP_OR(0));

/** Make an account the one that 0 stands for. */
SIP_API int sip_set_default_account(int account);

/**
 * Refuse with 486 incoming calls to another "user" or "domain" than the account's, either ("userdomain"), from
 * another domain ("remotedomain"), or "all"; "off" refuses none. It ends what sip_set_dnd has set.
 */
SIP_API int sip_set_deny(const char *mode);

/**
 * Send the numbers of an account, of all others where that is 0, through a dial plan, as in MicroSIP.ini
 * (<9:>x.|<:+49>[1-9]x.), and put prefix before those of more than three digits. "" ends it.
 *
 * sip_invite, sip_transfer and sip_normalize_number go by it. SIP_ECONFIG names what is wrong in a plan.
 */
SIP_API int sip_set_dialplan(const char *plan, const char *prefix SIP_OR(NULL), int account SIP_OR(0));

/** Set the name that callees see. */
SIP_API int sip_set_display_name(const char *name, int account SIP_OR(0));

/** Do not disturb: refuse every incoming call with 486. It ends what sip_set_deny has set. */
SIP_API int sip_set_dnd(int on SIP_OR(1));

/**
 * Send incoming calls on to a URI or number by 302: "all" or those that get "no_answer" after delay seconds of
 * ringing (20 for "no_answer" and 0), "busy" at once while there is another call; "off" ends it.
 */
SIP_API int sip_set_forward(const char *mode, const char *uri SIP_OR(NULL), int delay SIP_OR(0));

/**
 * Write what happens to a file, or to the standard error output where sink is None; in Python also to a function,
 * which gets each line. level is "off" (nothing at all), "error", "warning", "info" or "debug". It takes the place
 * of the sink before. In Python it works before sip_init too.
 */
SIP_API int sip_set_log(const char *level SIP_OR(NULL), const char *sink SIP_OR(NULL));

/**
 * Set a key of [Settings] of MicroSIP.ini, or a field of UserAgentConfig, from its text; it applies at once.
 *
 * Lists have commas between their words, flags are 0 or 1. SIP_ECONFIG for an unknown key, SIP_ENOTSUP for one
 * that can not be changed while the engine runs or does not apply to it, SIP_EINVAL, SIP_ECODEC for a bad value.
 */
SIP_API int sip_set_option(const char *key, const char *value);

/**
 * Send everything of an account by way of uri, which may have a user part; None or "": directly.
 *
 * A registration that stands or is under way starts anew by the new way.
 */
SIP_API int sip_set_proxy(const char *uri SIP_OR(NULL), int account SIP_OR(0));

/** Set the registrar of an account, by default the domain of its address; a registration starts anew there. */
SIP_API int sip_set_registrar(const char *uri, int account SIP_OR(0));

/** Encrypt the media of calls to come: "off", "optional" or "mandatory". */
SIP_API int sip_set_srtp(const char *mode);

/** Learn our public address from a STUN server, "HOST" or "HOST:PORT"; None or "": do not. In the background. */
SIP_API int sip_set_stun(const char *server SIP_OR(NULL));

/**
 * Set what TLS connections to come use, all PEM files: our certificate, its key, whom to trust (None: the system's
 * authorities). verify False takes any certificate from a server: for tests only. SIP_ETLS for a bad file.
 */
SIP_API int sip_set_tls(const char *cert SIP_OR(NULL), const char *key SIP_OR(NULL), const char *ca SIP_OR(NULL), int verify SIP_OR(1));

/** Subscribe to the state of somebody or something (RFC 6665). SIP_ENOTSUP in this version. */
SIP_API int sip_subscribe(const char *uri, const char *event SIP_OR(NULL), int expires SIP_OR(3600), int account SIP_OR(0));

/**
 * Ask the peer to call uri instead of us, and wait until that call is answered; ours has ended then.
 *
 * Else the call goes on: -1486 when the new call met 486 Busy Here, -1405 when the peer knows no transfers, ...
 */
SIP_API int sip_transfer(int call, const char *uri);

/**
 * Listen at one more address, port 0 for a free one; returns its handle. proto is udp, tcp, tls, ws or wss.
 *
 * SIP_EBUSY when the port is in use, SIP_ENETWORK when the address is not ours, SIP_ETLS without a certificate.
 */
SIP_API int sip_transport_add(const char *proto, const char *host SIP_OR(NULL), int port SIP_OR(0));

/**
 * Listen no more at an address. Calls and accounts go on by others: register anew where that matters.
 *
 * SIP_ESTATE for the last one, SIP_EINVAL for one that is none or was opened by itself.
 */
SIP_API int sip_transport_close(int transport);

/** Return where the engine takes messages: first the addresses asked for, then those opened by themselves. */
SIP_API int sip_transport_list(sip_transport_t *list, int most);

/** Tell a peer that somebody is typing (RFC 3994). SIP_ENOTSUP in this version. */
SIP_API int sip_typing(const char *uri, int active SIP_OR(1), int account SIP_OR(0));

/** Resume after sip_hold, and wait until the peer has agreed. */
SIP_API int sip_unhold(int call SIP_OR(0));

/** Send sound again. */
SIP_API int sip_unmute(int call SIP_OR(0));

/** Remove our binding at the registrar, and wait for it at most 5 s. */
SIP_API int sip_unregister(int account SIP_OR(0));

/** End a subscription. SIP_ENOTSUP in this version. */
SIP_API int sip_unsubscribe(int subscription);

/** Agree on the media anew by a re-INVITE, and wait until the peer has agreed. media is "audio". */
SIP_API int sip_update(int call SIP_OR(0), const char *media SIP_OR(NULL));

/** Wait until a call is in state or past it, at most timeout seconds. Returns 0, or why it will not be. */
SIP_API int sip_wait_call(int call, const char *state SIP_OR(NULL), double timeout SIP_OR(-1.0));

#ifdef __cplusplus
}
#elif !defined(MICROSIP_NO_MACROS)
/* In C the last arguments may be left out, too. Define MICROSIP_NO_MACROS to do without these macros. */
#define SIP_PICK1(skip, a, chosen, ...) chosen
#define SIP_PICK2(skip, a, b, chosen, ...) chosen
#define SIP_PICK3(skip, a, b, c, chosen, ...) chosen
#define SIP_PICK4(skip, a, b, c, d, chosen, ...) chosen
#define SIP_PICK5(skip, a, b, c, d, e, chosen, ...) chosen
#define SIP_PICK6(skip, a, b, c, d, e, f, chosen, ...) chosen
#define SIP_INIT_0() (sip_init)(NULL)
#define SIP_INIT_1(config) (sip_init)(config)
#define sip_init(...) SIP_PICK1(0 __VA_OPT__(,) __VA_ARGS__, SIP_INIT_1, SIP_INIT_0, 0)(__VA_ARGS__)
#define SIP_ANSWER_0() (sip_answer)(0, 200)
#define SIP_ANSWER_1(call) (sip_answer)((call), 200)
#define SIP_ANSWER_2(call, code) (sip_answer)((call), (code))
#define sip_answer(...) SIP_PICK2(0 __VA_OPT__(,) __VA_ARGS__, SIP_ANSWER_2, SIP_ANSWER_1, SIP_ANSWER_0, 0)(__VA_ARGS__)
#define SIP_CANCEL_0() (sip_cancel)(0)
#define SIP_CANCEL_1(call) (sip_cancel)((call))
#define sip_cancel(...) SIP_PICK1(0 __VA_OPT__(,) __VA_ARGS__, SIP_CANCEL_1, SIP_CANCEL_0, 0)(__VA_ARGS__)
#define SIP_CONFERENCE_ADD_1(conference) (sip_conference_add)((conference), 0)
#define SIP_CONFERENCE_ADD_2(conference, call) (sip_conference_add)((conference), (call))
#define sip_conference_add(...) SIP_PICK2(0 __VA_OPT__(,) __VA_ARGS__, SIP_CONFERENCE_ADD_2, SIP_CONFERENCE_ADD_1, SIP_TOO_FEW, 0)(__VA_ARGS__)
#define SIP_CONFERENCE_CREATE_0() (sip_conference_create)(16000)
#define SIP_CONFERENCE_CREATE_1(sample_rate) (sip_conference_create)((sample_rate))
#define sip_conference_create(...) SIP_PICK1(0 __VA_OPT__(,) __VA_ARGS__, SIP_CONFERENCE_CREATE_1, SIP_CONFERENCE_CREATE_0, 0)(__VA_ARGS__)
#define SIP_CONFERENCE_MUTE_1(conference) (sip_conference_mute)((conference), 0, 1)
#define SIP_CONFERENCE_MUTE_2(conference, call) (sip_conference_mute)((conference), (call), 1)
#define SIP_CONFERENCE_MUTE_3(conference, call, muted) (sip_conference_mute)((conference), (call), (muted))
#define sip_conference_mute(...) SIP_PICK3(0 __VA_OPT__(,) __VA_ARGS__, SIP_CONFERENCE_MUTE_3, SIP_CONFERENCE_MUTE_2, SIP_CONFERENCE_MUTE_1, SIP_TOO_FEW, 0)(__VA_ARGS__)
#define SIP_CONFERENCE_REMOVE_1(conference) (sip_conference_remove)((conference), 0)
#define SIP_CONFERENCE_REMOVE_2(conference, call) (sip_conference_remove)((conference), (call))
#define sip_conference_remove(...) SIP_PICK2(0 __VA_OPT__(,) __VA_ARGS__, SIP_CONFERENCE_REMOVE_2, SIP_CONFERENCE_REMOVE_1, SIP_TOO_FEW, 0)(__VA_ARGS__)
#define SIP_CONFERENCE_SET_GAIN_1(conference) (sip_conference_set_gain)((conference), 0, 1.0, 1.0)
#define SIP_CONFERENCE_SET_GAIN_2(conference, call) (sip_conference_set_gain)((conference), (call), 1.0, 1.0)
#define SIP_CONFERENCE_SET_GAIN_3(conference, call, gain) (sip_conference_set_gain)((conference), (call), (gain), 1.0)
#define SIP_CONFERENCE_SET_GAIN_4(conference, call, gain, volume) (sip_conference_set_gain)((conference), (call), (gain), (volume))
#define sip_conference_set_gain(...) SIP_PICK4(0 __VA_OPT__(,) __VA_ARGS__, SIP_CONFERENCE_SET_GAIN_4, SIP_CONFERENCE_SET_GAIN_3, SIP_CONFERENCE_SET_GAIN_2, SIP_CONFERENCE_SET_GAIN_1, SIP_TOO_FEW, 0)(__VA_ARGS__)
#define SIP_CREATE_ACCOUNT_1(aor) (sip_create_account)((aor), NULL)
#define SIP_CREATE_ACCOUNT_2(aor, password) (sip_create_account)((aor), (password))
#define sip_create_account(...) SIP_PICK2(0 __VA_OPT__(,) __VA_ARGS__, SIP_CREATE_ACCOUNT_2, SIP_CREATE_ACCOUNT_1, SIP_TOO_FEW, 0)(__VA_ARGS__)
#define SIP_DELETE_ACCOUNT_0() (sip_delete_account)(0)
#define SIP_DELETE_ACCOUNT_1(account) (sip_delete_account)((account))
#define sip_delete_account(...) SIP_PICK1(0 __VA_OPT__(,) __VA_ARGS__, SIP_DELETE_ACCOUNT_1, SIP_DELETE_ACCOUNT_0, 0)(__VA_ARGS__)
#define SIP_HANGUP_0() (sip_hangup)(0)
#define SIP_HANGUP_1(call) (sip_hangup)((call))
#define sip_hangup(...) SIP_PICK1(0 __VA_OPT__(,) __VA_ARGS__, SIP_HANGUP_1, SIP_HANGUP_0, 0)(__VA_ARGS__)
#define SIP_HANGUP_ALL_0() (sip_hangup_all)(NULL)
#define SIP_HANGUP_ALL_1(which) (sip_hangup_all)((which))
#define sip_hangup_all(...) SIP_PICK1(0 __VA_OPT__(,) __VA_ARGS__, SIP_HANGUP_ALL_1, SIP_HANGUP_ALL_0, 0)(__VA_ARGS__)
#define SIP_HOLD_0() (sip_hold)(0)
#define SIP_HOLD_1(call) (sip_hold)((call))
#define sip_hold(...) SIP_PICK1(0 __VA_OPT__(,) __VA_ARGS__, SIP_HOLD_1, SIP_HOLD_0, 0)(__VA_ARGS__)
#define SIP_INFO_1(call) (sip_info)((call), NULL, NULL, NULL)
#define SIP_INFO_2(call, body) (sip_info)((call), (body), NULL, NULL)
#define SIP_INFO_3(call, body, content_type) (sip_info)((call), (body), (content_type), NULL)
#define SIP_INFO_4(call, body, content_type, headers) (sip_info)((call), (body), (content_type), (headers))
#define sip_info(...) SIP_PICK4(0 __VA_OPT__(,) __VA_ARGS__, SIP_INFO_4, SIP_INFO_3, SIP_INFO_2, SIP_INFO_1, SIP_TOO_FEW, 0)(__VA_ARGS__)
#define SIP_INVITE_1(uri) (sip_invite)((uri), NULL, 0)
#define SIP_INVITE_2(uri, media) (sip_invite)((uri), (media), 0)
#define SIP_INVITE_3(uri, media, account) (sip_invite)((uri), (media), (account))
#define sip_invite(...) SIP_PICK3(0 __VA_OPT__(,) __VA_ARGS__, SIP_INVITE_3, SIP_INVITE_2, SIP_INVITE_1, SIP_TOO_FEW, 0)(__VA_ARGS__)
#define SIP_INVITE_NOWAIT_1(uri) (sip_invite_nowait)((uri), NULL, 0)
#define SIP_INVITE_NOWAIT_2(uri, media) (sip_invite_nowait)((uri), (media), 0)
#define SIP_INVITE_NOWAIT_3(uri, media, account) (sip_invite_nowait)((uri), (media), (account))
#define sip_invite_nowait(...) SIP_PICK3(0 __VA_OPT__(,) __VA_ARGS__, SIP_INVITE_NOWAIT_3, SIP_INVITE_NOWAIT_2, SIP_INVITE_NOWAIT_1, SIP_TOO_FEW, 0)(__VA_ARGS__)
#define SIP_LAST_STATUS_0() (sip_last_status)(0)
#define SIP_LAST_STATUS_1(call) (sip_last_status)((call))
#define sip_last_status(...) SIP_PICK1(0 __VA_OPT__(,) __VA_ARGS__, SIP_LAST_STATUS_1, SIP_LAST_STATUS_0, 0)(__VA_ARGS__)
#define SIP_MEDIA_PLAY_2(call, file) (sip_media_play)((call), (file), 0)
#define SIP_MEDIA_PLAY_3(call, file, loop) (sip_media_play)((call), (file), (loop))
#define sip_media_play(...) SIP_PICK3(0 __VA_OPT__(,) __VA_ARGS__, SIP_MEDIA_PLAY_3, SIP_MEDIA_PLAY_2, SIP_TOO_FEW, SIP_TOO_FEW, 0)(__VA_ARGS__)
#define SIP_MEDIA_PLAY_TONE_3(call, frequencies, frequencies_count) (sip_media_play_tone)((call), (frequencies), (frequencies_count), 1000)
#define SIP_MEDIA_PLAY_TONE_4(call, frequencies, frequencies_count, ms) (sip_media_play_tone)((call), (frequencies), (frequencies_count), (ms))
#define sip_media_play_tone(...) SIP_PICK4(0 __VA_OPT__(,) __VA_ARGS__, SIP_MEDIA_PLAY_TONE_4, SIP_MEDIA_PLAY_TONE_3, SIP_TOO_FEW, SIP_TOO_FEW, SIP_TOO_FEW, 0)(__VA_ARGS__)
#define SIP_MEDIA_SET_DEVICES_0() (sip_media_set_devices)(NULL, NULL, NULL)
#define SIP_MEDIA_SET_DEVICES_1(input) (sip_media_set_devices)((input), NULL, NULL)
#define SIP_MEDIA_SET_DEVICES_2(input, output) (sip_media_set_devices)((input), (output), NULL)
#define SIP_MEDIA_SET_DEVICES_3(input, output, ring) (sip_media_set_devices)((input), (output), (ring))
#define sip_media_set_devices(...) SIP_PICK3(0 __VA_OPT__(,) __VA_ARGS__, SIP_MEDIA_SET_DEVICES_3, SIP_MEDIA_SET_DEVICES_2, SIP_MEDIA_SET_DEVICES_1, SIP_MEDIA_SET_DEVICES_0, 0)(__VA_ARGS__)
#define SIP_MEDIA_SET_VOLUME_1(call) (sip_media_set_volume)((call), 1.0, 1.0)
#define SIP_MEDIA_SET_VOLUME_2(call, send) (sip_media_set_volume)((call), (send), 1.0)
#define SIP_MEDIA_SET_VOLUME_3(call, send, receive) (sip_media_set_volume)((call), (send), (receive))
#define sip_media_set_volume(...) SIP_PICK3(0 __VA_OPT__(,) __VA_ARGS__, SIP_MEDIA_SET_VOLUME_3, SIP_MEDIA_SET_VOLUME_2, SIP_MEDIA_SET_VOLUME_1, SIP_TOO_FEW, 0)(__VA_ARGS__)
#define SIP_MEDIA_STOP_PLAY_0() (sip_media_stop_play)(0)
#define SIP_MEDIA_STOP_PLAY_1(call) (sip_media_stop_play)((call))
#define sip_media_stop_play(...) SIP_PICK1(0 __VA_OPT__(,) __VA_ARGS__, SIP_MEDIA_STOP_PLAY_1, SIP_MEDIA_STOP_PLAY_0, 0)(__VA_ARGS__)
#define SIP_MEDIA_STOP_RECORD_0() (sip_media_stop_record)(0)
#define SIP_MEDIA_STOP_RECORD_1(call) (sip_media_stop_record)((call))
#define sip_media_stop_record(...) SIP_PICK1(0 __VA_OPT__(,) __VA_ARGS__, SIP_MEDIA_STOP_RECORD_1, SIP_MEDIA_STOP_RECORD_0, 0)(__VA_ARGS__)
#define SIP_MESSAGE_2(uri, body) (sip_message)((uri), (body), 0)
#define SIP_MESSAGE_3(uri, body, account) (sip_message)((uri), (body), (account))
#define sip_message(...) SIP_PICK3(0 __VA_OPT__(,) __VA_ARGS__, SIP_MESSAGE_3, SIP_MESSAGE_2, SIP_TOO_FEW, SIP_TOO_FEW, 0)(__VA_ARGS__)
#define SIP_MUTE_0() (sip_mute)(0)
#define SIP_MUTE_1(call) (sip_mute)((call))
#define sip_mute(...) SIP_PICK1(0 __VA_OPT__(,) __VA_ARGS__, SIP_MUTE_1, SIP_MUTE_0, 0)(__VA_ARGS__)
#define SIP_MWI_STATE_0() (sip_mwi_state)(0)
#define SIP_MWI_STATE_1(account) (sip_mwi_state)((account))
#define sip_mwi_state(...) SIP_PICK1(0 __VA_OPT__(,) __VA_ARGS__, SIP_MWI_STATE_1, SIP_MWI_STATE_0, 0)(__VA_ARGS__)
#define SIP_OPTIONS_1(uri) (sip_options)((uri), -1.0, 0)
#define SIP_OPTIONS_2(uri, timeout) (sip_options)((uri), (timeout), 0)
#define SIP_OPTIONS_3(uri, timeout, account) (sip_options)((uri), (timeout), (account))
#define sip_options(...) SIP_PICK3(0 __VA_OPT__(,) __VA_ARGS__, SIP_OPTIONS_3, SIP_OPTIONS_2, SIP_OPTIONS_1, SIP_TOO_FEW, 0)(__VA_ARGS__)
#define SIP_PUBLISH_1(status) (sip_publish)((status), NULL, 0)
#define SIP_PUBLISH_2(status, note) (sip_publish)((status), (note), 0)
#define SIP_PUBLISH_3(status, note, account) (sip_publish)((status), (note), (account))
#define sip_publish(...) SIP_PICK3(0 __VA_OPT__(,) __VA_ARGS__, SIP_PUBLISH_3, SIP_PUBLISH_2, SIP_PUBLISH_1, SIP_TOO_FEW, 0)(__VA_ARGS__)
#define SIP_REGISTER_0() (sip_register)(0, 0)
#define SIP_REGISTER_1(account) (sip_register)((account), 0)
#define SIP_REGISTER_2(account, expires) (sip_register)((account), (expires))
#define sip_register(...) SIP_PICK2(0 __VA_OPT__(,) __VA_ARGS__, SIP_REGISTER_2, SIP_REGISTER_1, SIP_REGISTER_0, 0)(__VA_ARGS__)
#define SIP_REGISTRATION_STATE_0() (sip_registration_state)(0)
#define SIP_REGISTRATION_STATE_1(account) (sip_registration_state)((account))
#define sip_registration_state(...) SIP_PICK1(0 __VA_OPT__(,) __VA_ARGS__, SIP_REGISTRATION_STATE_1, SIP_REGISTRATION_STATE_0, 0)(__VA_ARGS__)
#define SIP_REJECT_0() (sip_reject)(0, 486, NULL)
#define SIP_REJECT_1(call) (sip_reject)((call), 486, NULL)
#define SIP_REJECT_2(call, code) (sip_reject)((call), (code), NULL)
#define SIP_REJECT_3(call, code, reason) (sip_reject)((call), (code), (reason))
#define sip_reject(...) SIP_PICK3(0 __VA_OPT__(,) __VA_ARGS__, SIP_REJECT_3, SIP_REJECT_2, SIP_REJECT_1, SIP_REJECT_0, 0)(__VA_ARGS__)
#define SIP_RINGING_0() (sip_ringing)(0)
#define SIP_RINGING_1(call) (sip_ringing)((call))
#define sip_ringing(...) SIP_PICK1(0 __VA_OPT__(,) __VA_ARGS__, SIP_RINGING_1, SIP_RINGING_0, 0)(__VA_ARGS__)
#define SIP_SEND_DTMF_2(call, digits) (sip_send_dtmf)((call), (digits), NULL, 160)
#define SIP_SEND_DTMF_3(call, digits, method) (sip_send_dtmf)((call), (digits), (method), 160)
#define SIP_SEND_DTMF_4(call, digits, method, ms) (sip_send_dtmf)((call), (digits), (method), (ms))
#define sip_send_dtmf(...) SIP_PICK4(0 __VA_OPT__(,) __VA_ARGS__, SIP_SEND_DTMF_4, SIP_SEND_DTMF_3, SIP_SEND_DTMF_2, SIP_TOO_FEW, SIP_TOO_FEW, 0)(__VA_ARGS__)
#define SIP_SEND_REQUEST_2(method, uri) (sip_send_request)((method), (uri), NULL, NULL, 0, -1.0)
#define SIP_SEND_REQUEST_3(method, uri, headers) (sip_send_request)((method), (uri), (headers), NULL, 0, -1.0)
#define SIP_SEND_REQUEST_4(method, uri, headers, body) (sip_send_request)((method), (uri), (headers), (body), 0, -1.0)
#define SIP_SEND_REQUEST_5(method, uri, headers, body, account) (sip_send_request)((method), (uri), (headers), (body), (account), -1.0)
#define SIP_SEND_REQUEST_6(method, uri, headers, body, account, timeout) (sip_send_request)((method), (uri), (headers), (body), (account), (timeout))
#define sip_send_request(...) SIP_PICK6(0 __VA_OPT__(,) __VA_ARGS__, SIP_SEND_REQUEST_6, SIP_SEND_REQUEST_5, SIP_SEND_REQUEST_4, SIP_SEND_REQUEST_3, SIP_SEND_REQUEST_2, SIP_TOO_FEW, SIP_TOO_FEW, 0)(__VA_ARGS__)
#define SIP_SEND_RESPONSE_1(request) (sip_send_response)((request), 200, NULL, NULL, NULL)
#define SIP_SEND_RESPONSE_2(request, status) (sip_send_response)((request), (status), NULL, NULL, NULL)
#define SIP_SEND_RESPONSE_3(request, status, reason) (sip_send_response)((request), (status), (reason), NULL, NULL)
#define SIP_SEND_RESPONSE_4(request, status, reason, headers) (sip_send_response)((request), (status), (reason), (headers), NULL)
#define SIP_SEND_RESPONSE_5(request, status, reason, headers, body) (sip_send_response)((request), (status), (reason), (headers), (body))
#define sip_send_response(...) SIP_PICK5(0 __VA_OPT__(,) __VA_ARGS__, SIP_SEND_RESPONSE_5, SIP_SEND_RESPONSE_4, SIP_SEND_RESPONSE_3, SIP_SEND_RESPONSE_2, SIP_SEND_RESPONSE_1, SIP_TOO_FEW, 0)(__VA_ARGS__)
#define SIP_SET_AUTO_ANSWER_1(mode) (sip_set_auto_answer)((mode), 0, NULL)
#define SIP_SET_AUTO_ANSWER_2(mode, delay) (sip_set_auto_answer)((mode), (delay), NULL)
#define SIP_SET_AUTO_ANSWER_3(mode, delay, filter) (sip_set_auto_answer)((mode), (delay), (filter))
#define sip_set_auto_answer(...) SIP_PICK3(0 __VA_OPT__(,) __VA_ARGS__, SIP_SET_AUTO_ANSWER_3, SIP_SET_AUTO_ANSWER_2, SIP_SET_AUTO_ANSWER_1, SIP_TOO_FEW, 0)(__VA_ARGS__)
#define SIP_SET_CREDENTIALS_2(username, password) (sip_set_credentials)((username), (password), 0)
#define SIP_SET_CREDENTIALS_3(username, password, account) (sip_set_credentials)((username), (password), (account))
#define sip_set_credentials(...) SIP_PICK3(0 __VA_OPT__(,) __VA_ARGS__, SIP_SET_CREDENTIALS_3, SIP_SET_CREDENTIALS_2, SIP_TOO_FEW, SIP_TOO_FEW, 0)(__VA_ARGS__)
#define SIP_SET_DIALPLAN_1(plan) (sip_set_dialplan)((plan), NULL, 0)
#define SIP_SET_DIALPLAN_2(plan, prefix) (sip_set_dialplan)((plan), (prefix), 0)
#define SIP_SET_DIALPLAN_3(plan, prefix, account) (sip_set_dialplan)((plan), (prefix), (account))
#define sip_set_dialplan(...) SIP_PICK3(0 __VA_OPT__(,) __VA_ARGS__, SIP_SET_DIALPLAN_3, SIP_SET_DIALPLAN_2, SIP_SET_DIALPLAN_1, SIP_TOO_FEW, 0)(__VA_ARGS__)
#define SIP_SET_DISPLAY_NAME_1(name) (sip_set_display_name)((name), 0)
#define SIP_SET_DISPLAY_NAME_2(name, account) (sip_set_display_name)((name), (account))
#define sip_set_display_name(...) SIP_PICK2(0 __VA_OPT__(,) __VA_ARGS__, SIP_SET_DISPLAY_NAME_2, SIP_SET_DISPLAY_NAME_1, SIP_TOO_FEW, 0)(__VA_ARGS__)
#define SIP_SET_DND_0() (sip_set_dnd)(1)
#define SIP_SET_DND_1(on) (sip_set_dnd)((on))
#define sip_set_dnd(...) SIP_PICK1(0 __VA_OPT__(,) __VA_ARGS__, SIP_SET_DND_1, SIP_SET_DND_0, 0)(__VA_ARGS__)
#define SIP_SET_FORWARD_1(mode) (sip_set_forward)((mode), NULL, 0)
#define SIP_SET_FORWARD_2(mode, uri) (sip_set_forward)((mode), (uri), 0)
#define SIP_SET_FORWARD_3(mode, uri, delay) (sip_set_forward)((mode), (uri), (delay))
#define sip_set_forward(...) SIP_PICK3(0 __VA_OPT__(,) __VA_ARGS__, SIP_SET_FORWARD_3, SIP_SET_FORWARD_2, SIP_SET_FORWARD_1, SIP_TOO_FEW, 0)(__VA_ARGS__)
#define SIP_SET_LOG_0() (sip_set_log)(NULL, NULL)
#define SIP_SET_LOG_1(level) (sip_set_log)((level), NULL)
#define SIP_SET_LOG_2(level, sink) (sip_set_log)((level), (sink))
#define sip_set_log(...) SIP_PICK2(0 __VA_OPT__(,) __VA_ARGS__, SIP_SET_LOG_2, SIP_SET_LOG_1, SIP_SET_LOG_0, 0)(__VA_ARGS__)
#define SIP_SET_PROXY_0() (sip_set_proxy)(NULL, 0)
#define SIP_SET_PROXY_1(uri) (sip_set_proxy)((uri), 0)
#define SIP_SET_PROXY_2(uri, account) (sip_set_proxy)((uri), (account))
#define sip_set_proxy(...) SIP_PICK2(0 __VA_OPT__(,) __VA_ARGS__, SIP_SET_PROXY_2, SIP_SET_PROXY_1, SIP_SET_PROXY_0, 0)(__VA_ARGS__)
#define SIP_SET_REGISTRAR_1(uri) (sip_set_registrar)((uri), 0)
#define SIP_SET_REGISTRAR_2(uri, account) (sip_set_registrar)((uri), (account))
#define sip_set_registrar(...) SIP_PICK2(0 __VA_OPT__(,) __VA_ARGS__, SIP_SET_REGISTRAR_2, SIP_SET_REGISTRAR_1, SIP_TOO_FEW, 0)(__VA_ARGS__)
#define SIP_SET_STUN_0() (sip_set_stun)(NULL)
#define SIP_SET_STUN_1(server) (sip_set_stun)((server))
#define sip_set_stun(...) SIP_PICK1(0 __VA_OPT__(,) __VA_ARGS__, SIP_SET_STUN_1, SIP_SET_STUN_0, 0)(__VA_ARGS__)
#define SIP_SET_TLS_0() (sip_set_tls)(NULL, NULL, NULL, 1)
#define SIP_SET_TLS_1(cert) (sip_set_tls)((cert), NULL, NULL, 1)
#define SIP_SET_TLS_2(cert, key) (sip_set_tls)((cert), (key), NULL, 1)
#define SIP_SET_TLS_3(cert, key, ca) (sip_set_tls)((cert), (key), (ca), 1)
#define SIP_SET_TLS_4(cert, key, ca, verify) (sip_set_tls)((cert), (key), (ca), (verify))
#define sip_set_tls(...) SIP_PICK4(0 __VA_OPT__(,) __VA_ARGS__, SIP_SET_TLS_4, SIP_SET_TLS_3, SIP_SET_TLS_2, SIP_SET_TLS_1, SIP_SET_TLS_0, 0)(__VA_ARGS__)
#define SIP_SUBSCRIBE_1(uri) (sip_subscribe)((uri), NULL, 3600, 0)
#define SIP_SUBSCRIBE_2(uri, event) (sip_subscribe)((uri), (event), 3600, 0)
#define SIP_SUBSCRIBE_3(uri, event, expires) (sip_subscribe)((uri), (event), (expires), 0)
#define SIP_SUBSCRIBE_4(uri, event, expires, account) (sip_subscribe)((uri), (event), (expires), (account))
#define sip_subscribe(...) SIP_PICK4(0 __VA_OPT__(,) __VA_ARGS__, SIP_SUBSCRIBE_4, SIP_SUBSCRIBE_3, SIP_SUBSCRIBE_2, SIP_SUBSCRIBE_1, SIP_TOO_FEW, 0)(__VA_ARGS__)
#define SIP_TRANSPORT_ADD_1(proto) (sip_transport_add)((proto), NULL, 0)
#define SIP_TRANSPORT_ADD_2(proto, host) (sip_transport_add)((proto), (host), 0)
#define SIP_TRANSPORT_ADD_3(proto, host, port) (sip_transport_add)((proto), (host), (port))
#define sip_transport_add(...) SIP_PICK3(0 __VA_OPT__(,) __VA_ARGS__, SIP_TRANSPORT_ADD_3, SIP_TRANSPORT_ADD_2, SIP_TRANSPORT_ADD_1, SIP_TOO_FEW, 0)(__VA_ARGS__)
#define SIP_TYPING_1(uri) (sip_typing)((uri), 1, 0)
#define SIP_TYPING_2(uri, active) (sip_typing)((uri), (active), 0)
#define SIP_TYPING_3(uri, active, account) (sip_typing)((uri), (active), (account))
#define sip_typing(...) SIP_PICK3(0 __VA_OPT__(,) __VA_ARGS__, SIP_TYPING_3, SIP_TYPING_2, SIP_TYPING_1, SIP_TOO_FEW, 0)(__VA_ARGS__)
#define SIP_UNHOLD_0() (sip_unhold)(0)
#define SIP_UNHOLD_1(call) (sip_unhold)((call))
#define sip_unhold(...) SIP_PICK1(0 __VA_OPT__(,) __VA_ARGS__, SIP_UNHOLD_1, SIP_UNHOLD_0, 0)(__VA_ARGS__)
#define SIP_UNMUTE_0() (sip_unmute)(0)
#define SIP_UNMUTE_1(call) (sip_unmute)((call))
#define sip_unmute(...) SIP_PICK1(0 __VA_OPT__(,) __VA_ARGS__, SIP_UNMUTE_1, SIP_UNMUTE_0, 0)(__VA_ARGS__)
#define SIP_UNREGISTER_0() (sip_unregister)(0)
#define SIP_UNREGISTER_1(account) (sip_unregister)((account))
#define sip_unregister(...) SIP_PICK1(0 __VA_OPT__(,) __VA_ARGS__, SIP_UNREGISTER_1, SIP_UNREGISTER_0, 0)(__VA_ARGS__)
#define SIP_UPDATE_0() (sip_update)(0, NULL)
#define SIP_UPDATE_1(call) (sip_update)((call), NULL)
#define SIP_UPDATE_2(call, media) (sip_update)((call), (media))
#define sip_update(...) SIP_PICK2(0 __VA_OPT__(,) __VA_ARGS__, SIP_UPDATE_2, SIP_UPDATE_1, SIP_UPDATE_0, 0)(__VA_ARGS__)
#define SIP_WAIT_CALL_1(call) (sip_wait_call)((call), NULL, -1.0)
#define SIP_WAIT_CALL_2(call, state) (sip_wait_call)((call), (state), -1.0)
#define SIP_WAIT_CALL_3(call, state, timeout) (sip_wait_call)((call), (state), (timeout))
#define sip_wait_call(...) SIP_PICK3(0 __VA_OPT__(,) __VA_ARGS__, SIP_WAIT_CALL_3, SIP_WAIT_CALL_2, SIP_WAIT_CALL_1, SIP_TOO_FEW, 0)(__VA_ARGS__)
#endif

#endif
