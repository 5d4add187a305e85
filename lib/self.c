/* What a job says about itself.

   SPDX-License-Identifier: Apache-2.0 */

#include <config.h>

#include "inside.h"
#include "keep_errno.h"
#include "scheduler.h"

#include <stdlib.h>
#include <string.h>

ptj_job *ptj_job_self(void)
{
	return inside_self();
}

/* What a job decides about itself replaces what it decided before. */
static void decide(ptj_job *self, uint32_t failed, int error, void *result, char *message)
{
	struct ptj_scheduler *s = scheduler_of(self);
	struct job_extra *extra;

	monitor_lock(&s->mu);
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
	monitor_unlock(&s->mu);
	free(message);
}

void *ptj_job_fail(int code, const char *message)
{
	KEEP_ERRNO;
	ptj_job *self = inside_self();

	if (self)
		decide(self, JOB_FAILED, code ? code : EINVAL, NULL,
		       message ? strdup(message) : NULL);
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
