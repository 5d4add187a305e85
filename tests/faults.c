/* Faults on demand; faults.h says how.

   tools/check-faults makes sure that the library calls nothing that may fail and stands neither
   here nor, with a reason, there.

   SPDX-License-Identifier: Apache-2.0 */

#include "faults.h"
#include "sanitizers.h"

#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

UNINSTRUMENTED_BEGIN

struct countdown {
	atomic_int armed;
	atomic_int calls;
	atomic_int first;
	atomic_int failing; /* in a row */
	atomic_int hits;
};

static struct countdown countdowns[FAULTS];

static _Thread_local int spared;

int faults_spare_stderr; /* written before there are threads */

void faults_spare_this_thread(void)
{
	spared = 1;
}

void library_enter(void)
{
	spared = 0;
}

void library_leave(void)
{
	spared = 1;
}

void fault_arm(enum fault fault, int n, enum fault_length length)
{
	static const int in_a_row[] = {
		[FAULT_ONCE] = 1, [FAULT_FOR_EVER] = INT32_MAX, [FAULT_IN_A_BURST] = FAULT_BURST};
	struct countdown *c = &countdowns[fault];

	atomic_store(&c->calls, 0);
	atomic_store(&c->first, n);
	atomic_store(&c->failing, in_a_row[length]);
	atomic_store(&c->hits, 0);
	atomic_store(&c->armed, 1);
}

void fault_arm_further(enum fault fault)
{
	atomic_store(&countdowns[fault].armed, 1);
}

int fault_disarm(enum fault fault)
{
	atomic_store(&countdowns[fault].armed, 0);
	return fault_hits(fault);
}

int fault_hits(enum fault fault)
{
	return atomic_load(&countdowns[fault].hits);
}

int fault_calls(enum fault fault)
{
	return atomic_load(&countdowns[fault].calls);
}

int fault_strikes(enum fault fault)
{
	struct countdown *c = &countdowns[fault];
	int since;

	if (spared || !atomic_load(&c->armed))
		return 0;
	since = atomic_fetch_add(&c->calls, 1) - atomic_load(&c->first);
	if (since < 0 || since >= atomic_load(&c->failing))
		return 0;
	atomic_fetch_add(&c->hits, 1);
	return 1;
}

int fault_fails(enum fault fault, int error)
{
	if (!fault_strikes(fault))
		return 0;
	errno = error;
	return 1;
}

/* ---- The account ---------------------------------------------------------------------------- */

enum { BLOCKS = 4096, PAGE = 4096 };

static pthread_mutex_t blocks_mu = PTHREAD_MUTEX_INITIALIZER;
static void *blocks[BLOCKS]; /* guarded by blocks_mu; NULL: a free place */
static size_t held;          /* guarded by blocks_mu */
static size_t mapped;        /* bytes; guarded by blocks_mu */

static void *note(void *block)
{
	size_t i = 0;

	if (!block || spared)
		return block;
	pthread_mutex_lock(&blocks_mu);
	while (i < BLOCKS - 1 && blocks[i])
		i++;
	blocks[i] = block;
	held++;
	pthread_mutex_unlock(&blocks_mu);
	return block;
}

static void forget(const void *block)
{
	size_t i = 0;

	if (!block)
		return;
	pthread_mutex_lock(&blocks_mu);
	while (i < BLOCKS && blocks[i] != block)
		i++;
	if (i < BLOCKS) {
		blocks[i] = NULL;
		held--;
	}
	pthread_mutex_unlock(&blocks_mu);
}

static void note_mapping(size_t more, size_t less)
{
	if (spared)
		return;
	pthread_mutex_lock(&blocks_mu);
	mapped += more - less;
	pthread_mutex_unlock(&blocks_mu);
}

size_t blocks_held(void)
{
	size_t n;

	pthread_mutex_lock(&blocks_mu);
	n = held + mapped / PAGE;
	pthread_mutex_unlock(&blocks_mu);
	return n;
}

/* ---- Memory --------------------------------------------------------------------------------- */

static int memory_is_short(void)
{
	return fault_fails(NO_MEMORY, ENOMEM);
}

WRAP(void *, malloc, size_t size)
{
	return memory_is_short() ? NULL : note(__real_malloc(size));
}

WRAP(void *, calloc, size_t n, size_t size)
{
	return memory_is_short() ? NULL : note(__real_calloc(n, size));
}

WRAP(void *, realloc, void *block, size_t size)
{
	void *moved;

	if (memory_is_short())
		return NULL;
	forget(block);
	moved = __real_realloc(block, size);
	note(moved ? moved : block);
	return moved;
}

WRAP(void *, aligned_alloc, size_t alignment, size_t size)
{
	return memory_is_short() ? NULL : note(__real_aligned_alloc(alignment, size));
}

