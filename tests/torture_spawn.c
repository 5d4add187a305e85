/* Spawning, and shielded functions, with every failure in turn.

   SPDX-License-Identifier: Apache-2.0 */

#include "torture.h"

#include <sys/wait.h>
#include <unistd.h>

static char value[] = "value";

static ptj_scheduler *limited(size_t limit, size_t pending_limit)
{
	ptj_attr *attr = torture_attr();

	attempt(ptj_attr_set_limit(attr, limit));
	attempt(ptj_attr_set_pending_limit(attr, pending_limit));
	return torture_scheduler(attr);
}

static void plain(void)
{
	ptj_scheduler *s = torture_scheduler(NULL);
	ptj_job *job = NULL;
	void *result = NULL;

	torture_watch(s);
	attempt(ptj_spawn(s, job_return, value, &job));
	torture_watch(NULL);
	attempt(ptj_job_wait(job, PTJ_INFINITE, &result));
	require(result == value);
	in_torture(ptj_job_unref(job));
	torture_free(s);
}

/* Its argument is released once, and not by a spawn that fails. */
static void with_attributes(int mode, int debug)
{
	ptj_attr *attr = torture_attr();
	ptj_scheduler *s;
	ptj_job_attr *ja = NULL;
	ptj_job *job = NULL;
	char name[64];

	attempt(ptj_attr_set_debug(attr, debug));
	s = torture_scheduler(attr);
	attempt(ptj_job_attr_create(&ja));
	attempt(ptj_job_attr_set_name(ja, "a name that is longer than any buffer may be"));
	attempt(ptj_job_attr_set_release(ja, count_release));
	attempt(ptj_job_attr_set_cancel_mode(ja, mode));
	torture_watch(s);
	attempt(ptj_spawn_attr(s, ja, job_stay, value, PTJ_INFINITE, &job));
	turnstile_await(1);
	torture_watch(NULL);
	in_torture(ptj_job_attr_free(ja));
	in_torture(ptj_job_get_name(job, name, sizeof name));
	require(strcmp(name, "a name that is longer than any buffer may be") == 0);
	turnstile_open(1);
	attempt(ptj_job_wait(job, PTJ_INFINITE, NULL));
	require(atomic_load(&released) == 1);
	in_torture(ptj_job_unref(job));
	torture_free(s);
}

static void deferred(void)
{
	with_attributes(PTJ_CANCEL_DEFERRED, 0);
}

static void masked(void)
{
	with_attributes(PTJ_CANCEL_MASKED, 0);
}

static void cooperative(void)
{
	with_attributes(PTJ_CANCEL_COOPERATIVE, 0);
}

static void traced(void)
{
	with_attributes(PTJ_CANCEL_DEFERRED, 1);
}

/* The line is full: one try, one that waits in vain. */
static void full(void)
{
	ptj_scheduler *s = limited(1, 1);

	torture_watch(s);
	attempt(ptj_spawn(s, job_stay, NULL, NULL));
	turnstile_await(1);
	attempt(ptj_spawn(s, job_return, NULL, NULL));
	attempt_for(EAGAIN, ptj_spawn_attr(s, NULL, job_return, NULL, 0, NULL));
	attempt_for(ETIMEDOUT, ptj_spawn_attr(s, NULL, job_return, NULL, 2, NULL));
	torture_watch(NULL);
	turnstile_open(1);
	attempt(ptj_scheduler_wait(s, PTJ_INFINITE));
	torture_free(s);
}

static atomic_int helped;

static void spawn_one(void *s)
{
	attempt_elsewhere_for(0, ptj_spawn(s, job_return, NULL, NULL));
	atomic_fetch_add(&helped, 1);
}

/* Those who block get in when there is room. */
static void blocked(void)
{
	enum { SPAWNERS = 3 };
	ptj_scheduler *s = limited(1, 1);
	struct helper helpers[SPAWNERS];
	int i;

	atomic_store(&helped, 0);
	attempt(ptj_spawn(s, job_stay, NULL, NULL));
	turnstile_await(1);
	attempt(ptj_spawn(s, job_return, NULL, NULL));
	for (i = 0; i < SPAWNERS; i++)
		helper_start(&helpers[i], spawn_one, s);
	turnstile_open(1);
	for (i = 0; i < SPAWNERS; i++)
		helper_join(&helpers[i]);
	require(atomic_load(&helped) == SPAWNERS);
	attempt(ptj_scheduler_wait(s, PTJ_INFINITE));
	torture_free(s);
}

static void symbol(void)
{
	ptj_scheduler *s = torture_scheduler(NULL);
	ptj_job *job = NULL;
	void *result = NULL;

	torture_watch(s);
	attempt(ptj_spawn_symbol(s, NULL, NULL, "strlen", value, PTJ_INFINITE, &job));
	torture_watch(NULL);
	attempt(ptj_job_wait(job, PTJ_INFINITE, &result));
	require((size_t)result == strlen(value));
	in_torture(ptj_job_unref(job));
	attempt_for(ENOSYS, ptj_spawn_symbol(s, NULL, NULL, "ptj_no_such", NULL, 0, NULL));
	torture_free(s);
}

/* With no permit but its own, which it lends. */
static void *job_with_child(void *s)
{
	ptj_job *child = NULL;
	void *result = NULL;

	AS_USER;
	attempt_elsewhere_for(0, ptj_spawn(s, job_return, value, &child));
	attempt_elsewhere_for(0, ptj_job_wait(child, PTJ_INFINITE, &result));
	in_library(ptj_job_unref(child));
	AS_LIBRARY;
	return result;
}

