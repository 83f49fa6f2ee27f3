"""Every key of ``[Settings]`` and ``[General]`` with its type, default, range and meaning: the one table of them.

The names are MicroSIP's. A key that stands in no table is kept in the file and has no effect.
"""

from __future__ import annotations

from dataclasses import dataclass

from microsip_core.config.keys import CODEC_LIMIT, boolean, choice, command, integer, port, text, words

DAY = 86400


@dataclass(frozen=True, slots=True)
class Settings:
    """The section ``[Settings]``."""

    accountId: int = integer(1, "the account that calls go out by", 0, 999)
    singleMode: bool = boolean(True, "one call at a time: dialling is refused while there is one")
    callWaiting: bool = boolean(True, "ring while another call is on; else answer 486")
    maxConcurrentCalls: int = integer(0, "calls at once above which incoming ones get 486; 0 for no limit", 0, 100000)
    autoHangUpTime: int = integer(0, "time from the answer after which a call is ended; 0 for never", 0, DAY, unit="s")
    denyIncoming: str = choice(
        "button", "which incoming calls get 486: to another user, another domain, either, from another domain, all, "
        " or with `button` as DND says", "", "button", "user", "domain", "userdomain", "remotedomain", "all")
    DND: bool = boolean(False, "do not disturb: incoming calls get 486 while denyIncoming is `button`")
    autoAnswer: str = choice(
        "button", "which calls are answered by themselves: none, as AA says, those whose headers ask for it, all",
        "", "button", "header", "all")
    AA: bool = boolean(False, "answer calls while autoAnswer is `button`")
    autoAnswerDelay: int = integer(0, "seconds of ringing before the answer", 0, 3600, unit="s")
    autoAnswerNumber: str = text("", "masks of the callers to answer, with * and ?, separated by ; or |; empty for all")
    autoAnswerCalls: str = choice(
        "", "answer by itself only when idle, also when other calls are on hold, or always", "", "hold", "all")
    forwarding: str = choice("button", "which calls are sent on with 302: none, as FWD says, all", "", "button", "all")
    FWD: bool = boolean(False, "forward calls while forwarding is `button`")
    forwardingNumber: str = text("", "where calls are sent on to: a number or URI")
    forwardingDelay: int = integer(0, "seconds of ringing before a call is sent on", 0, 3600, unit="s")
    DTMFMethod: int = integer(0, "0 automatic, 1 in-band, 2 RFC 4733 events, 3 SIP INFO", 0, 3)
    audioCodecs: tuple[str, ...] = words(
        ("PCMA/8000/1", "PCMU/8000/1"), "codecs offered, in order", limit=CODEC_LIMIT, live=False)
    forceCodec: bool = boolean(False, "our order of codecs wins over the caller's")
    VAD: bool = boolean(False, "send no packets in silence")
    EC: bool = boolean(True, "cancel the echo of the loudspeaker")
    audioInputDevice: str = text("", "name of the microphone; empty for the system's")
    audioOutputDevice: str = text("", "name of the loudspeaker; empty for the system's")
    audioRingDevice: str = text("", "name of the device that rings; empty for the system's")
    volumeRing: int = integer(100, "volume of ringing", 0, 100, unit="%")
    volumeOutput: int = integer(100, "volume of the loudspeaker", 0, 100, unit="%")
    volumeInput: int = integer(100, "volume of the microphone", 0, 100, unit="%")
    recordingPath: str = text("", "folder of recordings; empty for Recordings beside the configuration")
    recordingFormat: str = choice("mp3", "form of recordings", "mp3", "wav")
    autoRecording: bool = boolean(False, "record every call")
    sourcePort: int = port(0, "local SIP port; 0 for any")
    rtpPortMin: int = port(0, "first port of media; 0 for any")
    rtpPortMax: int = port(0, "last port of media; 0 for any")
    rport: bool = boolean(True, "ask for symmetric response routing (RFC 3581)", live=False)
    dnsSrv: bool = boolean(False, "look for SRV records of domains (RFC 3263)", live=False)
    STUN: tuple[str, ...] = words((), "STUN servers, HOST or HOST:PORT, with blanks between", most=8, live=False)
    enableSTUN: bool = boolean(False, "ask the STUN servers for the public address", live=False)
    userAgent: str = text("", "User-Agent header; empty for our own", live=False)
    enableLocalAccount: bool = boolean(False, "calls by address, without an account ([Account0])", live=False)
    disableMessaging: bool = boolean(False, "refuse instant messages")
    minimized: bool = boolean(False, "start without a window")
    cmdOutgoingCall: str = command("run when a call is dialled")
    cmdIncomingCall: str = command("run when a call comes in, also one that will be refused")
    cmdCallRing: str = command("run when a call rings here")
    cmdCallAnswer: str = command("run when an incoming call is answered")
    cmdCallAnswerVideo: str = command("run, beside cmdCallAnswer, when an incoming call with video is answered")
    cmdCallStart: str = command("run when a call of either direction is talked on")
    cmdCallBusy: str = command("run, in place of cmdCallEnd, when a call ends with 486, 600 or 603")
    cmdCallEnd: str = command("run when a call ends")


@dataclass(frozen=True, slots=True)
class General:
    """The section ``[General]``: commands with placeholders such as ``%number%``."""

    OnIncomingCall: str = command("run when a call comes in")
    OnCallStarted: str = command("run when a call is talked on")
    OnCallEnded: str = command("run when a call ends, however it ends")
    OnStatusChange: str = command("run when the state of a call or a registration changes")
