"""SIP softphone engine for Python: everything public is importable from here and loaded on first use (PEP 562)."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from microsip_core.errors import (
    AuthenticationError,
    Busy,
    CallRefused,
    Canceled,
    CodecError,
    ConfigError,
    DeviceError,
    DnsError,
    ErrorCode,
    Explanation,
    FileError,
    InvalidArgument,
    InvalidState,
    LimitExceeded,
    MediaError,
    MicrosipError,
    NetworkError,
    NoAccount,
    NoCall,
    NotInitialized,
    NotSupported,
    ParseError,
    PermissionDenied,
    TimedOut,
    TlsError,
)

__version__ = "0.1.0"

__all__ = [
    "Account", "AccountState", "AuthenticationError", "Busy", "Call", "CallAudio", "CallRefused", "CallState",
    "Canceled", "CodecError", "CollectedDigits", "Conference", "ConferenceInfo", "ConferenceMember", "ConfigError",
    "DeviceError", "DnsError", "EndCause", "ErrorCode", "Event", "EventType", "Explanation", "FileError", "HepSender",
    "InvalidArgument", "InvalidState", "LimitExceeded", "MediaError", "MicrosipError", "NetworkError", "NoAccount",
    "NoCall", "NotInitialized", "NotSupported", "OptionsReply", "ParseError", "PcapngWriter", "PermissionDenied",
    "Playback", "PlaybackResult", "Reason", "ReceivedRequest", "Request", "Response", "SipAccount", "SipCodec",
    "SipConference", "SipDevice", "SipEvent", "SipHeader", "SipLevel", "SipMessage", "SipSession", "SipTransport",
    "SipUri", "TimedOut", "TlsError", "TlsSettings", "TraceEntry", "UserAgent", "UserAgentConfig", "sip_answer",
    "sip_attended_transfer", "sip_build", "sip_cancel", "sip_codec_list", "sip_codec_set_priority",
    "sip_conference_add", "sip_conference_create", "sip_conference_end", "sip_conference_info", "sip_conference_mute",
    "sip_conference_remove", "sip_conference_set_gain", "sip_create_account", "sip_current_call", "sip_delete_account",
    "sip_errno", "sip_error_text", "sip_event_free", "sip_event_wait", "sip_get_account_info", "sip_get_call_info",
    "sip_get_option", "sip_get_presence", "sip_hangup", "sip_hangup_all", "sip_hold", "sip_info", "sip_init",
    "sip_invite", "sip_invite_nowait", "sip_is_running", "sip_last_status", "sip_list_accounts", "sip_list_calls",
    "sip_load_config", "sip_media_get_level", "sip_media_list_devices", "sip_media_play", "sip_media_play_tone",
    "sip_media_read", "sip_media_record", "sip_media_set_devices", "sip_media_set_null", "sip_media_set_volume",
    "sip_media_stats", "sip_media_stop_play", "sip_media_stop_record", "sip_media_write", "sip_message", "sip_mute",
    "sip_mwi_state", "sip_network_changed", "sip_normalize_number", "sip_options", "sip_parse", "sip_parse_uri",
    "sip_poll", "sip_publish", "sip_recv_dtmf", "sip_redirect", "sip_register", "sip_registration_state", "sip_reject",
    "sip_ringing", "sip_save_config", "sip_send_dtmf", "sip_send_request", "sip_send_response", "sip_set_auto_answer",
    "sip_set_callback", "sip_set_credentials", "sip_set_default_account", "sip_set_deny", "sip_set_dialplan",
    "sip_set_display_name", "sip_set_dnd", "sip_set_forward", "sip_set_log", "sip_set_option", "sip_set_proxy",
    "sip_set_registrar", "sip_set_srtp", "sip_set_stun", "sip_set_tls", "sip_shutdown", "sip_status_text",
    "sip_strerror", "sip_subscribe", "sip_transfer", "sip_transport_add", "sip_transport_close", "sip_transport_list",
    "sip_typing", "sip_unhold", "sip_unmute", "sip_unregister", "sip_unsubscribe", "sip_update", "sip_version",
    "sip_wait_call",
]

_EXPORTS: dict[str, str] = {
    "CollectedDigits": "user_agent.received_digits",
    "ConferenceMember": "user_agent.conference",
    "ConferenceInfo": "user_agent.conference",
    "Conference": "user_agent.conference",
    "UserAgent": "user_agent.user_agent",
    "UserAgentConfig": "user_agent.config",
    "Account": "user_agent.account",
    "AccountState": "user_agent.states",
    "Call": "user_agent.call",
    "CallState": "user_agent.states",
    "EndCause": "user_agent.states",
    "Event": "user_agent.events",
    "EventType": "user_agent.events",
    "CallAudio": "user_agent.call_audio",
    "Playback": "user_agent.playback",
    "PlaybackResult": "user_agent.playback",
    "HepSender": "diagnosis.hep",
    "PcapngWriter": "diagnosis.pcapng",
    "TraceEntry": "diagnosis.trace",
    "OptionsReply": "user_agent.requests",
    "Reason": "sip.session.reason",
    "ReceivedRequest": "user_agent.received_request",
    "Request": "sip.message",
    "Response": "sip.message",
    "TlsSettings": "transport.tls",
}

if TYPE_CHECKING:
    from microsip_core.c_api.functions import (
        SipAccount,
        SipCodec,
        SipConference,
        SipDevice,
        SipEvent,
        SipHeader,
        SipLevel,
        SipMessage,
        SipSession,
        SipTransport,
        SipUri,
        sip_answer,
        sip_attended_transfer,
        sip_build,
        sip_cancel,
        sip_codec_list,
        sip_codec_set_priority,
        sip_conference_add,
        sip_conference_create,
        sip_conference_end,
        sip_conference_info,
        sip_conference_mute,
        sip_conference_remove,
        sip_conference_set_gain,
        sip_create_account,
        sip_current_call,
        sip_delete_account,
        sip_errno,
        sip_error_text,
        sip_event_free,
        sip_event_wait,
        sip_get_account_info,
        sip_get_call_info,
        sip_get_option,
        sip_get_presence,
        sip_hangup,
        sip_hangup_all,
        sip_hold,
        sip_info,
        sip_init,
        sip_invite,
        sip_invite_nowait,
        sip_is_running,
        sip_last_status,
        sip_list_accounts,
        sip_list_calls,
        sip_load_config,
        sip_media_get_level,
        sip_media_list_devices,
        sip_media_play,
        sip_media_play_tone,
        sip_media_read,
        sip_media_record,
        sip_media_set_devices,
        sip_media_set_null,
        sip_media_set_volume,
        sip_media_stats,
        sip_media_stop_play,
        sip_media_stop_record,
        sip_media_write,
        sip_message,
        sip_mute,
        sip_mwi_state,
        sip_network_changed,
        sip_normalize_number,
        sip_options,
        sip_parse,
        sip_parse_uri,
        sip_poll,
        sip_publish,
        sip_recv_dtmf,
        sip_redirect,
        sip_register,
        sip_registration_state,
        sip_reject,
        sip_ringing,
        sip_save_config,
        sip_send_dtmf,
        sip_send_request,
        sip_send_response,
        sip_set_auto_answer,
        sip_set_callback,
        sip_set_credentials,
        sip_set_default_account,
        sip_set_deny,
        sip_set_dialplan,
        sip_set_display_name,
        sip_set_dnd,
        sip_set_forward,
        sip_set_log,
        sip_set_option,
        sip_set_proxy,
        sip_set_registrar,
        sip_set_srtp,
        sip_set_stun,
        sip_set_tls,
        sip_shutdown,
        sip_status_text,
        sip_strerror,
        sip_subscribe,
        sip_transfer,
        sip_transport_add,
        sip_transport_close,
        sip_transport_list,
        sip_typing,
        sip_unhold,
        sip_unmute,
        sip_unregister,
        sip_unsubscribe,
        sip_update,
        sip_version,
        sip_wait_call,
    )
    from microsip_core.diagnosis.hep import HepSender
    from microsip_core.diagnosis.pcapng import PcapngWriter
    from microsip_core.diagnosis.trace import TraceEntry
    from microsip_core.sip.message import Request, Response
    from microsip_core.sip.session.reason import Reason
    from microsip_core.transport.tls import TlsSettings
    from microsip_core.user_agent.account import Account
    from microsip_core.user_agent.call import Call
    from microsip_core.user_agent.call_audio import CallAudio
    from microsip_core.user_agent.conference import Conference, ConferenceInfo, ConferenceMember
    from microsip_core.user_agent.config import UserAgentConfig
    from microsip_core.user_agent.events import Event, EventType
    from microsip_core.user_agent.playback import Playback, PlaybackResult
    from microsip_core.user_agent.received_digits import CollectedDigits
    from microsip_core.user_agent.received_request import ReceivedRequest
    from microsip_core.user_agent.requests import OptionsReply
    from microsip_core.user_agent.states import AccountState, CallState, EndCause
    from microsip_core.user_agent.user_agent import UserAgent


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'microsip_core' has no attribute {name!r}")
    module = _EXPORTS.get(name, "c_api.functions")
    value = globals()[name] = getattr(import_module(f"microsip_core.{module}"), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
