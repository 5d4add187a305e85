/* The queue of pending jobs, and its front door: where spawners leave jobs without meeting the
   workers.

   The oldest jobs lie in a ring, from which workers take them without a lock; those for which it
   has no room wait in a list behind it.

   A worker does not take s->mu for each job.  Nor should a spawner: so while it is certain that a
   new job will have to wait in line, and may (every permit is taken, and there is room beside what
   blocked spawners are due), the door is open, and a spawn appends its job under the front's own
   mutex, and is done.

   The door is opened by a spawn that found all that true under s->mu, for as many jobs as there
   was room for.  It is shut, with s->mu and its own mutex held, before any of it changes: when a
   permit would become free with nobody to take it, when a spawner blocks, when the scheduler
   closes.  So

	the door is open  =>  no permit is free, so at least one job has not ended
	credit > 0  =>  jobs in the queue + blocked spawners + credit  <=  pending limit

   Checked by tests/test_lane.c and tests/stress_cancel.c.  Lock order: s->mu, then front->mu.

   SPDX-License-Identifier: Apache-2.0 */

#ifndef FRONT_H
#define FRONT_H

#include "job.h"
#include "ring.h"
#include "roster.h"

#include <pthread.h>

struct front {
	struct ring ring; /* jobs are put in under mu */

	pthread_mutex_t mu; /* guards the rest */
	bool open;
	bool closed;        /* for good; then the stash is empty */
	size_t credit;      /* how many more jobs may come */
	struct link behind; /* jobs that the ring has no room for, oldest first */
	size_t behind_len;
	size_t stash_len; /* never more than there are: the child of a fork relies on it */
	uint64_t last_id; /* of all the scheduler's jobs */
	ptj_job **stash; /* free slots of the roster's, for jobs to come: as many as fit the ring */
};

/* False without memory or a mutex.  limit: how many jobs may wait; 0: no limit. */
bool front_init(struct front *f, size_t limit);
/* Leaves the mutex alone, which somebody may hold in the child of a fork. */
void front_destroy(struct front *f);

/* A number for a job that does not come through the door. */
uint64_t front_next_id(struct front *f);

/* Begins a push: a free slot, and *id for it, with f->mu held until front_push_end(); NULL, with
   nothing held, if the door is not open for another job. */
ptj_job *front_push_begin(struct front *f, uint64_t *id) MAY_ACQUIRE(a_mutex);
void front_push_end(struct front *f, ptj_job *job) RELEASES(a_mutex);

/* Takes free slots for the stash, and returns how many of the n it took, the first ones. */
size_t front_stash(struct front *f, ptj_job *const *slots, size_t n);

/* The rest with s->mu held. */

/* Appends a job, door or no door. */
void front_append_locked(struct front *f, ptj_job *job);

/* The oldest job; NULL if there is none, and then the door is shut. */
ptj_job *front_take_locked(struct front *f);

/* Takes job, which has just been closed, out of the list behind the ring; false if it is not
   there. */
bool front_remove_locked(struct front *f, ptj_job *job);

/* Jobs in the queue, those in the ring that were closed included.  May count a job that somebody is
   about to have taken. */
size_t front_len_locked(struct front *f);

void front_shut_locked(struct front *f);

/* Opens the door for credit jobs, their slots taken from r as long as there is memory. */
void front_open_locked(struct front *f, struct roster *r, size_t credit);

/* Gives the slots in the stash back. */
void front_empty_stash_locked(struct front *f);

/* Shuts the door for good. */
void front_close_locked(struct front *f);

#endif
