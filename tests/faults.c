/* Faults on demand; faults.h says how.

   SPDX-License-Identifier: Apache-2.0 */

#include "faults.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>

struct countdown {
	atomic_int armed;
	atomic_int left;
	atomic_int lasting;
	atomic_int hits;
};

static struct countdown countdowns[FAULTS];

static _Thread_local int spared;

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

void fault_arm(enum fault fault, int n, int lasting)
{
	struct countdown *c = &countdowns[fault];

	atomic_store(&c->left, n);
	atomic_store(&c->lasting, lasting);
	atomic_store(&c->hits, 0);
	atomic_store(&c->armed, 1);
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

int fault_strikes(enum fault fault)
{
	struct countdown *c = &countdowns[fault];
	int left;

	if (spared || !atomic_load(&c->armed))
		return 0;
	left = atomic_fetch_sub(&c->left, 1);
	if (left > 0 || (left < 0 && !atomic_load(&c->lasting)))
		return 0;
	atomic_fetch_add(&c->hits, 1);
	return 1;
}

/* ---- The account ---------------------------------------------------------------------------- */

enum { BLOCKS = 4096 };

static pthread_mutex_t blocks_mu = PTHREAD_MUTEX_INITIALIZER;
static void *blocks[BLOCKS]; /* guarded by blocks_mu; NULL: a free place */
static size_t held;          /* guarded by blocks_mu */

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

/* The block that begins within these bytes, if there is one. */
static void forget_within(const void *from, size_t size)
{
	uintptr_t start = (uintptr_t)from;
	size_t i = 0;

	if (!from)
		return;
	pthread_mutex_lock(&blocks_mu);
	while (i < BLOCKS && (uintptr_t)blocks[i] - start >= size)
		i++;
	if (i < BLOCKS) {
		blocks[i] = NULL;
		held--;
	}
	pthread_mutex_unlock(&blocks_mu);
}

static void forget(const void *block)
{
	forget_within(block, 1);
}

size_t blocks_held(void)
{
	size_t n;

	pthread_mutex_lock(&blocks_mu);
	n = held;
	pthread_mutex_unlock(&blocks_mu);
	return n;
}

/* ---- The wrapped functions ------------------------------------------------------------------ */

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *block, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
int __real_posix_memalign(void **out, size_t alignment, size_t size);
char *__real_strdup(const char *text);
char *__real_strndup(const char *text, size_t n);
void __real_free(void *block);
void *__real_mmap(void *at, size_t size, int prot, int flags, int fd, off_t offset);
int __real_munmap(void *at, size_t size);
int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*fn)(void *),
                          void *arg);
int __real_eventfd(unsigned int initial, int flags);
int __real_pipe2(int fds[2], int flags);

void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *block, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);
int __wrap_posix_memalign(void **out, size_t alignment, size_t size);
char *__wrap_strdup(const char *text);
char *__wrap_strndup(const char *text, size_t n);
void __wrap_free(void *block);
void *__wrap_mmap(void *at, size_t size, int prot, int flags, int fd, off_t offset);
int __wrap_munmap(void *at, size_t size);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*fn)(void *),
                          void *arg);
int __wrap_eventfd(unsigned int initial, int flags);
int __wrap_pipe2(int fds[2], int flags);

static int memory_is_short(void)
{
	if (!fault_strikes(NO_MEMORY))
		return 0;
	errno = ENOMEM;
	return 1;
}

void *__wrap_malloc(size_t size)
{
	return memory_is_short() ? NULL : note(__real_malloc(size));
}

void *__wrap_calloc(size_t n, size_t size)
{
	return memory_is_short() ? NULL : note(__real_calloc(n, size));
}

void *__wrap_realloc(void *block, size_t size)
{
	void *moved;

	if (memory_is_short())
		return NULL;
	forget(block);
	moved = __real_realloc(block, size);
	note(moved ? moved : block);
	return moved;
}

void *__wrap_aligned_alloc(size_t alignment, size_t size)
{
	return memory_is_short() ? NULL : note(__real_aligned_alloc(alignment, size));
}

int __wrap_posix_memalign(void **out, size_t alignment, size_t size)
{
	int rc = fault_strikes(NO_MEMORY) ? ENOMEM : __real_posix_memalign(out, alignment, size);

	if (rc == 0)
		note(*out);
	return rc;
}

char *__wrap_strdup(const char *text)
{
	return memory_is_short() ? NULL : note(__real_strdup(text));
}

char *__wrap_strndup(const char *text, size_t n)
{
	return memory_is_short() ? NULL : note(__real_strndup(text, n));
}

void __wrap_free(void *block)
{
	forget(block);
	__real_free(block);
}

/* The middle of a mapping is noted: what lies around it may be unmapped before. */
void *__wrap_mmap(void *at, size_t size, int prot, int flags, int fd, off_t offset)
{
	char *map;

	if (memory_is_short())
		return MAP_FAILED;
	map = __real_mmap(at, size, prot, flags, fd, offset);
	if (map != MAP_FAILED)
		note(map + size / 2);
	return map;
}

int __wrap_munmap(void *at, size_t size)
{
	forget_within(at, size);
	return __real_munmap(at, size);
}

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*fn)(void *),
                          void *arg)
{
	return fault_strikes(NO_THREAD) ? EAGAIN : __real_pthread_create(thread, attr, fn, arg);
}

int __wrap_eventfd(unsigned int initial, int flags)
{
	if (fault_strikes(NO_DESCRIPTOR)) {
		errno = EMFILE;
		return -1;
	}
	return __real_eventfd(initial, flags);
}

int __wrap_pipe2(int fds[2], int flags)
{
	if (fault_strikes(NO_DESCRIPTOR)) {
		errno = EMFILE;
		return -1;
	}
	return __real_pipe2(fds, flags);
}
