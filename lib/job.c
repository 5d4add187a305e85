/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>

#include "job.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

_Static_assert(sizeof(struct ptj_job) == 64 || sizeof(void *) != 8, "a job is one cache line");

struct job_extra *job_extra_create(size_t traceback_len) LOCKS_UNCHECKED
{
	struct job_extra *extra;

	extra = calloc(1, sizeof(*extra) + traceback_len * sizeof(extra->traceback[0]));
	if (!extra)
		return NULL;
	extra->cancel_fd = -1;
	list_init(&extra->callers);
	extra->traceback_len = traceback_len;
	return extra;
}

void job_extra_free(struct job_extra *extra) LOCKS_UNCHECKED
{
	if (!extra)
		return;
	free(extra->name);
	free(extra->message);
	free(extra);
}

struct job_extra *job_extra_locked(ptj_job *job)
{
	struct job_extra *extra;

	if (job->extra)
		return job->extra;
	extra = job_extra_create(0);
	if (!extra)
		return NULL;
	job_set_locked(job, JOB_EXTRA);
	job->extra = extra;
	return extra;
}

int job_cancel_mode(const ptj_job *job)
{
	return job_state(job) >> JOB_MODE_SHIFT & 3;
}

static bool is_over_or_closing(uint32_t state)
{
	return state & JOB_CLOSING || (state & JOB_PHASE) >= JOB_FINISHING;
}

bool job_is_pending(const ptj_job *job)
{
	uint32_t state = job_state(job);

	return !is_over_or_closing(state) && (state & JOB_PHASE) == JOB_PENDING;
}

bool job_is_active(const ptj_job *job)
{
	uint32_t state = job_state(job);

	return !is_over_or_closing(state) && (state & JOB_PHASE) != JOB_PENDING;
}

bool job_is_closed(const ptj_job *job)
{
	return is_over_or_closing(job_state(job));
}

void job_record_locked(ptj_job *job, int code, void *result, char **message)
{
	struct job_extra *extra = *message ? job_extra_locked(job) : job->extra;
	char *former;

	job_clear_locked(job, JOB_FAILED);
	job_set_locked(job, JOB_DECIDED | (code ? JOB_FAILED : 0));
	if (code)
		job->outcome.error = code;
	else
		job->outcome.result = result;
	if (!extra)
		return;
	former = extra->message;
	extra->message = *message;
	*message = former;
}

static void turn_cancelled_locked(ptj_job *job)
{
	job_set_locked(job, JOB_CANCELLED);
	job_clear_locked(job, JOB_FAILED);
}

void job_decide_locked(ptj_job *job, bool returned, void *value)
{
	uint32_t state = job_state(job);

	if (!returned && value == PTHREAD_CANCELED && state & JOB_CLOSING) {
		turn_cancelled_locked(job);
		return;
	}
	if (state & JOB_DECIDED) {
		if (state & JOB_FAILED && state & JOB_CLOSING && job->outcome.error == ECANCELED)
			turn_cancelled_locked(job);
		return;
	}
	if (state & JOB_EXPLICIT) {
		job->outcome.error = ENODATA;
		job_set_locked(job, JOB_FAILED);
		return;
	}
	job->outcome.result = value;
}

int job_answer(const ptj_job *job, void **result)
{
	uint32_t state = job_state(job);

	if (state & JOB_CANCELLED)
		return ECANCELED;
	if (state & JOB_FAILED)
		return PTJ_EFAILED;
	if (result)
		*result = job->outcome.result;
	return 0;
}

int job_error_code(const ptj_job *job)
{
	uint32_t state = job_state(job);

	if ((state & JOB_PHASE) < JOB_FINISHING)
		return 0;
	if (state & JOB_CANCELLED)
		return ECANCELED;
	return state & JOB_FAILED ? job->outcome.error : 0;
}

bool job_has_failed(const ptj_job *job)
{
	uint32_t state = job_state(job);

	return (state & JOB_PHASE) >= JOB_FINISHING && state & JOB_FAILED;
}

int job_name_locked(const ptj_job *job, char *buf, size_t size)
{
	if (job->extra && job->extra->name)
		return snprintf(buf, size, "%s", job->extra->name);
	if (job->id == 0)
		return snprintf(buf, size, "shield");
	return snprintf(buf, size, "job-%" PRIu64, job->id);
}
