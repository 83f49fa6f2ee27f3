/* Numbers and their texts, as tables that end with a NULL text. */
#ifndef MICROSIP_TEXTS_H
#define MICROSIP_TEXTS_H

#include <stddef.h>

struct text {
    int number;
    const char *text;
};

extern const struct text microsip_errors[];
extern const struct text microsip_reason_phrases[];

#endif
