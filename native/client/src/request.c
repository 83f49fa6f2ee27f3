/* Writes requests and reads answers: the tagged values of microsip_core/c_api/wire.py. */
#include "request.h"

#include "engine.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_ROOM = 256, HEAD = 8 };

static void put(struct request *request, const void *data, size_t count)
{
    if (request->failed || count == 0)
        return;
    if (request->room - request->length < count) {
        size_t room = request->room ? request->room : FIRST_ROOM;
        while (room - request->length < count && room < SIZE_MAX / 2)
            room *= 2;
        uint8_t *grown = room - request->length < count ? NULL : realloc(request->data, room);
        if (!grown) {
            request->failed = 1;
            return;
        }
        request->data = grown;
        request->room = room;
    }
    memcpy(request->data + request->length, data, count);
    request->length += count;
}

static void put_tag_and_size(struct request *request, char tag, size_t size)
{
    uint8_t head[5] = {(uint8_t)tag, (uint8_t)size, (uint8_t)(size >> 8), (uint8_t)(size >> 16), (uint8_t)(size >> 24)};
    if (size > ENGINE_LARGEST_FRAME)
        request->failed = 1;
    put(request, head, sizeof head);
}

static void put_u64(struct request *request, char tag, uint64_t value)
{
    uint8_t octets[9] = {(uint8_t)tag};
    for (int i = 0; i < 8; i++)
        octets[1 + i] = (uint8_t)(value >> (8 * i));
    put(request, octets, sizeof octets);
}

void request_begin(struct request *request, const char *name)
{
    static const uint8_t head[HEAD]; /* length and number are filled in when it is sent */
    memset(request, 0, sizeof *request);
    put(request, head, sizeof head);
    put_text(request, name);
}

void put_int(struct request *request, int value)
{
    put_u64(request, 'i', (uint64_t)(int64_t)value);
}

void put_real(struct request *request, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    put_u64(request, 'd', bits);
}

void put_limit(struct request *request, double seconds)
{
    if (seconds < 0)
        put(request, "n", 1);
    else
        put_real(request, seconds);
}

void put_text(struct request *request, const char *text)
{
    if (!text) {
        put(request, "n", 1);
        return;
    }
    size_t length = strlen(text);
    put_tag_and_size(request, 's', length);
    put(request, text, length);
}

void put_octets(struct request *request, const void *octets, size_t count)
{
    put_tag_and_size(request, 'b', count);
    put(request, octets, count);
}

void put_reals(struct request *request, const double *values, int count)
{
    size_t many = values && count > 0 ? (size_t)count : 0;
    put_tag_and_size(request, '[', many);
    for (size_t i = 0; i < many; i++)
        put_real(request, values[i]);
}

/* -- answers */

static int answer_begin(struct request *request, uint8_t **frame, struct values *values)
{
    size_t length = 0;
    *frame = NULL;
    if (request->failed) {
        free(request->data);
        return fail(SIP_ENOMEM, "the request is too large, or memory is short");
    }
    int code = engine_ask(request->data, request->length, frame, &length);
    free(request->data);
    if (code < 0)
        return code;
    values->at = *frame;
    values->end = *frame + length;
    code = take_int(values);
    size_t size = 0;
    const uint8_t *text = take_octets(values, &size);
    return code < 0 ? fail_with(code, text, size) : code;
}

int request_int(struct request *request)
{
    uint8_t *frame;
    struct values values;
    int code = answer_begin(request, &frame, &values);
    free(frame);
    return code;
}

int request_text(struct request *request, char *text, int size)
{
    uint8_t *frame;
    struct values values;
    if (text && size > 0)
        text[0] = 0;
    int code = answer_begin(request, &frame, &values);
    if (code >= 0 && text && size > 0)
        take_text(&values, text, (size_t)size);
    free(frame);
    return code;
}

int request_ints(struct request *request, int *handles, int most)
{
    uint8_t *frame;
    struct values values;
    int code = answer_begin(request, &frame, &values);
    if (code >= 0 && handles && most > 0)
        take_ints(&values, handles, most);
    free(frame);
    return code;
}

