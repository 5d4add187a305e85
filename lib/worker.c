/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>

#include "worker.h"

#include "callback.h"
#include "finish.h"
#include "fork.h"
#include "permits.h"

#include <errno.h>
#include <stdlib.h>

/* How often a dying thread whose job nobody can take tries again to have one started. */
#define RETRY_MS 10

static void *work(void *arg);

static struct worker *of_queue(struct link *node)
{
	return container_of(node, struct worker, queue);
}

static int start_locked(struct ptj_scheduler *s, struct worker **out)
{
	struct worker *w = calloc(1, sizeof(*w));

	if (!w)
		return ENOMEM;
	w->s = s;
	w->frame.kind = INSIDE_JOB;
	w->frame.s = s;
	w->frame.parker = &w->parker;
	w->bracket.base = s->name;
	w->bracket.rested = true;
	list_init(&w->queue);
	parker_init(&w->parker);
	if (bracket_create_thread(&w->thread, &s->thread_attr, work, w)) {
		parker_destroy(&w->parker);
		free(w);
		return EAGAIN;
	}
	list_append(&s->workers, &w->link);
	s->threads++;
	s->serving++;
	*out = w;
	return 0;
}

/* The worker that parked last: its cache is warm, and the others' idle times go on. */
int worker_hire_locked(struct ptj_scheduler *s, struct worker **out)
{
	struct link *node = list_pop(&s->idle);

	if (!node)
		return start_locked(s, out);
	of_queue(node)->parked = false;
	*out = of_queue(node);
	return 0;
}

void worker_give_locked(struct worker *w, ptj_job *job)
{
	w->job = job;
	parker_wake(&w->parker);
}

int worker_call_locked(struct ptj_scheduler *s)
{
	struct worker *w;
	int rc = worker_hire_locked(s, &w);

	if (rc)
		return rc;
	w->called = true;
	s->waking++;
	parker_wake(&w->parker);
	return 0;
}

/* One worker on its way is enough, however much there is to do: it calls the next when it takes
   something.  Waking as many as there are jobs would have most of them find nothing. */
int workers_wanted_locked(struct ptj_scheduler *s)
{
	size_t i;
	int rc;

	if (s->waking > 0 || (list_empty(&s->ready) && list_empty(&s->unwound)))
		return 0;
	rc = worker_call_locked(s);
	if (rc == 0)
		return 0;
	/* Whoever is blocked tries again from time to time. */
	for (i = 0; i < WAITER_BUCKETS; i++)
		waiter_nudge_all(&s->waiters[i]);
	waiter_nudge_all(&s->pending.spawners);
	waiter_nudge_all(&s->quiet);
	return rc;
}

static void retire_locked(struct worker *w)
{
	if (!w->sent)
		w->s->serving--;
	w->sent = true;
}

void worker_cancel_locked(ptj_job *job)
{
	struct worker *w;

	if (job_phase(job) != JOB_RUNNING || job_cancel_mode(job) == PTJ_CANCEL_COOPERATIVE)
		return;
	w = job->at.worker;
	if (!w || w->sent)
		return;
	retire_locked(w);
	pthread_cancel(w->thread);
}

static int join(pthread_t thread, void **value, deadline until)
{
	struct timespec at;

	if (until == DEADLINE_NEVER)
		return pthread_join(thread, value);
#ifdef HAVE_PTHREAD_CLOCKJOIN_NP
	at = deadline_timespec(until);
	return pthread_clockjoin_np(thread, value, CLOCK_MONOTONIC, &at);
#else
	at = deadline_realtime(until);
	return pthread_timedjoin_np(thread, value, &at);
#endif
}

static void free_joined(struct worker *w)
{
	parker_destroy(&w->parker);
	free(w);
}

/* A close waits for the threads to go. */
static void remove_thread_locked(struct worker *w)
{
	list_remove(&w->link);
	w->s->threads--;
	if (scheduler_phase(w->s) != SCHEDULER_OPEN)
		waiter_release_all(&w->s->quiet);
}

