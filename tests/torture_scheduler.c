/* Schedulers, with every failure in turn.

   SPDX-License-Identifier: Apache-2.0 */

#include "torture.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static void plain(void)
{
	ptj_scheduler *s = NULL;

	attempt(ptj_scheduler_create(&s, NULL));
	require(s);
	in_torture(ptj_scheduler_free(s));
}

static atomic_int started, stopped;

static void count_start(void *user)
{
	(void)user;
	atomic_fetch_add(&started, 1);
}

static void count_stop(void *user)
{
	(void)user;
	atomic_fetch_add(&stopped, 1);
}

/* Each thread that there was has called both hooks. */
static void with_attributes(void)
{
	ptj_attr *attr = torture_attr();
	ptj_scheduler *s;

	atomic_store(&started, 0);
	atomic_store(&stopped, 0);
	attempt(ptj_attr_set_name(attr, "tortured"));
	attempt(ptj_attr_set_stack_size(attr, 1 << 20));
	attempt(ptj_attr_set_thread_start(attr, count_start, NULL));
	attempt(ptj_attr_set_thread_stop(attr, count_stop, NULL));
	s = torture_scheduler(attr);
	attempt(ptj_spawn(s, job_return, NULL, NULL));
	attempt(ptj_scheduler_wait(s, PTJ_INFINITE));
	torture_free(s);
	require(atomic_load(&started) >= 1);
	require(atomic_load(&started) == atomic_load(&stopped));
}

static void settings(void)
{
	ptj_attr *attr = torture_attr();
	ptj_scheduler *s;
	char text[64];

	attempt(ptj_attr_set_limit(attr, 3));
	attempt(ptj_attr_set_pending_limit(attr, 4));
	attempt(ptj_attr_set_close_timeout(attr, 5));
	attempt(ptj_attr_set_wait_timeout(attr, 6));
	s = torture_scheduler(attr);
	torture_watch(s);
	in_torture(require(ptj_scheduler_limit(s) == 3));
	in_torture(require(ptj_scheduler_pending_limit(s) == 4));
	in_torture(require(ptj_scheduler_close_timeout(s) == 5));
	in_torture(require(ptj_scheduler_wait_timeout(s) == 6));
	in_torture(require(ptj_scheduler_active_count(s) == 0));
	in_torture(require(ptj_scheduler_pending_count(s) == 0));
	in_torture(require(ptj_scheduler_len(s) == 0));
	in_torture(require(ptj_scheduler_shield_count(s) == 0));
	in_torture(require(!ptj_scheduler_closed(s)));
	in_torture(ptj_scheduler_describe(s, text, sizeof text));
	require(strcmp(text, "<Scheduler jobs=0>") == 0);
	torture_watch(NULL);
	attempt(ptj_scheduler_close(s));
	in_torture(require(ptj_scheduler_closed(s)));
	torture_free(s);
}

static void note_report(ptj_scheduler *s, const ptj_context *context, void *user)
{
	(void)s;
	(void)context;
	*(int *)user += 1;
}

static void handler(void)
{
	const ptj_context context = {.message = "a message", .error = EIO};
	ptj_scheduler *s = torture_scheduler(NULL);
	ptj_exception_handler fn;
	int noted = 0;
	void *user;

	torture_watch(s);
	attempt(ptj_scheduler_call_exception_handler(s, &context));
	require(atomic_load(&reports) == 1);
	attempt(ptj_scheduler_set_exception_handler(s, note_report, &noted));
	in_torture(fn = ptj_scheduler_get_exception_handler(s, &user));
	require(fn == note_report && user == &noted);
	attempt(ptj_scheduler_call_exception_handler(s, &context));
	require(noted == 1 && atomic_load(&reports) == 1);
	torture_free(s);
}

/* stderr is a pipe while a scenario looks at what is written there. */
static int stderr_before, stderr_fds[2];

static void stderr_catch(void)
{
	require(pipe2(stderr_fds, O_CLOEXEC) == 0);
	stderr_before = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
	require(stderr_before >= 0 && dup2(stderr_fds[1], STDERR_FILENO) >= 0);
}

/* A pipe takes far more than a report, and it is read when there is no writer any more. */
static size_t stderr_caught(char *text, size_t size)
{
	size_t len = 0;
	ssize_t n;

	require(dup2(stderr_before, STDERR_FILENO) >= 0);
	close(stderr_before);
	close(stderr_fds[1]);
	while ((n = read(stderr_fds[0], text + len, size - 1 - len)) > 0)
		len += (size_t)n;
	close(stderr_fds[0]);
	text[len] = '\0';
	return len;
}

