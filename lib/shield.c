/* Shielded functions: run on a thread of the scheduler's at once, outside its limit, and waited
   for by their caller, who may leave without disturbing them.

   A shielded function is a job without a permit that is in no count but one.  It is attended as
   long as its caller waits; when the caller leaves first, its failure is the handler's, unless
   somebody else asks for the job.

   SPDX-License-Identifier: Apache-2.0 */

#include <config.h>

#include "block.h"
#include "blueprint.h"
#include "finish.h"
#include "keep_errno.h"
#include "worker.h"

struct shield {
	struct block block;
	ptj_job *job;
};

/* s->mu held. */
static int start_locked(struct ptj_scheduler *s, struct blueprint *b, ptj_job **out)
{
	struct worker *worker;
	int rc;

	if (scheduler_phase(s) != SCHEDULER_OPEN)
		return ESHUTDOWN;
	rc = worker_hire_locked(s, &worker);
	if (rc)
		return rc;
	*out = roster_alloc_locked(&s->roster);
	if (*out) {
		blueprint_build(b, *out, 0, JOB_READY, 2);
		count_add_locked(&s->shields, 1);
	}
	worker_give_locked(worker, *out);
	return *out ? 0 : ENOMEM;
}

/* The caller goes.  If the function is over by now, how it went has been said to nobody: the
   caller still takes the answer. */
static void leave_locked(struct shield *shield)
{
	if (job_phase(shield->job) < JOB_FINISHING)
		job_clear_locked(shield->job, JOB_ATTENDED);
	job_unref_locked(shield->job);
}

/* A caller that is cancelled takes no answer, also if there is one by now.  A failure that is not
   settled yet is the handler's all the same; one that was left to this caller is told from here. */
static void caller_cancelled(struct block *b) NEEDS(a_monitor)
{
	ptj_job *job = container_of(b, struct shield, block)->job;

	if (job_phase(job) != JOB_ENDED)
		job_clear_locked(job, JOB_ATTENDED);
	else
		report_unheard_locked(b->s, job);
	job_unref_locked(job);
}

/* What the caller is told.  A function that a close gave up on is as good as cancelled. */
static int outcome(const ptj_job *job, int rc, void **result)
{
	if (job_phase(job) >= JOB_FINISHING)
		return job_answer(job, result);
	return rc == 0 ? ECANCELED : rc;
}

int ptj_shield(ptj_scheduler *s, ptj_job_fn fn, void *arg, int64_t timeout_ms, void **result)
{
	KEEP_ERRNO;
	struct shield shield;
	struct blueprint b;
	deadline until;
	int rc;

	if (!s || !fn || deadline_from_timeout(timeout_ms, PTJ_INFINITE, &until))
		return EINVAL;
	if (scheduler_is_dead(s))
		return ENOTRECOVERABLE;
	rc = blueprint_init(&b, s, NULL, fn, arg);
	if (rc)
		return rc;
	b.flags |= JOB_SHIELD | JOB_ATTENDED | JOB_WAITED;

	monitor_lock(&s->mu);
	rc = start_locked(s, &b, &shield.job);
	if (rc) {
		monitor_unlock(&s->mu);
		blueprint_discard(&b);
		return rc;
	}
	block_init(&shield.block, s, true);
	shield.block.undo = caller_cancelled;
	shield.block.waiter.job = shield.job;
	rc = block_locked(&shield.block, scheduler_waiters(s, shield.job), until);
	rc = outcome(shield.job, rc, result);
	leave_locked(&shield);
	scheduler_unlock(s);
	block_done(&shield.block, rc == EINTR ? DEADLINE_PAST : until);
	return rc;
}
