/* How a job hears of its close, and sleeping, with every failure in turn.

   SPDX-License-Identifier: Apache-2.0 */

#include "torture.h"

#include <poll.h>

static ptj_scheduler *cooperative(void)
{
	ptj_attr *attr = torture_attr();

	attempt(ptj_attr_set_cancel_mode(attr, PTJ_CANCEL_COOPERATIVE));
	return torture_scheduler(attr);
}

/* A close of the job must be told by what it has registered. */
static void closed_by(ptj_job_fn fn)
{
	ptj_scheduler *s = cooperative();
	ptj_job *job = NULL;

	attempt(ptj_spawn(s, fn, NULL, &job));
	turnstile_await(1);
	attempt(ptj_job_close(job, PTJ_INFINITE));
	attempt_for(ECANCELED, ptj_job_wait(job, PTJ_INFINITE, NULL));
	in_torture(ptj_job_unref(job));
	torture_free(s);
}

/* -1 is the answer where none can be had, and then one can be had later. */
static int cancel_fd(void)
{
	int fd, again;

	in_library(fd = ptj_job_cancel_fd());
	if (fd >= 0)
		return fd;
	require(torture_has_struck(NO_DESCRIPTOR) || torture_has_struck(NO_MEMORY));
	fault_disarm(NO_DESCRIPTOR);
	fault_disarm(NO_MEMORY);
	in_library(again = ptj_job_cancel_fd());
	return again;
}

static void *job_polls(void *arg)
{
	struct pollfd p = {.events = POLLIN};
	int cancelled;

	AS_USER;
	p.fd = cancel_fd();
	require(p.fd >= 0);
	require(sem_post(&turnstile.arrived) == 0);
	while (poll(&p, 1, -1) != 1)
		continue;
	in_library(cancelled = ptj_job_cancelled());
	require(cancelled);
	in_library(ptj_job_fail(ECANCELED, NULL));
	AS_LIBRARY;
	return arg;
}

static void descriptor(void)
{
	closed_by(job_polls);
}

static void open_turnstile(void *arg)
{
	(void)arg;
	sem_post(&turnstile.open);
}

static void *job_has_callback(void *arg)
{
	AS_USER;
	attempt_elsewhere_for(0, ptj_job_on_cancel(count_release, NULL));
	attempt_elsewhere_for(0, ptj_job_on_cancel(open_turnstile, NULL));
	require(sem_post(&turnstile.arrived) == 0);
	while (sem_wait(&turnstile.open) != 0)
		continue;
	attempt_elsewhere_for(0, ptj_job_on_cancel(NULL, NULL));
	in_library(ptj_job_fail(ECANCELED, NULL));
	AS_LIBRARY;
	return arg;
}

static void callback(void)
{
	closed_by(job_has_callback);
	require(atomic_load(&released) == 0);
}

/* The scheduler's close calls it, too. */
static void callback_of_close(void)
{
	ptj_scheduler *s = cooperative();

	attempt(ptj_spawn(s, job_has_callback, NULL, NULL));
	turnstile_await(1);
	attempt(ptj_scheduler_close(s));
	torture_free(s);
}

/* Where the clock cannot be read no time has to pass. */
static void sleep_outside(void)
{
	attempt(ptj_sleep(0));
	attempt(ptj_sleep(2));
}

static void *job_naps(void *arg)
{
	AS_USER;
	attempt_elsewhere_for(0, ptj_sleep(2));
	AS_LIBRARY;
	return arg;
}

static void sleep_in_job(void)
{
	ptj_scheduler *s = cooperative();

	attempt(ptj_spawn(s, job_naps, NULL, NULL));
	attempt(ptj_scheduler_wait(s, PTJ_INFINITE));
	torture_free(s);
}

static void sleep_is_ended(void)
{
	closed_by(job_sleep);
}

const struct scenario cancel_scenarios[] = {
	{"cancel: descriptor", descriptor, 0},
	{"cancel: callback", callback, 0},
	{"cancel: callback, all", callback_of_close, 0},
	{"cancel: sleep", sleep_is_ended, 0},
	{"sleep", sleep_outside, 0},
	{"sleep: in a job", sleep_in_job, 0},
	{.name = NULL},
};
