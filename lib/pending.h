/* The pending queue: jobs that wait for a permit, oldest first, at most `limit` of them, and
   behind it the spawners that wait for a place in it, first come first served.

   A place that becomes free is reserved for the spawner that has waited longest before that
   spawner is awake: it may be cancelled, or time out, in the very moment it is woken, and then
   gives the reservation to the next.  One spawner at a time is on its way so; when it has placed
   its job, or given up, it offers what is free to the next.  So the jobs of those who blocked get
   in line in the order in which they came.

   Newcomers leave as many places free as there are spawners that blocked, and may have the rest.
   With several spawners on a queue that is full most of the time, waiting behind all of them
   instead would cost each job two context switches: 0.1 million jobs a second.

   A pending job that is closed frees its place at once.  If it lies in the middle of the ring it
   stays there, buried, until its turn comes; whoever takes it out then leaves it and takes the
   next, unless a lender is due the permit.

   All but the front is guarded by the scheduler's mu.

   SPDX-License-Identifier: Apache-2.0 */

#ifndef PENDING_H
#define PENDING_H

#include "front.h"
#include "job.h"
#include "waiter.h"

struct pending {
	size_t limit; /* read-only; 0: none */
	struct front front;

	/* Guarded by the scheduler's mu. */
	size_t buried;        /* closed jobs that lie in the ring */
	struct link spawners; /* that wait for a place, but for one that is released */
	bool reserved;        /* a spawner is released and not back yet */
	size_t guests;        /* all threads that are within a blocked spawn */
};

/* False without memory or a mutex. */
bool pending_init(struct pending *p, size_t limit);
void pending_destroy(struct pending *p);

/* Jobs in line. */
size_t pending_count(struct pending *p) NEEDS(a_monitor);

/* Opens the front if there is room: the caller just found every permit taken. */
void pending_open_front(struct pending *p, struct roster *r) NEEDS(a_monitor);

/* Whether there is a place for a newcomer, if the front is shut. */
bool pending_has_room(struct pending *p) NEEDS(a_monitor);

/* The oldest job, taken out; NULL if there is none, and then the front is shut.  It may turn out to
   have been closed: then pending_exhume(). */
ptj_job *pending_pop(struct pending *p) NEEDS(a_monitor);

/* Frees the place of a job that was closed.  False: it lies in the ring, and counts as buried. */
bool pending_bury(struct pending *p, ptj_job *job) NEEDS(a_monitor);

/* A buried job was taken out. */
void pending_exhume(struct pending *p) NEEDS(a_monitor);

/* Reserves a free place for the first spawner in line and releases it, unless one is on its way.
   Whoever makes a place free calls it. */
void pending_offer(struct pending *p) NEEDS(a_monitor);

/* Ends the reservation of a released spawner, which is back; it pushes its job or leaves, and then
   offers what is free to the next. */
void pending_claim(struct pending *p) NEEDS(a_monitor);

/* Whether some spawner is to be told of the next place that comes free. */
bool pending_awaits_place(const struct pending *p) NEEDS(a_monitor);

/* Releases all spawners, for good. */
void pending_turn_away(struct pending *p) NEEDS(a_monitor);

#endif
