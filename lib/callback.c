/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>

#include "callback.h"

#include "inside.h"
#include "keep_errno.h"
#include "waiter.h"

/* While extra->calling is set the job neither ends nor unregisters. */
void callback_run_locked(struct ptj_scheduler *s, ptj_job *job)
{
	struct inside frame = {.kind = INSIDE_CALLBACK, .s = s, .about = job};
	struct job_extra *extra = job->extra;
	void (*fn)(void *) = extra->on_cancel;
	void *arg = extra->on_cancel_arg;

	extra->on_cancel = NULL;
	extra->calling = true;
	monitor_unlock(&s->mu);
	inside_push(&frame);
	fn(arg);
	inside_returned(&frame);
	inside_pop(&frame);
	monitor_lock(&s->mu);
	extra->calling = false;
	waiter_nudge_all(&extra->callers);
}

void callback_unregister_locked(struct ptj_scheduler *s, ptj_job *job)
{
	struct parker own, *parker = inside_parker(&own);
	struct job_extra *extra = job->extra;
	struct waiter waiter;

	waiter_init(&waiter, parker);
	list_append(&extra->callers, &waiter.link);
	extra->on_cancel = NULL;
	while (extra->calling) {
		monitor_unlock(&s->mu);
		parker_park(parker, DEADLINE_NEVER);
		monitor_lock(&s->mu);
	}
	list_remove(&waiter.link);
	inside_parker_done(parker, &own);
}

/* An external job may have been finished while the former callback was waited for. */
int callback_set_locked(struct ptj_scheduler *s, ptj_job *job, void (*fn)(void *), void *arg)
{
	if (!fn && !job->extra)
		return 0;
	if (!job_extra_locked(job))
		return ENOMEM;
	callback_unregister_locked(s, job);
	if (!fn)
		return 0;
	if (job_phase(job) != JOB_RUNNING)
		return EINVAL;
	job->extra->on_cancel = fn;
	job->extra->on_cancel_arg = arg;
	if (job_has(job, JOB_CLOSING))
		callback_run_locked(s, job);
	return 0;
}

/* In the callback itself the job is the one it is called for, and there is nothing to wait for:
   the callback was taken out before it was called. */
int ptj_job_on_cancel(void (*fn)(void *arg), void *arg)
{
	KEEP_ERRNO;
	ptj_job *self = inside_self();
	struct ptj_scheduler *s;
	int rc, cancel_state;

	if (!self)
		return inside_callback() && !fn ? 0 : EINVAL;
	s = scheduler_of(self);
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel_state);
	monitor_lock(&s->mu);
	rc = callback_set_locked(s, self, fn, arg);
	monitor_unlock(&s->mu);
	pthread_setcancelstate(cancel_state, NULL);
	return rc;
}