int request_octets(struct request *request, void *octets, size_t room)
{
    uint8_t *frame;
    struct values values;
    int code = answer_begin(request, &frame, &values);
    if (code > 0) {
        size_t count = 0;
        const uint8_t *from = take_octets(&values, &count);
        memcpy(octets, from, count < room ? count : room);
    }
    free(frame);
    return code;
}

int request_record(struct request *request, void *structure, record_taker take)
{
    return request_records(request, structure, 0, structure ? 1 : 0, take);
}

int request_records(struct request *request, void *list, size_t size, int most, record_taker take)
{
    uint8_t *frame;
    struct values values;
    if (!list && most > 0) {
        free(request->data);
        return fail(SIP_EINVAL, "there is no place for the answer");
    }
    int code = answer_begin(request, &frame, &values);
    if (code >= 0) {
        int count = size ? take_list(&values) : 1; /* size 0: one structure, not a list of them */
        for (int i = 0; i < count && i < most; i++) {
            take_list(&values);
            take(&values, (char *)list + size * (size_t)i);
        }
    }
    free(frame);
    return code;
}

/* -- values */

static uint64_t u64_at(const uint8_t *at)
{
    uint64_t value = 0;
    for (int i = 7; i >= 0; i--)
        value = value << 8 | at[i];
    return value;
}

/* Return the tag of the next value and move behind it; 0 where there is none. Sized values: to their octets. */
static char next_value(struct values *from, const uint8_t **octets, size_t *size)
{
    size_t left = (size_t)(from->end - from->at);
    *octets = from->at;
    *size = 0;
    if (left == 0)
        return 0;
    char tag = (char)*from->at;
    if (tag == 'n') {
        from->at += 1;
    } else if ((tag == 'i' || tag == 'd') && left >= 9) {
        *octets = from->at + 1;
        from->at += 9;
    } else if (left >= 5) {
        *size = (size_t)(u64_at((const uint8_t[8]){from->at[1], from->at[2], from->at[3], from->at[4]}));
        *octets = from->at + 5;
        from->at += 5;
        if (tag != '[') {
            if (*size > left - 5)
                *size = left - 5;
            from->at += *size;
        }
    } else {
        from->at = from->end;
        return 0;
    }
    return tag;
}

int64_t take_wide(struct values *from)
{
    const uint8_t *octets;
    size_t size;
    return next_value(from, &octets, &size) == 'i' ? (int64_t)u64_at(octets) : 0;
}

int take_int(struct values *from)
{
    int64_t value = take_wide(from);
    return value > INT_MAX ? INT_MAX : value < INT_MIN ? INT_MIN : (int)value;
}

double take_real(struct values *from)
{
    const uint8_t *octets;
    size_t size;
    char tag = next_value(from, &octets, &size);
    if (tag != 'd' && tag != 'i')
        return 0;
    uint64_t bits = u64_at(octets);
    double value;
    memcpy(&value, &bits, sizeof value);
    return tag == 'd' ? value : (double)(int64_t)bits;
}

const uint8_t *take_octets(struct values *from, size_t *count)
{
    const uint8_t *octets;
    char tag = next_value(from, &octets, count);
    if (tag != 's' && tag != 'b')
        *count = 0;
    return octets;
}

void take_text(struct values *from, char *text, size_t size)
{
    size_t count;
    const uint8_t *octets = take_octets(from, &count);
    if (count >= size) {
        count = size - 1;
        while (count > 0 && (octets[count] & 0xC0) == 0x80) /* do not cut a character in two */
            count--;
    }
    memcpy(text, octets, count);
    text[count] = 0;
}

int take_list(struct values *from)
{
    const uint8_t *octets;
    size_t size;
    return next_value(from, &octets, &size) == '[' && size <= INT_MAX ? (int)size : 0;
}

int take_ints(struct values *from, int *list, int most)
{
    int count = take_list(from), kept = 0;
    for (int i = 0; i < count && from->at < from->end; i++) {
        int value = take_int(from);
        if (kept < most)
            list[kept++] = value;
    }
    return kept;
}

int take_reals(struct values *from, double *list, int most)
{
    int count = take_list(from), kept = 0;
    for (int i = 0; i < count && from->at < from->end; i++) {
        double value = take_real(from);
        if (kept < most)
            list[kept++] = value;
    }
    return kept;
}
