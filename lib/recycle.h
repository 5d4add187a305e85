/* Free slots in the hands of a worker, which gives them back many at a time: to the front's stash
   for the next spawns, and what that has no room for to the roster.

   SPDX-License-Identifier: Apache-2.0 */

#ifndef RECYCLE_H
#define RECYCLE_H

#include "scheduler.h"

#define RECYCLE_SLOTS 32

struct recycle {
	size_t len; /* never more than there are: the child of a fork relies on it */
	ptj_job *slots[RECYCLE_SLOTS];
};

/* Releases a job whose last reference was given up.  s->mu not held. */
void recycle_put(struct recycle *r, struct ptj_scheduler *s, ptj_job *job);

/* Gives all to the roster. */
void recycle_flush_locked(struct recycle *r, struct ptj_scheduler *s);

#endif
