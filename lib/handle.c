/* Job handles: references, states, names.

   SPDX-License-Identifier: Apache-2.0 */

#include <config.h>

#include "bracket.h"
#include "keep_errno.h"
#include "lane.h"
#include "scheduler.h"
#include "worker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_dead(const ptj_job *job)
{
	return scheduler_is_dead(scheduler_of(job));
}

/* Relaxed: the caller has a reference, so the count cannot reach 0 meanwhile. */
ptj_job *ptj_job_ref(ptj_job *job)
{
	if (job)
		atomic_fetch_add_explicit(&job->refs, 1, memory_order_relaxed);
	return job;
}

/* The slot goes to the stash, for a job to come, and only if that has no room for it to the roster.
   A lock is taken for the last reference only.  Who gives up another one must not take it: the
   scheduler may be released as soon as the last one is given up. */
static void unref_last(ptj_job *job)
{
	struct ptj_scheduler *s = scheduler_of(job);

	if (scheduler_is_dead(s)) {
		job_free_dead(job);
		scheduler_release_dead(s, 1);
		return;
	}
	job_extra_free(job->extra);
	job->extra = NULL;
	if (front_stash(&s->pending.front, &job, 1) == 1)
		return;
	monitor_lock(&s->mu);
	job_free_locked(job);
	/* Slabs are unmapped by a worker, which does not look while it is in the lane. */
	if (roster_wants_reclaim_locked(&s->roster))
		lane_shut_locked(s);
	scheduler_unlock(s);
}

void ptj_job_unref(ptj_job *job)
{
	KEEP_ERRNO;

	if (job && job_drop_ref(job))
		unref_last(job);
}

int ptj_job_pending(const ptj_job *job)
{
	return job && !is_dead(job) && job_is_pending(job);
}

int ptj_job_active(const ptj_job *job)
{
	return job && !is_dead(job) && job_is_active(job);
}

int ptj_job_closed(const ptj_job *job)
{
	return job && !is_dead(job) && job_is_closed(job);
}

int ptj_job_error(const ptj_job *job)
{
	if (!job)
		return 0;
	return is_dead(job) ? ENOTRECOVERABLE : job_error_code(job);
}

const char *ptj_job_error_message(const ptj_job *job)
{
	struct ptj_scheduler *s;
	const char *message = NULL;

	if (!job || is_dead(job) || !job_has_failed(job))
		return NULL;
	s = scheduler_of(job);
	monitor_lock(&s->mu);
	if (job->extra)
		message = job->extra->message;
	monitor_unlock(&s->mu);
	return message;
}

uint64_t ptj_job_id(const ptj_job *job)
{
	return job ? job->id : 0;
}

int ptj_job_get_name(const ptj_job *job, char *buf, size_t size)
{
	KEEP_ERRNO;
	struct ptj_scheduler *s;
	int len;

	if (!job || (!buf && size > 0) || is_dead(job))
		return 0;
	s = scheduler_of(job);
	monitor_lock(&s->mu);
	len = job_name_locked(job, buf, size);
	monitor_unlock(&s->mu);
	return len;
}

static int set_name_locked(ptj_job *job, char *copy)
{
	struct job_extra *extra = job_extra_locked(job);
	struct worker *w;
	char name[THREAD_NAME_SIZE];

	if (!extra)
		return ENOMEM;
	free(extra->name);
	extra->name = copy;
	w = job_phase(job) == JOB_RUNNING ? job->at.worker : NULL;
	if (w) {
		job_name_locked(job, name, sizeof(name));
		bracket_name_thread(w->thread, name);
		w->renamed = true;
	}
	return 0;
}

/* Naming another thread opens a file, which is a cancellation point. */
int ptj_job_set_name(ptj_job *job, const char *name)
{
	KEEP_ERRNO;
	struct ptj_scheduler *s;
	char *copy = NULL;
	int rc, cancel_state;

	if (!job)
		return EINVAL;
	if (is_dead(job))
		return ENOTRECOVERABLE;
	if (name && !(copy = strdup(name)))
		return ENOMEM;
	s = scheduler_of(job);
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel_state);
	monitor_lock(&s->mu);
	rc = set_name_locked(job, copy);
	monitor_unlock(&s->mu);
	pthread_setcancelstate(cancel_state, NULL);
	if (rc)
		free(copy);
	return rc;
}

static const char *state_name(const ptj_job *job)
{
	if (job_is_closed(job))
		return "closed";
	return job_is_pending(job) ? "pending" : "active";
}

int ptj_job_describe(const ptj_job *job, char *buf, size_t size)
{
	KEEP_ERRNO;
	struct ptj_scheduler *s;
	char number[32];
	const char *name = number;
	int len;

	if (!job || (!buf && size > 0) || is_dead(job))
		return 0;
	s = scheduler_of(job);
	monitor_lock(&s->mu);
	if (job->extra && job->extra->name)
		name = job->extra->name;
	else
		job_name_locked(job, number, sizeof(number));
	len = snprintf(buf, size, "<Job %s name=%s>", state_name(job), name);
	monitor_unlock(&s->mu);
	return len;
}
