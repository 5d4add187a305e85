/* Closing a scheduler, and releasing it.

   A close goes through all jobs while s->mu is held, so that none is missed and all are asked
   together, and lets go of it only to call what is the user's.  Then it waits, once, for all.

   SPDX-License-Identifier: Apache-2.0 */

#include <config.h>

#include "block.h"
#include "cancel.h"
#include "completions.h"
#include "finish.h"
#include "inside.h"
#include "keep_errno.h"
#include "lane.h"
#include "offer.h"
#include "reap.h"
#include "wait.h"

#include <stdlib.h>

#define DROPS_AT_ONCE 4096

/* Takes all jobs that no thread has entered, so that none of them runs any more. */
static void take_unentered_locked(struct ptj_scheduler *s, struct link *jobs)
{
	struct link *node;
	ptj_job *job;

	list_init(jobs);
	offer_withdraw_all_locked(s, jobs);
	for (node = jobs->next; node != jobs; node = node->next) {
		job = container_of(node, ptj_job, at.link);
		job_set_locked(job, JOB_CLOSING);
		job_set_phase_locked(job, JOB_FINISHING);
	}
	while ((job = permits_next_locked(s, JOB_FINISHING, JOB_CLOSING))) {
		count_add_locked(&s->entered, 1);
		list_append(jobs, &job->at.link);
	}
}

/* Lets go of s->mu from time to time: jobs that obey need it, and have until a deadline. */
static void drop_all_locked(struct ptj_scheduler *s, struct link *jobs)
{
	struct link *node;
	size_t n;

	for (n = 1; (node = list_pop(jobs)); n++) {
		drop_locked(s, container_of(node, ptj_job, at.link));
		if (n % DROPS_AT_ONCE == 0) {
			monitor_unlock(&s->mu);
			monitor_lock(&s->mu);
		}
	}
}

struct request {
	struct ptj_scheduler *s;
	ptj_job *due; /* those with a callback, by next_due, with a reference each */
};

/* Asks a job that runs, before anything is done that could take time.  A shield whose thread has
   not entered it finds the flag. */
static void request_one_locked(ptj_job *job, void *user)
{
	struct request *request = user;

	if (!cancel_begin_locked(job))
		return;
	if (!job_has_callback_locked(job)) {
		cancel_complete_locked(request->s, job);
		return;
	}
	job->extra->next_due = request->due;
	request->due = ptj_job_ref(job);
}

static void cancel_those_with_callbacks_locked(struct ptj_scheduler *s, ptj_job *due)
{
	ptj_job *job;

	while ((job = due)) {
		due = job->extra->next_due;
		cancel_complete_locked(s, job);
		job_unref_locked(job);
	}
}

static void wake_workers_locked(struct ptj_scheduler *s)
{
	struct link *node;

	for (node = s->workers.next; node != &s->workers; node = node->next)
		parker_wake(&container_of(node, struct worker, link)->parker);
}

/* A straggler may have no thread of the scheduler's: who closed it calls its release function.
   Then only the other counts tell that a thread is no straggler's: a worker has a job in its hands
   that was not marked, or is in a hook. */
static bool no_thread_to_wait_for(const struct ptj_scheduler *s) NEEDS(a_monitor)
{
	return s->pending.guests == 0 && s->hooking == 0 && s->threads <= s->straggling &&
	       is_quiet(s);
}

static bool is_closed(const struct ptj_scheduler *s)
{
	return scheduler_phase(s) == SCHEDULER_CLOSED;
}

/* Whether user code of job's holds the close up.  One that is pending by now is with a worker that
   is about to drop it, one that is passing with a worker that is about to end it. */
static bool holds_up_locked(ptj_job *job)
{
	switch (job_phase(job)) {
	case JOB_RUNNING:
		return job_pin_locked(job, JOB_STRAGGLER);
	case JOB_READY:
	case JOB_FINISHING:
		job_set_locked(job, JOB_STRAGGLER);
		return true;
	default:
		return false;
	}
}

/* Marks a job that outlasted the close, and releases who waits for a shield. */
static void mark_straggler(ptj_job *job, void *user) NEEDS(a_monitor)
{
	struct ptj_scheduler *s = user;

	if (job_has(job, JOB_STRAGGLER) || !holds_up_locked(job))
		return;
	ptj_job_ref(job); /* for the report */
	if (!job_has(job, JOB_EXTERNAL))
		s->straggling++;
	if (!job_has(job, JOB_SHIELD)) {
		count_sub_locked(&s->entered, 1);
		return;
	}
	count_sub_locked(&s->shields, 1);
	release_waiters_locked(s, job);
}

/* Nobody but the close reports a job that was marked. */
static int report_if_marked(ptj_job *job, void *user)
{
	struct ptj_scheduler *s = user;

	if (!job_has(job, JOB_STRAGGLER))
		return 0;
	report_straggler(s, job);
	ptj_job_unref(job);
	return 0;
}

/* Reports each job marked, also those that end meanwhile: the handler is told what happened.  Each
   has a reference until then, so that one visit finds them all. */
static void report_stragglers_locked(struct ptj_scheduler *s)
{
	monitor_unlock(&s->mu);
	roster_visit(&s->roster, report_if_marked, s, ptj_job_unref);
	monitor_lock(&s->mu);
}

