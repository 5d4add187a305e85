/* External jobs: spawned, limited, counted, closed and waited for as all others, and run by the
   program, which asks for them and says when they are over.

   A job that was handed out is RUNNING and has no worker: nobody cancels a thread for it, and it is
   ended by the thread that calls ptj_job_finish().

   SPDX-License-Identifier: Apache-2.0 */

#include <config.h>

#include "block.h"
#include "callback.h"
#include "cancel.h"
#include "finish.h"
#include "inside.h"
#include "keep_errno.h"
#include "offer.h"
#include "worker.h"

#include <stdlib.h>
#include <string.h>

int ptj_external_fd(ptj_scheduler *s)
{
	KEEP_ERRNO;
	int fd;

	if (!s || scheduler_is_dead(s))
		return -1;
	monitor_lock(&s->mu);
	if (s->bell.fd < 0 && bell_init(&s->bell, -1) == 0 && !list_empty(&s->offered))
		bell_ring(&s->bell);
	fd = s->bell.fd;
	monitor_unlock(&s->mu);
	return fd;
}

/* A host that was released and is cancelled gives the wake-up to another. */
static void give_up(struct block *b) NEEDS(a_monitor)
{
	offer_pass_on_locked(b->s);
}

/* s->mu held; released and reacquired. */
static int await_offer_locked(struct block *b, deadline until, ptj_job **job)
{
	struct ptj_scheduler *s = b->s;
	int rc = 0;

	while (!(*job = offer_take_locked(s)) && rc == 0)
		rc = scheduler_phase(s) == SCHEDULER_OPEN ? block_locked(b, &s->hosts, until)
		                                          : ESHUTDOWN;
	if (!*job)
		return rc;
	(*job)->at.worker = NULL;
	job_set_phase_locked(*job, JOB_RUNNING);
	ptj_job_ref(*job);
	return 0;
}

int ptj_external_next(ptj_scheduler *s, int64_t timeout_ms, ptj_job **job)
{
	KEEP_ERRNO;
	struct block b;
	ptj_job *handed_out;
	deadline until;
	int rc;

	if (!s || !job || deadline_from_timeout(timeout_ms, PTJ_INFINITE, &until))
		return EINVAL;
	if (scheduler_is_dead(s))
		return ENOTRECOVERABLE;
	if (inside_scheduler(s))
		return EDEADLK;
	pthread_testcancel();
	block_init(&b, s, true);
	b.undo = give_up;
	monitor_lock(&s->mu);
	rc = await_offer_locked(&b, until, &handed_out);
	monitor_unlock(&s->mu);
	block_done(&b, rc == EINTR ? DEADLINE_PAST : until);
	if (rc == 0)
		*job = handed_out;
	return rc;
}

void *ptj_job_arg(const ptj_job *job)
{
	return job ? job->arg : NULL;
}

static bool is_handed_out(const ptj_job *job)
{
	return job_has(job, JOB_EXTERNAL) && job_phase(job) == JOB_RUNNING;
}

int ptj_external_cancel_fd(ptj_job *job)
{
	KEEP_ERRNO;
	struct ptj_scheduler *s;
	int fd;

	if (!job || scheduler_is_dead(scheduler_of(job)))
		return -1;
	s = scheduler_of(job);
	monitor_lock(&s->mu);
	fd = is_handed_out(job) ? cancel_fd_locked(job) : -1;
	monitor_unlock(&s->mu);
	return fd;
}

int ptj_external_on_cancel(ptj_job *job, void (*fn)(void *arg), void *arg)
{
	KEEP_ERRNO;
	struct ptj_scheduler *s;
	int rc, cancel_state;

	if (!job)
		return EINVAL;
	s = scheduler_of(job);
	if (scheduler_is_dead(s))
		return ENOTRECOVERABLE;
	if (inside_job(job))
		return fn ? EDEADLK : 0;
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel_state);
	monitor_lock(&s->mu);
	rc = is_handed_out(job) ? callback_set_locked(s, job, fn, arg) : EINVAL;
	monitor_unlock(&s->mu);
	pthread_setcancelstate(cancel_state, NULL);
	return rc;
}

/* Whether job is its host's to finish. */
static int check_locked(const ptj_job *job)
{
	switch (job_phase(job)) {
	case JOB_RUNNING:
		return 0;
	case JOB_PENDING:
	case JOB_READY:
		return EPERM;
	default:
		return EALREADY;
	}
}

static int finish_external(struct ptj_scheduler *s, ptj_job *job, int code, char **message,
                           void *result)
{
	int rc;

	monitor_lock(&s->mu);
	rc = check_locked(job);
	if (rc == 0) {
		job_record_locked(job, code, result, message);
		job_decide_locked(job, true, NULL);
		finish_locked(s, job);
		workers_wanted_locked(s);
	}
	monitor_unlock(&s->mu);
	return rc;
}

int ptj_job_finish(ptj_job *job, int code, const char *message, void *result)
{
	KEEP_ERRNO;
	struct ptj_scheduler *s;
	char *copy;
	int rc, cancel_state;

	if (!job)
		return EINVAL;
	s = scheduler_of(job);
	if (scheduler_is_dead(s))
		return ENOTRECOVERABLE;
	if (!job_has(job, JOB_EXTERNAL))
		return EINVAL;
	if (inside_job(job))
		return EDEADLK;
	copy = code && message ? strdup(message) : NULL;
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel_state);
	rc = finish_external(s, job, code, &copy, result);
	pthread_setcancelstate(cancel_state, NULL);
	free(copy);
	return rc;
}
