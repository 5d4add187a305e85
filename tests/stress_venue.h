/* A venue: a scheduler for a while, the threads that use it, and the items that were tried there.

   Threads come and go with venue_enter() and venue_leave(); who finds the scheduler closed, or that
   it has seen enough jobs, retires the venue and puts another in its place.  The retired scheduler
   is closed while others are within all its functions, and freed when they have left.

   SPDX-License-Identifier: Apache-2.0 */

#ifndef PTJOBS_TESTS_STRESS_VENUE_H
#define PTJOBS_TESTS_STRESS_VENUE_H

#include "stress_item.h"

#include <pthread.h>
#include <stddef.h>

enum { CELLS = 32, JOBS_A_VENUE = 1500 };

struct venue {
	struct venue *next; /* among those retired in a round */
	ptj_scheduler *s;
	size_t limit, pending_limit;
	int64_t close_timeout;
	pthread_t host; /* runs its external jobs */

	atomic_int shut;                 /* a close of s began, or is about to */
	atomic_int tried;                /* items */
	_Atomic(struct item *) items;    /* all of them */
	_Atomic(ptj_job *) cells[CELLS]; /* handles, for whoever takes one out */

	/* Atomics, since ThreadSanitizer does not see the locks of a cleanup handler. */
	atomic_int users;  /* threads that may use s */
	atomic_int barred; /* no more may */

	pthread_mutex_t mu;
	pthread_cond_t opened; /* open is set */
	int open;              /* guarded by mu; stubborn jobs may go */
};

/* Where one venue follows another. */
struct slot {
	pthread_mutex_t mu;
	struct venue *venue;   /* guarded by mu */
	struct venue *retired; /* guarded by mu */
	uint64_t random;       /* guarded by mu */
};

void slot_open(struct slot *slot, uint64_t random);

/* Retires the last venue; all are in slot->retired then. */
void slot_close(struct slot *slot);

/* The slot's venue, for the caller to use until venue_leave(). */
struct venue *slot_enter(struct slot *slot);

/* For a job of the venue's own; 0: it is too late. */
int venue_enter(struct venue *v);
void venue_leave(struct venue *v);

/* Puts another venue in the place of v, unless somebody else did.  The caller has left it. */
void slot_retire(struct slot *slot, struct venue *v);

/* Closes the scheduler, to the surprise of all who are there. */
void venue_shut(struct venue *v);

/* For a stubborn job: if the scheduler is being closed and will give it up, stands until it has. */
void venue_outlast(struct venue *v);

void venue_add(struct venue *v, struct item *item);

/* Judges and frees all items. */
void venue_judge(struct venue *v, struct tally *tally);

#endif
