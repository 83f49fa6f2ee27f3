"""Every function and structure of the C-style API, in one place to import from."""

from __future__ import annotations

from microsip_core.c_api.accounts import (
    sip_create_account,
    sip_delete_account,
    sip_get_account_info,
    sip_list_accounts,
    sip_network_changed,
    sip_register,
    sip_registration_state,
    sip_set_credentials,
    sip_set_default_account,
    sip_set_display_name,
    sip_set_proxy,
    sip_set_registrar,
    sip_unregister,
)
from microsip_core.c_api.calls import (
    sip_answer,
    sip_cancel,
    sip_current_call,
    sip_get_call_info,
    sip_hangup,
    sip_hangup_all,
    sip_hold,
    sip_invite,
    sip_invite_nowait,
    sip_last_status,
    sip_list_calls,
    sip_recv_dtmf,
    sip_reject,
    sip_ringing,
    sip_send_dtmf,
    sip_unhold,
    sip_wait_call,
)
from microsip_core.c_api.conferences import (
    SipConference,
    sip_conference_add,
    sip_conference_create,
    sip_conference_end,
    sip_conference_info,
    sip_conference_remove,
)
from microsip_core.c_api.life_cycle import (
    sip_errno,
    sip_error_text,
    sip_event_wait,
    sip_init,
    sip_is_running,
    sip_poll,
    sip_set_callback,
    sip_shutdown,
    sip_status_text,
    sip_strerror,
    sip_version,
)
from microsip_core.c_api.media import (
    sip_media_play,
    sip_media_play_tone,
    sip_media_read,
    sip_media_record,
    sip_media_stats,
    sip_media_stop_play,
    sip_media_stop_record,
    sip_media_write,
    sip_mute,
    sip_unmute,
)
from microsip_core.c_api.messages import SipHeader, SipMessage
from microsip_core.c_api.raw import sip_build, sip_info, sip_parse, sip_send_request, sip_send_response
from microsip_core.c_api.requests import sip_message, sip_options
from microsip_core.c_api.structures import SipAccount, SipEvent, SipSession
from microsip_core.c_api.transfers import sip_attended_transfer, sip_redirect, sip_transfer

__all__ = [
    "SipAccount", "SipConference", "SipEvent", "SipHeader", "SipMessage", "SipSession", "sip_answer",
    "sip_attended_transfer", "sip_build", "sip_cancel", "sip_conference_add", "sip_conference_create",
    "sip_conference_end", "sip_conference_info", "sip_conference_remove", "sip_create_account", "sip_current_call",
    "sip_delete_account", "sip_errno", "sip_error_text", "sip_event_wait", "sip_get_account_info", "sip_get_call_info",
    "sip_hangup", "sip_hangup_all", "sip_hold", "sip_info", "sip_init", "sip_invite", "sip_invite_nowait",
    "sip_is_running", "sip_last_status", "sip_list_accounts", "sip_list_calls", "sip_media_play", "sip_media_play_tone",
    "sip_media_read", "sip_media_record", "sip_media_stats", "sip_media_stop_play", "sip_media_stop_record",
    "sip_media_write", "sip_message", "sip_mute", "sip_network_changed", "sip_options", "sip_parse", "sip_poll",
    "sip_recv_dtmf", "sip_redirect", "sip_register", "sip_registration_state", "sip_reject", "sip_ringing",
    "sip_send_dtmf", "sip_send_request", "sip_send_response", "sip_set_callback", "sip_set_credentials",
    "sip_set_default_account", "sip_set_display_name", "sip_set_proxy", "sip_set_registrar", "sip_shutdown",
    "sip_status_text", "sip_strerror", "sip_transfer", "sip_unhold", "sip_unmute", "sip_unregister", "sip_version",
    "sip_wait_call",
]