bool reap_locked(struct ptj_scheduler *s, deadline until)
{
	struct link *node = list_pop(&s->unwound);
	struct worker *w;
	void *value;
	int rc, cancel_state;

	if (!node)
		return false;
	w = of_queue(node);
	/* This may take time, and others may rely on this thread for the rest. */
	workers_wanted_locked(s);
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel_state);
	mutex_unlock(&s->mu);
	rc = join(w->thread, &value, until);
	mutex_lock(&s->mu);
	if (rc == 0) {
		remove_thread_locked(w);
		job_decide_locked(w->job, false, value);
		finish_locked(s, w->job);
		free_joined(w);
	} else {
		list_prepend(&s->unwound, &w->queue);
	}
	workers_wanted_locked(s);
	pthread_setcancelstate(cancel_state, NULL);
	return rc == 0;
}

void join_exited_locked(struct ptj_scheduler *s)
{
	struct link *node;
	int cancel_state;

	while ((node = list_pop(&s->exited))) {
		pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel_state);
		mutex_unlock(&s->mu);
		pthread_join(of_queue(node)->thread, NULL);
		free_joined(of_queue(node));
		mutex_lock(&s->mu);
		pthread_setcancelstate(cancel_state, NULL);
	}
}

static bool wake_if_parked_locked(struct waiter *w)
{
	if (w->busy)
		return false;
	parker_wake(w->parker);
	return true;
}

/* Wakes one thread that waits for job, or for the scheduler as a whole: it joins this one, and
   passes that on if it leaves instead. */
static bool wake_reaper_locked(struct ptj_scheduler *s, const ptj_job *job)
{
	struct link *list = scheduler_waiters(s, job);
	struct waiter *w;

	for (w = waiter_for(list, list->next, job); w; w = waiter_for(list, w->link.next, job))
		if (wake_if_parked_locked(w))
			return true;
	return !list_empty(&s->quiet) &&
	       wake_if_parked_locked(container_of(s->quiet.next, struct waiter, link));
}

/* Whether somebody is blocked who tries to have a thread started, from time to time. */
static bool anybody_blocked_locked(const struct ptj_scheduler *s)
{
	size_t i;

	for (i = 0; i < WAITER_BUCKETS; i++)
		if (!list_empty(&s->waiters[i]))
			return true;
	return !list_empty(&s->pending.spawners) || !list_empty(&s->quiet);
}

/* Before w goes: has another worker come for what there is to do, and if none can be had and
   nobody is left who would try again, stays and tries. */
static void hand_over_locked(struct worker *w)
{
	struct ptj_scheduler *s = w->s;

	while (workers_wanted_locked(s) && s->serving == 0 && !anybody_blocked_locked(s)) {
		mutex_unlock(&s->mu);
		parker_park(&w->parker, deadline_in_ms(RETRY_MS));
		mutex_lock(&s->mu);
	}
}

/* Whether this is a copy of the worker's thread in the child of a fork; the scheduler may have
   been freed there. */
static bool is_forked(const struct worker *w)
{
	return w->frame.generation != fork_generation();
}

/* The job's function was unwound, by a cancellation or by pthread_exit(), and with it goes this
   thread.  Runs in it, last. */
static void unwound(void *arg)
{
	struct worker *w = arg;
	struct ptj_scheduler *s = w->s;

	if (is_forked(w))
		return;
	bracket_leave();
	w->frame.about = w->frame.self;
	w->frame.self = NULL;
	mutex_lock(&s->mu);
	retire_locked(w);
	w->job->at.worker = NULL;
	if (w->job->extra)
		callback_unregister_locked(s, w->job);
	list_append(&s->unwound, &w->queue);
	if (!wake_reaper_locked(s, w->job))
		hand_over_locked(w);
	mutex_unlock(&s->mu);
	inside_pop(&w->frame);
}

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
	char own_name[THREAD_NAME_SIZE];
	const char *name = NULL;
	void *value;

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
	value = call(w, fn, job->arg, cancellable);
	if (is_forked(w))
		return false;
	w->frame.self = NULL;
	w->frame.about = job;

	mutex_lock(&s->mu);
	w->bracket.named |= w->renamed;
	w->renamed = false;
	job->at.worker = NULL;
	job_decide_locked(job, true, value);
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

	retire_locked(w);
	workers_wanted_locked(s);
	join_exited_locked(s);
	hand_over_locked(w);
	remove_thread_locked(w);
	if (s->freed) {
		pthread_detach(pthread_self());
		scheduler_unlock(s);
		free_joined(w);
		return;
	}
	list_append(&s->exited, &w->queue);
	mutex_unlock(&s->mu);
}

static void *work(void *arg)
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
