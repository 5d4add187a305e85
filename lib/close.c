/* Closing a scheduler, and releasing it.

   A close goes through all jobs while s->mu is held, so that none is missed and all are asked
   together, and lets go of it only to call what is the user's.  Then it waits, once, for all.

   SPDX-License-Identifier: Apache-2.0 */

#include <config.h>

#include "block.h"
#include "cancel.h"
#include "finish.h"
#include "inside.h"
#include "keep_errno.h"
#include "reap.h"
#include "wait.h"

#include <stdlib.h>

/* Takes all jobs that no thread has entered, so that none of them runs any more. */
static void take_unentered_locked(struct ptj_scheduler *s, struct link *jobs)
{
	struct link *node;
	ptj_job *job;

	list_init(jobs);
	list_append_all(jobs, &s->ready);
	pending_shut_front(&s->pending);
	count_add_locked(&s->entered, s->pending.len);
	pending_take_all(&s->pending, jobs);
	for (node = jobs->next; node != jobs; node = node->next) {
		job = container_of(node, ptj_job, at.link);
		job_set_locked(job, JOB_CLOSING | JOB_CANCELLED);
		job_set_phase_locked(job, JOB_FINISHING);
	}
}

static void drop_all_locked(struct ptj_scheduler *s, struct link *jobs)
{
	struct link *node;

	while ((node = list_pop(jobs)))
		drop_locked(s, container_of(node, ptj_job, at.link));
}

static ptj_job *job_of_worker(struct link *node)
{
	return container_of(node, struct worker, link)->job;
}

/* Asks all jobs that run, before it does anything that could take time.  A shield whose thread
   has not entered it finds the flag. */
static void request_all_locked(struct ptj_scheduler *s)
{
	struct link *node;
	ptj_job *job;

	for (node = s->workers.next; node != &s->workers; node = node->next) {
		job = job_of_worker(node);
		parker_wake(&container_of(node, struct worker, link)->parker);
		if (job && job_phase(job) < JOB_FINISHING && cancel_begin_locked(job) &&
		    !job_has_callback_locked(job))
			cancel_complete_locked(s, job);
	}
}

static ptj_job *job_with_cancel_due_locked(struct ptj_scheduler *s)
{
	struct link *node;
	ptj_job *job;

	for (node = s->workers.next; node != &s->workers; node = node->next) {
		job = job_of_worker(node);
		if (job && job_has(job, JOB_CANCEL_DUE))
			return job;
	}
	return NULL;
}

static void cancel_those_with_callbacks_locked(struct ptj_scheduler *s)
{
	ptj_job *job;

	while ((job = job_with_cancel_due_locked(s))) {
		ptj_job_ref(job);
		cancel_complete_locked(s, job);
		job_unref_locked(job);
	}
}

static bool no_thread_to_wait_for(const struct ptj_scheduler *s)
{
	return s->guests == 0 && s->threads <= s->straggling;
}

static bool is_closed(const struct ptj_scheduler *s)
{
	return scheduler_phase(s) == SCHEDULER_CLOSED;
}

/* Marks a job that outlasted the close, and releases who waits for a shield. */
static void mark_straggler(ptj_job *job, void *user)
{
	struct ptj_scheduler *s = user;

	if (job_phase(job) == JOB_ENDED || job_has(job, JOB_STRAGGLER))
		return;
	job_set_locked(job, JOB_STRAGGLER);
	ptj_job_ref(job); /* for the report */
	s->straggling++;
	if (!job_has(job, JOB_SHIELD)) {
		count_sub_locked(&s->entered, 1);
		return;
	}
	count_sub_locked(&s->shields, 1);
	release_waiters_locked(s, job);
}

static void find_unreported(ptj_job *job, void *user)
{
	ptj_job **found = user;

	if (job_has(job, JOB_STRAGGLER) && !job_has(job, JOB_REPORTED))
		*found = job;
}

/* Reports each job marked, also those that end meanwhile: the handler is told what happened. */
static void report_stragglers_locked(struct ptj_scheduler *s)
{
	ptj_job *job;

	for (;;) {
		job = NULL;
		roster_each_locked(&s->roster, find_unreported, &job);
		if (!job)
			return;
		job_set_locked(job, JOB_REPORTED);
		mutex_unlock(&s->mu);
		report_straggler(s, job);
		mutex_lock(&s->mu);
		job_unref_locked(job);
	}
}

static void set_phase_locked(struct ptj_scheduler *s, enum scheduler_phase phase)
{
	atomic_store_explicit(&s->phase, phase, memory_order_release);
}

static void close_locked(struct ptj_scheduler *s)
{
	struct link unentered;
	deadline until;

	deadline_from_timeout(s->close_timeout, s->close_timeout, &until);
	set_phase_locked(s, SCHEDULER_CLOSING);
	pending_turn_away(&s->pending);
	take_unentered_locked(s, &unentered);
	request_all_locked(s);
	waiter_nudge_all(&s->reclaim);
	cancel_those_with_callbacks_locked(s);
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
	mutex_lock(&s->mu);
	if (scheduler_phase(s) == SCHEDULER_OPEN)
		close_locked(s);
	else
		block_until_locked(s, is_closed, DEADLINE_NEVER, false);
	mutex_unlock(&s->mu);
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
	(void)user;
	if (job_phase(job) == JOB_ENDED || !job_drop_ref(job))
		return;
	job_free_dead(job);
	roster_forget(roster_of(job), 1);
}

static void free_dead(struct ptj_scheduler *s)
{
	struct link *node, *next;
	struct worker *w;

	/* This thread may be the copy of a worker, which still returns through its own frames. */
	if (s->freed)
		return;
	s->freed = true;
	roster_each_locked(&s->roster, give_up_job, NULL);
	for (node = s->workers.next; node != &s->workers; node = next) {
		next = node->next;
		w = container_of(node, struct worker, link);
		if (!pthread_equal(w->thread, pthread_self()))
			free(w);
	}
	for (node = s->exited.next; node != &s->exited; node = next) {
		next = node->next;
		free(container_of(node, struct worker, queue));
	}
	scheduler_release_dead(s, s->pending.front.stash_len);
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
	mutex_lock(&s->mu);
	while (reap_locked(s, DEADLINE_NEVER))
		;
	join_exited_locked(s);
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
