/* SIP messages as text and as structures. */
#include "request.h"

static void take_message(struct values *from, void *structure)
{
    sip_message_t *to = structure;
    to->is_request = take_int(from);
    take_text(from, to->method, sizeof to->method);
    take_text(from, to->uri, sizeof to->uri);
    to->status = take_int(from);
    take_text(from, to->reason, sizeof to->reason);
    take_text(from, to->via, sizeof to->via);
    take_text(from, to->from, sizeof to->from);
    take_text(from, to->to, sizeof to->to);
    take_text(from, to->call_id, sizeof to->call_id);
    take_text(from, to->cseq, sizeof to->cseq);
    take_text(from, to->contact, sizeof to->contact);
    take_text(from, to->headers, sizeof to->headers);
    take_text(from, to->body, sizeof to->body);
}

int sip_parse(const char *text, sip_message_t *message)
{
    struct request request;
    if (!message)
        return fail(SIP_EINVAL, "there is no place for the message");
    request_begin(&request, "parse");
    put_text(&request, text);
    return request_record(&request, message, take_message);
}

int sip_build(const sip_message_t *message, char *text, int size)
{
    struct request request;
    if (!message)
        return fail(SIP_EINVAL, "there is no message");
    request_begin(&request, "build");
    put_int(&request, message->is_request);
    put_text(&request, message->method);
    put_text(&request, message->uri);
    put_int(&request, message->status);
    put_text(&request, message->reason);
    put_text(&request, message->headers);
    put_text(&request, message->body);
    return request_text(&request, text, size);
}
