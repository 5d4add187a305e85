/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>

#include "lane.h"

/* It is read by all workers all the time: written only if that changes it. */
static void set_locked(struct ptj_scheduler *s, bool open)
{
	if (atomic_load_explicit(&s->lane, memory_order_relaxed) != open)
		atomic_store(&s->lane, open);
}

void lane_shut_locked(struct ptj_scheduler *s)
{
	set_locked(s, false);
}

void lane_open_locked(struct ptj_scheduler *s)
{
	if (s->limit > 0 && count_get(&s->active) <= s->limit && list_empty(&s->ready) &&
	    list_empty(&s->reclaim) && list_empty(&s->unwound) &&
	    !pending_awaits_place(&s->pending) && !roster_wants_reclaim_locked(&s->roster) &&
	    scheduler_phase(s) == SCHEDULER_OPEN)
		set_locked(s, true);
}

void lane_offer_place_locked(struct ptj_scheduler *s)
{
	if (!pending_awaits_place(&s->pending))
		return;
	lane_shut_locked(s);
	pending_offer(&s->pending);
	lane_open_locked(s);
}
