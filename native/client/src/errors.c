/* The last error of each thread, and the texts of codes. */
#include "request.h"
#include "texts.h"

#include <stdio.h>
#include <string.h>

enum { TEXT_ROOM = 512, REFUSED_FROM = -1300, REFUSED_BELOW = -1700 };

static _Thread_local int last_code;
static _Thread_local char last_text[TEXT_ROOM];

int fail_with(int code, const uint8_t *text, size_t length)
{
    if (length >= sizeof last_text)
        length = sizeof last_text - 1;
    memcpy(last_text, text, length);
    last_text[length] = 0;
    last_code = code;
    return code;
}

int fail(int code, const char *text)
{
    return fail_with(code, (const uint8_t *)text, strlen(text));
}

static const char *find(const struct text *table, int number)
{
    for (; table->text; table++)
        if (table->number == number)
            return table->text;
    return NULL;
}

const char *sip_strerror(int code)
{
    static _Thread_local char text[80];
    const char *found = find(microsip_errors, code > 0 ? 0 : code);
    if (found)
        return found;
    if (code <= REFUSED_FROM && code > REFUSED_BELOW)
        snprintf(text, sizeof text, "refused by the peer with status %d", -code - 1000);
    else
        snprintf(text, sizeof text, "unknown error code %d", code);
    return text;
}

const char *sip_status_text(int status)
{
    const char *found = find(microsip_reason_phrases, status);
    return found ? found : "";
}

int sip_errno(void)
{
    return last_code;
}

const char *sip_error_text(void)
{
    return last_text;
}

const char *sip_version(void)
{
    return MICROSIP_VERSION;
}
