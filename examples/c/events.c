/* Call a URI and print every event until the call has ended: by polling, and by callback.
 *
 *     ./events sip:echo@127.0.0.1:5070
 */
#include <microsip.h>
#include <stdio.h>
#include <string.h>

static void on_dtmf(const sip_event_t *event, void *user)
{
    int *digits = user;
    ++*digits;
    printf("digit %s\n", event->text);
}

int main(int argc, char **argv)
{
    int digits = 0;
    if (argc != 2) {
        fprintf(stderr, "usage: %s URI\n", argv[0]);
        return 2;
    }
    if (sip_init() < 0) {
        fprintf(stderr, "%s\n", sip_error_text());
        return 1;
    }
    sip_set_callback(on_dtmf, &digits, SIP_EVENT_DTMF);
    int call = sip_invite_nowait(argv[1], "audio");
    if (call < 0) {
        fprintf(stderr, "%s: %s\n", sip_strerror(call), sip_error_text());
        return 1;
    }
    int ended = 0;
    while (!ended) {
        sip_event_t *event = sip_poll(10.0);
        if (!event)
            break;
        printf("%s %d %s\n", event->type, event->status, event->text);
        if (strcmp(event->type, SIP_EVENT_CALL_STARTED) == 0)
            sip_send_dtmf(call, "12");
        if (strcmp(event->type, SIP_EVENT_PLAYBACK_FINISHED) == 0 || strcmp(event->type, SIP_EVENT_MEDIA_STARTED) == 0)
            sip_hangup(call);
        ended = strcmp(event->type, SIP_EVENT_CALL_ENDED) == 0;
        sip_event_free(event);
    }
    sip_session_t session;
    if (sip_get_call_info(call, &session) == SIP_OK)
        printf("%s: %s after %.1f s\n", session.remote, session.end_cause, session.duration);
    sip_shutdown();
    return ended ? 0 : 1;
}
