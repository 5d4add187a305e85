/* Handles of jobs, and what a job says about itself, with every failure in turn.

   SPDX-License-Identifier: Apache-2.0 */

#include "torture.h"

static char value[] = "value";

/* A job, and its scheduler, which has no other. */
static ptj_scheduler *s;
static ptj_job *job;

static void begin(int mode, ptj_job_fn fn)
{
	ptj_attr *attr = torture_attr();

	job = NULL;
	attempt(ptj_attr_set_limit(attr, 1));
	attempt(ptj_attr_set_cancel_mode(attr, mode));
	s = torture_scheduler(attr);
	attempt(ptj_spawn(s, fn, value, &job));
}

static void end(void)
{
	in_torture(ptj_job_unref(job));
	torture_free(s);
}

static void waits(void)
{
	void *result = NULL;

	begin(PTJ_CANCEL_DEFERRED, job_stay);
	turnstile_await(1);
	torture_watch(s);
	attempt_for(ETIMEDOUT, ptj_job_poll(job, 0, NULL));
	attempt_for(ETIMEDOUT, ptj_job_poll(job, 2, NULL));
	torture_watch(NULL);
	turnstile_open(1);
	attempt(ptj_job_wait(job, PTJ_INFINITE, &result));
	require(result == value);
	attempt(ptj_job_poll(job, 0, &result));
	end();
}

static void wait_for_it(void *arg)
{
	(void)arg;
	attempt_elsewhere_for(0, ptj_job_wait(job, PTJ_INFINITE, NULL));
}

static void many_wait(void)
{
	enum { WAITERS = 3 };
	struct helper helpers[WAITERS];
	int i;

	begin(PTJ_CANCEL_DEFERRED, job_stay);
	turnstile_await(1);
	for (i = 0; i < WAITERS; i++)
		helper_start(&helpers[i], wait_for_it, NULL);
	turnstile_open(1);
	for (i = 0; i < WAITERS; i++)
		helper_join(&helpers[i]);
	end();
}

/* A wait whose time is up closes the job. */
static void timeout(int mode, ptj_job_fn fn)
{
	begin(mode, fn);
	turnstile_await(1);
	attempt_for(ETIMEDOUT, ptj_job_wait(job, 2, NULL));
	in_torture(require(ptj_job_closed(job)));
	attempt_for(ECANCELED, ptj_job_wait(job, PTJ_INFINITE, NULL));
	end();
}

static void timeout_deferred(void)
{
	timeout(PTJ_CANCEL_DEFERRED, job_stay);
}

static void timeout_masked(void)
{
	timeout(PTJ_CANCEL_MASKED, job_sleep);
}

static void timeout_cooperative(void)
{
	timeout(PTJ_CANCEL_COOPERATIVE, job_sleep);
}

/* The thread is joined with a deadline. */
static void close_unwinds(void)
{
	enum { LONG_MS = 600000 };

	begin(PTJ_CANCEL_DEFERRED, job_stay);
	turnstile_await(1);
	attempt(ptj_job_close(job, LONG_MS));
	attempt_for(ECANCELED, ptj_job_wait(job, PTJ_INFINITE, NULL));
	in_torture(require(ptj_job_error(job) == ECANCELED));
	end();
}

static void close_is_obeyed(void)
{
	begin(PTJ_CANCEL_COOPERATIVE, job_sleep);
	turnstile_await(1);
	attempt(ptj_job_close(job, PTJ_DEFAULT));
	attempt_for(ECANCELED, ptj_job_wait(job, PTJ_INFINITE, NULL));
	end();
}

static void close_is_not_obeyed(void)
{
	begin(PTJ_CANCEL_COOPERATIVE, job_stay);
	turnstile_await(1);
	attempt_for(ETIMEDOUT, ptj_job_close(job, 2));
	in_torture(require(ptj_job_closed(job)));
	turnstile_open(1);
	attempt(ptj_job_wait(job, PTJ_INFINITE, NULL));
	end();
}

static void close_in_line(void)
{
	ptj_job *in_line = NULL;
	ptj_job_attr *ja = NULL;

	begin(PTJ_CANCEL_DEFERRED, job_stay);
	turnstile_await(1);
	attempt(ptj_job_attr_create(&ja));
	attempt(ptj_job_attr_set_release(ja, count_release));
	attempt(ptj_spawn_attr(s, ja, job_return, NULL, PTJ_INFINITE, &in_line));
	in_torture(ptj_job_attr_free(ja));
	in_torture(require(ptj_job_pending(in_line)));
	attempt(ptj_job_close(in_line, PTJ_INFINITE));
	require(atomic_load(&released) == 1);
	attempt_for(ECANCELED, ptj_job_wait(in_line, 0, NULL));
	in_torture(ptj_job_unref(in_line));
	turnstile_open(1);
	attempt(ptj_job_wait(job, PTJ_INFINITE, NULL));
	end();
}

