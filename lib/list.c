/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>

#include "list.h"

void list_init(struct link *list)
{
	list->prev = list;
	list->next = list;
}

bool list_empty(const struct link *list)
{
	return list->next == list;
}

/* A walk along next is whole at each step: a fork may freeze another thread between two of
   them, and the child still frees what it finds. */
static void insert(struct link *prev, struct link *node, struct link *next)
{
	node->prev = prev;
	node->next = next;
	next->prev = node;
	prev->next = node;
}

void list_append(struct link *list, struct link *node)
{
	insert(list->prev, node, list);
}

void list_prepend(struct link *list, struct link *node)
{
	insert(list, node, list->next);
}

void list_remove(struct link *node)
{
	node->prev->next = node->next;
	node->next->prev = node->prev;
	list_init(node);
}

struct link *list_pop(struct link *list)
{
	struct link *first = list->next;

	if (first == list)
		return NULL;
	list_remove(first);
	return first;
}

void list_append_all(struct link *list, struct link *from)
{
	if (list_empty(from))
		return;
	from->next->prev = list->prev;
	from->prev->next = list;
	list->prev->next = from->next;
	list->prev = from->prev;
	list_init(from);
}
