/* Answer every call with a recording, and say who called: until SIGINT or SIGTERM.
 *
 *     ./bot 127.0.0.1:5060 greeting.wav
 */
#include <microsip.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

static volatile sig_atomic_t stopped;

static void stop(int signal_number)
{
    (void)signal_number;
    stopped = 1;
}

static void on_call(const sip_event_t *event, void *user)
{
    const char *greeting = user;
    sip_session_t session;
    if (strcmp(event->type, SIP_EVENT_CALL_INCOMING) == 0) {
        sip_answer(event->call); /* a callback may call anything */
        sip_media_play(event->call, greeting);
        if (sip_get_call_info(event->call, &session) == SIP_OK)
            printf("answered %s\n", session.remote);
    } else {
        sip_hangup(event->call);
    }
    fflush(stdout);
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: %s HOST:PORT FILE.wav\n", argv[0]);
        return 2;
    }
    sip_config_t config = {.listen = argv[1], .codecs = "PCMU,PCMA"};
    if (sip_init(&config) < 0) {
        fprintf(stderr, "%s\n", sip_error_text());
        return 1;
    }
    signal(SIGINT, stop);
    signal(SIGTERM, stop);
    sip_set_callback(on_call, argv[2], SIP_EVENT_CALL_INCOMING "," SIP_EVENT_PLAYBACK_FINISHED);
    puts("waiting for calls");
    fflush(stdout);
    while (!stopped)
        sip_event_free(sip_poll(0.1)); /* the events that the callback does not take */
    return 0; /* leaving hangs up and unregisters */
}
