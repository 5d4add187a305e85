/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>

#include "cancel.h"

#include "callback.h"
#include "inside.h"
#include "keep_errno.h"
#include "worker.h"

#include <sys/eventfd.h>
#include <unistd.h>

static void make_readable(int fd)
{
	const uint64_t one = 1;

	/* It cannot fail: the counter is far from its limit. */
	while (write(fd, &one, sizeof(one)) < 0 && errno == EINTR)
		;
}

bool cancel_begin_locked(ptj_job *job)
{
	struct job_extra *extra;

	if (job_has(job, JOB_CLOSING))
		return false;
	if (!job_pin_locked(job, JOB_CLOSING)) {
		if (job_phase(job) != JOB_READY)
			return false;
		job_set_locked(job, JOB_CLOSING);
	}
	extra = job->extra;
	if (extra && extra->cancel_fd >= 0)
		make_readable(extra->cancel_fd);
	if (job_phase(job) == JOB_RUNNING && job->at.worker)
		parker_wake(&job->at.worker->parker);
	return true;
}

void cancel_complete_locked(struct ptj_scheduler *s, ptj_job *job)
{
	if (job_has_callback_locked(job))
		callback_run_locked(s, job);
	worker_cancel_locked(job);
}

int ptj_job_cancelled(void)
{
	ptj_job *self = inside_self();

	return self && job_has(self, JOB_CLOSING);
}

int cancel_fd_locked(ptj_job *job)
{
	struct job_extra *extra = job_extra_locked(job);

	if (!extra)
		return -1;
	if (extra->cancel_fd < 0)
		extra->cancel_fd = eventfd(job_has(job, JOB_CLOSING), EFD_CLOEXEC | EFD_NONBLOCK);
	return extra->cancel_fd;
}

int ptj_job_cancel_fd(void)
{
	KEEP_ERRNO;
	ptj_job *self = inside_self();
	struct ptj_scheduler *s;
	int fd;

	if (!self)
		return -1;
	s = scheduler_of(self);
	monitor_lock(&s->mu);
	fd = cancel_fd_locked(self);
	monitor_unlock(&s->mu);
	return fd;
}

/* Whether a cancellation would act on the calling thread here, now that its job is being closed.
   The request may have set the flag and not yet sent the cancellation: a job that slept must not
   go on then as if it had got away. */
static bool is_to_be_cancelled(const ptj_job *self)
{
	int cancel_state;

	if (job_cancel_mode(self) == PTJ_CANCEL_COOPERATIVE)
		return false;
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel_state);
	pthread_setcancelstate(cancel_state, NULL);
	return cancel_state == PTHREAD_CANCEL_ENABLE;
}

static int sleep_in_job(ptj_job *self, deadline until)
{
	struct parker *parker = inside_parker(NULL);

	for (;;) {
		if (job_has(self, JOB_CLOSING)) {
			if (!is_to_be_cancelled(self))
				return ECANCELED;
			parker_park(parker, DEADLINE_NEVER);
			continue;
		}
		if (deadline_passed(until))
			return 0;
		parker_park(parker, until);
	}
}

static int sleep_outside(deadline until)
{
	struct parker own;

	parker_init(&own);
	while (!deadline_passed(until))
		parker_park(&own, until);
	parker_destroy(&own);
	pthread_testcancel();
	return 0;
}

int ptj_sleep(int64_t ms)
{
	KEEP_ERRNO;
	ptj_job *self = inside_self();
	deadline until;

	if (ms < PTJ_INFINITE)
		return EINVAL;
	deadline_from_timeout(ms, PTJ_INFINITE, &until);
	pthread_testcancel();
	return self ? sleep_in_job(self, until) : sleep_outside(until);
}
