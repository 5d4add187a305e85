/* Blocking: the one place where a thread waits for a scheduler's state to change.

   The caller's waiter is put on a list, the permit of the job that it is in is lent, and the
   thread parks until somebody releases the waiter, until the deadline, or until the calling job
   is to be interrupted.  The park is the cancellation point, with no lock held; cancelled there,
   the waiter is taken off its list and nothing is left behind.

   Blocked threads also join workers whose job was unwound, and one of them has a thread started
   for a ready job where that was not possible before: s->retrier tries every 10 ms, and leaves it
   to another when it goes, or is busy.  So as long as one is set its thread wakes to try.  Checked
   by tests/test_faults.c and tests/model/retry.pml.

   SPDX-License-Identifier: Apache-2.0 */

#ifndef BLOCK_H
#define BLOCK_H

#include "permits.h"
#include "scheduler.h"

struct block {
	struct ptj_scheduler *s;
	struct waiter waiter;
	struct lender lender;
	bool obliging; /* lends, and is interrupted; a close does neither */
	/* Called with s->mu held, before the permit is lent and before each park: true, the wait is
	   over.  NULL: it is when the waiter is released. */
	bool (*over)(struct block *b);
	/* Called with s->mu held after a cancellation took the waiter off its list; may release it
	   midway.  NULL: none. */
	void (*undo)(struct block *b);
	struct parker *parker;
	struct parker own;
};

void block_init(struct block *b, struct ptj_scheduler *s, bool obliging);

/* Has the wait not lend: what is waited for needs no permit, and comes soon. */
void block_keep_permit(struct block *b);

/* Blocks on list: 0, b->waiter was released, or it is over; ETIMEDOUT; EINTR.  s->mu is held,
   released and reacquired.  May be called again. */
int block_locked(struct block *b, struct link *list, deadline until);

/* Lines up for the permit that was lent, so that what the caller does next does not get it.  s->mu
   held. */
void block_reclaim_locked(struct block *b);

/* Has the permit back when it returns; until is how long it waits for it.  Nothing held. */
void block_done(struct block *b, deadline until);

/* Blocks on s->quiet until holds(s).  Whoever makes holds(s) true releases that list. */
int block_until_locked(struct ptj_scheduler *s, bool (*holds)(const struct ptj_scheduler *s),
                       deadline until, bool obliging);

#endif
