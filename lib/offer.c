/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>

#include "offer.h"

#include "waiter.h"

static void tell_locked(struct ptj_scheduler *s)
{
	if (s->bell.fd < 0)
		return;
	if (list_empty(&s->offered))
		bell_reset(&s->bell);
	else
		bell_ring(&s->bell);
}

void offer_pass_on_locked(struct ptj_scheduler *s)
{
	if (!list_empty(&s->offered) && !list_empty(&s->hosts))
		waiter_release(container_of(s->hosts.next, struct waiter, link));
}

void offer_locked(struct ptj_scheduler *s, ptj_job *job)
{
	if (!job_has(job, JOB_EXTERNAL)) {
		list_append(&s->ready, &job->at.link);
		return;
	}
	list_append(&s->offered, &job->at.link);
	tell_locked(s);
	offer_pass_on_locked(s);
}

ptj_job *offer_take_locked(struct ptj_scheduler *s)
{
	struct link *node = list_pop(&s->offered);

	if (!node)
		return NULL;
	tell_locked(s);
	return container_of(node, ptj_job, at.link);
}

void offer_withdraw_locked(struct ptj_scheduler *s, ptj_job *job)
{
	list_remove(&job->at.link);
	tell_locked(s);
}

void offer_withdraw_all_locked(struct ptj_scheduler *s, struct link *jobs)
{
	list_append_all(jobs, &s->ready);
	list_append_all(jobs, &s->offered);
	tell_locked(s);
	waiter_release_all(&s->hosts);
}

void offer_end_locked(struct ptj_scheduler *s)
{
	if (s->bell.fd >= 0)
		bell_destroy(&s->bell);
	s->bell.fd = -1;
}
