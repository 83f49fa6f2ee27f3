/* A request to the engine process, and the values of its answer. For the library's own files. */
#ifndef MICROSIP_REQUEST_H
#define MICROSIP_REQUEST_H

#include "microsip.h"

/* The octets of a frame that is being written; fails once and for all when memory is short. */
struct request {
    uint8_t *data;
    size_t length;
    size_t room;
    int failed;
};

/* The values of a frame that is being read, one after the other; a missing or wrong one reads as 0 or "". */
struct values {
    const uint8_t *at;
    const uint8_t *end;
};

typedef void (*record_taker)(struct values *from, void *structure);

void request_begin(struct request *request, const char *name);
void put_int(struct request *request, int value);
void put_real(struct request *request, double value);
void put_limit(struct request *request, double seconds); /* below 0: none */
void put_text(struct request *request, const char *text); /* may be NULL */
void put_octets(struct request *request, const void *octets, size_t count);
void put_reals(struct request *request, const double *values, int count);

/* Send it, wait for the answer, free it; return the answer's code. */
int request_int(struct request *request);
int request_text(struct request *request, char *text, int size);
int request_ints(struct request *request, int *handles, int most);
int request_octets(struct request *request, void *octets, size_t room);
int request_record(struct request *request, void *structure, record_taker take);
int request_records(struct request *request, void *list, size_t size, int most, record_taker take);

int take_int(struct values *from);
int64_t take_wide(struct values *from);
double take_real(struct values *from);
void take_text(struct values *from, char *text, size_t size);
int take_ints(struct values *from, int *list, int most);
int take_reals(struct values *from, double *list, int most);
/* Where the octets or text stand, and how many there are. */
const uint8_t *take_octets(struct values *from, size_t *count);
/* Enter a list: how many values it has. */
int take_list(struct values *from);

/* Remember an error of this thread and return its code. */
int fail(int code, const char *text);
int fail_with(int code, const uint8_t *text, size_t length);

/* structures, in stubs.c */
void microsip_take_media_stream(struct values *from, void *structure);

#endif
