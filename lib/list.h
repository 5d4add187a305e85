/* A circular doubly linked list whose nodes lie within their owners: a member is removed in
   constant time from the middle, and nothing is allocated.

   SPDX-License-Identifier: Apache-2.0 */

#ifndef LIST_H
#define LIST_H

#include <stdbool.h>
#include <stddef.h>

struct link {
	struct link *prev;
	struct link *next;
};

#define container_of(ptr, type, member) ((type *)((char *)(ptr) - offsetof(type, member)))

/* Makes an empty list, or a node that is in none. */
void list_init(struct link *list);

bool list_empty(const struct link *list);

void list_append(struct link *list, struct link *node);
void list_prepend(struct link *list, struct link *node);

/* Takes node out of its list, if it is in one. */
void list_remove(struct link *node);

/* Takes the first node out; NULL if there is none. */
struct link *list_pop(struct link *list);

/* Appends all of from to list, and empties from. */
void list_append_all(struct link *list, struct link *from);

#endif
