/* Written by microsip_core.c_api.generate: do not edit. */
/* Each function of the engine: its arguments become a request, the answer its result. */
#include "request.h"

static void microsip_take_account(struct values *from, void *structure)
{
    sip_account_t *to = structure;
    to->id = take_int(from);
    take_text(from, to->aor, sizeof to->aor);
    take_text(from, to->registrar, sizeof to->registrar);
    take_text(from, to->proxy, sizeof to->proxy);
    take_text(from, to->state, sizeof to->state);
    to->expires = take_int(from);
    to->last_status = take_int(from);
    take_text(from, to->transport, sizeof to->transport);
    take_text(from, to->srtp, sizeof to->srtp);
}

static void microsip_take_codec(struct values *from, void *structure)
{
    sip_codec_t *to = structure;
    take_text(from, to->name, sizeof to->name);
    to->payload = take_int(from);
    to->clock_rate = take_int(from);
    to->sample_rate = take_int(from);
    to->channels = take_int(from);
    to->priority = take_int(from);
    take_text(from, to->description, sizeof to->description);
}

static void microsip_take_conference(struct values *from, void *structure)
{
    sip_conference_t *to = structure;
    to->id = take_int(from);
    to->sample_rate = take_int(from);
    to->calls_count = take_ints(from, to->calls, SIP_LIST_MAX);
    to->levels_count = take_reals(from, to->levels, SIP_LIST_MAX);
    to->muted_count = take_ints(from, to->muted, SIP_LIST_MAX);
    to->frames = take_wide(from);
    to->frames_skipped = take_wide(from);
}

static void microsip_take_device(struct values *from, void *structure)
{
    sip_device_t *to = structure;
    to->id = take_int(from);
    take_text(from, to->name, sizeof to->name);
    to->inputs = take_int(from);
    to->outputs = take_int(from);
    to->sample_rate = take_int(from);
    to->is_default = take_int(from);
}

static void microsip_take_level(struct values *from, void *structure)
{
    sip_level_t *to = structure;
    to->sent = take_real(from);
    to->received = take_real(from);
}

void microsip_take_media_stream(struct values *from, void *structure)
{
    sip_media_stream_t *to = structure;
    take_text(from, to->type, sizeof to->type);
    take_text(from, to->dir, sizeof to->dir);
    take_text(from, to->codec, sizeof to->codec);
    to->payload = take_int(from);
    to->clock_rate = take_int(from);
    to->ptime = take_int(from);
    take_text(from, to->local_address, sizeof to->local_address);
    take_text(from, to->remote_address, sizeof to->remote_address);
    to->ssrc = take_wide(from);
    take_text(from, to->srtp, sizeof to->srtp);
    to->packets = take_wide(from);
    to->bytes = take_wide(from);
    to->lost = take_wide(from);
    to->jitter_ms = take_real(from);
    to->rtt_ms = take_real(from);
    to->mos = take_real(from);
}

static void microsip_take_session(struct values *from, void *structure)
{
    sip_session_t *to = structure;
    to->call = take_int(from);
    take_text(from, to->direction, sizeof to->direction);
    take_text(from, to->state, sizeof to->state);
    to->account = take_int(from);
    take_text(from, to->local, sizeof to->local);
    take_text(from, to->remote, sizeof to->remote);
    take_text(from, to->display_name, sizeof to->display_name);
    take_text(from, to->call_id, sizeof to->call_id);
    take_text(from, to->codec, sizeof to->codec);
    to->created = take_real(from);
    to->ringing = take_real(from);
    to->answered = take_real(from);
    to->ended = take_real(from);
    to->duration = take_real(from);
    to->last_status = take_int(from);
    take_text(from, to->reason, sizeof to->reason);
    take_text(from, to->end_cause, sizeof to->end_cause);
    take_text(from, to->ended_by, sizeof to->ended_by);
    to->held = take_int(from);
    to->remote_held = take_int(from);
    to->muted = take_int(from);
    take_text(from, to->asserted_id, sizeof to->asserted_id);
    take_text(from, to->diversion, sizeof to->diversion);
    take_text(from, to->local_tag, sizeof to->local_tag);
    take_text(from, to->remote_tag, sizeof to->remote_tag);
    take_text(from, to->media, sizeof to->media);
    take_text(from, to->recording, sizeof to->recording);
}

