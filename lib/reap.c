/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>

#include "reap.h"

#include "callback.h"
#include "finish.h"
#include "fork.h"
#include "hook.h"
#include "lane.h"

#include <errno.h>
#include <stdlib.h>

/* How often a dying thread whose work nobody can take tries again to have a thread started. */
#define RETRY_MS 10

static int join(pthread_t thread, void **value, deadline until)
{
	struct timespec at;

	if (until == DEADLINE_NEVER)
		return pthread_join(thread, value);
/* ThreadSanitizer does not know pthread_clockjoin_np, and takes a thread joined so for lost. */
#if defined(HAVE_PTHREAD_CLOCKJOIN_NP) && !defined(WITH_TSAN)
	at = deadline_timespec(until);
	return pthread_clockjoin_np(thread, value, CLOCK_MONOTONIC, &at);
#else
	at = deadline_realtime(until);
	return pthread_timedjoin_np(thread, value, &at);
#endif
}

void worker_free(struct worker *w)
{
	parker_destroy(&w->parker);
	free(w);
}

void thread_gone_locked(struct worker *w)
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
	w = worker_of_queue(node);
	/* This may take time, and others may rely on this thread for the rest. */
	workers_wanted_locked(s);
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel_state);
	monitor_unlock(&s->mu);
	rc = join(w->thread, &value, until);
	monitor_lock(&s->mu);
	if (rc == 0) {
		thread_gone_locked(w);
		job_decide_locked(w->job, false, value);
		finish_locked(s, w->job);
		worker_free(w);
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
		monitor_unlock(&s->mu);
		pthread_join(worker_of_queue(node)->thread, NULL);
		worker_free(worker_of_queue(node));
		monitor_lock(&s->mu);
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

/* Whether somebody is joining w already, to finish its job, and waits for it to be gone. */
static bool is_awaited(const struct worker *w)
{
	return w->job && list_empty(&w->queue);
}

void hand_over_locked(struct worker *w)
{
	struct ptj_scheduler *s = w->s;

	/* One of those blocked tries as well. */
	while (workers_wanted_locked(s) && s->serving == 0 && !scheduler_blocked_locked(s) &&
	       !is_awaited(w)) {
		monitor_unlock(&s->mu);
		parker_park(&w->parker, deadline_in_ms(RETRY_MS));
		monitor_lock(&s->mu);
	}
}

bool worker_is_forked(const struct worker *w)
{
	return w->frame.generation != fork_generation();
}

void unwound(void *arg)
{
	struct worker *w = arg;
	struct ptj_scheduler *s = w->s;

	if (worker_is_forked(w))
		return;
	bracket_leave(&w->bracket);
	w->frame.about = w->frame.self;
	w->frame.self = NULL;
	monitor_lock(&s->mu);
	worker_retire_locked(w);
	w->job->at.worker = NULL;
	if (w->job->extra)
		callback_unregister_locked(s, w->job);
	recycle_flush_locked(&w->recycle, s);
	list_append(&s->unwound, &w->queue);
	lane_shut_locked(s);
	if (!wake_reaper_locked(s, w->job))
		hand_over_locked(w);
	monitor_unlock(&s->mu);
	hook_stop(w);
	inside_pop(&w->frame);
}
