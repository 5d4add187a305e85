/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>

#include "finish.h"

#include "callback.h"
#include "completions.h"
#include "inside.h"

#include <errno.h>
#include <unistd.h>

/* No locks held. */
static void report_job(struct ptj_scheduler *s, ptj_job *job, const char *message, int error)
{
	ptj_context context = {.message = message, .job = job, .error = error};
	struct job_extra *extra;

	monitor_lock(&s->mu);
	extra = job->extra;
	monitor_unlock(&s->mu);
	if (extra && job_has_failed(job))
		context.error_message = extra->message;
	if (extra && extra->traceback_len > 0) {
		context.source_traceback = extra->traceback;
		context.source_traceback_len = extra->traceback_len;
	}
	report_call(&s->report, s, &context);
}

void report_straggler(struct ptj_scheduler *s, ptj_job *job)
{
	struct inside frame = {.kind = INSIDE_OTHER, .s = s, .about = job};

	inside_push(&frame);
	report_job(s, job, "Job closing timed out", ETIMEDOUT);
	inside_returned(&frame);
	inside_pop(&frame);
}

void report_unheard_locked(struct ptj_scheduler *s, ptj_job *job)
{
	struct inside frame = {.kind = INSIDE_OTHER, .s = s, .about = job};
	int cancel_state;

	if (!job_has(job, JOB_FAILED) || job_has(job, JOB_OBSERVED | JOB_STRAGGLER) ||
	    scheduler_phase(s) == SCHEDULER_CLOSED)
		return;
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel_state);
	monitor_unlock(&s->mu);
	inside_push(&frame);
	report_job(s, job, "Job processing failed", job->outcome.error);
	inside_returned(&frame);
	inside_pop(&frame);
	monitor_lock(&s->mu);
	pthread_setcancelstate(cancel_state, NULL);
}

/* Takes from the job what its end is to call or close. */
static ptj_release_fn strip_locked(struct ptj_scheduler *s, ptj_job *job, int *cancel_fd)
{
	struct job_extra *extra = job->extra;

	if (!extra)
		return NULL;
	callback_unregister_locked(s, job);
	*cancel_fd = extra->cancel_fd;
	extra->cancel_fd = -1;
	return extra->release;
}

/* Calls what is to be called between a job's function and its end.  Whether the handler hears of a
   failure is decided last: somebody may ask for the job, or its scheduler give it up, while the
   release function runs. */
static void settle_locked(struct ptj_scheduler *s, ptj_job *job)
{
	struct inside frame = {.kind = INSIDE_END, .s = s, .about = job};
	ptj_release_fn release;
	int cancel_fd = -1;

	job_set_phase_locked(job, JOB_FINISHING);
	release = strip_locked(s, job, &cancel_fd);
	inside_push(&frame);
	if (release || cancel_fd >= 0) {
		monitor_unlock(&s->mu);
		if (cancel_fd >= 0)
			close(cancel_fd);
		if (release)
			release(job->arg);
		inside_returned(&frame);
		monitor_lock(&s->mu);
	}
	if (job_has(job, JOB_FAILED) && !job->completions &&
	    !job_has(job, JOB_OBSERVED | JOB_ATTENDED | JOB_STRAGGLER)) {
		monitor_unlock(&s->mu);
		report_job(s, job, "Job processing failed", job->outcome.error);
		inside_returned(&frame);
		monitor_lock(&s->mu);
	}
	inside_pop(&frame);
}

/* Has those who lent their permit to wait for job line up for one, before job's is handed on. */
static void lenders_first_locked(struct ptj_scheduler *s, const ptj_job *job)
{
	struct link *list = scheduler_waiters(s, job);
	struct waiter *w;

	for (w = waiter_for(list, list->next, job); w; w = waiter_for(list, w->link.next, job))
		if (w->lender && w->lender->home == s)
			lender_reclaim_locked(w->lender);
}

void release_waiters_locked(struct ptj_scheduler *s, const ptj_job *job)
{
	struct link *list = scheduler_waiters(s, job), *next;
	struct waiter *w;

	for (w = waiter_for(list, list->next, job); w; w = waiter_for(list, next, job)) {
		next = w->link.next;
		waiter_release(w);
	}
}

bool is_quiet(const struct ptj_scheduler *s)
{
	return count_get(&s->entered) == 0 && count_get(&s->shields) == 0;
}

static void quiet_locked(struct ptj_scheduler *s)
{
	if (is_quiet(s))
		waiter_release_all(&s->quiet);
}

void job_unref_locked(ptj_job *job)
{
	if (job_drop_ref(job))
		job_free_locked(job);
}

/* Has the one who lent his permit to wait for what is about to be appended line up, likewise. */
static void taker_first_locked(const struct ptj_scheduler *s, ptj_completions *c)
{
	struct lender *lender;

	/* Nobody is woken here, so it is not the business of a monitor. */
	mutex_lock(&c->mu.mutex);
	lender = completions_first_lender_locked(c);
	if (lender && lender->home == s)
		lender_reclaim_locked(lender);
	mutex_unlock(&c->mu.mutex);
}

static void append_locked(struct ptj_scheduler *s, ptj_job *job)
{
	if (completions_are_awaited(job->completions))
		taker_first_locked(s, job->completions);
	job_set_phase_locked(job, JOB_PASSING);
	completions_append_locked(job->completions, job);
}

/* Gives up the reference that a job had; s->mu is released where it was the last. */
static void unbind_locked(struct ptj_scheduler *s, ptj_completions *c)
{
	if (completions_try_unref(c))
		return;
	monitor_unlock(&s->mu);
	completions_unref(c);
	monitor_lock(&s->mu);
}

static void end_locked(struct ptj_scheduler *s, ptj_job *job)
{
	bool waited = job_has(job, JOB_WAITED);

	if (waited)
		lenders_first_locked(s, job);
	if (job->completions)
		append_locked(s, job);
	permit_drop_locked(s, job);
	if (!job_has(job, JOB_STRAGGLER))
		count_sub_locked(job_has(job, JOB_SHIELD) ? &s->shields : &s->entered, 1);
	else if (!job_has(job, JOB_EXTERNAL))
		s->straggling--;
	permits_dispatch_locked(s);
	job_set_phase_locked(job, JOB_ENDED);
	if (waited)
		release_waiters_locked(s, job);
	quiet_locked(s);
	if (job->completions)
		unbind_locked(s, job->completions);
	job_unref_locked(job);
}

void finish_locked(struct ptj_scheduler *s, ptj_job *job)
{
	if (job->extra || job_has(job, JOB_FAILED))
		settle_locked(s, job);
	end_locked(s, job);
}

void drop_locked(struct ptj_scheduler *s, ptj_job *job)
{
	job_set_locked(job, JOB_CANCELLED);
	job_set_phase_locked(job, JOB_FINISHING);
	finish_locked(s, job);
}
