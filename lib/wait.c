/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>

#include "wait.h"

#include "finish.h"
#include "inside.h"
#include "keep_errno.h"
#include "spin.h"

int await_job(ptj_job *job, deadline until, bool obliging)
{
	struct ptj_scheduler *s = scheduler_of(job);
	struct block b;
	uint32_t phase;
	int rc = 0;

	block_init(&b, s, obliging);
	b.waiter.job = job;
	monitor_lock(&s->mu);
	phase = job_set_locked(job, JOB_WAITED | JOB_OBSERVED) & JOB_PHASE;
	/* Its permit may be another's already: who lent now would not be the first to get it. */
	if (phase == JOB_PASSING)
		block_keep_permit(&b);
	/* A close that gives a shield up lets its waiters go before it has ended. */
	while (rc == 0 && phase != JOB_ENDED) {
		rc = block_locked(&b, scheduler_waiters(s, job), until);
		phase = job_phase(job);
	}
	monitor_unlock(&s->mu);
	block_done(&b, rc == EINTR ? DEADLINE_PAST : until);
	return rc;
}

static bool has_ended(const void *job)
{
	return job_phase(job) == JOB_ENDED;
}

/* Looks for a moment whether the job ends by itself, and a worker need not look for waiters.  Not
   who has a permit to lend: the job may need just that. */
static void linger(ptj_job *job, deadline until)
{
	if (has_ended(job) || until == DEADLINE_PAST || inside_lender())
		return;
	job_observe(job);
	spin_until(has_ended, job);
}

int poll_job(ptj_job *job, deadline until, void **result)
{
	int rc;

	if (inside_job(job))
		return EDEADLK;
	pthread_testcancel();
	linger(job, until);
	if (!has_ended(job)) {
		rc = await_job(job, until, true);
		if (rc)
			return rc;
	}
	return job_answer(job, result);
}

int ptj_job_poll(ptj_job *job, int64_t timeout_ms, void **result)
{
	KEEP_ERRNO;
	deadline until;

	if (!job || deadline_from_timeout(timeout_ms, PTJ_INFINITE, &until))
		return EINVAL;
	if (scheduler_is_dead(scheduler_of(job)))
		return ENOTRECOVERABLE;
	return poll_job(job, until, result);
}

int await_quiet(struct ptj_scheduler *s, deadline until)
{
	int rc;

	pthread_testcancel();
	monitor_lock(&s->mu);
	rc = block_until_locked(s, is_quiet, until, true);
	monitor_unlock(&s->mu);
	return rc;
}

int ptj_scheduler_wait(ptj_scheduler *s, int64_t timeout_ms)
{
	KEEP_ERRNO;
	deadline until;

	if (!s || deadline_from_timeout(timeout_ms, PTJ_INFINITE, &until))
		return EINVAL;
	if (scheduler_is_dead(s))
		return ENOTRECOVERABLE;
	return inside_scheduler(s) ? EDEADLK : await_quiet(s, until);
}
