/* Disturbs a program from outside, for tests/outputs: loaded before its libraries (LD_PRELOAD), by the variables below. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

/* Whether the name of an open file ends in an ending that a variable gives. */
static int is_named(int fd, const char *variable) {
    const char *ending = getenv(variable);
    char link[64], name[4096];
    if (!ending) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, name, sizeof name - 1);
    if (length < 0) return 0;
    name[length] = 0;
    size_t wanted = strlen(ending);
    return (size_t)length >= wanted && strcmp(name + length - wanted, ending) == 0;
}

/* DISTURB_NO_LOCKS: a file system without locks. */
int flock(int fd, int operation) {
    static int (*real)(int, int);
    if (!real) real = (int (*)(int, int))dlsym(RTLD_NEXT, "flock");
    if (getenv("DISTURB_NO_LOCKS")) {
        errno = ENOLCK;
        return -1;
    }
    return real(fd, operation);
}

/* DISTURB_CUT=ENDING: when all of such a file is written and brought to the disk, somebody cuts off its second half. */
int fsync(int fd) {
    static int (*real)(int);
    if (!real) real = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
    if (is_named(fd, "DISTURB_CUT")) {
        char path[64], name[4096];
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        ssize_t length = readlink(path, name, sizeof name - 1);
        if (length > 0) {
            name[length] = 0;
            off_t size = lseek(fd, 0, SEEK_END);
            if (truncate(name, size / 2) != 0) perror("truncate");
        }
    }
    return real(fd);
}

/* DISTURB_GAP=ENDING: somebody cuts off the second half of such a file, before more is written behind it. */
int fdatasync(int fd) {
    static int (*real)(int);
    if (!real) real = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
    if (is_named(fd, "DISTURB_GAP")) {
        off_t size = lseek(fd, 0, SEEK_END);
        if (ftruncate(fd, size / 2) != 0 || ftruncate(fd, size) != 0) perror("ftruncate");
    }
    return real(fd);
}

/* DISTURB_FULL=ENDING: the disk is full for such files. */
#define FULL(name, result, parameters, arguments)                                  \
    result name parameters {                                                       \
        static result(*real) parameters;                                           \
        if (!real) real = (result(*) parameters)dlsym(RTLD_NEXT, #name);           \
        if (is_named(fd, "DISTURB_FULL")) {                                        \
            errno = ENOSPC;                                                        \
            return -1;                                                             \
        }                                                                          \
        return real arguments;                                                     \
    }
FULL(write, ssize_t, (int fd, const void *bytes, size_t n), (fd, bytes, n))
FULL(pwrite, ssize_t, (int fd, const void *bytes, size_t n, off_t at), (fd, bytes, n, at))
FULL(pwrite64, ssize_t, (int fd, const void *bytes, size_t n, off64_t at), (fd, bytes, n, at))
