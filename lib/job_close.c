/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>

#include "job_close.h"

#include "cancel.h"
#include "finish.h"
#include "inside.h"
#include "keep_errno.h"
#include "offer.h"
#include "wait.h"
#include "worker.h"

/* The job is no longer pending: its place is free, though the job may lie there still. */
static void drop_pending_locked(struct ptj_scheduler *s, ptj_job *job)
{
	if (!pending_bury(&s->pending, job)) {
		job_set_locked(job, JOB_BURIED);
		ptj_job_ref(job);
	}
	count_add_locked(&s->entered, 1);
	drop_locked(s, job);
}

/* A job whose function was not entered is dropped, by the worker that has it in its hands already
   if there is one; one that runs is cancelled; one that is over is left alone.  s->mu held;
   released and reacquired. */
static void begin_close_locked(struct ptj_scheduler *s, ptj_job *job)
{
	if (job_move(job, JOB_PENDING, 0, JOB_FINISHING, JOB_CLOSING)) {
		drop_pending_locked(s, job);
	} else if (job_phase(job) == JOB_READY && !list_empty(&job->at.link)) {
		offer_withdraw_locked(s, job);
		job_set_locked(job, JOB_CLOSING);
		drop_locked(s, job);
	} else if (cancel_begin_locked(job)) {
		cancel_complete_locked(s, job);
	} else {
		job_set_locked(job, JOB_CLOSING);
		waiter_nudge_all(&s->reclaim);
	}
	workers_wanted_locked(s);
}

int close_job(ptj_job *job, deadline until)
{
	struct ptj_scheduler *s = scheduler_of(job);
	int rc = 0, cancel_state;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel_state);
	monitor_lock(&s->mu);
	if (job_phase(job) != JOB_ENDED) {
		job_set_locked(job, JOB_OBSERVED);
		begin_close_locked(s, job);
		monitor_unlock(&s->mu);
		rc = await_job(job, until, false);
		if (rc == 0 && job_has(job, JOB_FAILED))
			rc = PTJ_EFAILED;
	} else {
		monitor_unlock(&s->mu);
	}
	pthread_setcancelstate(cancel_state, NULL);
	return rc;
}

int ptj_job_close(ptj_job *job, int64_t timeout_ms)
{
	KEEP_ERRNO;
	struct ptj_scheduler *s;
	deadline until;

	if (!job)
		return EINVAL;
	s = scheduler_of(job);
	if (deadline_from_timeout(timeout_ms, s->close_timeout, &until))
		return EINVAL;
	if (scheduler_is_dead(s))
		return ENOTRECOVERABLE;
	if (inside_job(job))
		return EDEADLK;
	return close_job(job, until);
}

int ptj_job_wait(ptj_job *job, int64_t timeout_ms, void **result)
{
	KEEP_ERRNO;
	struct ptj_scheduler *s;
	deadline until;
	int rc;

	if (!job || deadline_from_timeout(timeout_ms, PTJ_INFINITE, &until))
		return EINVAL;
	s = scheduler_of(job);
	if (scheduler_is_dead(s))
		return ENOTRECOVERABLE;
	rc = poll_job(job, until, result);
	if (rc != ETIMEDOUT)
		return rc;
	deadline_from_timeout(s->close_timeout, s->close_timeout, &until);
	close_job(job, until);
	return ETIMEDOUT;
}
