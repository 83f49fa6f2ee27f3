"""A pjsua2 phone in a process of its own: pjsua2_phone.py USER PASSWORD REGISTRAR_PORT PORT, commands on stdin.

Commands, one a line: call URI, answer, hold, unhold, transfer URI, dtmf DIGITS, message URI TEXT, hangup, quit.
What happens is printed, one line each.
"""

import queue
import sys
import threading

import pjsua2 as pj

HOST = "127.0.0.1"


def tell(*words):
    print(*words, flush=True)


class Call(pj.Call):
    def onCallState(self, prm):
        info = self.getInfo()
        tell("call", info.stateText, info.lastStatusCode)

    def onCallMediaState(self, prm):
        info = self.getInfo()
        for number, media in enumerate(info.media):
            tell("media", media.status)
            if media.type == pj.PJMEDIA_TYPE_AUDIO and media.status == pj.PJSUA_CALL_MEDIA_ACTIVE:
                audio = self.getAudioMedia(number)
                audio.startTransmit(audio)  # an echo

    def onDtmfDigit(self, prm):
        tell("digit", prm.digit)

    def onCallTransferStatus(self, prm):
        tell("transfer", prm.statusCode)

    def onCallTransferRequest(self, prm):
        tell("transferred to", prm.dstUri)


class Account(pj.Account):
    call = None

    def onRegState(self, prm):
        tell("registered", prm.code)

    def onIncomingCall(self, prm):
        Account.call = Call(self, prm.callId)
        tell("incoming")

    def onInstantMessage(self, prm):
        tell("message", prm.msgBody)


def obey(account, line):
    command, _, rest = line.partition(" ")
    call = Account.call
    if command == "call":
        Account.call = Call(account)
        Account.call.makeCall(rest, pj.CallOpParam(True))
    elif command == "answer":
        parameters = pj.CallOpParam()
        parameters.statusCode = 200
        call.answer(parameters)
    elif command == "hold":
        call.setHold(pj.CallOpParam())
    elif command == "unhold":
        parameters = pj.CallOpParam(True)
        parameters.opt.flag = pj.PJSUA_CALL_UNHOLD
        call.reinvite(parameters)
    elif command == "transfer":
        call.xfer(rest, pj.CallOpParam(True))
    elif command == "dtmf":
        call.dialDtmf(rest)
    elif command == "hangup":
        call.hangup(pj.CallOpParam())


def main():
    user, password, registrar_port, port = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    endpoint = pj.Endpoint()
    endpoint.libCreate()
    settings = pj.EpConfig()
    settings.uaConfig.threadCnt = 0
    settings.uaConfig.mainThreadOnly = True
    settings.logConfig.level = settings.logConfig.consoleLevel = 1
    settings.medConfig.hasIoqueue = True
    endpoint.libInit(settings)
    transport = pj.TransportConfig()
    transport.port, transport.boundAddress = port, HOST
    endpoint.transportCreate(pj.PJSIP_TRANSPORT_UDP, transport)
    endpoint.libStart()
    endpoint.audDevManager().setNullDev()
    account_settings = pj.AccountConfig()
    account_settings.idUri = f"sip:{user}@{HOST}:{registrar_port}"
    account_settings.regConfig.registrarUri = f"sip:{HOST}:{registrar_port}"
    account_settings.sipConfig.authCreds.append(pj.AuthCredInfo("digest", "*", user, 0, password))
    account_settings.mediaConfig.transportConfig.boundAddress = HOST
    account_settings.mediaConfig.lockCodecEnabled = False  # its re-INVITE would drop digits that are being sent
    account = Account()
    account.create(account_settings)
    lines = queue.Queue()
    threading.Thread(target=lambda: [lines.put(line.strip()) for line in sys.stdin], daemon=True).start()
    while True:
        endpoint.libHandleEvents(10)
        try:
            line = lines.get_nowait()
        except queue.Empty:
            continue
        if line == "quit":
            break
        try:
            obey(account, line)
        except pj.Error as error:
            tell("fault", error.info())
    Account.call = None
    account.shutdown()
    endpoint.libDestroy()


if __name__ == "__main__":
    main()
