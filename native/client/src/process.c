/* Starts the engine process: finds the Python that has microsip_core, and gives it one end of a pair of sockets. */
#include "engine.h"
#include "request.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

extern char **environ;

enum { CHILD_DESCRIPTOR = 3, EXTRA_VARIABLES = 1 };
static const char *const CHILD_NUMBER = "3";

/* Cut `levels` names off the end of a path; returns 0 when it has no more. */
static int go_up(char *path, int levels)
{
    for (int i = 0; i < levels; i++) {
        char *slash = strrchr(path, '/');
        if (!slash || slash == path)
            return 0;
        *slash = 0;
    }
    return 1;
}

/* The folder that holds the package this library is part of: PACKAGES/microsip_core/lib/libmicrosip.so. */
static int packages_folder(char *path, size_t size)
{
    Dl_info info;
    char resolved[PATH_MAX];
    if (!dladdr((void *)(uintptr_t)&engine_spawn, &info) || !info.dli_fname || !realpath(info.dli_fname, resolved))
        return 0;
    if (!go_up(resolved, 3) || strlen(resolved) >= size)
        return 0;
    memcpy(path, resolved, strlen(resolved) + 1);
    return 1;
}

/* MICROSIP_PYTHON, or the Python of the environment the package is installed in, or the first one on the PATH. */
static void find_python(const char *packages, char *python, size_t size)
{
    const char *chosen = getenv("MICROSIP_PYTHON");
    if (chosen && *chosen) {
        snprintf(python, size, "%s", chosen);
        return;
    }
    char prefix[PATH_MAX];
    snprintf(prefix, sizeof prefix, "%s", packages);
    if (*packages && go_up(prefix, 3)) { /* PREFIX/lib/python3.x/site-packages */
        int length = snprintf(python, size, "%s/bin/python3", prefix);
        if (length > 0 && (size_t)length < size && access(python, X_OK) == 0)
            return;
    }
    snprintf(python, size, "python3");
}

/* Our environment, with the package's folder first where Python looks for modules. The result and its last string are
 * to be freed. */
static char **environment_of(const char *packages, char **added)
{
    size_t count = 0;
    while (environ && environ[count]) /* clearenv() leaves none */
        count++;
    char **variables = calloc(count + EXTRA_VARIABLES + 1, sizeof *variables);
    const char *before = getenv("PYTHONPATH");
    size_t room = strlen(packages) + (before ? strlen(before) : 0) + sizeof "PYTHONPATH=:";
    *added = malloc(room);
    if (!variables || !*added) {
        free(variables);
        free(*added);
        *added = NULL;
        return NULL;
    }
    snprintf(*added, room, "PYTHONPATH=%s%s%s", packages, before && *before ? ":" : "", before ? before : "");
    size_t kept = 0;
    for (size_t i = 0; i < count; i++)
        if (strncmp(environ[i], "PYTHONPATH=", 11) != 0)
            variables[kept++] = environ[i];
    variables[kept] = *added;
    return variables;
}

static int spawn(const char *python, char **variables, int theirs, pid_t *process)
{
    char *const arguments[] = {(char *)python, "-P", "-m", "microsip_core.c_api.engine_process", (char *)CHILD_NUMBER, NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, usual;
    if (posix_spawn_file_actions_init(&actions) != 0)
        return ENOMEM;
    if (posix_spawnattr_init(&attributes) != 0) {
        posix_spawn_file_actions_destroy(&actions);
        return ENOMEM;
    }
    /* What the calling thread blocks and ignores is not for the engine: SIGTERM shall end it. */
    sigemptyset(&none);
    sigemptyset(&usual);
    sigaddset(&usual, SIGTERM);
    sigaddset(&usual, SIGHUP);
    sigaddset(&usual, SIGPIPE);
    sigaddset(&usual, SIGCHLD);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &usual);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    int failed = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    if (!failed)
        failed = posix_spawn_file_actions_adddup2(&actions, theirs, CHILD_DESCRIPTOR);
    if (!failed)
        failed = posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);
    if (!failed)
        failed = posix_spawnp(process, python, &actions, &attributes, arguments, variables);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    return failed;
}

int engine_spawn(pid_t *process, int *descriptor)
{
    int pair[2];
#ifdef SOCK_CLOEXEC /* else another thread's child may keep an end open */
    int kind = SOCK_STREAM | SOCK_CLOEXEC;
#else
    int kind = SOCK_STREAM;
#endif
    if (socketpair(AF_UNIX, kind, 0, pair) != 0)
        return fail(SIP_EIO, "no pair of sockets for the engine process");
#ifdef SO_NOSIGPIPE /* where send() can not be told to spare the program the signal */
    const int on = 1;
    setsockopt(pair[0], SOL_SOCKET, SO_NOSIGPIPE, &on, sizeof on);
#endif
    /* A descriptor that is 3 already would keep its close-on-exec flag through adddup2: move it out of the way. */
    int theirs = fcntl(pair[1], F_DUPFD_CLOEXEC, CHILD_DESCRIPTOR + 1);
    close(pair[1]);
    fcntl(pair[0], F_SETFD, FD_CLOEXEC);
    char packages[PATH_MAX] = "", python[PATH_MAX];
    int known = packages_folder(packages, sizeof packages);
    find_python(packages, python, sizeof python);
    char *added = NULL;
    char *none[] = {NULL};
    char **variables = known ? environment_of(packages, &added) : environ ? environ : none;
    int failed = theirs < 0 || !variables ? ENOMEM : spawn(python, variables, theirs, process);
    if (known) {
        free(variables);
        free(added);
    }
    if (theirs >= 0)
        close(theirs);
    if (failed) {
        char text[PATH_MAX + 160];
        close(pair[0]);
        snprintf(text, sizeof text, "the engine process does not start: %s: %s. Set MICROSIP_PYTHON to the Python that "
                 "has microsip-core installed", python, strerror(failed));
        return fail(SIP_EIO, text);
    }
    *descriptor = pair[0];
    return 0;
}