static void nested(void)
{
	ptj_scheduler *s = limited(1, 0);
	ptj_job *job = NULL;
	void *result = NULL;

	attempt(ptj_spawn(s, job_with_child, s, &job));
	attempt(ptj_job_wait(job, PTJ_INFINITE, &result));
	require(result == value);
	in_torture(ptj_job_unref(job));
	torture_free(s);
}

static atomic_int counted;

static void *job_count(void *arg)
{
	atomic_fetch_add(&counted, 1);
	return arg;
}

/* Many, by few threads: most of them run in the lane (lib/lane.h). */
static void many_with(size_t limit)
{
	enum { JOBS = 300 };
	ptj_scheduler *s = limited(limit, 100);
	int i;

	atomic_store(&counted, 0);
	for (i = 0; i < JOBS; i++)
		attempt(ptj_spawn(s, job_count, NULL, NULL));
	attempt(ptj_scheduler_wait(s, PTJ_INFINITE));
	require(atomic_load(&counted) == JOBS);
	torture_free(s);
}

static void many(void)
{
	many_with(2);
}

static void many_without_limit(void)
{
	many_with(0);
}

/* ---- Shielded functions ---------------------------------------------------------------------- */

static void shield(void)
{
	ptj_scheduler *s = torture_scheduler(NULL);
	void *result = NULL;

	torture_watch(s);
	attempt(ptj_shield(s, job_return, value, PTJ_INFINITE, &result));
	require(result == value);
	attempt_for(PTJ_EFAILED, ptj_shield(s, job_fail, NULL, PTJ_INFINITE, NULL));
	torture_free(s);
}

/* The caller's time is up, and the function goes on. */
static void shield_timeout(void)
{
	ptj_scheduler *s = torture_scheduler(NULL);

	attempt_for(ETIMEDOUT, ptj_shield(s, job_stay, NULL, 2, NULL));
	in_torture(require(ptj_scheduler_shield_count(s) == 1));
	turnstile_await(1);
	turnstile_open(1);
	attempt(ptj_scheduler_wait(s, PTJ_INFINITE));
	torture_free(s);
}

static void *job_with_shield(void *s)
{
	AS_USER;
	attempt_elsewhere_for(0, ptj_shield(s, job_stay, NULL, PTJ_INFINITE, NULL));
	AS_LIBRARY;
	return NULL;
}

/* The caller is cancelled, and the function goes on. */
static void shield_of_cancelled(void)
{
	ptj_scheduler *s = torture_scheduler(NULL);
	ptj_job *job = NULL;

	attempt(ptj_spawn(s, job_with_shield, s, &job));
	turnstile_await(1);
	attempt(ptj_job_close(job, PTJ_INFINITE));
	in_torture(require(ptj_scheduler_shield_count(s) == 1));
	turnstile_open(1);
	attempt(ptj_scheduler_wait(s, PTJ_INFINITE));
	in_torture(ptj_job_unref(job));
	torture_free(s);
}

/* ---- Fork ------------------------------------------------------------------------------------ */

enum { CHILD_PATIENCE_S = 10 };

/* What the child has is a copy, of which it may only release the memory. */
_Noreturn static void be_child(ptj_scheduler *s, ptj_job *job)
{
	alarm(CHILD_PATIENCE_S);
	attempt_for(ENOTRECOVERABLE, ptj_job_wait(job, PTJ_INFINITE, NULL));
	attempt_for(ENOTRECOVERABLE, ptj_spawn(s, job_return, NULL, NULL));
	in_torture(ptj_scheduler_free(s));
	in_torture(ptj_job_unref(job));
	s = torture_scheduler(NULL);
	attempt(ptj_spawn(s, job_return, NULL, NULL));
	attempt(ptj_scheduler_wait(s, PTJ_INFINITE));
	torture_free(s);
	_exit(0);
}

static void forked(void)
{
	ptj_scheduler *s = torture_scheduler(NULL);
	ptj_job *job = NULL;
	int status = 0;
	pid_t child;

	attempt(ptj_spawn(s, job_stay, NULL, &job));
	turnstile_await(1);
	child = fork();
	require(child >= 0);
	if (child == 0)
		be_child(s, job);
	require(waitpid(child, &status, 0) == child && status == 0);
	turnstile_open(1);
	attempt(ptj_job_wait(job, PTJ_INFINITE, NULL));
	in_torture(ptj_job_unref(job));
	torture_free(s);
}

const struct scenario spawn_scenarios[] = {
	{"spawn", plain, 0},
	{"spawn: deferred", deferred, 0},
	{"spawn: masked", masked, 0},
	{"spawn: cooperative", cooperative, 0},
	{"spawn: traced", traced, 0},
	{"spawn: full", full, 0},
	{"spawn: blocked", blocked, 0},
	{"spawn: symbol", symbol, 0},
	{"spawn: nested", nested, 1},
	{"spawn: many", many, 0},
	{"spawn: many, no limit", many_without_limit, 0},
	{"shield", shield, 0},
	{"shield: timeout", shield_timeout, 0},
	{"shield: cancelled", shield_of_cancelled, 0},
	{"fork", forked, 0},
	{.name = NULL},
};
