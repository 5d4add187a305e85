/* Where jobs live: their memory, and the set of those that live.

   Jobs come from slabs of one scheduler's.  A slab is mapped when all others are full and
   unmapped when it is empty again, so that a burst gives its memory back; a few empty ones are
   kept, since a queue that fills and drains would else map and unmap without end.
   Each lies at a multiple of its size, so that a job's address tells its slab.
   A slot is a job for ever: a stale pointer into a mapped slab finds a job, if perhaps another
   one, and reads its reference count.

   That is what lets readers visit the live jobs without a lock, under RCU: they walk the list of
   slabs, and each slab's slots, and take a reference by compare-and-swap where there is one to
   take.  Spawning and finishing jobs do nothing for them.  A slab taken off the list is unmapped
   after a grace period (grace.h), by a thread of the library's, outside every lock.

   Every function that ends in _locked is called with the scheduler's mu held; the others say what
   they need.

   SPDX-License-Identifier: Apache-2.0 */

#ifndef ROSTER_H
#define ROSTER_H

#include "job.h"

#include <pthread.h>

struct roster {
	/* Guarded by the scheduler's mu. */
	_Atomic(struct slab *) newest; /* all slabs; written under mu, walked under RCU */
	struct link roomy;             /* slabs with a free slot */
	struct link doomed;            /* off the list, to be unmapped after a grace period */
	size_t doomed_count;
	size_t spares; /* empty slabs that are kept */
	_Atomic size_t
		slots_in_use; /* allocated and not yet freed; atomic for roster_forget() only */
};

void roster_init(struct roster *r);

/* A slot with reference count 0 and all else unset; NULL without memory. */
ptj_job *roster_alloc_locked(struct roster *r);

/* Publishes a slot from roster_alloc_locked() as a job with that many references. */
void roster_publish(ptj_job *job, uint32_t refs);

/* Takes back a slot whose reference count has reached 0. */
void roster_free_locked(ptj_job *job);

size_t roster_slots_in_use(const struct roster *r);

/* In the child of a fork: counts slots as freed, and returns how many are left.  No lock held. */
size_t roster_forget(struct roster *r, size_t slots);

/* Whether enough slabs are doomed that roster_reclaim() is worth a grace period. */
bool roster_wants_reclaim_locked(const struct roster *r);

/* Unmaps the doomed slabs after a grace period.  mu is the scheduler's, held; it is released and
   reacquired. */
void roster_reclaim_locked(struct roster *r, struct monitor *mu);

/* The roster that job's memory belongs to. */
struct roster *roster_of(const ptj_job *job);

/* Calls visit with each job that has a reference to take, holding one more for it, until visit
   returns non-zero, and returns that.  No locks held; visit may do what it likes.  A job that is
   there throughout is visited once. */
int roster_visit(struct roster *r, int (*visit)(ptj_job *job, void *user), void *user,
                 void (*unref)(ptj_job *job));

/* Calls each(job, user) for every slot in use.  mu held, or nobody else there. */
void roster_each_locked(struct roster *r, void (*each)(ptj_job *job, void *user), void *user);

/* Unmaps all slabs.  Nobody else uses r or its jobs. */
void roster_destroy(struct roster *r);

#endif
