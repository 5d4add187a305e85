/* What a worker does with its life: it takes jobs, runs them, parks, and leaves.

   SPDX-License-Identifier: Apache-2.0 */

#include <config.h>

#include "finish.h"
#include "hook.h"
#include "lane.h"
#include "pass.h"
#include "reap.h"
#include "worker.h"

#include <sys/syscall.h>
#include <unistd.h>

static void *call(struct worker *w, ptj_job_fn fn, void *arg, bool cancellable)
{
	void *value;

	pthread_cleanup_push(unwound, w);
	if (cancellable)
		pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
	value = fn(arg);
	bracket_leave(&w->bracket);
	pthread_cleanup_pop(0);
	return value;
}

/* The name that job was given, in buf; NULL: none. */
static const char *given_name_locked(const ptj_job *job, char buf[THREAD_NAME_SIZE])
{
	if (!(job->extra && job->extra->name) && !job_has(job, JOB_SHIELD))
		return NULL;
	job_name_locked(job, buf, THREAD_NAME_SIZE);
	return buf;
}

/* Calls the function of w->job, which has begun, unless a close came first; false then. */
static bool enter(struct worker *w, const char *name, void **value)
{
	ptj_job *job = w->job;
	ptj_job_fn fn = job->outcome.fn;
	bool cancellable = job_cancel_mode(job) == PTJ_CANCEL_DEFERRED;

	w->frame.self = job;
	bracket_enter(&w->bracket, name, job->id);
	if (job_has(job, JOB_CLOSING))
		return false;
	*value = call(w, fn, job->arg, cancellable);
	return true;
}

static void finish_own_locked(struct worker *w, bool entered, void *value)
{
	ptj_job *job = w->job;

	w->bracket.named |= w->renamed;
	w->renamed = false;
	w->frame.about = job;
	if (!entered)
		job_set_locked(job, JOB_CANCELLED);
	else if (job_phase(job) == JOB_RUNNING)
		job_decide_locked(job, true, value);
	finish_locked(w->s, job);
	w->frame.about = NULL;
	w->job = NULL;
}

static void begin_locked(struct worker *w, ptj_job *job)
{
	struct ptj_scheduler *s = w->s;

	w->job = job;
	job->at.worker = w;
	job_set_phase_locked(job, JOB_RUNNING);
	if (list_empty(&s->ready))
		lane_open_locked(s);
	else
		workers_wanted_locked(s);
}

/* s->mu held; released and reacquired.  False in the child of a fork within a job's function.
   Afterwards w->job is another job to run, or NULL. */
static bool run_locked(struct worker *w, ptj_job *job)
{
	struct ptj_scheduler *s = w->s;
	char buf[THREAD_NAME_SIZE];
	const char *name;
	void *value = NULL;
	bool entered, passed;

	if (job_has(job, JOB_CLOSING)) {
		w->job = NULL;
		drop_locked(s, job);
		return true;
	}
	name = given_name_locked(job, buf);
	begin_locked(w, job);
	monitor_unlock(&s->mu);
	do {
		entered = enter(w, name, &value);
		if (worker_is_forked(w)) {
			monitor_assume();
			return false;
		}
		w->frame.self = NULL;
		name = NULL;
		passed = entered && pass_take(w, value) && pass_begin(w);
	} while (passed && lane_is_open(s));
	monitor_lock(&s->mu);
	if (passed)
		pass_adopt_locked(w);
	else if (w->next)
		pass_finish_locked(w);
	else
		finish_own_locked(w, entered, value);
	return true;
}

/* Whether there are more threads than jobs could be running: those that served while others were
   blocked go when the others go on. */
static bool is_surplus_locked(const struct ptj_scheduler *s)
{
	return s->limit > 0 && s->serving > s->limit + s->lent + count_get(&s->shields);
}

/* Parks until there is work.  False when the worker is to leave: the scheduler is closing, it was
   idle too long, or another thread will serve better. */
static bool idle_locked(struct worker *w)
{
	struct ptj_scheduler *s = w->s;
	deadline until = DEADLINE_NEVER;

	if (is_surplus_locked(s) || w->bracket.spoiled)
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
		monitor_unlock(&s->mu);
		parker_linger(&w->parker);
		parker_park(&w->parker, until);
		monitor_lock(&s->mu);
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

	recycle_flush_locked(&w->recycle, s);
	if (is_quiet(s))
		front_empty_stash_locked(&s->pending.front);
	if (!w->bracket.rested) {
		s->waking++;
		monitor_unlock(&s->mu);
		bracket_rest(&w->bracket);
		monitor_lock(&s->mu);
		s->waking--;
		return true;
	}
	if (list_empty(&s->roster.doomed))
		return false;
	roster_reclaim_locked(&s->roster, &s->mu);
	return true;
}

/* Sees to dead workers and slabs.  True if it took time, in which things may have changed. */
static bool clear_up_locked(struct ptj_scheduler *s)
{
	if (!list_empty(&s->unwound) && reap_locked(s, DEADLINE_NEVER))
		return true;
	if (!roster_wants_reclaim_locked(&s->roster))
		return false;
	workers_wanted_locked(s);
	roster_reclaim_locked(&s->roster, &s->mu);
	return true;
}

/* Takes jobs until it is to leave; false in the child of a fork. */
static bool serve_locked(struct worker *w)
{
	struct ptj_scheduler *s = w->s;
	ptj_job *job;

	while (w->job || !w->sent) {
		s->waking -= w->called;
		w->called = false;
		if (!w->job && clear_up_locked(s))
			continue;
		job = next_job_locked(w);
		if (job && !run_locked(w, job))
			return false;
		if (!job && !tidy_locked(w) && !idle_locked(w))
			break;
	}
	return true;
}

/* Calls the thread_start hook, and takes s->mu.  A close that waits for this hears of it when the
   thread, which finds it closing, is gone.  False in the child of a fork within the hook. */
static bool start(struct worker *w) MAY_ACQUIRE(a_monitor)
{
	bracket_begin(&w->bracket, &w->s->terms, w->witness);
	hook_start(w);
	if (worker_is_forked(w))
		return false;
	monitor_lock(&w->s->mu);
	w->id = (pid_t)syscall(SYS_gettid);
	w->s->hooking--;
	if (w->called && w->starting)
		w->s->starting--;
	w->starting = false;
	return true;
}

/* Whoever spawns meanwhile has another worker called.  False in the child of a fork within the
   hook. */
static bool stop_locked(struct worker *w)
{
	struct ptj_scheduler *s = w->s;

	worker_retire_locked(w);
	recycle_flush_locked(&w->recycle, s);
	workers_wanted_locked(s);
	s->hooking++;
	monitor_unlock(&s->mu);
	hook_stop(w);
	if (worker_is_forked(w)) {
		monitor_assume();
		return false;
	}
	inside_pop(&w->frame);
	monitor_lock(&s->mu);
	s->hooking--;
	return true;
}

/* s->mu held; released for good. */
static void leave_locked(struct worker *w) RELEASES(a_monitor)
{
	struct ptj_scheduler *s = w->s;

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
	monitor_unlock(&s->mu);
}

void *worker_main(void *arg) LOCKS_UNCHECKED
{
	struct worker *w = arg;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	inside_push(&w->frame);
	if (start(w) && serve_locked(w) && stop_locked(w))
		leave_locked(w);
	return NULL;
}
