/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>

#include "completions.h"

#include "fork.h"
#include "keep_errno.h"
#include "waiter.h"

#include <sched.h>
#include <stdlib.h>

bool completions_is_dead(const struct ptj_completions *c)
{
	return c->generation != fork_generation();
}

int ptj_completions_create(ptj_completions **out, int fd) LOCKS_UNCHECKED
{
	KEEP_ERRNO;
	struct ptj_completions *c;
	int rc;

	if (!out)
		return EINVAL;
	c = aligned_alloc(_Alignof(struct ptj_completions), sizeof(*c));
	if (!c)
		return ENOMEM;
	rc = fork_watch() || !monitor_init(&c->mu) ? ENOMEM : 0;
	if (rc)
		goto no_monitor;
	rc = bell_init(&c->bell, fd);
	if (rc)
		goto no_bell;
	c->generation = fork_generation();
	atomic_init(&c->freed, false);
	atomic_init(&c->watched, c->bell.kind != BELL_OWN);
	atomic_init(&c->awaited, false);
	atomic_init(&c->told, false);
	atomic_init(&c->refs, 1);
	__cds_wfcq_init(&c->head, &c->tail);
	list_init(&c->takers);
	*out = c;
	return 0;

no_bell:
	monitor_destroy(&c->mu);
no_monitor:
	free(c);
	return rc;
}

/* Relaxed: the caller has a reference, or is the creator. */
void completions_ref(struct ptj_completions *c)
{
	atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
}

/* Release, and acquire for the last: what others did with c comes before its memory is freed. */
bool completions_try_unref(struct ptj_completions *c)
{
	size_t refs = atomic_load_explicit(&c->refs, memory_order_relaxed);

	while (refs > 1)
		if (atomic_compare_exchange_weak_explicit(
			    &c->refs, &refs, refs - 1, memory_order_release, memory_order_relaxed))
			return true;
	return false;
}

/* Who appends may be between the two steps in which it does; NULL: nobody is there to make the
   second.  Else it needs nothing of this thread's for it.  *state says whether it was the last. */
static ptj_job *pop(struct ptj_completions *c, int *state)
{
	struct cds_wfcq_node *node;

	while ((node = __cds_wfcq_dequeue_with_state_nonblocking(&c->head, &c->tail, state)) ==
	       CDS_WFCQ_WOULDBLOCK) {
		if (completions_is_dead(c))
			return NULL;
		sched_yield();
	}
	return node ? container_of(node, ptj_job, at.ended.node) : NULL;
}

/* In the child of a fork a job that had not ended has given this reference up, or keeps it. */
static void drain(struct ptj_completions *c)
{
	ptj_job *job;
	int state;

	while ((job = pop(c, &state)))
		if (!completions_is_dead(c) || job_phase(job) == JOB_ENDED)
			ptj_job_unref(job);
}

/* What was appended when c was freed already lies there still. */
void completions_unref(struct ptj_completions *c)
{
	if (atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) > 1)
		return;
	drain(c);
	if (!completions_is_dead(c))
		monitor_destroy(&c->mu);
	free(c);
}

/* Whoever holds c->mu and finds it freed leaves the bell alone. */
void ptj_completions_free(ptj_completions *c) LOCKS_UNCHECKED
{
	KEEP_ERRNO;

	if (!c)
		return;
	if (!completions_is_dead(c))
		monitor_lock(&c->mu);
	atomic_store_explicit(&c->freed, true, memory_order_release);
	bell_destroy(&c->bell);
	if (!completions_is_dead(c))
		monitor_unlock(&c->mu);
	drain(c);
	completions_unref(c);
}

/* Pairs with ptj_completions_free(); acquire for the sake of form, what follows is safe anyway. */
bool completions_are_freed(const struct ptj_completions *c)
{
	return atomic_load_explicit(&c->freed, memory_order_acquire);
}

static struct waiter *first_taker(const struct ptj_completions *c) NEEDS(a_monitor)
{
	return list_empty(&c->takers) ? NULL : container_of(c->takers.next, struct waiter, link);
}