static void microsip_take_transport(struct values *from, void *structure)
{
    sip_transport_t *to = structure;
    to->id = take_int(from);
    take_text(from, to->protocol, sizeof to->protocol);
    take_text(from, to->host, sizeof to->host);
    to->port = take_int(from);
}

static void microsip_take_uri(struct values *from, void *structure)
{
    sip_uri_t *to = structure;
    take_text(from, to->scheme, sizeof to->scheme);
    take_text(from, to->user, sizeof to->user);
    take_text(from, to->host, sizeof to->host);
    to->port = take_int(from);
    take_text(from, to->transport, sizeof to->transport);
    take_text(from, to->parameters, sizeof to->parameters);
    take_text(from, to->headers, sizeof to->headers);
}

int sip_answer(int call, int code)
{
    struct request asked;
    request_begin(&asked, "sip_answer");
    put_int(&asked, call);
    put_int(&asked, code);
    return request_int(&asked);
}

int sip_attended_transfer(int call, int other)
{
    struct request asked;
    request_begin(&asked, "sip_attended_transfer");
    put_int(&asked, call);
    put_int(&asked, other);
    return request_int(&asked);
}

int sip_cancel(int call)
{
    struct request asked;
    request_begin(&asked, "sip_cancel");
    put_int(&asked, call);
    return request_int(&asked);
}

int sip_codec_list(sip_codec_t *list, int most)
{
    struct request asked;
    request_begin(&asked, "sip_codec_list");
    return request_records(&asked, list, sizeof *list, most, microsip_take_codec);
}

int sip_codec_set_priority(const char *codec, int priority)
{
    struct request asked;
    request_begin(&asked, "sip_codec_set_priority");
    put_text(&asked, codec);
    put_int(&asked, priority);
    return request_int(&asked);
}

int sip_conference_add(int conference, int call)
{
    struct request asked;
    request_begin(&asked, "sip_conference_add");
    put_int(&asked, conference);
    put_int(&asked, call);
    return request_int(&asked);
}

int sip_conference_create(int sample_rate)
{
    struct request asked;
    request_begin(&asked, "sip_conference_create");
    put_int(&asked, sample_rate);
    return request_int(&asked);
}

int sip_conference_end(int conference)
{
    struct request asked;
    request_begin(&asked, "sip_conference_end");
    put_int(&asked, conference);
    return request_int(&asked);
}

int sip_conference_info(int conference, sip_conference_t *info)
{
    struct request asked;
    request_begin(&asked, "sip_conference_info");
    put_int(&asked, conference);
    return request_record(&asked, info, microsip_take_conference);
}

int sip_conference_mute(int conference, int call, int muted)
{
    struct request asked;
    request_begin(&asked, "sip_conference_mute");
    put_int(&asked, conference);
    put_int(&asked, call);
    put_int(&asked, muted);
    return request_int(&asked);
}

int sip_conference_remove(int conference, int call)
{
    struct request asked;
    request_begin(&asked, "sip_conference_remove");
    put_int(&asked, conference);
    put_int(&asked, call);
    return request_int(&asked);
}

int sip_conference_set_gain(int conference, int call, double gain, double volume)
{
    struct request asked;
    request_begin(&asked, "sip_conference_set_gain");
    put_int(&asked, conference);
    put_int(&asked, call);
    put_real(&asked, gain);
    put_real(&asked, volume);
    return request_int(&asked);
}

int sip_create_account(const char *aor, const char *password)
{
    struct request asked;
    request_begin(&asked, "sip_create_account");
    put_text(&asked, aor);
    put_text(&asked, password);
    return request_int(&asked);
}

