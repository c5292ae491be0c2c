/*
 * Preloaded into a collector, this writes down what the collector does to the disk, in order: writes, syncs, and changes of
 * folders, below SPYGLASS_RECORD_FOLDER. The record is a file, SPYGLASS_RECORD_LOG, which `disk-record.ts` reads.
 *
 * A call is written down after it has succeeded, and before its caller goes on. A sync also says which call was the last
 * before it began: the sync covers no later one.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

/* As `disk-record.ts` reads it; the path, the second path and the bytes follow. */
struct entry {
  char kind;
  uint8_t unused[3];
  uint32_t bytes;
  uint32_t path_bytes;
  uint32_t to_bytes;
  uint64_t time_ns;
  uint64_t offset;
  /* Of a sync: how many entries there were when it began. */
  uint64_t covers;
};

static const char *folder;
static size_t folder_bytes;
static int log_file = -1;
static uint64_t entries;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

__attribute__((constructor)) static void start(void) {
  const char *path = getenv("SPYGLASS_RECORD_LOG");
  folder = getenv("SPYGLASS_RECORD_FOLDER");
  if (path == NULL || folder == NULL) return;
  folder_bytes = strlen(folder);
  /* A plain system call: our own `open` is not to be asked. */
  log_file = syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

static int is_ours(const char *path) {
  return log_file >= 0 && path != NULL && strncmp(path, folder, folder_bytes) == 0;
}

/* The path of an open file below the folder; 0 for any other. */
static int path_of(int fd, char path[PATH_MAX]) {
  if (log_file < 0) return 0;
  int before = errno;
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, PATH_MAX - 1);
  errno = before;
  if (length < 0) return 0;
  path[length] = 0;
  return is_ours(path);
}

static uint64_t count_entries(void) {
  pthread_mutex_lock(&lock);
  uint64_t count = entries;
  pthread_mutex_unlock(&lock);
  return count;
}

static void note_parts(char kind, const char *path, const char *to, uint64_t offset, uint64_t covers,
                       const struct iovec *parts, int count, size_t bytes) {
  int before = errno;
  struct timespec now;
  char *all = malloc(sizeof(struct entry) + 2 * PATH_MAX + bytes);
  struct entry *entry = (struct entry *)all;
  memset(entry, 0, sizeof *entry);
  entry->kind = kind;
  entry->path_bytes = strlen(path);
  entry->to_bytes = to == NULL ? 0 : strlen(to);
  entry->bytes = bytes;
  entry->offset = offset;
  entry->covers = covers;
  char *end = all + sizeof *entry;
  memcpy(end, path, entry->path_bytes);
  end += entry->path_bytes;
  memcpy(end, to == NULL ? "" : to, entry->to_bytes);
  end += entry->to_bytes;
  for (int i = 0; i < count && bytes > 0; i++) {
    size_t taken = parts[i].iov_len < bytes ? parts[i].iov_len : bytes;
    memcpy(end, parts[i].iov_base, taken);
    end += taken;
    bytes -= taken;
  }
  pthread_mutex_lock(&lock);
  clock_gettime(CLOCK_MONOTONIC, &now);
  entry->time_ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
  entries++;
  for (char *at = all; at < end;) {
    ssize_t written = syscall(SYS_write, log_file, at, (size_t)(end - at));
    /* A record with a hole would say something untrue. */
    if (written <= 0) abort();
    at += written;
  }
  pthread_mutex_unlock(&lock);
  free(all);
  errno = before;
}

static void note(char kind, const char *path, const char *to, uint64_t offset, uint64_t covers) {
  note_parts(kind, path, to, offset, covers, NULL, 0, 0);
}