static void set_phase_locked(struct ptj_scheduler *s, enum scheduler_phase phase)
{
	atomic_store_explicit(&s->phase, phase, memory_order_release);
}

static void close_locked(struct ptj_scheduler *s)
{
	struct request request = {.s = s, .due = NULL};
	struct link unentered;
	deadline until;

	set_phase_locked(s, SCHEDULER_CLOSING);
	lane_shut_locked(s);
	front_close_locked(&s->pending.front);
	pending_turn_away(&s->pending);
	take_unentered_locked(s, &unentered);
	roster_each_locked(&s->roster, request_one_locked, &request);
	wake_workers_locked(s);
	waiter_nudge_all(&s->reclaim);
	deadline_from_timeout(s->close_timeout, s->close_timeout, &until);
	cancel_those_with_callbacks_locked(s, request.due);
	drop_all_locked(s, &unentered);
	block_until_locked(s, is_quiet, until, false);
	roster_each_locked(&s->roster, mark_straggler, s);
	report_stragglers_locked(s);
	block_until_locked(s, no_thread_to_wait_for, DEADLINE_NEVER, false);
	join_exited_locked(s);
	roster_reclaim_locked(&s->roster, &s->mu);
	set_phase_locked(s, SCHEDULER_CLOSED);
	waiter_release_all(&s->quiet);
}

/* Closes s, or waits for who is closing it. */
static void close_scheduler(struct ptj_scheduler *s)
{
	int cancel_state;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel_state);
	monitor_lock(&s->mu);
	if (scheduler_phase(s) == SCHEDULER_OPEN)
		close_locked(s);
	else
		block_until_locked(s, is_closed, DEADLINE_NEVER, false);
	monitor_unlock(&s->mu);
	pthread_setcancelstate(cancel_state, NULL);
}

int ptj_scheduler_close(ptj_scheduler *s)
{
	KEEP_ERRNO;

	if (!s)
		return EINVAL;
	if (scheduler_is_dead(s))
		return ENOTRECOVERABLE;
	if (inside_scheduler(s))
		return EDEADLK;
	close_scheduler(s);
	return 0;
}

int ptj_scheduler_wait_and_close(ptj_scheduler *s, int64_t timeout_ms)
{
	KEEP_ERRNO;
	deadline until;

	if (!s || deadline_from_timeout(timeout_ms, s->wait_timeout, &until))
		return EINVAL;
	if (scheduler_is_dead(s))
		return ENOTRECOVERABLE;
	if (inside_scheduler(s))
		return EDEADLK;
	if (await_quiet(s, until) == EINTR)
		return EINTR;
	close_scheduler(s);
	return 0;
}

static void report_free_from_within(struct ptj_scheduler *s)
{
	ptj_context context = {
		.message = "Scheduler freed from within one of its own jobs",
		.job = inside_self(),
		.error = EDEADLK,
	};

	ptj_scheduler_call_exception_handler(s, &context);
}

/* In the child of a fork: what the scheduler itself held of each job is given up, and what a
   handle holds stays until it is given back. */
static void give_up_job(ptj_job *job, void *user)
{
	uint32_t phase = job_phase(job);

	(void)user;
	/* One that is passing may be in its completion queue already, which then keeps it. */
	if (job->completions && phase != JOB_ENDED && phase != JOB_PASSING) {
		job_drop_ref(job);
		completions_unref(job->completions);
	}
	if ((phase == JOB_ENDED && !job_has(job, JOB_BURIED)) || !job_drop_ref(job))
		return;
	job_free_dead(job);
	roster_forget(roster_of(job), 1);
}

static void free_dead(struct ptj_scheduler *s) LOCKS_UNCHECKED
{
	size_t slots = s->pending.front.stash_len;
	struct link *node, *next;
	struct worker *w;

	/* This thread may be the copy of a worker, which still returns through its own frames. */
	if (s->freed)
		return;
	s->freed = true;
	offer_end_locked(s);
	roster_each_locked(&s->roster, give_up_job, NULL);
	for (node = s->workers.next; node != &s->workers; node = next) {
		next = node->next;
		w = container_of(node, struct worker, link);
		slots += w->recycle.len;
		if (!pthread_equal(w->thread, pthread_self()))
			free(w);
	}
	for (node = s->exited.next; node != &s->exited; node = next) {
		next = node->next;
		free(container_of(node, struct worker, queue));
	}
	scheduler_release_dead(s, slots);
}

void ptj_scheduler_free(ptj_scheduler *s)
{
	KEEP_ERRNO;
	int cancel_state;

	if (!s)
		return;
	if (scheduler_is_dead(s)) {
		free_dead(s);
		return;
	}
	if (inside_scheduler(s)) {
		report_free_from_within(s);
		return;
	}
	close_scheduler(s);
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel_state);
	monitor_lock(&s->mu);
	while (reap_locked(s, DEADLINE_NEVER))
		;
	join_exited_locked(s);
	offer_end_locked(s);
	s->freed = true;
	scheduler_unlock(s);
	pthread_setcancelstate(cancel_state, NULL);
}

void ptj_scheduler_cleanup(ptj_scheduler **s)
{
	int cancel_state;

	if (!s || !*s)
		return;
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel_state);
	ptj_scheduler_wait_and_close(*s, PTJ_DEFAULT);
	ptj_scheduler_free(*s);
	*s = NULL;
	pthread_setcancelstate(cancel_state, NULL);
}
