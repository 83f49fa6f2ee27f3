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
    sip_update,
    sip_wait_call,
)
from microsip_core.c_api.codec_order import SipCodec
from microsip_core.c_api.codecs import sip_codec_list, sip_codec_set_priority
from microsip_core.c_api.conferences import (
    SipConference,
    sip_conference_add,
    sip_conference_create,
    sip_conference_end,
    sip_conference_info,
    sip_conference_mute,
    sip_conference_remove,
    sip_conference_set_gain,
)
from microsip_core.c_api.devices import SipDevice, sip_media_list_devices, sip_media_set_devices, sip_media_set_null
from microsip_core.c_api.life_cycle import (
    sip_errno,
    sip_error_text,
    sip_event_free,
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
    SipLevel,
    sip_media_get_level,
    sip_media_play,
    sip_media_play_tone,
    sip_media_read,
    sip_media_record,
    sip_media_set_volume,
    sip_media_stats,
    sip_media_stop_play,
    sip_media_stop_record,
    sip_media_write,
    sip_mute,
    sip_unmute,
)
from microsip_core.c_api.messages import SipHeader, SipMessage
from microsip_core.c_api.numbers import SipUri, sip_normalize_number, sip_parse_uri, sip_set_dialplan
from microsip_core.c_api.options import sip_get_option, sip_load_config, sip_save_config, sip_set_log, sip_set_option
from microsip_core.c_api.policy import sip_set_auto_answer, sip_set_deny, sip_set_dnd, sip_set_forward
from microsip_core.c_api.presence import (
    sip_get_presence,
    sip_mwi_state,
    sip_publish,
    sip_subscribe,
    sip_typing,
    sip_unsubscribe,
)
from microsip_core.c_api.raw import sip_build, sip_info, sip_parse, sip_send_request, sip_send_response
from microsip_core.c_api.requests import sip_message, sip_options
from microsip_core.c_api.structures import SipAccount, SipEvent, SipSession
from microsip_core.c_api.transfers import sip_attended_transfer, sip_redirect, sip_transfer
from microsip_core.c_api.transport_handles import SipTransport
from microsip_core.c_api.transports import (
    sip_set_srtp,
    sip_set_stun,
    sip_set_tls,
    sip_transport_add,
    sip_transport_close,
    sip_transport_list,
)

__all__ = [
    "SipAccount", "SipCodec", "SipConference", "SipDevice", "SipEvent", "SipHeader", "SipLevel", "SipMessage",
    "SipSession", "SipTransport", "SipUri", "sip_answer", "sip_attended_transfer", "sip_build", "sip_cancel",
    "sip_codec_list", "sip_codec_set_priority", "sip_conference_add", "sip_conference_create", "sip_conference_end",
    "sip_conference_info", "sip_conference_mute", "sip_conference_remove", "sip_conference_set_gain",
    "sip_create_account", "sip_current_call", "sip_delete_account", "sip_errno", "sip_error_text", "sip_event_free",
    "sip_event_wait", "sip_get_account_info", "sip_get_call_info", "sip_get_option", "sip_get_presence", "sip_hangup",
    "sip_hangup_all", "sip_hold", "sip_info", "sip_init", "sip_invite", "sip_invite_nowait", "sip_is_running",
    "sip_last_status", "sip_list_accounts", "sip_list_calls", "sip_load_config", "sip_media_get_level",
    "sip_media_list_devices", "sip_media_play", "sip_media_play_tone", "sip_media_read", "sip_media_record",
    "sip_media_set_devices", "sip_media_set_null", "sip_media_set_volume", "sip_media_stats", "sip_media_stop_play",
    "sip_media_stop_record", "sip_media_write", "sip_message", "sip_mute", "sip_mwi_state", "sip_network_changed",
    "sip_normalize_number", "sip_options", "sip_parse", "sip_parse_uri", "sip_poll", "sip_publish", "sip_recv_dtmf",
    "sip_redirect", "sip_register", "sip_registration_state", "sip_reject", "sip_ringing", "sip_save_config",
    "sip_send_dtmf", "sip_send_request", "sip_send_response", "sip_set_auto_answer", "sip_set_callback",
    "sip_set_credentials", "sip_set_default_account", "sip_set_deny", "sip_set_dialplan", "sip_set_display_name",
    "sip_set_dnd", "sip_set_forward", "sip_set_log", "sip_set_option", "sip_set_proxy", "sip_set_registrar",
    "sip_set_srtp", "sip_set_stun", "sip_set_tls", "sip_shutdown", "sip_status_text", "sip_strerror", "sip_subscribe",
    "sip_transfer", "sip_transport_add", "sip_transport_close", "sip_transport_list", "sip_typing", "sip_unhold",
    "sip_unmute", "sip_unregister", "sip_unsubscribe", "sip_update", "sip_version", "sip_wait_call",
]
