/* The front of the pending queue: where spawners leave jobs without meeting the workers.

   A worker takes s->mu once for each job.  Spawners that took it too would make every job wait
   for it twice, and on a busy scheduler that is what limits it.  So while it is certain that a
   new job will have to wait in line (every permit is taken, there is room, nobody is blocked in a
   spawn), the front is open: a spawn appends its job to the front under the front's own mutex,
   and is done.  The workers take the front over, all of it at once, when the queue behind it is
   empty.

   The front is opened by a spawn that found all that true under s->mu, for as many jobs as there
   was room for.  It is shut, with s->mu and its own mutex held, before any of it changes: when a
   permit would become free with nobody to take it, when a spawner blocks, when the scheduler
   closes.  So with s->mu held and the front shut, the queue behind it is all there is, and

	the front is open  =>  no permit is free, so at least one job has not ended
	len(queue) + reserved + len(front) + credit  <=  pending limit

   Checked by tests/test_spawn.c and tests/stress_cancel.c.  Lock order: s->mu, then front->mu.

   SPDX-License-Identifier: Apache-2.0 */

#ifndef FRONT_H
#define FRONT_H

#include "job.h"
#include "roster.h"

#include <pthread.h>

struct front {
	pthread_mutex_t mu; /* guards the rest */
	bool open;
	size_t credit;    /* how many more jobs may come */
	struct link jobs; /* oldest first, all younger than the queue's */
	size_t len;
	struct link stash; /* free slots of the roster's, for jobs to come */
	size_t stash_len;  /* never more than there are: the child of a fork relies on it */
	uint64_t last_id;  /* of all the scheduler's jobs */
};

void front_init(struct front *f);
void front_destroy(struct front *f);

/* A number for a job that does not come through the front. */
uint64_t front_next_id(struct front *f);

/* Begins a push: a free slot, and *id for it, with f->mu held until front_push_end(); NULL, with
   nothing held, if the front is not open for another job. */
ptj_job *front_push_begin(struct front *f, uint64_t *id);
void front_push_end(struct front *f, ptj_job *job);

/* The rest with s->mu held. */

/* Appends the front's jobs to queue and returns how many.  Shuts the front if shut is true, or if
   there were none. */
size_t front_take_locked(struct front *f, struct link *queue, bool shut);

/* Opens the front for credit jobs, their slots taken from r as long as there is memory. */
void front_open_locked(struct front *f, struct roster *r, size_t credit);

/* Gives the slots back. */
void front_empty_stash_locked(struct front *f);

size_t front_len(struct front *f);

#endif
