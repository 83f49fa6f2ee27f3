/* The engine process: starting and ending it, and asking it. For the library's own files. */
#ifndef MICROSIP_ENGINE_H
#define MICROSIP_ENGINE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { ENGINE_LARGEST_FRAME = 4 << 20 };

/* Send a frame, whose first 8 octets are free for length and number, and wait for its answer: a frame without these,
 * to be freed. Returns 0, or an error code remembered for the thread. Any thread may ask at any time. */
int engine_ask(uint8_t *frame, size_t length, uint8_t **answer, size_t *answer_length);

/* The process and our end of the socket, in process.c. Returns 0 or an error code remembered for the thread. */
int engine_spawn(pid_t *process, int *descriptor);

#endif
