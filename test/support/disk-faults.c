/*
 * A disk that fails on demand: preloaded into a collector, it stands before the C library's calls that write and sync files.
 *
 * It may: make a sync or a write fail with an error number, cut a write short, and delay every sync. It does so to regular
 * files under SPYGLASS_FAULT_FOLDER alone. When, is told through a file of 32-bit words that both sides map or write,
 * SPYGLASS_FAULT_CONTROL: see `disk-faults.ts`, which names them in the same order.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { KIND_NONE, KIND_SYNC, KIND_WRITE, KIND_SHORT };

struct control {
  _Atomic int32_t kind;
  /* Calls of the kind that still succeed; the next one is the fault. */
  _Atomic int32_t countdown;
  int32_t error;
  /* Whether everything after the fault fails too, as on a full disk, or nothing, as after a failed fsync. */
  int32_t lasts;
  int32_t sync_delay_ms;
  _Atomic int32_t syncs;
  _Atomic int32_t writes;
  _Atomic int32_t faults;
};

static struct control *control;
static const char *folder;

__attribute__((constructor)) static void start(void) {
  const char *path = getenv("SPYGLASS_FAULT_CONTROL");
  folder = getenv("SPYGLASS_FAULT_FOLDER");
  if (path == NULL || folder == NULL) return;
  int fd = open(path, O_RDWR | O_CLOEXEC);
  if (fd < 0) return;
  void *map = mmap(NULL, sizeof(struct control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  close(fd);
  if (map != MAP_FAILED) control = map;
}

static int concerns(int fd) {
  if (control == NULL) return 0;
  struct stat about;
  if (fstat(fd, &about) != 0 || !(S_ISREG(about.st_mode) || S_ISDIR(about.st_mode))) return 0;
  char link[64], path[PATH_MAX];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length < 0) return 0;
  path[length] = 0;
  // What is told to commands of the release before may fail: nothing depends on it.
  return strncmp(path, folder, strlen(folder)) == 0 && strstr(path, "/.openings/") == NULL;
}

/* Whether this call is to fail. */
static int strikes(int32_t kind) {
  if (control->kind != kind) return 0;
  int32_t left = atomic_fetch_sub(&control->countdown, 1);
  if (left > 0 || (left < 0 && !control->lasts)) return 0;
  atomic_fetch_add(&control->faults, 1);
  return 1;
}

static int fails_sync(int fd) {
  if (!concerns(fd)) return 0;
  atomic_fetch_add(&control->syncs, 1);
  if (control->sync_delay_ms > 0) {
    struct timespec delay = {control->sync_delay_ms / 1000, (control->sync_delay_ms % 1000) * 1000000L};
    nanosleep(&delay, NULL);
  }
  if (!strikes(KIND_SYNC)) return 0;
  errno = control->error;
  return 1;
}

#define SYNC(name)                                        \
  int name(int fd) {                                      \
    static int (*real)(int);                              \
    if (real == NULL) real = dlsym(RTLD_NEXT, #name);     \
    return fails_sync(fd) ? -1 : real(fd);                \
  }
SYNC(fsync)
SYNC(fdatasync)

static int fails_write(int fd) {
  if (!concerns(fd)) return 0;
  atomic_fetch_add(&control->writes, 1);
  if (!strikes(KIND_WRITE)) return 0;
  errno = control->error;
  return 1;
}

/* Whether a write is to be cut short: half of it arrives. */
static int shortens(int fd) { return concerns(fd) && strikes(KIND_SHORT); }

#define WRITE(name, offset_parameter, offset_argument)                                   \
  ssize_t name(int fd, const void *bytes, size_t count offset_parameter) {               \
    static ssize_t (*real)(int, const void *, size_t offset_parameter);                  \
    if (real == NULL) real = dlsym(RTLD_NEXT, #name);                                    \
    if (fails_write(fd)) return -1;                                                      \
    return real(fd, bytes, count > 1 && shortens(fd) ? count / 2 : count offset_argument); \
  }
#define AT , off_t offset
#define AT64 , off64_t offset
#define GIVE_AT , offset
#define NOTHING
WRITE(write, NOTHING, NOTHING)
WRITE(pwrite, AT, GIVE_AT)
WRITE(pwrite64, AT64, GIVE_AT)

#define WRITEV(name, offset_parameter, offset_argument)                                  \
  ssize_t name(int fd, const struct iovec *parts, int count offset_parameter) {          \
    static ssize_t (*real)(int, const struct iovec *, int offset_parameter);             \
    if (real == NULL) real = dlsym(RTLD_NEXT, #name);                                    \
    if (fails_write(fd)) return -1;                                                      \
    if (!shortens(fd)) return real(fd, parts, count offset_argument);                    \
    struct iovec half = {parts[0].iov_base, parts[0].iov_len / 2};                       \
    return real(fd, &half, 1 offset_argument);                                           \
  }
WRITEV(writev, NOTHING, NOTHING)
WRITEV(pwritev, AT, GIVE_AT)
WRITEV(pwritev64, AT64, GIVE_AT)