int sip_current_call(void)
{
    struct request asked;
    request_begin(&asked, "sip_current_call");
    return request_int(&asked);
}

int sip_delete_account(int account)
{
    struct request asked;
    request_begin(&asked, "sip_delete_account");
    put_int(&asked, account);
    return request_int(&asked);
}

int sip_get_account_info(int account, sip_account_t *info)
{
    struct request asked;
    request_begin(&asked, "sip_get_account_info");
    put_int(&asked, account);
    return request_record(&asked, info, microsip_take_account);
}

int sip_get_call_info(int call, sip_session_t *info)
{
    struct request asked;
    request_begin(&asked, "sip_get_call_info");
    put_int(&asked, call);
    return request_record(&asked, info, microsip_take_session);
}

int sip_get_option(const char *key, char *text, int size)
{
    struct request asked;
    request_begin(&asked, "sip_get_option");
    put_text(&asked, key);
    return request_text(&asked, text, size);
}

int sip_get_presence(const char *uri, char *text, int size)
{
    struct request asked;
    request_begin(&asked, "sip_get_presence");
    put_text(&asked, uri);
    return request_text(&asked, text, size);
}

int sip_hangup(int call)
{
    struct request asked;
    request_begin(&asked, "sip_hangup");
    put_int(&asked, call);
    return request_int(&asked);
}

int sip_hangup_all(const char *which)
{
    struct request asked;
    request_begin(&asked, "sip_hangup_all");
    put_text(&asked, which);
    return request_int(&asked);
}

int sip_hold(int call)
{
    struct request asked;
    request_begin(&asked, "sip_hold");
    put_int(&asked, call);
    return request_int(&asked);
}

int sip_info(int call, const char *body, const char *content_type, const char *headers)
{
    struct request asked;
    request_begin(&asked, "sip_info");
    put_int(&asked, call);
    put_text(&asked, body);
    put_text(&asked, content_type);
    put_text(&asked, headers);
    return request_int(&asked);
}

int sip_invite(const char *uri, const char *media, int account)
{
    struct request asked;
    request_begin(&asked, "sip_invite");
    put_text(&asked, uri);
    put_text(&asked, media);
    put_int(&asked, account);
    return request_int(&asked);
}

int sip_invite_nowait(const char *uri, const char *media, int account)
{
    struct request asked;
    request_begin(&asked, "sip_invite_nowait");
    put_text(&asked, uri);
    put_text(&asked, media);
    put_int(&asked, account);
    return request_int(&asked);
}

int sip_last_status(int call)
{
    struct request asked;
    request_begin(&asked, "sip_last_status");
    put_int(&asked, call);
    return request_int(&asked);
}

int sip_list_accounts(int *handles, int most)
{
    struct request asked;
    request_begin(&asked, "sip_list_accounts");
    return request_ints(&asked, handles, most);
}

int sip_list_calls(int *handles, int most)
{
    struct request asked;
    request_begin(&asked, "sip_list_calls");
    return request_ints(&asked, handles, most);
}

int sip_load_config(const char *path)
{
    struct request asked;
    request_begin(&asked, "sip_load_config");
    put_text(&asked, path);
    return request_int(&asked);
}

int sip_media_get_level(int call, sip_level_t *info)
{
    struct request asked;
    request_begin(&asked, "sip_media_get_level");
    put_int(&asked, call);
    return request_record(&asked, info, microsip_take_level);
}

int sip_media_list_devices(sip_device_t *list, int most)
{
    struct request asked;
    request_begin(&asked, "sip_media_list_devices");
    return request_records(&asked, list, sizeof *list, most, microsip_take_device);
}

int sip_media_play(int call, const char *file, int loop)
{
    struct request asked;
    request_begin(&asked, "sip_media_play");
    put_int(&asked, call);
    put_text(&asked, file);
    put_int(&asked, loop);
    return request_int(&asked);
}

