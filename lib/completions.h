/* A completion queue: the jobs bound to it appear here, each once, when they end, and wait for
   somebody to take them.

   The thread that ends a job appends it without waiting for anybody: the queue is liburcu's
   wfcqueue, linked through the jobs, so nothing is allocated.  Takers meet at a mutex.

   Ended and taken are one moment.  A job is appended just before it has ended, so that who sees it
   ended finds it here; and whoever takes it waits until it has.  So it is with what tells of it:
   the bell, and one blocked taker, hear of it when the queue goes from empty to not empty, before
   the job that made it so has ended.  A taker that leaves jobs behind wakes the next.  So whenever
   there are jobs and takers blocked, one of those is awake, or who appended the first job is on the
   way to wake one.

   A job that was appended behind another may end before who appended that one has rung.  So he who
   appends behind another rings, too, unless the queue is told of: it has not been empty since the
   bell was rung.  The taker of the last job says before he takes it that it is not.

   An own bell is rung only if somebody asked for its descriptor, and only while the queue is not
   empty by then, under the mutex under which it is reset: it is never readable for nothing.  A
   program's descriptor is written to at every such moment.

   Who appends and then asks whether he is to tell somebody, and who says that he is to be told and
   then looks whether there is anything, cannot both find nothing: appending is a full barrier
   (liburcu says so of its exchange), and the three flags are sequentially consistent.  Checked by
   tests/test_completions.c and tests/test_lane.c.

   References: the creator's until ptj_completions_free(), one for each ptj_job_attr, one for each
   job that was bound and has not been appended.  The last one releases the memory, and the jobs
   that were appended in the moment the queue was freed.  No lock of the library's is held then, as
   those may be the last references to jobs.  After the free no descriptor is touched any more.

   SPDX-License-Identifier: Apache-2.0 */

#ifndef COMPLETIONS_H
#define COMPLETIONS_H

#include "bell.h"
#include "job.h"

struct ptj_completions {
	unsigned generation;  /* read-only; of forks */
	_Atomic bool freed;   /* by its creator; written under mu */
	_Atomic bool watched; /* the bell is to be rung; written under mu */
	_Atomic bool awaited; /* takers has somebody; written under mu */
	_Atomic bool told;    /* the bell was rung for what is there; written under mu */

	/* Those who end jobs write here. */
	_Alignas(64) struct cds_wfcq_tail tail;
	_Atomic size_t refs;

	/* Lock order: a scheduler's mu, then this one. */
	_Alignas(64) struct monitor mu; /* guards the rest */
	struct __cds_wfcq_head head;
	struct link takers; /* blocked, by waiter->link */
	struct bell bell;
};

/* In the child of a fork nothing of it may be touched but what is read-only. */
bool completions_is_dead(const struct ptj_completions *c);

void completions_ref(struct ptj_completions *c);
void completions_unref(struct ptj_completions *c);

/* Gives up a reference unless it is the last; false then. */
bool completions_try_unref(struct ptj_completions *c);

/* Appends job, which is PASSING and has a reference for whoever takes it, and tells whom it
   concerns.  Where c was freed that reference is given up. */
void completions_append(struct ptj_completions *c, ptj_job *job);

/* The same with the mu of job's scheduler held; who is woken wakes when that is released. */
void completions_append_locked(struct ptj_completions *c, ptj_job *job);

bool completions_are_freed(const struct ptj_completions *c);

/* Whether somebody is blocked until a job is appended. */
bool completions_are_awaited(const struct ptj_completions *c);

/* The rest with c->mu held. */

/* The oldest; NULL: none. */
ptj_job *completions_pop_locked(struct ptj_completions *c);

bool completions_are_empty_locked(struct ptj_completions *c);

/* What the first of those blocked lends meanwhile; NULL: nothing. */
struct lender *completions_first_lender_locked(const struct ptj_completions *c);

/* Has the first of those blocked look again, if there are jobs, or else resets the bell. */
void completions_pass_on_locked(struct ptj_completions *c);

#endif