WRAP(int, posix_memalign, void **out, size_t alignment, size_t size)
{
	int rc = fault_strikes(NO_MEMORY) ? ENOMEM : __real_posix_memalign(out, alignment, size);

	if (rc == 0)
		note(*out);
	return rc;
}

WRAP(char *, strdup, const char *text)
{
	return memory_is_short() ? NULL : note(__real_strdup(text));
}

WRAP(char *, strndup, const char *text, size_t n)
{
	return memory_is_short() ? NULL : note(__real_strndup(text, n));
}

WRAP(void, free, void *block)
{
	forget(block);
	__real_free(block);
}

WRAP(void *, mmap, void *at, size_t size, int prot, int flags, int fd, off_t offset)
{
	void *map;

	if (memory_is_short())
		return MAP_FAILED;
	map = __real_mmap(at, size, prot, flags, fd, offset);
	if (map != MAP_FAILED)
		note_mapping(size, 0);
	return map;
}

WRAP(int, munmap, void *at, size_t size)
{
	int rc = fault_fails(NO_UNMAPPING, ENOMEM) ? -1 : __real_munmap(at, size);

	if (rc == 0)
		note_mapping(0, size);
	return rc;
}

WRAP(char **, backtrace_symbols, void *const *frames, int n)
{
	return memory_is_short() ? NULL : note(__real_backtrace_symbols(frames, n));
}

/* ---- A stream into memory ------------------------------------------------------------------- */

WRAP(FILE *, open_memstream, char **text, size_t *len)
{
	return memory_is_short() ? NULL : note(__real_open_memstream(text, len));
}

/* It is closed in any case, and what found no room is lost. */
WRAP(int, fclose, FILE *stream)
{
	int failed = memory_is_short();
	int rc;

	forget(stream);
	rc = __real_fclose(stream);
	return failed ? EOF : rc;
}

/* ---- Threads -------------------------------------------------------------------------------- */

/* What cannot be made is left so that it does not work by chance. */

WRAP(int, pthread_create, pthread_t *thread, const pthread_attr_t *attr, void *(*fn)(void *),
     void *arg)
{
	return fault_strikes(NO_THREAD) ? EAGAIN : __real_pthread_create(thread, attr, fn, arg);
}

WRAP(int, pthread_setname_np, pthread_t thread, const char *name)
{
	return fault_strikes(NO_THREAD) ? ENOMEM : __real_pthread_setname_np(thread, name);
}

WRAP(int, pthread_attr_init, pthread_attr_t *attr)
{
	if (!fault_strikes(NO_OBJECT))
		return __real_pthread_attr_init(attr);
	memset(attr, 0x55, sizeof *attr);
	return ENOMEM;
}

WRAP(int, pthread_attr_setstacksize, pthread_attr_t *attr, size_t size)
{
	return fault_strikes(NO_OBJECT) ? EINVAL : __real_pthread_attr_setstacksize(attr, size);
}

WRAP(int, pthread_mutex_init, pthread_mutex_t *mu, const pthread_mutexattr_t *attr)
{
	int rc = __real_pthread_mutex_init(mu, attr);

	if (rc || !fault_strikes(NO_OBJECT))
		return rc;
	pthread_mutex_lock(mu);
	return EAGAIN;
}

WRAP(int, pthread_mutexattr_init, pthread_mutexattr_t *attr)
{
	if (!fault_strikes(NO_OBJECT))
		return __real_pthread_mutexattr_init(attr);
	memset(attr, 0x55, sizeof *attr);
	return ENOMEM;
}

WRAP(int, pthread_mutexattr_settype, pthread_mutexattr_t *attr, int type)
{
	return fault_strikes(NO_OBJECT) ? EINVAL : __real_pthread_mutexattr_settype(attr, type);
}

WRAP(int, pthread_atfork, void (*prepare)(void), void (*parent)(void), void (*child)(void))
{
	return fault_strikes(NO_OBJECT) ? ENOMEM : __real_pthread_atfork(prepare, parent, child);
}

/* ---- Time ----------------------------------------------------------------------------------- */

/* What it leaves in *now is not the time. */
WRAP(int, clock_gettime, clockid_t clock, struct timespec *now)
{
	if (!fault_fails(NO_CLOCK, EPERM))
		return __real_clock_gettime(clock, now);
	memset(now, 0x55, sizeof *now);
	return -1;
}

WRAP(int, sem_wait, sem_t *sem)
{
	return fault_fails(INTERRUPTED, EINTR) ? -1 : __real_sem_wait(sem);
}

WRAP(int, sem_clockwait, sem_t *sem, clockid_t clock, const struct timespec *until)
{
	if (fault_fails(INTERRUPTED, EINTR) || fault_fails(NO_CLOCK, EINVAL))
		return -1;
	return __real_sem_clockwait(sem, clock, until);
}

