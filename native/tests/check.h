/* The test header: CHECK says what failed and goes on, RUN runs one case, check_result() is what main returns. */
#ifndef MICROSIP_TESTS_CHECK_H
#define MICROSIP_TESTS_CHECK_H

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Atomic, for tests with threads. */
static _Atomic int check_count;
static _Atomic int check_failures;

static inline int check_report(int passed, const char *file, int line, const char *text) {
    check_count++;
    if (!passed) {
        check_failures++;
        fprintf(stderr, "%s:%d: %s\n", file, line, text);
    }
    return passed;
}

static inline int check_report_equal(long long got, long long want, const char *file, int line, const char *text) {
    check_count++;
    if (got != want) {
        check_failures++;
        fprintf(stderr, "%s:%d: %s: got %lld, want %lld\n", file, line, text, got, want);
    }
    return got == want;
}

static inline int check_result(const char *name) {
    printf("%s: %d checks, %d failed\n", name, check_count, check_failures);
    return check_failures == 0 && check_count > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

#define CHECK(expression) check_report(!!(expression), __FILE__, __LINE__, #expression)
#define CHECK_EQ(got, want) \
    check_report_equal((long long)(got), (long long)(want), __FILE__, __LINE__, #got " == " #want)
/* Leaves the function: for what the rest of the case can not do without. */
#define REQUIRE(expression) do { if (!CHECK(expression)) return; } while (0)
#define RUN(function) do { int before_ = check_failures; function(); \
    printf("%s %s\n", check_failures == before_ ? "ok  " : "FAIL", #function); } while (0)

#endif
