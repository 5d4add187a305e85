/* Taking jobs from a completion queue: at once what is there, or blocked until there is something.

   A thread that is in a job of some scheduler blocks as it does in all other calls, with its permit
   lent (block.h), and looks into the queue whenever it is woken.  Any other thread has no scheduler
   to do with, and simply parks.

   SPDX-License-Identifier: Apache-2.0 */

#include <config.h>

#include "block.h"
#include "completions.h"
#include "inside.h"
#include "keep_errno.h"
#include "wait.h"

struct take {
	ptj_completions *c;
	ptj_job **jobs;
	size_t n;
	size_t taken;
	struct waiter waiter; /* in c->takers while the thread is blocked */
	struct block block;
	struct parker own; /* outside all jobs */
};

static struct take *of_block(struct block *b)
{
	return container_of(b, struct take, block);
}

/* c->mu held. */
static void join_locked(struct take *t)
{
	list_append(&t->c->takers, &t->waiter.link);
	/* The queue is looked at next with plain loads, liburcu's, which a store of ours does not
	   hold back: appending is a full barrier, and this is the other one. */
	atomic_store(&t->c->awaited, true);
	atomic_thread_fence(memory_order_seq_cst);
}

/* c->mu held. */
static void leave_locked(struct take *t)
{
	list_remove(&t->waiter.link);
	atomic_store(&t->c->awaited, !list_empty(&t->c->takers));
	completions_pass_on_locked(t->c);
}

/* c->mu held.  False if there is nothing. */
static bool take_locked(struct take *t)
{
	ptj_job *job;

	while (t->taken < t->n && (job = completions_pop_locked(t->c)))
		t->jobs[t->taken++] = job;
	return t->taken > 0;
}

static bool try_take(struct take *t)
{
	monitor_lock(&t->c->mu);
	if (take_locked(t))
		completions_pass_on_locked(t->c);
	monitor_unlock(&t->c->mu);
	return t->taken > 0;
}

/* With a scheduler's mu held, which wakes whom the queue's holder would wake. */
static bool is_over(struct block *b) NEEDS(a_monitor)
{
	struct take *t = of_block(b);
	bool over;

	mutex_lock(&t->c->mu.mutex);
	over = take_locked(t);
	mutex_unlock(&t->c->mu.mutex);
	return over;
}

static void leave(struct block *b) NEEDS(a_monitor)
{
	struct take *t = of_block(b);

	mutex_lock(&t->c->mu.mutex);
	leave_locked(t);
	mutex_unlock(&t->c->mu.mutex);
}

static int block_in_job(struct take *t, struct ptj_scheduler *s, deadline until)
{
	struct block *b = &t->block;
	int rc;

	block_init(b, s, true);
	b->over = is_over;
	b->undo = leave;
	waiter_init(&t->waiter, b->parker);
	t->waiter.lender = b->waiter.lender;
	monitor_lock(&s->mu);
	mutex_lock(&t->c->mu.mutex);
	join_locked(t);
	mutex_unlock(&t->c->mu.mutex);
	rc = block_locked(b, scheduler_waiters(s, NULL), until);
	leave(b);
	monitor_unlock(&s->mu);
	block_done(b, rc == EINTR ? DEADLINE_PAST : until);
	return rc;
}

/* c->mu is not held: it is released in the park, the only cancellation point. */
static void abandon(void *arg)
{
	struct take *t = arg;

	monitor_lock(&t->c->mu);
	leave_locked(t);
	monitor_unlock(&t->c->mu);
	parker_destroy(&t->own);
}

static int block_outside(struct take *t, deadline until)
{
	parker_init(&t->own);
	waiter_init(&t->waiter, &t->own);
	monitor_lock(&t->c->mu);
	join_locked(t);
	pthread_cleanup_push(abandon, t);
	while (!take_locked(t) && !deadline_passed(until)) {
		monitor_unlock(&t->c->mu);
		parker_park(&t->own, until);
		monitor_lock(&t->c->mu);
	}
	pthread_cleanup_pop(0);
	leave_locked(t);
	monitor_unlock(&t->c->mu);
	parker_destroy(&t->own);
	return t->taken > 0 ? 0 : ETIMEDOUT;
}

static int block(struct take *t, deadline until)
{
	struct ptj_scheduler *home = inside_home();

	return home ? block_in_job(t, home, until) : block_outside(t, until);
}

/* A job is put into the queue in the moment before it has ended. */
static void await_ends(struct take *t)
{
	size_t i;
	int cancel_state;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel_state);
	for (i = 0; i < t->taken; i++)
		if (job_phase(t->jobs[i]) != JOB_ENDED)
			await_job(t->jobs[i], DEADLINE_NEVER, false);
	pthread_setcancelstate(cancel_state, NULL);
}

int ptj_completions_take(ptj_completions *c, ptj_job **jobs, size_t n, int64_t timeout_ms,
                         size_t *taken)
{
	KEEP_ERRNO;
	struct take t = {.c = c, .jobs = jobs, .n = n};
	deadline until;
	int rc;

	if (!c || !jobs || n == 0 || !taken ||
	    deadline_from_timeout(timeout_ms, PTJ_INFINITE, &until))
		return EINVAL;
	if (completions_is_dead(c))
		return ENOTRECOVERABLE;
	pthread_testcancel();
	if (!try_take(&t)) {
		rc = block(&t, until);
		if (rc)
			return rc;
	}
	await_ends(&t);
	*taken = t.taken;
	return 0;
}
