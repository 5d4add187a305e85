/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>

#include "worker.h"

#include "lane.h"
#include "waiter.h"

#include <errno.h>
#include <stdlib.h>

struct worker *worker_of_queue(struct link *node)
{
	return container_of(node, struct worker, queue);
}

/* 0: there is none, or the oldest has not begun. */
static pid_t witness_locked(const struct ptj_scheduler *s)
{
	struct worker *w = container_of(s->workers.next, struct worker, link);

	return list_empty(&s->workers) ? 0 : w->id;
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
	w->starting = s->thread_start.fn;
	w->witness = witness_locked(s);
	list_init(&w->queue);
	parker_init(&w->parker);
	if (bracket_create_thread(&w->thread, &s->thread_attr, worker_main, w)) {
		parker_destroy(&w->parker);
		free(w);
		return EAGAIN;
	}
	list_append(&s->workers, &w->link);
	s->threads++;
	s->serving++;
	s->hooking++;
	*out = w;
	return 0;
}

/* The worker that parked last: its cache is warm, and the others' idle times go on. */
int worker_hire_locked(struct ptj_scheduler *s, struct worker **out)
{
	struct link *node = list_pop(&s->idle);

	if (!node)
		return start_locked(s, out);
	worker_of_queue(node)->parked = false;
	*out = worker_of_queue(node);
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
	s->starting += w->starting;
	parker_wake(&w->parker);
	return 0;
}

/* One of those blocked tries again from time to time; who leaves instead nudges the next. */
static void nudge_retrier_locked(struct ptj_scheduler *s)
{
	struct waiter *w = s->retrier ? NULL : scheduler_blocked_locked(s);

	if (w)
		parker_wake(w->parker);
}

/* One worker on its way is enough, however much there is to do: it calls the next when it takes
   something.  Waking as many as there are jobs would have most of them find nothing. */
int workers_wanted_locked(struct ptj_scheduler *s)
{
	int rc;

	if (list_empty(&s->ready) && list_empty(&s->unwound))
		return 0;
	lane_shut_locked(s);
	if (s->waking > s->starting || (s->starting > 0 && list_empty(&s->idle)))
		return 0;
	rc = worker_call_locked(s);
	if (rc == 0)
		return 0;
	/* Whoever spawns tries again, too: he is to come here. */
	front_shut_locked(&s->pending.front);
	nudge_retrier_locked(s);
	return rc;
}

void worker_retire_locked(struct worker *w)
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
	worker_retire_locked(w);
	pthread_cancel(w->thread);
}