int sip_media_play_tone(int call, const double *frequencies, int frequencies_count, int ms)
{
    struct request asked;
    request_begin(&asked, "sip_media_play_tone");
    put_int(&asked, call);
    put_reals(&asked, frequencies, frequencies_count);
    put_int(&asked, ms);
    return request_int(&asked);
}

int sip_media_record(int call, const char *file)
{
    struct request asked;
    request_begin(&asked, "sip_media_record");
    put_int(&asked, call);
    put_text(&asked, file);
    return request_int(&asked);
}

int sip_media_set_devices(const char *input, const char *output, const char *ring)
{
    struct request asked;
    request_begin(&asked, "sip_media_set_devices");
    put_text(&asked, input);
    put_text(&asked, output);
    put_text(&asked, ring);
    return request_int(&asked);
}

int sip_media_set_null(void)
{
    struct request asked;
    request_begin(&asked, "sip_media_set_null");
    return request_int(&asked);
}

int sip_media_set_volume(int call, double send, double receive)
{
    struct request asked;
    request_begin(&asked, "sip_media_set_volume");
    put_int(&asked, call);
    put_real(&asked, send);
    put_real(&asked, receive);
    return request_int(&asked);
}

int sip_media_stop_play(int call)
{
    struct request asked;
    request_begin(&asked, "sip_media_stop_play");
    put_int(&asked, call);
    return request_int(&asked);
}

int sip_media_stop_record(int call)
{
    struct request asked;
    request_begin(&asked, "sip_media_stop_record");
    put_int(&asked, call);
    return request_int(&asked);
}

int sip_message(const char *uri, const char *body, int account)
{
    struct request asked;
    request_begin(&asked, "sip_message");
    put_text(&asked, uri);
    put_text(&asked, body);
    put_int(&asked, account);
    return request_int(&asked);
}

int sip_mute(int call)
{
    struct request asked;
    request_begin(&asked, "sip_mute");
    put_int(&asked, call);
    return request_int(&asked);
}

int sip_mwi_state(int account)
{
    struct request asked;
    request_begin(&asked, "sip_mwi_state");
    put_int(&asked, account);
    return request_int(&asked);
}

int sip_network_changed(void)
{
    struct request asked;
    request_begin(&asked, "sip_network_changed");
    return request_int(&asked);
}

int sip_normalize_number(const char *number, int account, char *text, int size)
{
    struct request asked;
    request_begin(&asked, "sip_normalize_number");
    put_text(&asked, number);
    put_int(&asked, account);
    return request_text(&asked, text, size);
}

int sip_options(const char *uri, double timeout, int account)
{
    struct request asked;
    request_begin(&asked, "sip_options");
    put_text(&asked, uri);
    put_limit(&asked, timeout);
    put_int(&asked, account);
    return request_int(&asked);
}

int sip_parse_uri(const char *uri, sip_uri_t *info)
{
    struct request asked;
    request_begin(&asked, "sip_parse_uri");
    put_text(&asked, uri);
    return request_record(&asked, info, microsip_take_uri);
}

int sip_publish(const char *status, const char *note, int account)
{
    struct request asked;
    request_begin(&asked, "sip_publish");
    put_text(&asked, status);
    put_text(&asked, note);
    put_int(&asked, account);
    return request_int(&asked);
}

int sip_recv_dtmf(int call, int n, double timeout, char *text, int size)
{
    struct request asked;
    request_begin(&asked, "sip_recv_dtmf");
    put_int(&asked, call);
    put_int(&asked, n);
    put_limit(&asked, timeout);
    return request_text(&asked, text, size);
}

int sip_redirect(int call, const char *uri)
{
    struct request asked;
    request_begin(&asked, "sip_redirect");
    put_int(&asked, call);
    put_text(&asked, uri);
    return request_int(&asked);
}

int sip_register(int account, int expires)
{
    struct request asked;
    request_begin(&asked, "sip_register");
    put_int(&asked, account);
    put_int(&asked, expires);
    return request_int(&asked);
}

