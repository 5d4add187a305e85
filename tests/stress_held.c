/* SPDX-License-Identifier: Apache-2.0 */

#include "stress_held.h"

#include "stress.h"

#include <dirent.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static atomic_long blocks, mapped;

long held_blocks(void)
{
	return atomic_load(&blocks);
}

long held_mapped(void)
{
	return atomic_load(&mapped);
}

static int entries(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	int n = 0;

	must(dir);
	while ((entry = readdir(dir)))
		n += entry->d_name[0] != '.';
	closedir(dir);
	return n;
}

int held_threads(void)
{
	return entries("/proc/self/task");
}

/* Less the one that looks. */
int held_descriptors(void)
{
	return entries("/proc/self/fd") - 1;
}

/* ---- The wrapped functions ------------------------------------------------------------------ */

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
char *__real_strdup(const char *text);
void __real_free(void *block);
void *__real_mmap(void *at, size_t size, int prot, int flags, int fd, off_t offset);
int __real_munmap(void *at, size_t size);

void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);
char *__wrap_strdup(const char *text);
void __wrap_free(void *block);
void *__wrap_mmap(void *at, size_t size, int prot, int flags, int fd, off_t offset);
int __wrap_munmap(void *at, size_t size);

static void *note(void *block)
{
	atomic_fetch_add_explicit(&blocks, block != NULL, memory_order_relaxed);
	return block;
}

void *__wrap_malloc(size_t size)
{
	return note(__real_malloc(size));
}

void *__wrap_calloc(size_t n, size_t size)
{
	return note(__real_calloc(n, size));
}

void *__wrap_aligned_alloc(size_t alignment, size_t size)
{
	return note(__real_aligned_alloc(alignment, size));
}

char *__wrap_strdup(const char *text)
{
	return note(__real_strdup(text));
}

void __wrap_free(void *block)
{
	atomic_fetch_sub_explicit(&blocks, block != NULL, memory_order_relaxed);
	__real_free(block);
}

void *__wrap_mmap(void *at, size_t size, int prot, int flags, int fd, off_t offset)
{
	void *map = __real_mmap(at, size, prot, flags, fd, offset);

	if (map != MAP_FAILED)
		atomic_fetch_add_explicit(&mapped, (long)size, memory_order_relaxed);
	return map;
}

int __wrap_munmap(void *at, size_t size)
{
	if (size > 0)
		atomic_fetch_sub_explicit(&mapped, (long)size, memory_order_relaxed);
	return __real_munmap(at, size);
}
