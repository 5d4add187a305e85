/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>

#include "permits.h"

#include "inside.h"
#include "lane.h"
#include "offer.h"

bool permit_is_free_locked(const struct ptj_scheduler *s)
{
	return s->limit == 0 || count_get(&s->active) < s->limit;
}

void permit_take_locked(struct ptj_scheduler *s, ptj_job *job)
{
	count_add_locked(&s->active, 1);
	job_set_locked(job, JOB_PERMIT);
}

void permit_drop_locked(struct ptj_scheduler *s, ptj_job *job)
{
	if (!job_has(job, JOB_PERMIT))
		return;
	count_sub_locked(&s->active, 1);
	job_clear_locked(job, JOB_PERMIT);
}

/* There may be none to take. */
static void take_back_locked(struct lender *l)
{
	permit_take_locked(l->home, l->job);
	l->home->lent--;
	if (l->home->limit > 0 && count_get(&l->home->active) > l->home->limit)
		lane_shut_locked(l->home);
}

ptj_job *permits_next_locked(struct ptj_scheduler *s, uint32_t phase, uint32_t flags)
{
	ptj_job *job;

	while ((job = pending_pop(&s->pending))) {
		if (job_move(job, JOB_PENDING, 0, phase, flags)) {
			list_init(&job->at.link);
			break;
		}
		permits_exhume_locked(s, job);
	}
	if (pending_awaits_place(&s->pending))
		lane_shut_locked(s);
	return job;
}

void permits_exhume_locked(struct ptj_scheduler *s, ptj_job *job)
{
	pending_exhume(&s->pending);
	job_clear_locked(job, JOB_BURIED);
	if (job_drop_ref(job))
		job_free_locked(job);
}

void permits_dispatch_locked(struct ptj_scheduler *s)
{
	struct lender *lender;
	ptj_job *job;

	while (permit_is_free_locked(s)) {
		if (!list_empty(&s->reclaim)) {
			lender = container_of(s->reclaim.next, struct lender, waiter.link);
			take_back_locked(lender);
			waiter_release(&lender->waiter);
			continue;
		}
		job = permits_next_locked(s, JOB_READY, JOB_PERMIT);
		if (!job)
			return;
		count_add_locked(&s->active, 1);
		count_add_locked(&s->entered, 1);
		offer_locked(s, job);
	}
}

void lender_init(struct lender *l, struct parker *parker) LOCKS_UNCHECKED
{
	struct inside *frame = inside_lender();

	waiter_init(&l->waiter, parker);
	l->home = frame ? frame->s : NULL;
	l->job = frame ? frame->self ? frame->self : frame->about : NULL;
	l->state = LENDER_IDLE;
}

void lender_lend_locked(struct lender *l)
{
	if (!job_has(l->job, JOB_PERMIT))
		return;
	permit_drop_locked(l->home, l->job);
	l->home->lent++;
	l->state = LENDER_LENT;
	permits_dispatch_locked(l->home);
}

void lender_reclaim_locked(struct lender *l)
{
	if (l->state != LENDER_LENT)
		return;
	l->state = LENDER_RECLAIMING;
	list_append(&l->home->reclaim, &l->waiter.link);
	lane_shut_locked(l->home);
}

void lender_resume_locked(struct lender *l)
{
	if (l->state != LENDER_RECLAIMING)
		return;
	list_remove(&l->waiter.link);
	l->state = LENDER_LENT;
	if (!l->waiter.done)
		return;
	l->waiter.done = false;
	lender_lend_locked(l);
}

/* A job that is over, and blocks in its release function, is not asked to close any more; then it
   is the scheduler's close that counts. */
static bool is_closing(const struct lender *l)
{
	return job_has(l->job, JOB_CLOSING) || scheduler_phase(l->home) != SCHEDULER_OPEN;
}

/* home->mu held; released and reacquired. */
static void await_permit_locked(struct lender *l, deadline until)
{
	struct ptj_scheduler *home = l->home;

	permits_dispatch_locked(home);
	while (!l->waiter.done) {
		if (is_closing(l) || deadline_passed(until)) {
			list_remove(&l->waiter.link);
			take_back_locked(l);
			return;
		}
		monitor_unlock(&home->mu);
		parker_park(l->waiter.parker, until);
		monitor_lock(&home->mu);
	}
}

void lender_end(struct lender *l, deadline until)
{
	int cancel_state;

	if (!l->home)
		return;
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel_state);
	monitor_lock(&l->home->mu);
	lender_reclaim_locked(l);
	if (l->state == LENDER_RECLAIMING)
		await_permit_locked(l, until);
	l->state = LENDER_IDLE;
	monitor_unlock(&l->home->mu);
	pthread_setcancelstate(cancel_state, NULL);
}
