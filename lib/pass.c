/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>

#include "pass.h"

#include "finish.h"
#include "lane.h"

/* The job's permit is another's by now. */
static void end(struct worker *w, ptj_job *job)
{
	uint32_t state = atomic_fetch_xor(&job->state, (JOB_PASSING ^ JOB_ENDED) | JOB_PERMIT);

	if (state & JOB_WAITED) {
		mutex_lock(&w->s->mu);
		release_waiters_locked(w->s, job);
		mutex_unlock(&w->s->mu);
	}
	if (job_drop_ref(job))
		recycle_put(&w->recycle, w->s, job);
}

/* The result is written before the move, and nobody reads it before; if the move fails it is written
   again, or something else is. */
bool pass_on(struct worker *w, void *value)
{
	ptj_job *job = w->job, *next;

	if (!lane_is_open(w->s) || job_has(job, JOB_ENDS_LOCKED))
		return false;
	job->outcome.result = value;
	if (!job_move(job, JOB_RUNNING, JOB_ENDS_LOCKED, JOB_PASSING, 0))
		return false;
	next = ring_take(&w->s->pending.front.ring);
	if (!next)
		return false;
	w->job = next;
	end(w, job);
	return true;
}

bool pass_begin(struct worker *w)
{
	w->job->at.worker = w;
	return job_move(w->job, JOB_PENDING, JOB_BEGINS_LOCKED, JOB_RUNNING, JOB_PERMIT) &&
	       lane_is_open(w->s);
}

/* The job w->job, made ready; NULL if it lay buried. */
static ptj_job *make_ready_locked(struct worker *w)
{
	if (job_phase(w->job) == JOB_RUNNING) {
		job_set_phase_locked(w->job, JOB_READY);
		return w->job;
	}
	if (job_move(w->job, JOB_PENDING, 0, JOB_READY, JOB_PERMIT))
		return w->job;
	permits_exhume_locked(w->s, w->job);
	return NULL;
}

void pass_adopt_locked(struct worker *w)
{
	struct ptj_scheduler *s = w->s;
	ptj_job *job = make_ready_locked(w);

	if (!job)
		job = permits_next_locked(s, JOB_READY, JOB_PERMIT);
	w->job = job;
	lane_offer_place_locked(s);
	if (!job) {
		forgo_locked(s);
		return;
	}
	list_init(&job->at.link);
	if (scheduler_phase(s) != SCHEDULER_OPEN)
		job_set_locked(job, JOB_CLOSING);
}
