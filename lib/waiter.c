/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>

#include "waiter.h"

static struct waiter *of_link(struct link *node)
{
	return container_of(node, struct waiter, link);
}

void waiter_init(struct waiter *w, struct parker *parker)
{
	list_init(&w->link);
	w->parker = parker;
	w->done = false;
	w->busy = false;
	w->job = NULL;
	w->lender = NULL;
}

void waiter_release(struct waiter *w)
{
	list_remove(&w->link);
	w->done = true;
	parker_wake(w->parker);
}

void waiter_release_all(struct link *list)
{
	while (!list_empty(list))
		waiter_release(of_link(list->next));
}

void waiter_nudge_all(struct link *list)
{
	struct link *node;

	for (node = list->next; node != list; node = node->next)
		parker_wake(of_link(node)->parker);
}

struct waiter *waiter_at_rest(const struct link *list)
{
	struct link *node;

	for (node = list->next; node != list; node = node->next)
		if (!of_link(node)->busy)
			return of_link(node);
	return NULL;
}

struct waiter *waiter_for(const struct link *list, struct link *node, const ptj_job *job)
{
	for (; node != list; node = node->next)
		if (of_link(node)->job == job)
			return of_link(node);
	return NULL;
}
