/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>

#include "pending.h"

void pending_init(struct pending *p, size_t limit)
{
	p->limit = limit;
	front_init(&p->front);
	list_init(&p->jobs);
	p->len = 0;
	p->reserved = 0;
	list_init(&p->spawners);
}

void pending_destroy(struct pending *p)
{
	front_destroy(&p->front);
}

size_t pending_count(struct pending *p)
{
	return p->len + front_len(&p->front);
}

static size_t room(const struct pending *p)
{
	return p->limit == 0 ? SIZE_MAX : p->limit - p->len - p->reserved;
}

bool pending_has_room(const struct pending *p)
{
	return room(p) > 0;
}

void pending_shut_front(struct pending *p)
{
	p->len += front_take_locked(&p->front, &p->jobs, true);
}

void pending_open_front(struct pending *p, struct roster *r)
{
	if (!pending_has_line(p) && pending_has_room(p))
		front_open_locked(&p->front, r, room(p));
}

bool pending_has_line(const struct pending *p)
{
	return p->reserved > 0 || !list_empty(&p->spawners);
}

void pending_offer(struct pending *p)
{
	if (p->reserved > 0 || list_empty(&p->spawners) || !pending_has_room(p))
		return;
	p->reserved = 1;
	waiter_release(container_of(p->spawners.next, struct waiter, link));
}

void pending_claim(struct pending *p)
{
	p->reserved = 0;
}

void pending_turn_away(struct pending *p)
{
	waiter_release_all(&p->spawners);
}

void pending_push(struct pending *p, ptj_job *job)
{
	list_append(&p->jobs, &job->at.link);
	p->len++;
}

ptj_job *pending_pop(struct pending *p)
{
	struct link *first = list_pop(&p->jobs);

	if (!first) {
		p->len = front_take_locked(&p->front, &p->jobs, false);
		first = list_pop(&p->jobs);
	}
	if (!first)
		return NULL;
	p->len--;
	pending_offer(p);
	return container_of(first, ptj_job, at.link);
}

void pending_remove(struct pending *p, ptj_job *job)
{
	list_remove(&job->at.link);
	p->len--;
	pending_offer(p);
}

void pending_take_all(struct pending *p, struct link *list)
{
	front_empty_stash_locked(&p->front);
	list_append_all(list, &p->jobs);
	p->len = 0;
	pending_offer(p);
}
