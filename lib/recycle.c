/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>

#include "recycle.h"

#include "lane.h"

static void free_locked(struct ptj_scheduler *s, ptj_job *const *slots, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		roster_free_locked(slots[i]);
	if (roster_wants_reclaim_locked(&s->roster))
		lane_shut_locked(s);
}

static void give_back(struct recycle *r, struct ptj_scheduler *s)
{
	size_t n = r->len, stashed;

	r->len = 0;
	stashed = front_stash(&s->pending.front, r->slots, n);
	if (stashed == n)
		return;
	monitor_lock(&s->mu);
	free_locked(s, r->slots + stashed, n - stashed);
	monitor_unlock(&s->mu);
}

void recycle_put(struct recycle *r, struct ptj_scheduler *s, ptj_job *job)
{
	job_extra_free(job->extra);
	r->slots[r->len++] = job;
	if (r->len == RECYCLE_SLOTS)
		give_back(r, s);
}

void recycle_flush_locked(struct recycle *r, struct ptj_scheduler *s)
{
	size_t n = r->len;

	r->len = 0;
	free_locked(s, r->slots, n);
}
