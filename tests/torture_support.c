/* What the scenarios share; torture.h says what each part is for.

   SPDX-License-Identifier: Apache-2.0 */

#include "torture.h"

/* ---- The turnstile --------------------------------------------------------------------------- */

struct turnstile turnstile;

atomic_int released;
atomic_int reports;

static void await(sem_t *sem)
{
	while (sem_wait(sem) != 0)
		continue;
}

void turnstile_reset(void)
{
	require(sem_init(&turnstile.arrived, 0, 0) == 0);
	require(sem_init(&turnstile.open, 0, 0) == 0);
	atomic_store(&released, 0);
	atomic_store(&reports, 0);
}

void turnstile_await(int arrivals)
{
	while (arrivals-- > 0)
		await(&turnstile.arrived);
}

void turnstile_open(int times)
{
	while (times-- > 0)
		require(sem_post(&turnstile.open) == 0);
}

/* ---- Jobs ------------------------------------------------------------------------------------ */

void *job_return(void *arg)
{
	return arg;
}

void *job_stay(void *arg)
{
	AS_USER;
	require(sem_post(&turnstile.arrived) == 0);
	await(&turnstile.open);
	AS_LIBRARY;
	return arg;
}

void *job_fail(void *arg)
{
	(void)arg;
	return ptj_job_fail(EIO, "disk on fire");
}

void *job_sleep(void *arg)
{
	int rc;

	AS_USER;
	require(sem_post(&turnstile.arrived) == 0);
	in_library(rc = ptj_sleep(PTJ_INFINITE));
	require(rc == ECANCELED);
	in_library(ptj_job_fail(rc, NULL));
	AS_LIBRARY;
	return arg;
}

/* ---- Schedulers ------------------------------------------------------------------------------ */

ptj_attr *torture_attr(void)
{
	ptj_attr *attr = NULL;

	turnstile_reset();
	attempt(ptj_attr_create(&attr));
	attempt(ptj_attr_set_exception_handler(attr, count_report, NULL));
	attempt(ptj_attr_set_close_timeout(attr, PTJ_INFINITE));
	return attr;
}

/* Idle threads stay, so that none is needed where another has just gone. */
ptj_scheduler *torture_scheduler(ptj_attr *attr)
{
	ptj_scheduler *s = NULL;

	if (!attr)
		attr = torture_attr();
	attempt(ptj_scheduler_create(&s, attr));
	require(s);
	in_torture(ptj_attr_free(attr));
	return s;
}

void torture_free(ptj_scheduler *s)
{
	torture_watch(NULL);
	in_torture(ptj_scheduler_free(s));
}

void count_release(void *arg)
{
	(void)arg;
	atomic_fetch_add(&released, 1);
}

void count_report(ptj_scheduler *s, const ptj_context *context, void *user)
{
	(void)user;
	require(s && context->message);
	atomic_fetch_add(&reports, 1);
}

/* ---- Helpers --------------------------------------------------------------------------------- */

static void *help(void *arg)
{
	struct helper *h = arg;

	faults_spare_this_thread();
	h->run(h->arg);
	return NULL;
}

void helper_start(struct helper *h, void (*run)(void *arg), void *arg)
{
	h->run = run;
	h->arg = arg;
	require(pthread_create(&h->thread, NULL, help, h) == 0);
}

void helper_join(struct helper *h)
{
	require(pthread_join(h->thread, NULL) == 0);
}