/* A failure that nobody waited for is on stderr, if perhaps only that there was one. */
static void report_failure(int debug)
{
	enum { ROOM = 1 << 16 };
	ptj_attr *attr = torture_attr();
	ptj_scheduler *s;
	char *text = malloc(ROOM);

	require(text);
	attempt(ptj_attr_set_exception_handler(attr, NULL, NULL));
	attempt(ptj_attr_set_debug(attr, debug));
	s = torture_scheduler(attr);
	stderr_catch();
	attempt(ptj_spawn(s, job_fail, NULL, NULL));
	attempt(ptj_scheduler_wait(s, PTJ_INFINITE));
	torture_free(s);
	stderr_caught(text, ROOM);
	if (!torture_has_struck(NO_WRITING))
		require(strncmp(text, "ptjobs: ", 8) == 0);
	if (!torture_has_struck(NO_WRITING) && !torture_has_struck(NO_MEMORY))
		require(strstr(text, "disk on fire") && !strstr(text, "spawned at") == !debug);
	free(text);
}

static void default_handler(void)
{
	report_failure(0);
}

static void default_handler_with_traceback(void)
{
	report_failure(1);
}

static void failures_are_reported(void)
{
	enum { JOBS = 3 };
	ptj_scheduler *s = torture_scheduler(NULL);
	int i;

	for (i = 0; i < JOBS; i++)
		attempt(ptj_spawn(s, job_fail, NULL, NULL));
	attempt(ptj_scheduler_wait(s, PTJ_INFINITE));
	require(atomic_load(&reports) == JOBS);
	torture_free(s);
}

static void waits(void)
{
	ptj_scheduler *s = torture_scheduler(NULL);

	attempt(ptj_spawn(s, job_stay, NULL, NULL));
	turnstile_await(1);
	torture_watch(s);
	attempt_for(ETIMEDOUT, ptj_scheduler_wait(s, 0));
	attempt_for(ETIMEDOUT, ptj_scheduler_wait(s, 2));
	torture_watch(NULL);
	turnstile_open(1);
	attempt(ptj_scheduler_wait(s, PTJ_INFINITE));
	attempt(ptj_scheduler_wait_and_close(s, PTJ_DEFAULT));
	torture_free(s);
}

/* The time of the wait is up, at once if it cannot be told, and the jobs are cancelled. */
static void wait_and_close(void)
{
	ptj_scheduler *s = torture_scheduler(NULL);
	ptj_job *job = NULL;

	attempt(ptj_spawn(s, job_sleep, NULL, &job));
	turnstile_await(1);
	attempt(ptj_scheduler_wait_and_close(s, 2));
	in_torture(require(ptj_job_error(job) == ECANCELED));
	in_torture(ptj_job_unref(job));
	torture_free(s);
}

static void cleanup(void)
{
	ptj_attr *attr = torture_attr();
	ptj_scheduler *s;

	attempt(ptj_attr_set_wait_timeout(attr, PTJ_INFINITE));
	s = torture_scheduler(attr);
	attempt(ptj_spawn(s, job_return, NULL, NULL));
	in_torture(ptj_scheduler_cleanup(&s));
	require(!s);
}

/* One that runs, one in line, one that nobody has a handle of. */
static void close_with(int mode, ptj_job_fn fn)
{
	ptj_attr *attr = torture_attr();
	ptj_scheduler *s;
	ptj_job *running = NULL, *in_line = NULL;
	ptj_job_attr *with_release = NULL;

	attempt(ptj_attr_set_limit(attr, 1));
	attempt(ptj_attr_set_cancel_mode(attr, mode));
	s = torture_scheduler(attr);
	attempt(ptj_job_attr_create(&with_release));
	attempt(ptj_job_attr_set_release(with_release, count_release));
	torture_watch(s);
	attempt(ptj_spawn_attr(s, with_release, fn, s, PTJ_INFINITE, &running));
	turnstile_await(1);
	attempt(ptj_spawn_attr(s, with_release, fn, s, PTJ_INFINITE, &in_line));
	attempt(ptj_spawn_attr(s, with_release, fn, s, PTJ_INFINITE, NULL));
	torture_watch(NULL);
	attempt(ptj_scheduler_close(s));
	require(atomic_load(&released) == 3 && atomic_load(&reports) == 0);
	in_torture(require(ptj_scheduler_len(s) == 0));
	attempt_for(ECANCELED, ptj_job_wait(running, 0, NULL));
	attempt_for(ECANCELED, ptj_job_wait(in_line, 0, NULL));
	attempt_for(ESHUTDOWN, ptj_spawn(s, fn, s, NULL));
	in_torture(ptj_job_unref(running));
	in_torture(ptj_job_unref(in_line));
	in_torture(ptj_job_attr_free(with_release));
	torture_free(s);
}

static void close_unwinds(void)
{
	close_with(PTJ_CANCEL_DEFERRED, job_stay);
}

static void close_is_obeyed_masked(void)
{
	close_with(PTJ_CANCEL_MASKED, job_sleep);
}