int sip_registration_state(int account)
{
    struct request asked;
    request_begin(&asked, "sip_registration_state");
    put_int(&asked, account);
    return request_int(&asked);
}

int sip_reject(int call, int code, const char *reason)
{
    struct request asked;
    request_begin(&asked, "sip_reject");
    put_int(&asked, call);
    put_int(&asked, code);
    put_text(&asked, reason);
    return request_int(&asked);
}

int sip_ringing(int call)
{
    struct request asked;
    request_begin(&asked, "sip_ringing");
    put_int(&asked, call);
    return request_int(&asked);
}

int sip_save_config(const char *path)
{
    struct request asked;
    request_begin(&asked, "sip_save_config");
    put_text(&asked, path);
    return request_int(&asked);
}

int sip_send_dtmf(int call, const char *digits, const char *method, int ms)
{
    struct request asked;
    request_begin(&asked, "sip_send_dtmf");
    put_int(&asked, call);
    put_text(&asked, digits);
    put_text(&asked, method);
    put_int(&asked, ms);
    return request_int(&asked);
}

int sip_send_request(const char *method, const char *uri, const char *headers, const char *body, int account, double timeout)
{
    struct request asked;
    request_begin(&asked, "sip_send_request");
    put_text(&asked, method);
    put_text(&asked, uri);
    put_text(&asked, headers);
    put_text(&asked, body);
    put_int(&asked, account);
    put_limit(&asked, timeout);
    return request_int(&asked);
}

int sip_send_response(int request, int status, const char *reason, const char *headers, const char *body)
{
    struct request asked;
    request_begin(&asked, "sip_send_response");
    put_int(&asked, request);
    put_int(&asked, status);
    put_text(&asked, reason);
    put_text(&asked, headers);
    put_text(&asked, body);
    return request_int(&asked);
}

int sip_set_auto_answer(const char *mode, int delay, const char *filter)
{
    struct request asked;
    request_begin(&asked, "sip_set_auto_answer");
    put_text(&asked, mode);
    put_int(&asked, delay);
    put_text(&asked, filter);
    return request_int(&asked);
}

int sip_set_credentials(const char *username, const char *password, int account)
{
    struct request asked;
    request_begin(&asked, "sip_set_credentials");
    put_text(&asked, username);
    put_text(&asked, password);
    put_int(&asked, account);
    return request_int(&asked);
}

int sip_set_default_account(int account)
{
    struct request asked;
    request_begin(&asked, "sip_set_default_account");
    put_int(&asked, account);
    return request_int(&asked);
}

int sip_set_deny(const char *mode)
{
    struct request asked;
    request_begin(&asked, "sip_set_deny");
    put_text(&asked, mode);
    return request_int(&asked);
}

int sip_set_dialplan(const char *plan, const char *prefix, int account)
{
    struct request asked;
    request_begin(&asked, "sip_set_dialplan");
    put_text(&asked, plan);
    put_text(&asked, prefix);
    put_int(&asked, account);
    return request_int(&asked);
}

int sip_set_display_name(const char *name, int account)
{
    struct request asked;
    request_begin(&asked, "sip_set_display_name");
    put_text(&asked, name);
    put_int(&asked, account);
    return request_int(&asked);
}

int sip_set_dnd(int on)
{
    struct request asked;
    request_begin(&asked, "sip_set_dnd");
    put_int(&asked, on);
    return request_int(&asked);
}

int sip_set_forward(const char *mode, const char *uri, int delay)
{
    struct request asked;
    request_begin(&asked, "sip_set_forward");
    put_text(&asked, mode);
    put_text(&asked, uri);
    put_int(&asked, delay);
    return request_int(&asked);
}

int sip_set_log(const char *level, const char *sink)
{
    struct request asked;
    request_begin(&asked, "sip_set_log");
    put_text(&asked, level);
    put_text(&asked, sink);
    return request_int(&asked);
}

