/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>

#include "block.h"

#include "inside.h"
#include "reap.h"

#include <errno.h>

/* How often one of those blocked tries again to have a thread started, while none can be; and for
   how long, once, each helps to join one that has ended, which a worker goes on with. */
#define RETRY_MS 10

void block_init(struct block *b, struct ptj_scheduler *s, bool obliging)
{
	b->s = s;
	b->obliging = obliging;
	b->over = NULL;
	b->undo = NULL;
	b->parker = inside_parker(&b->own);
	waiter_init(&b->waiter, b->parker);
	lender_init(&b->lender, b->parker);
	if (!obliging)
		b->lender.home = NULL;
	if (b->lender.home)
		b->waiter.lender = &b->lender;
}

void block_keep_permit(struct block *b)
{
	b->lender.home = NULL;
	b->waiter.lender = NULL;
}

/* Lends with the waiter in place: whoever sees the permit lent may end the job that is waited
   for, and must then find the lender.  s->mu may be released and reacquired. */
static void lend(struct block *b) NEEDS(a_monitor)
{
	struct ptj_scheduler *home = b->lender.home;

	if (!home || b->lender.state != LENDER_IDLE)
		return;
	if (home == b->s) {
		lender_lend_locked(&b->lender);
		workers_wanted_locked(home);
		return;
	}
	monitor_unlock(&b->s->mu);
	monitor_lock(&home->mu);
	lender_lend_locked(&b->lender);
	workers_wanted_locked(home);
	monitor_unlock(&home->mu);
	monitor_lock(&b->s->mu);
}

/* Whoever looks next for somebody who tries again finds another. */
static void resign_locked(struct block *b)
{
	if (b->s->retrier == &b->waiter)
		b->s->retrier = NULL;
}

/* Takes the waiter off its list, and leaves to the next what it had to try. */
static void leave_locked(struct block *b)
{
	list_remove(&b->waiter.link);
	resign_locked(b);
	workers_wanted_locked(b->s);
}

/* s->mu is not held: it is released in the park, the only cancellation point.  In the child of a
   fork, within a function that was called for a job that was joined here, nothing is left to
   undo. */
static void abandon(void *arg)
{
	struct block *b = arg;

	if (scheduler_is_dead(b->s))
		return;
	monitor_lock(&b->s->mu);
	leave_locked(b);
	if (b->undo)
		b->undo(b);
	scheduler_unlock(b->s);
	block_done(b, DEADLINE_PAST);
}

static bool will_block(const struct block *b, deadline until)
{
	return !(b->obliging && inside_interrupted()) && !deadline_passed(until);
}

static bool is_over(struct block *b)
{
	return b->waiter.done || (b->over && b->over(b));
}

/* Joins those that were unwound.  That may end in functions of the program's, for however long, and
   meanwhile somebody else tries again: reap_locked() has one look. */
static void help_locked(struct block *b, deadline until)
{
	struct ptj_scheduler *s = b->s;
	bool more = true;

	b->waiter.busy = true;
	while (more && !list_empty(&s->unwound)) {
		resign_locked(b);
		more = reap_locked(s, deadline_earlier(until, deadline_in_ms(RETRY_MS)));
	}
	b->waiter.busy = false;
}

/* When to try again to have a worker started.  With somebody to try, a failure wakes nobody. */
static deadline next_try_locked(struct block *b)
{
	struct ptj_scheduler *s = b->s;
	bool mine;

	if (!s->retrier)
		s->retrier = &b->waiter;
	mine = s->retrier == &b->waiter;
	if (workers_wanted_locked(s) && mine)
		return deadline_in_ms(RETRY_MS);
	resign_locked(b);
	return DEADLINE_NEVER;
}

static int loop_locked(struct block *b, deadline until)
{
	struct ptj_scheduler *s = b->s;
	deadline retry;

	for (;;) {
		help_locked(b, until);
		if (is_over(b))
			return 0;
		if (b->obliging && inside_interrupted())
			return EINTR;
		if (deadline_passed(until))
			return ETIMEDOUT;
		if (b->lender.home == s)
			lender_resume_locked(&b->lender);
		retry = next_try_locked(b);
		monitor_unlock(&s->mu);
		parker_park(b->parker, deadline_earlier(until, retry));
		monitor_lock(&s->mu);
	}
}

int block_locked(struct block *b, struct link *list, deadline until)
{
	int rc;

	b->waiter.done = false;
	list_append(list, &b->waiter.link);
	pthread_cleanup_push(abandon, b);
	if (!is_over(b) && will_block(b, until))
		lend(b);
	rc = loop_locked(b, until);
	pthread_cleanup_pop(0);
	leave_locked(b);
	return rc;
}

void block_reclaim_locked(struct block *b)
{
	if (b->lender.home != b->s)
		return;
	lender_reclaim_locked(&b->lender);
	permits_dispatch_locked(b->s);
}

void block_done(struct block *b, deadline until)
{
	lender_end(&b->lender, until);
	inside_parker_done(b->parker, &b->own);
}

int block_until_locked(struct ptj_scheduler *s, bool (*holds)(const struct ptj_scheduler *s),
                       deadline until, bool obliging)
{
	struct block b;
	int rc = 0;

	block_init(&b, s, obliging);
	b.lender.home = NULL;
	while (!holds(s) && rc == 0)
		rc = block_locked(&b, &s->quiet, until);
	inside_parker_done(b.parker, &b.own);
	return holds(s) ? 0 : rc;
}
