/* The sound of a call, and its figures. */
#include "request.h"

enum { LONGEST = 1 << 16 };

int sip_media_read(int call, int16_t *buffer, int n)
{
    struct request request;
    if (n < 0 || (n > 0 && !buffer))
        return fail(SIP_EINVAL, "there is no buffer, or n is below 0");
    if (n > LONGEST)
        n = LONGEST;
    request_begin(&request, "media_read");
    put_int(&request, call);
    put_int(&request, n);
    int taken = request_octets(&request, buffer, (size_t)n * sizeof *buffer);
    return taken;
}

int sip_media_write(int call, const int16_t *buffer, int n)
{
    struct request request;
    if (n < 0 || (n > 0 && !buffer))
        return fail(SIP_EINVAL, "there is no buffer, or n is below 0");
    if (n > LONGEST)
        n = LONGEST;
    request_begin(&request, "media_write");
    put_int(&request, call);
    put_octets(&request, buffer, (size_t)n * sizeof *buffer);
    return request_int(&request);
}

int sip_media_stats(int call, sip_media_stream_t *list, int most)
{
    struct request request;
    request_begin(&request, "media_stats");
    put_int(&request, call);
    return request_records(&request, list, sizeof *list, most, microsip_take_media_stream);
}