/* The message is there, or was dropped for want of memory. */
static void failure(void)
{
	const char *message;

	begin(PTJ_CANCEL_DEFERRED, job_fail);
	attempt_for(PTJ_EFAILED, ptj_job_wait(job, PTJ_INFINITE, NULL));
	in_torture(require(ptj_job_error(job) == EIO));
	in_torture(message = ptj_job_error_message(job));
	require(message ? strcmp(message, "disk on fire") == 0 : torture_has_struck(NO_MEMORY));
	end();
}

static void *job_change_its_mind(void *arg)
{
	ptj_job_fail(EIO, "the first");
	ptj_job_fail(ENOSPC, "the second");
	if (ptj_job_succeed(arg) != 0)
		ptj_job_fail(EPROTO, NULL);
	return NULL;
}

static void success(void)
{
	void *result = NULL;

	begin(PTJ_CANCEL_DEFERRED, job_change_its_mind);
	attempt(ptj_job_wait(job, PTJ_INFINITE, &result));
	require(result == value);
	end();
}

static void explicit_result(void)
{
	ptj_job_attr *ja = NULL;
	ptj_job *silent = NULL;

	begin(PTJ_CANCEL_DEFERRED, job_return);
	attempt(ptj_job_attr_create(&ja));
	attempt(ptj_job_attr_set_explicit_result(ja, 1));
	attempt(ptj_spawn_attr(s, ja, job_return, NULL, PTJ_INFINITE, &silent));
	in_torture(ptj_job_attr_free(ja));
	attempt_for(PTJ_EFAILED, ptj_job_wait(silent, PTJ_INFINITE, NULL));
	in_torture(require(ptj_job_error(silent) == ENODATA));
	in_torture(ptj_job_unref(silent));
	end();
}

static void *job_exit(void *arg)
{
	pthread_exit(arg);
}

static void pthread_exits(void)
{
	void *result = NULL;

	begin(PTJ_CANCEL_DEFERRED, job_exit);
	attempt(ptj_job_wait(job, PTJ_INFINITE, &result));
	require(result == value);
	end();
}

/* Either the job has the new name, or the one before. */
static int set_name(const char *name)
{
	char before[64], after[64];
	int code;

	ptj_job_get_name(job, before, sizeof before);
	code = ptj_job_set_name(job, name);
	ptj_job_get_name(job, after, sizeof after);
	require(strcmp(after, code ? before : name) == 0);
	return code;
}

static void names(void)
{
	char text[64];

	begin(PTJ_CANCEL_DEFERRED, job_stay);
	turnstile_await(1);
	torture_watch(s);
	attempt(set_name("first"));
	attempt(set_name("second"));
	in_torture(ptj_job_describe(job, text, sizeof text));
	require(strcmp(text, "<Job active name=second>") == 0);
	attempt(ptj_job_set_name(job, NULL));
	in_torture(ptj_job_get_name(job, text, sizeof text));
	require(strcmp(text, "job-1") == 0);
	torture_watch(NULL);
	turnstile_open(1);
	attempt(ptj_job_wait(job, PTJ_INFINITE, NULL));
	attempt(set_name("third"));
	end();
}

static void states(void)
{
	begin(PTJ_CANCEL_DEFERRED, job_stay);
	in_torture(require(ptj_job_active(job)));
	turnstile_await(1);
	in_torture(require(!ptj_job_pending(job) && !ptj_job_closed(job)));
	in_torture(require(ptj_job_id(job) > 0));
	in_torture(require(ptj_job_arg(job) == value));
	in_torture(require(ptj_job_ref(job) == job));
	in_torture(ptj_job_unref(job));
	turnstile_open(1);
	attempt(ptj_job_wait(job, PTJ_INFINITE, NULL));
	in_torture(require(ptj_job_closed(job)));
	end();
}

static void *job_look_at_itself(void *arg)
{
	ptj_job *self;
	int cancelled;

	AS_USER;
	in_library(self = ptj_job_self());
	require(self);
	in_library(cancelled = ptj_job_cancelled());
	require(!cancelled);
	attempt_elsewhere_for(EDEADLK, ptj_job_wait(self, PTJ_INFINITE, NULL));
	AS_LIBRARY;
	return arg;
}

static void from_within(void)
{
	begin(PTJ_CANCEL_DEFERRED, job_look_at_itself);
	attempt(ptj_job_wait(job, PTJ_INFINITE, NULL));
	end();
}

const struct scenario job_scenarios[] = {
	{"job: wait", waits, 0},
	{"job: many wait", many_wait, 0},
	{"job: timeout", timeout_deferred, 0},
	{"job: timeout, masked", timeout_masked, 0},
	{"job: timeout, cooperative", timeout_cooperative, 0},
	{"job: close unwinds", close_unwinds, 0},
	{"job: close is obeyed", close_is_obeyed, 0},
	{"job: close is not obeyed", close_is_not_obeyed, 0},
	{"job: close in line", close_in_line, 0},
	{"job: failure", failure, 0},
	{"job: success", success, 0},
	{"job: explicit result", explicit_result, 0},
	{"job: pthread_exit", pthread_exits, 0},
	{"job: names", names, 0},
	{"job: states", states, 0},
	{"job: from within", from_within, 0},
	{.name = NULL},
};
