/* Closing the library while a job runs in it: a thread that returns into it must find it there.
   Many threads do so again and again, with jobs that outlast them.

   This program is not linked with the library but opens the one that $LIBRARY names.

   SPDX-License-Identifier: Apache-2.0 */

#include <dlfcn.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <ptjobs.h>

enum { SKIP = 77, PATIENCE_S = 60 };

#define must(condition)                                                             \
	do {                                                                        \
		if (!(condition)) {                                                 \
			fprintf(stderr, "line %d: not %s\n", __LINE__, #condition); \
			exit(EXIT_FAILURE);                                         \
		}                                                                   \
	} while (0)

struct library {
	void *handle;
	int (*attr_create)(ptj_attr **);
	void (*attr_free)(ptj_attr *);
	int (*set_close_timeout)(ptj_attr *, int64_t);
	int (*create)(ptj_scheduler **, const ptj_attr *);
	int (*spawn)(ptj_scheduler *, ptj_job_fn, void *, ptj_job **);
	int (*wait)(ptj_job *, int64_t, void **);
	void (*unref)(ptj_job *);
	void (*free)(ptj_scheduler *);
};

static int started, go, over;
static const char *library_path;

static void look_up(struct library *l, const char *name, void *where)
{
	void *symbol = dlsym(l->handle, name);

	must(symbol != NULL);
	memcpy(where, &symbol, sizeof symbol);
}

static void open_library(struct library *l)
{
	l->handle = dlopen(library_path, RTLD_NOW | RTLD_LOCAL);
	if (!l->handle)
		fprintf(stderr, "%s\n", dlerror());
	must(l->handle);
	look_up(l, "ptj_attr_create", &l->attr_create);
	look_up(l, "ptj_attr_free", &l->attr_free);
	look_up(l, "ptj_attr_set_close_timeout", &l->set_close_timeout);
	look_up(l, "ptj_scheduler_create", &l->create);
	look_up(l, "ptj_spawn", &l->spawn);
	look_up(l, "ptj_job_wait", &l->wait);
	look_up(l, "ptj_job_unref", &l->unref);
	look_up(l, "ptj_scheduler_free", &l->free);
}

static void signal_fd(int fd)
{
	uint64_t one = 1;

	must(write(fd, &one, sizeof one) == sizeof one);
}

static void await_fd(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	must(poll(&p, 1, PATIENCE_S * 1000) == 1);
}

static void *job_identity(void *arg)
{
	return arg;
}

static void *job_outlast_the_library(void *arg)
{
	int state;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	signal_fd(started);
	await_fd(go);
	return arg;
}

/* Runs when the job's thread, back in the library, ends. */
static void thread_over(void *arg)
{
	(void)arg;
	signal_fd(over);
}

static pthread_key_t key;

static void *job_straggle(void *arg)
{
	pthread_setspecific(key, &key);
	return job_outlast_the_library(arg);
}

static void run_a_job(const struct library *l)
{
	ptj_scheduler *s;
	ptj_job *job;
	void *result = NULL;

	must(l->create(&s, NULL) == 0);
	must(l->spawn(s, job_identity, &s, &job) == 0);
	must(l->wait(job, PTJ_INFINITE, &result) == 0 && result == &s);
	l->unref(job);
	l->free(s);
}

/* A straggler is in its function when the library is closed; then it returns, and its thread
   ends, in code that must still be there. */
static void leave_a_straggler(struct library *l)
{
	ptj_scheduler *s;
	ptj_attr *attr;

	must(l->attr_create(&attr) == 0);
	must(l->set_close_timeout(attr, 0) == 0);
	must(l->create(&s, attr) == 0);
	l->attr_free(attr);
	must(l->spawn(s, job_straggle, NULL, NULL) == 0);
	await_fd(started);
	l->free(s);
	must(dlclose(l->handle) == 0);
	signal_fd(go);
	await_fd(over);
}

/* ---- Many threads ---------------------------------------------------------------------------- */

enum { THREADS = 6, ROUNDS = 40 };

static void *open_and_close(void *arg)
{
	struct library l;
	ptj_scheduler *s;
	ptj_job *job;
	int i;

	for (i = 0; i < ROUNDS; i++) {
		open_library(&l);
		run_a_job(&l);
		must(l.create(&s, NULL) == 0);
		must(l.spawn(s, job_identity, arg, &job) == 0);
		l.unref(job);
		/* The job may be before, in or after its function. */
		must(dlclose(l.handle) == 0);
		open_library(&l);
		l.free(s);
		must(dlclose(l.handle) == 0);
	}
	return NULL;
}

static void open_and_close_everywhere(void)
{
	pthread_t threads[THREADS];
	int i;

	for (i = 0; i < THREADS; i++)
		must(pthread_create(&threads[i], NULL, open_and_close, NULL) == 0);
	for (i = 0; i < THREADS; i++)
		must(pthread_join(threads[i], NULL) == 0);
}

int main(void)
{
	struct library l;

	library_path = getenv("LIBRARY");
	if (!library_path || access(library_path, R_OK)) {
		fprintf(stderr, "skipped: LIBRARY names no shared library\n");
		return SKIP;
	}
	alarm(2 * PATIENCE_S);
	started = eventfd(0, EFD_CLOEXEC);
	go = eventfd(0, EFD_CLOEXEC);
	over = eventfd(0, EFD_CLOEXEC);
	must(started >= 0 && go >= 0 && over >= 0);
	must(pthread_key_create(&key, thread_over) == 0);
	/* The report of the straggler is none of our output. */
	must(dup2(open("/dev/null", O_WRONLY | O_CLOEXEC), 2) == 2);

	open_library(&l);
	run_a_job(&l);
	must(dlclose(l.handle) == 0);
	open_library(&l);
	run_a_job(&l);
	open_and_close_everywhere();
	leave_a_straggler(&l);
	open_library(&l);
	run_a_job(&l);
	open_and_close_everywhere();
	return EXIT_SUCCESS;
}
