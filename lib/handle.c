/* Job handles and the collection of jobs, for the user.

   SPDX-License-Identifier: Apache-2.0 */

#include <config.h>

#include "bracket.h"
#include "finish.h"
#include "inside.h"
#include "keep_errno.h"
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

/* The lock is taken for the last reference only.  Who gives up another one must not take it:
   the scheduler may be released as soon as the last one is given up. */
static void unref_last(ptj_job *job)
{
	struct ptj_scheduler *s = scheduler_of(job);

	if (scheduler_is_dead(s)) {
		job_free_dead(job);
		scheduler_release_dead(s, 1);
		return;
	}
	mutex_lock(&s->mu);
	job_free_locked(job);
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
	mutex_lock(&s->mu);
	if (job->extra)
		message = job->extra->message;
	mutex_unlock(&s->mu);
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
	mutex_lock(&s->mu);
	len = job_name_locked(job, buf, size);
	mutex_unlock(&s->mu);
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
	mutex_lock(&s->mu);
	rc = set_name_locked(job, copy);
	mutex_unlock(&s->mu);
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
	mutex_lock(&s->mu);
	if (job->extra && job->extra->name)
		name = job->extra->name;
	else
		job_name_locked(job, number, sizeof(number));
	len = snprintf(buf, size, "<Job %s name=%s>", state_name(job), name);
	mutex_unlock(&s->mu);
	return len;
}

ptj_job *ptj_job_self(void)
{
	return inside_self();
}

/* What a job decides about itself replaces what it decided before. */
static void decide(ptj_job *self, uint32_t failed, int error, void *result, char *message)
{
	struct ptj_scheduler *s = scheduler_of(self);
	struct job_extra *extra;

	mutex_lock(&s->mu);
	job_clear_locked(self, JOB_FAILED);
	job_set_locked(self, JOB_DECIDED | failed);
	if (failed)
		self->outcome.error = error;
	else
		self->outcome.result = result;
	extra = message ? job_extra_locked(self) : self->extra;
	if (extra) {
		free(extra->message);
		extra->message = message;
		message = NULL;
	}
	mutex_unlock(&s->mu);
	free(message);
}

void *ptj_job_fail(int code, const char *message)
{
	KEEP_ERRNO;
	ptj_job *self = inside_self();

	if (self)
		decide(self, JOB_FAILED, code ? code : EINVAL, NULL, message ? strdup(message) : NULL);
	return NULL;
}

int ptj_job_succeed(void *result)
{
	KEEP_ERRNO;
	ptj_job *self = inside_self();

	if (!self)
		return EINVAL;
	decide(self, 0, 0, result, NULL);
	return 0;
}

static bool is_listed(const ptj_job *job)
{
	uint32_t state = job_state(job);

	return (state & JOB_PHASE) != JOB_ENDED && !(state & (JOB_SHIELD | JOB_STRAGGLER));
}

int ptj_scheduler_contains(const ptj_scheduler *s, const ptj_job *job)
{
	return s && job && !scheduler_is_dead(s) && scheduler_of(job) == s && is_listed(job);
}

struct foreach {
	struct ptj_scheduler *s;
	int (*visit)(ptj_job *job, void *user);
	void *user;
};

static int visit_one(ptj_job *job, void *user)
{
	struct foreach *each = user;
	struct inside frame = {.s = each->s};
	int rc;

	if (!is_listed(job))
		return 0;
	inside_push(&frame);
	pthread_cleanup_push(inside_pop_cleanup, &frame);
	rc = each->visit(job, each->user);
	pthread_cleanup_pop(1);
	return rc;
}

int ptj_scheduler_foreach(ptj_scheduler *s, int (*visit)(ptj_job *job, void *user), void *user)
{
	KEEP_ERRNO;
	struct foreach each = {.s = s, .visit = visit, .user = user};

	if (!s || !visit)
		return EINVAL;
	if (scheduler_is_dead(s))
		return ENOTRECOVERABLE;
	return roster_visit(&s->roster, visit_one, &each, ptj_job_unref);
}

struct collection {
	ptj_job **jobs;
	size_t n;
	size_t room;
};

static int collect(ptj_job *job, void *user)
{
	struct collection *c = user;

	if (c->n == c->room)
		return 1;
	if (is_listed(job))
		c->jobs[c->n++] = ptj_job_ref(job);
	return 0;
}

size_t ptj_scheduler_jobs(ptj_scheduler *s, ptj_job **jobs, size_t n)
{
	KEEP_ERRNO;
	struct collection c = {.jobs = jobs, .room = n};

	if (!s || !jobs || scheduler_is_dead(s))
		return 0;
	roster_visit(&s->roster, collect, &c, ptj_job_unref);
	return c.n;
}
