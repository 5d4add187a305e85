/* A blocked thread: where it stands in some list, how to wake it, and whether what it waits for
   has happened.  It lies on the blocked thread's stack; the list it is in belongs to one
   scheduler, and all of it is guarded by that scheduler's mu.

   SPDX-License-Identifier: Apache-2.0 */

#ifndef WAITER_H
#define WAITER_H

#include "list.h"
#include "parker.h"

#include <ptjobs.h>

struct waiter {
	struct link link;
	struct parker *parker;
	bool done;
	bool busy;             /* its thread does something else first, maybe for long */
	const ptj_job *job;    /* the job it waits for; NULL: something else */
	struct lender *lender; /* what its thread lends meanwhile; NULL: nothing */
};

void waiter_init(struct waiter *w, struct parker *parker);

/* Takes w out of its list, done, and wakes it. */
void waiter_release(struct waiter *w);

/* Releases all on the list. */
void waiter_release_all(struct link *list);

/* Wakes all on the list to look again, and leaves them there. */
void waiter_nudge_all(struct link *list);

/* The first on the list that is not busy; NULL: none. */
struct waiter *waiter_at_rest(const struct link *list);

/* The first on the list, from node on, that waits for job; NULL: none.  Begin with list->next. */
struct waiter *waiter_for(const struct link *list, struct link *node, const ptj_job *job);

#endif