#define REAL(name)                      \
  static __typeof__(&name) real = NULL; \
  if (real == NULL) real = dlsym(RTLD_NEXT, #name)

/* w: written; d: written and synced at once. */
static void note_write(int fd, const struct iovec *parts, int count, off_t offset, ssize_t written) {
  char path[PATH_MAX];
  if (written <= 0 || !path_of(fd, path)) return;
  int flags = fcntl(fd, F_GETFL);
  note_parts(flags & O_DSYNC ? 'd' : 'w', path, NULL, offset, 0, parts, count, written);
}

/* Where a write without an offset went: just before where the file is now. */
static off_t written_at(int fd, ssize_t written) { return written > 0 ? lseek(fd, 0, SEEK_CUR) - written : 0; }

ssize_t write(int fd, const void *bytes, size_t count) {
  REAL(write);
  ssize_t written = real(fd, bytes, count);
  char path[PATH_MAX];
  if (written > 0 && path_of(fd, path)) {
    struct iovec part = {(void *)bytes, count};
    note_write(fd, &part, 1, written_at(fd, written), written);
  }
  return written;
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
  REAL(writev);
  ssize_t written = real(fd, parts, count);
  char path[PATH_MAX];
  if (written > 0 && path_of(fd, path)) note_write(fd, parts, count, written_at(fd, written), written);
  return written;
}

#define PWRITE(name, offset_type)                                                 \
  ssize_t name(int fd, const void *bytes, size_t count, offset_type offset) {     \
    REAL(name);                                                                   \
    ssize_t written = real(fd, bytes, count, offset);                             \
    struct iovec part = {(void *)bytes, count};                                   \
    note_write(fd, &part, 1, offset, written);                                    \
    return written;                                                               \
  }
PWRITE(pwrite, off_t)
PWRITE(pwrite64, off64_t)

#define PWRITEV(name, offset_type)                                                \
  ssize_t name(int fd, const struct iovec *parts, int count, offset_type offset) { \
    REAL(name);                                                                   \
    ssize_t written = real(fd, parts, count, offset);                             \
    note_write(fd, parts, count, offset, written);                                \
    return written;                                                               \
  }
PWRITEV(pwritev, off_t)
PWRITEV(pwritev64, off64_t)

/* s: synced, a file or a folder. */
#define SYNC(name)                                                \
  int name(int fd) {                                              \
    REAL(name);                                                   \
    char path[PATH_MAX];                                          \
    uint64_t covers = count_entries();                            \
    int result = real(fd);                                        \
    if (result == 0 && path_of(fd, path)) note('s', path, NULL, 0, covers); \
    return result;                                                \
  }
SYNC(fsync)
SYNC(fdatasync)

/* t: cut, or made longer, to a size. */
#define TRUNCATE(name, offset_type)                                        \
  int name(int fd, offset_type size) {                                     \
    REAL(name);                                                            \
    int result = real(fd, size);                                           \
    char path[PATH_MAX];                                                   \
    if (result == 0 && path_of(fd, path)) note('t', path, NULL, size, 0);  \
    return result;                                                         \
  }
TRUNCATE(ftruncate, off_t)
TRUNCATE(ftruncate64, off64_t)

/* r: renamed, u: removed, m: a folder made. */
int rename(const char *from, const char *to) {
  REAL(rename);
  int result = real(from, to);
  if (result == 0 && is_ours(from)) note('r', from, to, 0, 0);
  return result;
}

#define REMOVE(name)                                                  \
  int name(const char *path) {                                        \
    REAL(name);                                                       \
    int result = real(path);                                          \
    if (result == 0 && is_ours(path)) note('u', path, NULL, 0, 0);    \
    return result;                                                    \
  }
REMOVE(unlink)
REMOVE(rmdir)

int mkdir(const char *path, mode_t mode) {
  REAL(mkdir);
  int result = real(path, mode);
  if (result == 0 && is_ours(path)) note('m', path, NULL, 0, 0);
  return result;
}

/* c: a file made. */
static void note_open(const char *path, int flags, int existed) {
  if (!is_ours(path)) return;
  if ((flags & O_CREAT) && !existed) note('c', path, NULL, 0, 0);
  else if (flags & O_TRUNC) note('t', path, NULL, 0, 0);
}

#define OPEN(name, first_parameter, first_argument)                       \
  int name(first_parameter const char *path, int flags, ...) {            \
    REAL(name);                                                           \
    va_list more;                                                         \
    va_start(more, flags);                                                \
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(more, mode_t) : 0; \
    va_end(more);                                                         \
    int existed = is_ours(path) && access(path, F_OK) == 0;               \
    int fd = real(first_argument path, flags, mode);                      \
    if (fd >= 0) note_open(path, flags, existed);                         \
    return fd;                                                            \
  }
#define NOTHING
#define AT_PARAMETER int at,
#define AT_ARGUMENT at,
OPEN(open, NOTHING, NOTHING)
OPEN(open64, NOTHING, NOTHING)
OPEN(openat, AT_PARAMETER, AT_ARGUMENT)
OPEN(openat64, AT_PARAMETER, AT_ARGUMENT)

/* x: changed in a way that this cannot write down; the test then fails. */
ssize_t copy_file_range(int from, off64_t *from_at, int to, off64_t *to_at, size_t count, unsigned flags) {
  REAL(copy_file_range);
  char path[PATH_MAX];
  if (path_of(to, path)) note('x', path, "copy_file_range", 0, 0);
  return real(from, from_at, to, to_at, count, flags);
}

#define MAP(name, offset_type)                                                                       \
  void *name(void *at, size_t bytes, int rights, int flags, int fd, offset_type offset) {            \
    REAL(name);                                                                                      \
    char path[PATH_MAX];                                                                             \
    if (fd >= 0 && (flags & MAP_SHARED) && (rights & PROT_WRITE) && path_of(fd, path)) note('x', path, "mmap", 0, 0); \
    return real(at, bytes, rights, flags, fd, offset);                                               \
  }
MAP(mmap, off_t)
MAP(mmap64, off64_t)
