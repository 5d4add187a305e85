/* The first call of a thread into a library that was loaded with dlopen(), when no memory is left.
   The thread must have by then what the library keeps for each: where the C library finds no room
   for that, it ends the process.

   This program is not linked with the library but opens the one that $LIBRARY names.  Memory runs
   out for real: the address space may not grow, and what the allocator has left is taken.

   SPDX-License-Identifier: Apache-2.0 */

#include <dlfcn.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include <ptjobs.h>

#include "sanitizers.h"

enum { SKIP = 77, PATIENCE_S = 60 };

#define must(condition)                                                        \
	do {                                                                   \
		if (!(condition)) {                                            \
			dprintf(2, "line %d: not %s\n", __LINE__, #condition); \
			_exit(EXIT_FAILURE);                                   \
		}                                                              \
	} while (0)

static struct {
	__typeof__(ptj_attr_create) *attr_create;
	__typeof__(ptj_attr_set_exception_handler) *attr_set_handler;
	__typeof__(ptj_attr_free) *attr_free;
	__typeof__(ptj_scheduler_create) *create;
	__typeof__(ptj_scheduler_free) *free;
	__typeof__(ptj_scheduler_wait) *wait;
	__typeof__(ptj_scheduler_foreach) *foreach;
	__typeof__(ptj_scheduler_call_exception_handler) *call_handler;
	__typeof__(ptj_spawn) *spawn;
	__typeof__(ptj_job_self) *self;
	__typeof__(ptj_job_poll) *poll;
	__typeof__(ptj_job_close) *close;
	__typeof__(ptj_job_cancelled) *cancelled;
	__typeof__(ptj_job_fail) *fail;
	__typeof__(ptj_job_unref) *unref;
	__typeof__(ptj_sleep) *sleep;
} ptj;

static void look_up(void *library, const char *name, void *where)
{
	void *symbol = dlsym(library, name);

	must(symbol != NULL);
	memcpy(where, &symbol, sizeof(symbol));
}

static void open_library(const char *path)
{
	void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);

	if (!library)
		fprintf(stderr, "%s\n", dlerror());
	must(library);
	look_up(library, "ptj_attr_create", &ptj.attr_create);
	look_up(library, "ptj_attr_set_exception_handler", &ptj.attr_set_handler);
	look_up(library, "ptj_attr_free", &ptj.attr_free);
	look_up(library, "ptj_scheduler_create", &ptj.create);
	look_up(library, "ptj_scheduler_free", &ptj.free);
	look_up(library, "ptj_scheduler_wait", &ptj.wait);
	look_up(library, "ptj_scheduler_foreach", &ptj.foreach);
	look_up(library, "ptj_scheduler_call_exception_handler", &ptj.call_handler);
	look_up(library, "ptj_spawn", &ptj.spawn);
	look_up(library, "ptj_job_self", &ptj.self);
	look_up(library, "ptj_job_poll", &ptj.poll);
	look_up(library, "ptj_job_close", &ptj.close);
	look_up(library, "ptj_job_cancelled", &ptj.cancelled);
	look_up(library, "ptj_job_fail", &ptj.fail);
	look_up(library, "ptj_job_unref", &ptj.unref);
	look_up(library, "ptj_sleep", &ptj.sleep);
}

/* ---- A scheduler with a job that runs, and the first calls of others ------------------------- */

static ptj_scheduler *s;
static ptj_job *job;
static int started, go;
static int handled;

static void signal_fd(int fd)
{
	uint64_t one = 1;

	must(write(fd, &one, sizeof(one)) == sizeof(one));
}

static void await_fd(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	must(poll(&p, 1, PATIENCE_S * 1000) == 1);
}

static void *job_at_gate(void *arg)
{
	signal_fd(started);
	await_fd(go);
	return arg;
}

static int count_job(ptj_job *visited, void *n)
{
	must(visited == job);
	++*(int *)n;
	return 0;
}

static void count_report(ptj_scheduler *scheduler, const ptj_context *context, void *user)
{
	(void)scheduler;
	(void)context;
	(void)user;
	handled++;
}

static void ask_for_oneself(void)
{
	must(ptj.self() == NULL);
}

static void ask_for_cancellation(void)
{
	must(ptj.cancelled() == 0);
}