WRAP(int, sem_timedwait, sem_t *sem, const struct timespec *until)
{
	if (fault_fails(INTERRUPTED, EINTR) || fault_fails(NO_CLOCK, EINVAL))
		return -1;
	return __real_sem_timedwait(sem, until);
}

WRAP(int, pthread_clockjoin_np, pthread_t thread, void **value, clockid_t clock,
     const struct timespec *until)
{
	if (fault_strikes(NO_CLOCK))
		return EINVAL;
	return __real_pthread_clockjoin_np(thread, value, clock, until);
}

WRAP(int, pthread_timedjoin_np, pthread_t thread, void **value, const struct timespec *until)
{
	return fault_strikes(NO_CLOCK) ? EINVAL : __real_pthread_timedjoin_np(thread, value, until);
}

WRAP(int, sigtimedwait, const sigset_t *set, siginfo_t *info, const struct timespec *timeout)
{
	return fault_fails(INTERRUPTED, EINTR) ? -1 : __real_sigtimedwait(set, info, timeout);
}

/* ---- Descriptors ---------------------------------------------------------------------------- */

/* The library's own, to which 8 bytes can always be written, and read when they were. */
enum { DESCRIPTORS = 1024 };
static atomic_bool own[DESCRIPTORS];

static int is_own(int fd)
{
	return fd >= 0 && fd < DESCRIPTORS && atomic_load(&own[fd]);
}

WRAP(int, eventfd, unsigned int initial, int flags)
{
	int fd = fault_fails(NO_DESCRIPTOR, EMFILE) ? -1 : __real_eventfd(initial, flags);

	if (fd >= 0 && fd < DESCRIPTORS)
		atomic_store(&own[fd], !spared);
	return fd;
}

WRAP(int, close, int fd)
{
	if (is_own(fd))
		atomic_store(&own[fd], false);
	return __real_close(fd);
}

/* With the one argument that every command has or ignores. */
int __real_fcntl(int fd, int command, ...);
int __wrap_fcntl(int fd, int command, ...);
int __wrap_fcntl(int fd, int command, ...)
{
	va_list more;
	void *argument;

	if (fault_fails(NO_ANSWER, EBADF))
		return -1;
	va_start(more, command);
	argument = va_arg(more, void *);
	va_end(more);
	return __real_fcntl(fd, command, argument);
}

WRAP(int, fstat, int fd, struct stat *st)
{
	return fault_fails(NO_ANSWER, ENOMEM) ? -1 : __real_fstat(fd, st);
}

WRAP(ssize_t, read, int fd, void *buf, size_t size)
{
	if (fault_fails(INTERRUPTED, EINTR) || (!is_own(fd) && fault_fails(NO_READING, EIO)))
		return -1;
	return __real_read(fd, buf, size);
}

WRAP(ssize_t, write, int fd, const void *buf, size_t size)
{
	if (fault_fails(INTERRUPTED, EINTR))
		return -1;
	if (!is_own(fd) && !(fd == STDERR_FILENO && faults_spare_stderr) &&
	    fault_fails(NO_WRITING, EIO))
		return -1;
	return __real_write(fd, buf, size);
}

WRAP(ssize_t, send, int fd, const void *buf, size_t size, int flags)
{
	if (fault_fails(INTERRUPTED, EINTR) || fault_fails(NO_WRITING, ENOBUFS))
		return -1;
	return __real_send(fd, buf, size, flags);
}

WRAP(int, poll, struct pollfd *fds, nfds_t n, int timeout)
{
	return fault_fails(INTERRUPTED, EINTR) ? -1 : __real_poll(fds, n, timeout);
}

/* ---- The system ----------------------------------------------------------------------------- */

WRAP(void *, dlopen, const char *file, int mode)
{
	return fault_strikes(NO_LIBRARY) ? NULL : __real_dlopen(file, mode);
}

WRAP(void *, dlsym, void *handle, const char *symbol)
{
	return fault_strikes(NO_LIBRARY) ? NULL : __real_dlsym(handle, symbol);
}

/* A sanitizer's run-time asks for other things, and must have its answers. */
WRAP(long, sysconf, int name)
{
	if (name != _SC_NPROCESSORS_ONLN && name != _SC_THREAD_STACK_MIN)
		return __real_sysconf(name);
	return fault_fails(NO_ANSWER, EINVAL) ? -1 : __real_sysconf(name);
}

WRAP(int, sched_getaffinity, pid_t pid, size_t size, cpu_set_t *set)
{
	return fault_fails(NO_ANSWER, EINVAL) ? -1 : __real_sched_getaffinity(pid, size, set);
}

/* Whether none is known, or the C library has no text for the code. */
WRAP(const char *, strerrordesc_np, int code)
{
	return fault_strikes(NO_ANSWER) ? NULL : __real_strerrordesc_np(code);
}

UNINSTRUMENTED_END