int sip_set_option(const char *key, const char *value)
{
    struct request asked;
    request_begin(&asked, "sip_set_option");
    put_text(&asked, key);
    put_text(&asked, value);
    return request_int(&asked);
}

int sip_set_proxy(const char *uri, int account)
{
    struct request asked;
    request_begin(&asked, "sip_set_proxy");
    put_text(&asked, uri);
    put_int(&asked, account);
    return request_int(&asked);
}

int sip_set_registrar(const char *uri, int account)
{
    struct request asked;
    request_begin(&asked, "sip_set_registrar");
    put_text(&asked, uri);
    put_int(&asked, account);
    return request_int(&asked);
}

int sip_set_srtp(const char *mode)
{
    struct request asked;
    request_begin(&asked, "sip_set_srtp");
    put_text(&asked, mode);
    return request_int(&asked);
}

int sip_set_stun(const char *server)
{
    struct request asked;
    request_begin(&asked, "sip_set_stun");
    put_text(&asked, server);
    return request_int(&asked);
}

int sip_set_tls(const char *cert, const char *key, const char *ca, int verify)
{
    struct request asked;
    request_begin(&asked, "sip_set_tls");
    put_text(&asked, cert);
    put_text(&asked, key);
    put_text(&asked, ca);
    put_int(&asked, verify);
    return request_int(&asked);
}

int sip_subscribe(const char *uri, const char *event, int expires, int account)
{
    struct request asked;
    request_begin(&asked, "sip_subscribe");
    put_text(&asked, uri);
    put_text(&asked, event);
    put_int(&asked, expires);
    put_int(&asked, account);
    return request_int(&asked);
}

int sip_transfer(int call, const char *uri)
{
    struct request asked;
    request_begin(&asked, "sip_transfer");
    put_int(&asked, call);
    put_text(&asked, uri);
    return request_int(&asked);
}

int sip_transport_add(const char *proto, const char *host, int port)
{
    struct request asked;
    request_begin(&asked, "sip_transport_add");
    put_text(&asked, proto);
    put_text(&asked, host);
    put_int(&asked, port);
    return request_int(&asked);
}

int sip_transport_close(int transport)
{
    struct request asked;
    request_begin(&asked, "sip_transport_close");
    put_int(&asked, transport);
    return request_int(&asked);
}

int sip_transport_list(sip_transport_t *list, int most)
{
    struct request asked;
    request_begin(&asked, "sip_transport_list");
    return request_records(&asked, list, sizeof *list, most, microsip_take_transport);
}

int sip_typing(const char *uri, int active, int account)
{
    struct request asked;
    request_begin(&asked, "sip_typing");
    put_text(&asked, uri);
    put_int(&asked, active);
    put_int(&asked, account);
    return request_int(&asked);
}

int sip_unhold(int call)
{
    struct request asked;
    request_begin(&asked, "sip_unhold");
    put_int(&asked, call);
    return request_int(&asked);
}

int sip_unmute(int call)
{
    struct request asked;
    request_begin(&asked, "sip_unmute");
    put_int(&asked, call);
    return request_int(&asked);
}

int sip_unregister(int account)
{
    struct request asked;
    request_begin(&asked, "sip_unregister");
    put_int(&asked, account);
    return request_int(&asked);
}

int sip_unsubscribe(int subscription)
{
    struct request asked;
    request_begin(&asked, "sip_unsubscribe");
    put_int(&asked, subscription);
    return request_int(&asked);
}

int sip_update(int call, const char *media)
{
    struct request asked;
    request_begin(&asked, "sip_update");
    put_int(&asked, call);
    put_text(&asked, media);
    return request_int(&asked);
}

int sip_wait_call(int call, const char *state, double timeout)
{
    struct request asked;
    request_begin(&asked, "sip_wait_call");
    put_int(&asked, call);
    put_text(&asked, state);
    put_limit(&asked, timeout);
    return request_int(&asked);
}
