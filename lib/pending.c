/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>

#include "pending.h"

void pending_init(struct pending *p, size_t limit)
{
	list_init(&p->jobs);
	atomic_init(&p->len, 0);
	p->limit = limit;
	p->reserved = 0;
	list_init(&p->spawners);
}

size_t pending_len(const struct pending *p)
{
	return atomic_load_explicit(&p->len, memory_order_relaxed);
}

static void set_len(struct pending *p, size_t len)
{
	atomic_store_explicit(&p->len, len, memory_order_relaxed);
}

bool pending_has_room(const struct pending *p)
{
	return p->limit == 0 || pending_len(p) + p->reserved < p->limit;
}

static void reserve_free_places(struct pending *p)
{
	while (!list_empty(&p->spawners) && pending_has_room(p)) {
		p->reserved++;
		waiter_release(container_of(p->spawners.next, struct waiter, link));
	}
}

void pending_push(struct pending *p, ptj_job *job)
{
	list_append(&p->jobs, &job->at.link);
	set_len(p, pending_len(p) + 1);
}

ptj_job *pending_pop(struct pending *p)
{
	struct link *first = list_pop(&p->jobs);

	if (!first)
		return NULL;
	set_len(p, pending_len(p) - 1);
	reserve_free_places(p);
	return container_of(first, ptj_job, at.link);
}

void pending_remove(struct pending *p, ptj_job *job)
{
	list_remove(&job->at.link);
	set_len(p, pending_len(p) - 1);
	reserve_free_places(p);
}

void pending_take_all(struct pending *p, struct link *list)
{
	list_append_all(list, &p->jobs);
	set_len(p, 0);
	reserve_free_places(p);
}

void pending_unreserve(struct pending *p)
{
	p->reserved--;
	reserve_free_places(p);
}
