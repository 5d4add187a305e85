/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>

#include "pass.h"

#include "completions.h"
#include "finish.h"
#include "lane.h"
#include "offer.h"

/* The job's permit is another's by now. */
static void end(struct worker *w, ptj_job *job)
{
	ptj_completions *c = job->completions;
	uint32_t state;

	if (c)
		completions_append(c, job);
	state = atomic_fetch_xor(&job->state, (JOB_PASSING ^ JOB_ENDED) | JOB_PERMIT);
	if (state & JOB_WAITED) {
		monitor_lock(&w->s->mu);
		release_waiters_locked(w->s, job);
		monitor_unlock(&w->s->mu);
	}
	if (c)
		completions_unref(c);
	if (job_drop_ref(job))
		recycle_put(&w->recycle, w->s, job);
}

/* Who is blocked until w->job is in its completion queue may have lent his permit meanwhile, and is
   due this one then. */
static bool is_awaited(const struct worker *w)
{
	return w->job->completions && completions_are_awaited(w->job->completions);
}

/* The result is written before anybody who sees the job ended may read it. */
bool pass_take(struct worker *w, void *value)
{
	if (!lane_is_open(w->s) || is_awaited(w) ||
	    !job_move(w->job, JOB_RUNNING, JOB_ENDS_LOCKED, JOB_PASSING, 0))
		return false;
	w->job->outcome.result = value;
	w->next = ring_take(&w->s->pending.front.ring);
	return w->next;
}

bool pass_begin(struct worker *w)
{
	ptj_job *job = w->job;

	w->next->at.worker = w;
	if (!job_move(w->next, JOB_PENDING, JOB_BEGINS_LOCKED, JOB_RUNNING, JOB_PERMIT))
		return false;
	w->job = w->next;
	w->next = NULL;
	end(w, job);
	return true;
}

/* The job w->next, made ready; the one behind it, if it lay buried; NULL: there is none. */
static ptj_job *make_next_ready_locked(struct worker *w)
{
	ptj_job *job = w->next;

	w->next = NULL;
	if (job_move(job, JOB_PENDING, 0, JOB_READY, JOB_PERMIT))
		return job;
	permits_exhume_locked(w->s, job);
	/* Then the permit goes where permits_dispatch_locked() says. */
	if (!list_empty(&w->s->reclaim) || count_get(&w->s->active) > w->s->limit)
		return NULL;
	return permits_next_locked(w->s, JOB_READY, JOB_PERMIT);
}

/* Gives w a ready job, and tells that of a close that did not find it; w drops it then, also one
   that is not for it to run. */
static void give_locked(struct worker *w, ptj_job *job)
{
	bool closing = scheduler_phase(w->s) != SCHEDULER_OPEN;

	list_init(&job->at.link);
	if (closing)
		job_set_locked(job, JOB_CLOSING);
	if (job_has(job, JOB_EXTERNAL) && !closing)
		offer_locked(w->s, job);
	else
		w->job = job;
}

void pass_finish_locked(struct worker *w)
{
	struct ptj_scheduler *s = w->s;
	ptj_job *job = w->job, *next = make_next_ready_locked(w);

	w->job = NULL;
	if (next) {
		job_clear_locked(job, JOB_PERMIT);
		count_add_locked(&s->entered, 1);
		give_locked(w, next);
	}
	/* The end may let go of s->mu, to release a completion queue: who closes the other job then
	   must find it in a list, and w must not. */
	if (w->job)
		list_prepend(&s->ready, &w->job->at.link);
	w->job = NULL;
	finish_locked(s, job);
	if (!list_empty(&s->ready))
		w->job = container_of(list_pop(&s->ready), ptj_job, at.link);
	lane_offer_place_locked(s);
}

void pass_adopt_locked(struct worker *w)
{
	job_set_phase_locked(w->job, JOB_READY);
	give_locked(w, w->job);
	lane_offer_place_locked(w->s);
}
