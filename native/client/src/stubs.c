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
}

static void microsip_take_conference(struct values *from, void *structure)
{
    sip_conference_t *to = structure;
    to->id = take_int(from);
    to->sample_rate = take_int(from);
    to->calls_count = take_ints(from, to->calls, SIP_LIST_MAX);
    to->levels_count = take_reals(from, to->levels, SIP_LIST_MAX);
    to->muted_count = take_ints(from, to->muted, SIP_LIST_MAX);
    to->frames = take_int(from);
    to->frames_skipped = take_int(from);
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
    to->ssrc = take_int(from);
    take_text(from, to->srtp, sizeof to->srtp);
    to->packets = take_int(from);
    to->bytes = take_int(from);
    to->lost = take_int(from);
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

int sip_conference_remove(int conference, int call)
{
    struct request asked;
    request_begin(&asked, "sip_conference_remove");
    put_int(&asked, conference);
    put_int(&asked, call);
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

int sip_network_changed(void)
{
    struct request asked;
    request_begin(&asked, "sip_network_changed");
    return request_int(&asked);
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

int sip_set_display_name(const char *name, int account)
{
    struct request asked;
    request_begin(&asked, "sip_set_display_name");
    put_text(&asked, name);
    put_int(&asked, account);
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

int sip_transfer(int call, const char *uri)
{
    struct request asked;
    request_begin(&asked, "sip_transfer");
    put_int(&asked, call);
    put_text(&asked, uri);
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

int sip_wait_call(int call, const char *state, double timeout)
{
    struct request asked;
    request_begin(&asked, "sip_wait_call");
    put_int(&asked, call);
    put_text(&asked, state);
    put_limit(&asked, timeout);
    return request_int(&asked);
}
