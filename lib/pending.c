/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>

#include "pending.h"

bool pending_init(struct pending *p, size_t limit) LOCKS_UNCHECKED
{
	p->limit = limit;
	p->buried = 0;
	p->guests = 0;
	p->reserved = false;
	list_init(&p->spawners);
	return front_init(&p->front, limit);
}

void pending_destroy(struct pending *p)
{
	front_destroy(&p->front);
}

/* A buried job may have been taken out by somebody who has not said so yet. */
size_t pending_count(struct pending *p)
{
	size_t len = front_len_locked(&p->front);

	return len > p->buried ? len - p->buried : 0;
}

static size_t free_places(struct pending *p) NEEDS(a_monitor)
{
	size_t taken;

	if (p->limit == 0)
		return SIZE_MAX;
	taken = pending_count(p);
	return taken < p->limit ? p->limit - taken : 0;
}

static size_t room(struct pending *p) NEEDS(a_monitor)
{
	size_t places = free_places(p);

	return places > p->guests ? places - p->guests : 0;
}

bool pending_has_room(struct pending *p)
{
	return room(p) > 0;
}

void pending_open_front(struct pending *p, struct roster *r)
{
	size_t credit = room(p);

	if (credit > 0)
		front_open_locked(&p->front, r, credit);
}

bool pending_awaits_place(const struct pending *p)
{
	return !p->reserved && !list_empty(&p->spawners);
}

void pending_offer(struct pending *p)
{
	if (!pending_awaits_place(p) || free_places(p) == 0)
		return;
	p->reserved = true;
	waiter_release(container_of(p->spawners.next, struct waiter, link));
}

void pending_claim(struct pending *p)
{
	p->reserved = false;
}

void pending_turn_away(struct pending *p)
{
	waiter_release_all(&p->spawners);
}

ptj_job *pending_pop(struct pending *p)
{
	ptj_job *job = front_take_locked(&p->front);

	if (job)
		pending_offer(p);
	return job;
}

bool pending_bury(struct pending *p, ptj_job *job)
{
	bool removed = front_remove_locked(&p->front, job);

	if (!removed)
		p->buried++;
	pending_offer(p);
	return removed;
}

void pending_exhume(struct pending *p)
{
	p->buried--;
}