struct lender *completions_first_lender_locked(const struct ptj_completions *c)
{
	return first_taker(c) ? first_taker(c)->lender : NULL;
}

static void wake_first_locked(struct ptj_completions *c)
{
	if (first_taker(c))
		parker_wake(first_taker(c)->parker);
}

/* True: somebody is to be told. */
static bool append(struct ptj_completions *c, ptj_job *job)
{
	bool behind;

	if (completions_are_freed(c)) {
		job_drop_ref(job);
		return false;
	}
	cds_wfcq_node_init(&job->at.ended.node);
	behind = cds_wfcq_enqueue(&c->head, &c->tail, &job->at.ended.node);
	if (atomic_load(&c->watched))
		return !behind || !atomic_load(&c->told);
	return !behind && atomic_load(&c->awaited);
}

/* A program that reads its descriptor for each time the queue is not empty any more is to find
   something there, also if the job was taken by now. */
static void ring_locked(struct ptj_completions *c)
{
	bool any = !completions_are_empty_locked(c);

	if (atomic_load_explicit(&c->told, memory_order_relaxed))
		return;
	if (any || c->bell.kind != BELL_OWN)
		bell_ring(&c->bell);
	atomic_store(&c->told, any);
}

static void tell_locked(struct ptj_completions *c)
{
	if (atomic_load_explicit(&c->freed, memory_order_relaxed))
		return;
	if (atomic_load_explicit(&c->watched, memory_order_relaxed))
		ring_locked(c);
	wake_first_locked(c);
}

void completions_append(struct ptj_completions *c, ptj_job *job)
{
	if (!append(c, job))
		return;
	monitor_lock(&c->mu);
	tell_locked(c);
	monitor_unlock(&c->mu);
}

void completions_append_locked(struct ptj_completions *c, ptj_job *job)
{
	if (!append(c, job))
		return;
	mutex_lock(&c->mu.mutex);
	tell_locked(c);
	mutex_unlock(&c->mu.mutex);
}

bool completions_are_awaited(const struct ptj_completions *c)
{
	return atomic_load(&c->awaited);
}

/* Whether the oldest job is the last one, or somebody is just appending it. */
static bool may_have_one(struct ptj_completions *c)
{
	struct cds_wfcq_node *node = __cds_wfcq_first_nonblocking(&c->head, &c->tail);

	return node == CDS_WFCQ_WOULDBLOCK ||
	       !__cds_wfcq_next_nonblocking(&c->head, &c->tail, node);
}

/* Nobody may find the queue told of that has been empty since: so it is not before the last job is
   taken, and again if that turns out not to have been the last. */
ptj_job *completions_pop_locked(struct ptj_completions *c)
{
	bool hush = atomic_load_explicit(&c->told, memory_order_relaxed) && may_have_one(c);
	ptj_job *job;
	int state;

	if (hush)
		atomic_store(&c->told, false);
	job = pop(c, &state);
	if (hush && !(state & CDS_WFCQ_STATE_LAST))
		atomic_store(&c->told, true);
	return job;
}

bool completions_are_empty_locked(struct ptj_completions *c)
{
	return cds_wfcq_empty(&c->head, &c->tail);
}

void completions_pass_on_locked(struct ptj_completions *c)
{
	if (completions_are_empty_locked(c))
		bell_reset(&c->bell);
	else
		wake_first_locked(c);
}

/* The descriptor of an own bell is of no use in the child of a fork, which shares it. */
int ptj_completions_fd(const ptj_completions *c)
{
	struct ptj_completions *locked = (struct ptj_completions *)(uintptr_t)c;
	int fd;

	if (!c || completions_is_dead(c))
		return -1;
	monitor_lock(&locked->mu);
	if (!atomic_load_explicit(&c->watched, memory_order_relaxed)) {
		atomic_store(&locked->watched, true);
		atomic_thread_fence(memory_order_seq_cst); /* see join_locked() in take.c */
		ring_locked(locked);
	}
	fd = c->bell.fd;
	monitor_unlock(&locked->mu);
	return fd;
}
