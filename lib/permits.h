/* Permits: the counting semaphore that `limit` is, and the lending of permits by jobs that block.

   A permit belongs to a job from the moment it is active until it has ended.  It then goes to the
   first of: a lender that wants one back, the oldest pending job, nobody.  So while a permit is
   free nobody wants one.

   A job that blocks waiting for another lends its permit, or jobs that wait for their children
   would use up all permits and nobody could run the children.  When the job it waits for ends,
   the lender joins the reclaim line before the ended job's permit is handed on; else a pending
   job would get that permit first.  A lender whose time is up or which is being closed does not
   stay in line: it takes a permit that is not there, active exceeds limit by it, and the next
   permits that come free are not handed on until that is made good.

   SPDX-License-Identifier: Apache-2.0 */

#ifndef PERMITS_H
#define PERMITS_H

#include "scheduler.h"

enum lender_state { LENDER_IDLE, LENDER_LENT, LENDER_RECLAIMING };

/* A job that may lend; on the stack of its thread. */
struct lender {
	struct waiter waiter;       /* in home->reclaim; done: the permit is the job's again */
	struct ptj_scheduler *home; /* NULL: the thread is in no job that has a permit */
	ptj_job *job;
	enum lender_state state; /* guarded by home->mu */
};

bool permit_is_free_locked(const struct ptj_scheduler *s);
void permit_take_locked(struct ptj_scheduler *s, ptj_job *job);

/* Gives up the permit of job, if it has one, to nobody yet. */
void permit_drop_locked(struct ptj_scheduler *s, ptj_job *job);

/* Hands free permits to whoever is due one.  Pending jobs that get one are in s->ready then,
   or s->offered. */
void permits_dispatch_locked(struct ptj_scheduler *s);

/* The oldest pending job, taken out of the queue, now in that phase and with those flags; NULL:
   none, and no more come to the front.  The counts are the caller's to see to. */
ptj_job *permits_next_locked(struct ptj_scheduler *s, uint32_t phase, uint32_t flags);

/* Lets go of a job that lay buried in the queue and was taken out. */
void permits_exhume_locked(struct ptj_scheduler *s, ptj_job *job);

/* Finds out whether the calling thread is in a job that can lend. */
void lender_init(struct lender *l, struct parker *parker);

/* Lends, unless there is nothing to lend.  l->home->mu held. */
void lender_lend_locked(struct lender *l);

/* Joins the reclaim line, if l has lent.  l->home->mu held; does not dispatch. */
void lender_reclaim_locked(struct lender *l);

/* The wait goes on after all: leaves the line, and lends again what it got there.  l->home->mu
   held. */
void lender_resume_locked(struct lender *l);

/* Has the permit back when it returns: waits for it until the deadline, or until its job is being
   closed, and then goes on without.  No locks held.  Not a cancellation point. */
void lender_end(struct lender *l, deadline until);

#endif
