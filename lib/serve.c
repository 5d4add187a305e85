/* What a worker does with its life: it takes jobs, runs them, parks, and leaves.

   SPDX-License-Identifier: Apache-2.0 */

#include <config.h>

#include "finish.h"
#include "reap.h"
#include "worker.h"

static void *call(struct worker *w, ptj_job_fn fn, void *arg, bool cancellable)
{
	void *value;

	pthread_cleanup_push(unwound, w);
	if (cancellable)
		pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
	value = fn(arg);
	bracket_leave();
	pthread_cleanup_pop(0);
	return value;
}

/* Whether nobody can tell the job from others: a handle would be a second reference. */
static bool is_anonymous(const ptj_job *job)
{
	return !job->extra && job->id > 0 && atomic_load_explicit(&job->refs, memory_order_relaxed) == 1;
}

/* s->mu held; released and reacquired.  False in the child of a fork within the job's function. */
static bool run_locked(struct worker *w, ptj_job *job)
{
	struct ptj_scheduler *s = w->s;
	ptj_job_fn fn = job->outcome.fn;
	bool cancellable = job_cancel_mode(job) == PTJ_CANCEL_DEFERRED;
	bool entered;
	char own_name[THREAD_NAME_SIZE];
	const char *name = NULL;
	void *value = NULL;

	if (job_has(job, JOB_CLOSING)) {
		w->job = NULL;
		drop_locked(s, job);
		return true;
	}
	if (!is_anonymous(job)) {
		job_name_locked(job, own_name, sizeof(own_name));
		name = own_name;
	}
	w->job = job;
	job->at.worker = w;
	job_set_phase_locked(job, JOB_RUNNING);
	if (!list_empty(&s->ready))
		workers_wanted_locked(s);
	mutex_unlock(&s->mu);

	w->frame.self = job;
	bracket_enter(&w->bracket, name, job->id);
	entered = !job_has(job, JOB_CLOSING);
	if (entered)
		value = call(w, fn, job->arg, cancellable);
	if (worker_is_forked(w))
		return false;
	w->frame.self = NULL;
	w->frame.about = job;

	mutex_lock(&s->mu);
	w->bracket.named |= w->renamed;
	w->renamed = false;
	job->at.worker = NULL;
	if (entered)
		job_decide_locked(job, true, value);
	else
		job_set_locked(job, JOB_CANCELLED);
	finish_locked(s, job);
	w->frame.about = NULL;
	w->job = NULL;
	return true;
}

/* Whether there are more threads than jobs could be running: those that served while others were
   blocked go when the others go on. */
static bool is_surplus_locked(const struct ptj_scheduler *s)
{
	return s->limit > 0 && s->serving > s->limit + s->lent + count_get(&s->shields);
}

/* Parks until there is work.  False when the worker is to leave: the scheduler is closing, or it
   was idle too long. */
static bool idle_locked(struct worker *w)
{
	struct ptj_scheduler *s = w->s;
	deadline until = DEADLINE_NEVER;

	if (is_surplus_locked(s))
		return false;
	if (s->idle_timeout >= 0)
		until = deadline_in_ms(s->idle_timeout);
	list_prepend(&s->idle, &w->queue);
	w->parked = true;
	while (w->parked) {
		if (scheduler_phase(s) != SCHEDULER_OPEN || deadline_passed(until)) {
			list_remove(&w->queue);
			w->parked = false;
			return false;
		}
		mutex_unlock(&s->mu);
		parker_park(&w->parker, until);
		mutex_lock(&s->mu);
	}
	return true;
}

static ptj_job *next_job_locked(struct worker *w)
{
	struct link *node;
	ptj_job *job = w->job;

	if (job)
		return job;
	node = list_pop(&w->s->ready);
	return node ? container_of(node, ptj_job, at.link) : NULL;
}

/* What is better done before there is nothing to do for long.  True if s->mu was released, and the
   worker is to look for work again.  In the short of the two it counts as on its way to do so; a
   grace period may be long. */
static bool tidy_locked(struct worker *w)
{
	struct ptj_scheduler *s = w->s;

	if (!w->bracket.rested) {
		s->waking++;
		mutex_unlock(&s->mu);
		bracket_rest(&w->bracket);
		mutex_lock(&s->mu);
		s->waking--;
		return true;
	}
	if (list_empty(&s->roster.doomed))
		return false;
	roster_reclaim_locked(&s->roster, &s->mu);
	return true;
}

/* Takes jobs until it is to leave; false in the child of a fork. */
static bool serve_locked(struct worker *w)
{
	struct ptj_scheduler *s = w->s;
	ptj_job *job;

	while (!w->sent) {
		s->waking -= w->called;
		w->called = false;
		if (!list_empty(&s->unwound) && !w->job && reap_locked(s, DEADLINE_NEVER))
			continue;
		if (roster_wants_reclaim_locked(&s->roster)) {
			workers_wanted_locked(s);
			roster_reclaim_locked(&s->roster, &s->mu);
		}
		job = next_job_locked(w);
		if (job && !run_locked(w, job))
			return false;
		if (!job && !tidy_locked(w) && !idle_locked(w))
			break;
	}
	return true;
}

/* s->mu held; released for good. */
static void leave_locked(struct worker *w)
{
	struct ptj_scheduler *s = w->s;

	worker_retire_locked(w);
	workers_wanted_locked(s);
	join_exited_locked(s);
	hand_over_locked(w);
	thread_gone_locked(w);
	if (s->freed) {
		pthread_detach(pthread_self());
		scheduler_unlock(s);
		worker_free(w);
		return;
	}
	list_append(&s->exited, &w->queue);
	mutex_unlock(&s->mu);
}

void *worker_main(void *arg)
{
	struct worker *w = arg;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	inside_push(&w->frame);
	mutex_lock(&w->s->mu);
	if (!serve_locked(w))
		return NULL;
	inside_pop(&w->frame);
	leave_locked(w);
	return NULL;
}