static void close_is_obeyed(void)
{
	close_with(PTJ_CANCEL_COOPERATIVE, job_sleep);
}

/* It outlasts the close, and the scheduler. */
static void straggler(void)
{
	ptj_attr *attr = torture_attr();
	ptj_scheduler *s;
	ptj_job *job = NULL;

	attempt(ptj_attr_set_close_timeout(attr, 2));
	attempt(ptj_attr_set_cancel_mode(attr, PTJ_CANCEL_COOPERATIVE));
	s = torture_scheduler(attr);
	attempt(ptj_spawn(s, job_stay, s, &job));
	turnstile_await(1);
	attempt(ptj_scheduler_close(s));
	require(atomic_load(&reports) == 1);
	torture_free(s);
	in_torture(require(ptj_job_closed(job)));
	turnstile_open(1);
	attempt(ptj_job_wait(job, PTJ_INFINITE, NULL));
	in_torture(ptj_job_unref(job));
}

enum { VISITED = 5 };

static int count_visit(ptj_job *job, void *user)
{
	require(job);
	*(int *)user += 1;
	return 0;
}

static void collection(void)
{
	ptj_attr *attr = torture_attr();
	ptj_scheduler *s;
	ptj_job *jobs[VISITED + 1], *first = NULL;
	int i, visits = 0;
	size_t n;

	attempt(ptj_attr_set_limit(attr, 1));
	s = torture_scheduler(attr);
	torture_watch(s);
	attempt(ptj_spawn(s, job_stay, NULL, &first));
	turnstile_await(1);
	for (i = 1; i < VISITED; i++)
		attempt(ptj_spawn(s, job_return, NULL, NULL));
	attempt(ptj_scheduler_foreach(s, count_visit, &visits));
	require(visits == VISITED);
	in_torture(n = ptj_scheduler_jobs(s, jobs, VISITED + 1));
	require(n == VISITED);
	in_torture(require(ptj_scheduler_contains(s, first)));
	torture_watch(NULL);
	turnstile_open(1);
	attempt(ptj_scheduler_wait(s, PTJ_INFINITE));
	in_torture(require(!ptj_scheduler_contains(s, first)));
	while (n-- > 0)
		in_torture(ptj_job_unref(jobs[n]));
	in_torture(ptj_job_unref(first));
	torture_free(s);
}

/* More slabs than are kept when they are empty, twice. */
static void crowd(void)
{
	enum { CROWD = 18 * 1024 };
	ptj_attr *attr = torture_attr();
	ptj_scheduler *s;
	int i;

	attempt(ptj_attr_set_limit(attr, 1));
	attempt(ptj_attr_set_pending_limit(attr, 0));
	s = torture_scheduler(attr);
	attempt(ptj_spawn(s, job_stay, NULL, NULL));
	turnstile_await(1);
	for (i = 0; i < CROWD; i++)
		attempt(ptj_spawn(s, job_return, NULL, NULL));
	in_torture(require(ptj_scheduler_len(s) == CROWD + 1));
	turnstile_open(1);
	attempt(ptj_scheduler_wait(s, PTJ_INFINITE));
	attempt(ptj_spawn(s, job_return, NULL, NULL));
	attempt(ptj_scheduler_wait(s, PTJ_INFINITE));
	torture_free(s);
}

static void idle_threads_leave(void)
{
	ptj_attr *attr = torture_attr();
	ptj_scheduler *s;
	int i;

	attempt(ptj_attr_set_idle_timeout(attr, 1));
	s = torture_scheduler(attr);
	for (i = 0; i < 3; i++) {
		attempt(ptj_spawn(s, job_return, NULL, NULL));
		attempt(ptj_scheduler_wait(s, PTJ_INFINITE));
		attempt(ptj_sleep(3));
	}
	torture_free(s);
}

const struct scenario scheduler_scenarios[] = {
	{"scheduler", plain, 0},
	{"scheduler: attributes", with_attributes, 0},
	{"scheduler: settings", settings, 0},
	{"scheduler: handler", handler, 0},
	{"scheduler: report", default_handler, 0},
	{"scheduler: report, traceback", default_handler_with_traceback, 0},
	{"scheduler: reports", failures_are_reported, 0},
	{"scheduler: wait", waits, 0},
	{"scheduler: wait and close", wait_and_close, 0},
	{"scheduler: cleanup", cleanup, 0},
	{"scheduler: close unwinds", close_unwinds, 0},
	{"scheduler: close, masked", close_is_obeyed_masked, 0},
	{"scheduler: close, cooperative", close_is_obeyed, 0},
	{"scheduler: straggler", straggler, 0},
	{"scheduler: collection", collection, 0},
	{"scheduler: crowd", crowd, 0},
	{"scheduler: idle threads", idle_threads_leave, 0},
	{.name = NULL},
};
