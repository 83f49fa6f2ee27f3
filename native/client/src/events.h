/* Events on their way to the program. For the library's own files. */
#ifndef MICROSIP_EVENTS_H
#define MICROSIP_EVENTS_H

#include <stddef.h>
#include <stdint.h>

void events_open(void);
/* Take the values of an event's frame: for the callback, or into the queue. */
void events_take(const uint8_t *values, size_t length);
/* No event will come any more: who waits for one is woken. */
void events_close(void);
/* Wait until the callback has had what was for it, and drop the rest. */
void events_stop(void);
/* Whether the calling thread is that of the callback. */
int events_is_caller(void);
void events_in_forked_child(void);

#endif
