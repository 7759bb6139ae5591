/* Kills its process, as kill -9 does, at a step of writing a SQLite database in
 * WAL mode. Loaded by LD_PRELOAD; package killat tells what for. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <unistd.h>

/* What this process and the one that arms it share; package killat has it too. */
struct trap {
	_Atomic int64_t written; /* commits that have been written */
	_Atomic int64_t before;  /* dies when this many have, and the next one is begun */
	_Atomic int64_t after;   /* dies when this many have been, the last of them not flushed yet */
};

static struct trap *trap;
static _Atomic int begun; /* writes since the last commit */

static int (*next_fsync)(int);
static int (*next_fdatasync)(int);
static ssize_t (*next_pwrite)(int, const void *, size_t, off_t);
static ssize_t (*next_pwrite64)(int, const void *, size_t, off64_t);

__attribute__((constructor)) static void load(void)
{
	next_fsync = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
	next_fdatasync = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
	next_pwrite = (ssize_t(*)(int, const void *, size_t, off_t))dlsym(RTLD_NEXT, "pwrite");
	next_pwrite64 = (ssize_t(*)(int, const void *, size_t, off64_t))dlsym(RTLD_NEXT, "pwrite64");
	const char *path = getenv("KILLAT");
	if (path == NULL)
		return;
	int fd = open(path, O_RDWR | O_CLOEXEC);
	void *at = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof *trap, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (at == MAP_FAILED) {
		perror("killat");
		abort();
	}
	close(fd);
	trap = at;
}

/* is_log reports whether fd is a write-ahead log. */
static int is_log(int fd)
{
	char link[64], name[4096];
	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	ssize_t n = readlink(link, name, sizeof name);
	return n > 4 && memcmp(name + n - 4, "-wal", 4) == 0;
}

static void die(void)
{
	kill(getpid(), SIGKILL);
	for (;;)
		pause();
}

/* writes is called before each write: the first of a commit goes through, so
 * that half a commit is left. */
static void writes(int fd)
{
	if (trap == NULL || !is_log(fd))
		return;
	if (atomic_fetch_add(&begun, 1) > 0 && trap->before > 0 && trap->written + 1 >= trap->before)
		die();
}

/* flushes is called before each flush. */
static void flushes(int fd)
{
	if (trap == NULL || !is_log(fd) || atomic_exchange(&begun, 0) == 0)
		return;
	int64_t written = atomic_fetch_add(&trap->written, 1) + 1;
	if (trap->after > 0 && written >= trap->after)
		die();
}

#define SHOWN __attribute__((visibility("default")))

SHOWN int fsync(int fd)
{
	flushes(fd);
	return next_fsync(fd);
}

SHOWN int fdatasync(int fd)
{
	flushes(fd);
	return next_fdatasync(fd);
}

SHOWN ssize_t pwrite(int fd, const void *buf, size_t count, off_t offset)
{
	writes(fd);
	return next_pwrite(fd, buf, count, offset);
}

SHOWN ssize_t pwrite64(int fd, const void *buf, size_t count, off64_t offset)
{
	writes(fd);
	return next_pwrite64(fd, buf, count, offset);
}
