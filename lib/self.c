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
static void decide(ptj_job *self, int code, void *result, char *message)
{
	struct ptj_scheduler *s = scheduler_of(self);

	monitor_lock(&s->mu);
	job_record_locked(self, code, result, &message);
	monitor_unlock(&s->mu);
	free(message);
}

void *ptj_job_fail(int code, const char *message)
{
	KEEP_ERRNO;
	ptj_job *self = inside_self();

	if (self)
		decide(self, code ? code : EINVAL, NULL, message ? strdup(message) : NULL);
	return NULL;
}

int ptj_job_succeed(void *result)
{
	KEEP_ERRNO;
	ptj_job *self = inside_self();

	if (!self)
		return EINVAL;
	decide(self, 0, result, NULL);
	return 0;
}
