/* How deep must the buffer be? Weighs delay against packets that would come too late. */
#ifndef MS_DELAY_CHOICE_H
#define MS_DELAY_CHOICE_H

#include "delay_estimator.h"

/* What the choice depends on besides the arrivals. Tolerance is the largest offset that is still in time. */
typedef struct ms_delay_question {
    int64_t tolerance_us;   /* of the buffer as it is */
    int32_t step_us;        /* tolerances that make sense lie this far apart, at least 5 ms */
    int32_t frame_us;       /* length of a packet */
    int32_t min_us, max_us; /* bounds above the base */
} ms_delay_question_t;

typedef struct ms_delay_answer {
    int64_t tolerance_us; /* best one: the question's plus a whole number of steps */
    uint32_t late;        /* times lately that packets were too late for the question's tolerance */
} ms_delay_answer_t;

ms_delay_answer_t ms_delay_choose(const ms_delay_estimator_t *estimator, const ms_delay_question_t *question);

#endif
