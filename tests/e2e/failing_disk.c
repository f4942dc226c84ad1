// Preloaded into the server by tests: once the file FAILING_DISK_SWITCH exists, every FAILING_DISK_CALL ("sync" or "write")
// on a file below FAILING_DISK_PATH (default: the database and its log) fails with EIO; with "slow" every sync takes FAILING_DISK_MS longer instead.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int is_switched(int file, const char* call) {
  const char* wanted = getenv("FAILING_DISK_CALL");
  const char* switch_file = getenv("FAILING_DISK_SWITCH");
  if (!wanted || !switch_file || strcmp(wanted, call) != 0 || access(switch_file, F_OK) != 0) return 0;
  char link[64];
  char path[PATH_MAX];
  snprintf(link, sizeof link, "/proc/self/fd/%d", file);
  const ssize_t length = readlink(link, path, sizeof path - 1);
  if (length < 0) return 0;
  path[length] = '\0';
  const char* part = getenv("FAILING_DISK_PATH");
  return strstr(path, part ? part : "/posthorn.db") != NULL;
}

static int fails(int file, const char* call) {
  if (!is_switched(file, call)) return 0;
  errno = EIO;
  return 1;
}

static int sync_fails(int file) {
  if (is_switched(file, "slow")) usleep((useconds_t)atoi(getenv("FAILING_DISK_MS")) * 1000);
  return fails(file, "sync");
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

int fsync(int file) { return sync_fails(file) ? -1 : REAL(fsync)(file); }
int fdatasync(int file) { return sync_fails(file) ? -1 : REAL(fdatasync)(file); }
ssize_t write(int file, const void* bytes, size_t count) {
  return fails(file, "write") ? -1 : REAL(write)(file, bytes, count);
}
ssize_t pwrite(int file, const void* bytes, size_t count, off_t at) {
  return fails(file, "write") ? -1 : REAL(pwrite)(file, bytes, count, at);
}
ssize_t pwrite64(int file, const void* bytes, size_t count, off64_t at) {
  return fails(file, "write") ? -1 : REAL(pwrite64)(file, bytes, count, at);
}
