/* A circular doubly linked list whose nodes lie within their owners: a member is removed in
   constant time from the middle, and nothing is allocated.

   The functions are here, and inline, because a job passes through four of these lists: calls
   would be a tenth of what a short job costs.

   SPDX-License-Identifier: Apache-2.0 */

#ifndef LIST_H
#define LIST_H

#include <stdbool.h>
#include <stddef.h>

struct link {
	struct link *prev;
	struct link *next;
};

#define container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

/* Makes an empty list, or a node that is in none. */
static inline void list_init(struct link *list)
{
	list->prev = list;
	list->next = list;
}

static inline bool list_empty(const struct link *list)
{
	return list->next == list;
}

/* A walk along next is whole at each step: a fork may freeze another thread between two of
   them, and the child still frees what it finds. */
static inline void list_insert(struct link *prev, struct link *node, struct link *next)
{
	node->prev = prev;
	node->next = next;
	next->prev = node;
	prev->next = node;
}

static inline void list_append(struct link *list, struct link *node)
{
	list_insert(list->prev, node, list);
}

static inline void list_prepend(struct link *list, struct link *node)
{
	list_insert(list, node, list->next);
}

/* Takes node out of its list, if it is in one. */
static inline void list_remove(struct link *node)
{
	node->prev->next = node->next;
	node->next->prev = node->prev;
	list_init(node);
}

/* Takes the first node out; NULL if there is none. */
static inline struct link *list_pop(struct link *list)
{
	struct link *first = list->next;

	if (first == list)
		return NULL;
	list_remove(first);
	return first;
}

/* Appends all of from to list, and empties from. */
static inline void list_append_all(struct link *list, struct link *from)
{
	if (list_empty(from))
		return;
	from->next->prev = list->prev;
	from->prev->next = list;
	list->prev->next = from->next;
	list->prev = from->prev;
	list_init(from);
}

#endif