static void fail_outside(void)
{
	must(ptj.fail(EIO, NULL) == NULL);
}

static void poll_a_job(void)
{
	must(ptj.poll(job, 1, NULL) == ETIMEDOUT);
}

static void visit(void)
{
	int n = 0;

	must(ptj.foreach (s, count_job, &n) == 0 && n == 1);
}

static void report(void)
{
	ptj_context context = {.message = "hello"};

	must(ptj.call_handler(s, &context) == 0 && handled == 1);
}

static void sleep_briefly(void)
{
	must(ptj.sleep(1) == 0);
}

static void make_a_scheduler(void)
{
	ptj_scheduler *other;

	must(ptj.create(&other, NULL) == ENOMEM);
}

/* There is no thread for the job, nor memory for one; it is in line for the one that runs. */
static void spawn_and_close(void)
{
	ptj_job *other;

	must(ptj.spawn(s, job_at_gate, NULL, &other) == 0);
	must(ptj.close(other, PTJ_INFINITE) == 0);
	ptj.unref(other);
}

static void (*const calls[])(void) = {
	ask_for_oneself, ask_for_cancellation, fail_outside,     poll_a_job,      visit,
	report,          sleep_briefly,        make_a_scheduler, spawn_and_close,
};

enum { CALLS = sizeof(calls) / sizeof(calls[0]) };

static struct caller {
	pthread_t thread;
	void (*call)(void);
	int begin, over;
} callers[CALLS];

static void *make_the_call(void *arg)
{
	struct caller *c = arg;

	await_fd(c->begin);
	c->call();
	signal_fd(c->over);
	return NULL;
}

/* ---- No memory ------------------------------------------------------------------------------- */

struct block {
	struct block *next;
};

static struct block *taken;

static void take_all_memory(void)
{
	size_t size = 1 << 20;
	struct block *block;

	while (size >= sizeof(*block)) {
		block = malloc(size);
		if (!block) {
			size /= 2;
			continue;
		}
		block->next = taken;
		taken = block;
	}
	must(malloc(1) == NULL);
}

static void give_all_memory_back(void)
{
	struct block *block;

	while ((block = taken)) {
		taken = block->next;
		free(block);
	}
}

int main(void)
{
	const char *path = getenv("LIBRARY");
	struct rlimit before, none;
	ptj_attr *attr;
	size_t i;

	if (!path || access(path, R_OK) || SANITIZED) {
		fprintf(stderr, "skipped: LIBRARY names no shared library, or a sanitizer's\n");
		return SKIP;
	}
	alarm(2 * PATIENCE_S);
	open_library(path);
	started = eventfd(0, EFD_CLOEXEC);
	go = eventfd(0, EFD_CLOEXEC);
	must(started >= 0 && go >= 0);
	must(ptj.attr_create(&attr) == 0);
	must(ptj.attr_set_handler(attr, count_report, NULL) == 0);
	must(ptj.create(&s, attr) == 0);
	ptj.attr_free(attr);
	must(ptj.spawn(s, job_at_gate, &job, &job) == 0);
	await_fd(started);
	for (i = 0; i < CALLS; i++) {
		callers[i].call = calls[i];
		callers[i].begin = eventfd(0, EFD_CLOEXEC);
		callers[i].over = eventfd(0, EFD_CLOEXEC);
		must(callers[i].begin >= 0 && callers[i].over >= 0);
		must(pthread_create(&callers[i].thread, NULL, make_the_call, &callers[i]) == 0);
	}

	must(getrlimit(RLIMIT_AS, &before) == 0);
	none = (struct rlimit){.rlim_cur = 1, .rlim_max = before.rlim_max};
	must(setrlimit(RLIMIT_AS, &none) == 0);
	take_all_memory();
	for (i = 0; i < CALLS; i++) {
		signal_fd(callers[i].begin);
		await_fd(callers[i].over);
	}
	must(setrlimit(RLIMIT_AS, &before) == 0);
	give_all_memory_back();

	for (i = 0; i < CALLS; i++)
		must(pthread_join(callers[i].thread, NULL) == 0);
	signal_fd(go);
	must(ptj.poll(job, PTJ_INFINITE, NULL) == 0);
	ptj.unref(job);
	must(ptj.wait(s, PTJ_INFINITE) == 0);
	ptj.free(s);
	return EXIT_SUCCESS;
}
