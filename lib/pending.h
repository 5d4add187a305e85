/* The pending queue: jobs that wait for a permit, oldest first, at most `limit` of them, and
   behind it the spawners that wait for a place in it, first come first served.

   A place that becomes free is reserved for the spawner that has waited longest before that
   spawner is awake: it may be cancelled, or time out, in the very moment it is woken, and then
   gives the reservation to the next.  Reserved places count as taken, so nobody slips in.

   All of it is guarded by the scheduler's mu.

   SPDX-License-Identifier: Apache-2.0 */

#ifndef PENDING_H
#define PENDING_H

#include "job.h"
#include "waiter.h"

struct pending {
	struct link jobs;
	_Atomic size_t len; /* written under mu; read anywhere, relaxed: a count, no more */
	size_t limit;       /* read-only; 0: none */
	size_t reserved;    /* places held for spawners that are released and not back yet */
	struct link spawners;
};

void pending_init(struct pending *p, size_t limit);

size_t pending_len(const struct pending *p);

/* Whether a job may be pushed by somebody without a reservation. */
bool pending_has_room(const struct pending *p);

void pending_push(struct pending *p, ptj_job *job);

/* The oldest job, taken out; NULL if there is none. */
ptj_job *pending_pop(struct pending *p);

void pending_remove(struct pending *p, ptj_job *job);

/* Moves all jobs to the end of list. */
void pending_take_all(struct pending *p, struct link *list);

/* Gives up a reservation: spawner->done is true.  The next one in line gets it. */
void pending_unreserve(struct pending *p);

#endif
