/* Spawning: a job gets a permit and is ready, or a place in the pending queue, or its spawner
   blocks until there is one.

   A blocked spawner is released with a place reserved, not with its job admitted: a cancellation
   that arrives with the wake-up then gives the place to the next spawner and no job ever was.

   SPDX-License-Identifier: Apache-2.0 */

#include <config.h>

#include "block.h"
#include "blueprint.h"
#include "keep_errno.h"
#include "lane.h"
#include "offer.h"
#include "worker.h"

/* What place_locked() returns when the caller is to block; no function returns it to the user. */
#define FULL (-1)

static ptj_job *build_locked(struct ptj_scheduler *s, struct blueprint *b, uint32_t phase,
                             ptj_job **out)
{
	ptj_job *job = roster_alloc_locked(&s->roster);

	if (!job)
		return NULL;
	blueprint_build(b, job, front_next_id(&s->pending.front), phase, out ? 2 : 1);
	if (out)
		*out = job;
	return job;
}

static int make_ready_locked(struct ptj_scheduler *s, struct blueprint *b, ptj_job **out)
{
	ptj_job *job;
	int rc;

	/* With nobody to serve it the job would wait for a thread that may never be. */
	rc = s->serving == 0 && !(b->flags & JOB_EXTERNAL) ? worker_call_locked(s) : 0;
	if (rc)
		return rc;
	job = build_locked(s, b, JOB_READY, out);
	if (!job)
		return ENOMEM;
	permit_take_locked(s, job);
	count_add_locked(&s->entered, 1);
	offer_locked(s, job);
	workers_wanted_locked(s);
	return 0;
}

static int make_pending_locked(struct ptj_scheduler *s, struct blueprint *b, ptj_job **out)
{
	ptj_job *job = build_locked(s, b, JOB_PENDING, out);

	if (!job)
		return ENOMEM;
	front_append_locked(&s->pending.front, job);
	pending_open_front(&s->pending, &s->roster);
	/* The permits may be with jobs for which no thread could be had, and with nobody who
	   tries. */
	if (s->serving == 0)
		workers_wanted_locked(s);
	return 0;
}

/* in_turn: the spawner has been in line, and a place was kept for it. */
static int place_locked(struct ptj_scheduler *s, struct blueprint *b, bool in_turn, ptj_job **out)
{
	if (scheduler_phase(s) != SCHEDULER_OPEN)
		return ESHUTDOWN;
	if (!in_turn && s->pending.guests > 0 && !pending_has_room(&s->pending))
		return FULL;
	if (permit_is_free_locked(s))
		return make_ready_locked(s, b, out);
	front_shut_locked(&s->pending.front);
	if (in_turn || pending_has_room(&s->pending))
		return make_pending_locked(s, b, out);
	lane_shut_locked(s);
	return pending_has_room(&s->pending) ? make_pending_locked(s, b, out) : FULL;
}

struct spawn {
	struct block block;
	struct blueprint *blueprint;
};

/* A close waits until nobody is within a blocked spawn any more. */
static void leave_locked(struct ptj_scheduler *s)
{
	s->pending.guests--;
	if (scheduler_phase(s) != SCHEDULER_OPEN)
		waiter_release_all(&s->quiet);
}

static void give_up(struct block *b) NEEDS(a_monitor)
{
	struct spawn *spawn = container_of(b, struct spawn, block);

	if (b->waiter.done) {
		pending_claim(&b->s->pending);
		lane_offer_place_locked(b->s);
	}
	blueprint_discard(spawn->blueprint);
	leave_locked(b->s);
}

/* s->mu held; released and reacquired. */
static int wait_for_place_locked(struct ptj_scheduler *s, struct blueprint *b, deadline until,
                                 ptj_job **out) RELEASES(a_monitor)
{
	struct spawn spawn = {.blueprint = b};
	int rc;

	block_init(&spawn.block, s, true);
	spawn.block.undo = give_up;
	s->pending.guests++;
	rc = block_locked(&spawn.block, &s->pending.spawners, until);
	leave_locked(s);
	if (rc == 0) {
		pending_claim(&s->pending);
		block_reclaim_locked(&spawn.block);
		rc = place_locked(s, b, true, out);
		lane_offer_place_locked(s);
	}
	monitor_unlock(&s->mu);
	block_done(&spawn.block, rc == EINTR ? DEADLINE_PAST : until);
	return rc;
}

/* Leaves the job in the front of the queue; false if it is not open. */
static bool push(struct ptj_scheduler *s, struct blueprint *b, ptj_job **out)
{
	uint64_t id;
	ptj_job *job = front_push_begin(&s->pending.front, &id);

	if (!job)
		return false;
	blueprint_build(b, job, id, JOB_PENDING, out ? 2 : 1);
	front_push_end(&s->pending.front, job);
	if (out)
		*out = job;
	return true;
}

static int spawn(struct ptj_scheduler *s, struct blueprint *b, int64_t timeout_ms, ptj_job **out)
{
	deadline until;
	int rc;

	if (push(s, b, out))
		return 0;
	monitor_lock(&s->mu);
	rc = place_locked(s, b, false, out);
	if (rc == FULL && timeout_ms != 0) {
		deadline_from_timeout(timeout_ms, PTJ_INFINITE, &until);
		return wait_for_place_locked(s, b, until, out);
	}
	monitor_unlock(&s->mu);
	return rc == FULL ? EAGAIN : rc;
}

static int spawn_with(ptj_scheduler *s, const ptj_job_attr *attr, ptj_job_fn fn, void *arg,
                      uint32_t flags, int64_t timeout_ms, ptj_job **out)
{
	KEEP_ERRNO;
	struct blueprint b;
	int rc;

	if (!s || timeout_ms < PTJ_DEFAULT)
		return EINVAL;
	if (scheduler_is_dead(s))
		return ENOTRECOVERABLE;
	if (scheduler_phase(s) != SCHEDULER_OPEN)
		return ESHUTDOWN;
	rc = blueprint_init(&b, s, attr, fn, arg);
	if (rc)
		return rc;
	b.flags |= flags;
	rc = spawn(s, &b, timeout_ms, out);
	if (rc)
		blueprint_discard(&b);
	return rc;
}

int ptj_spawn_attr(ptj_scheduler *s, const ptj_job_attr *attr, ptj_job_fn fn, void *arg,
                   int64_t timeout_ms, ptj_job **out)
{
	return fn ? spawn_with(s, attr, fn, arg, 0, timeout_ms, out) : EINVAL;
}

int ptj_spawn_external(ptj_scheduler *s, const ptj_job_attr *attr, void *arg, int64_t timeout_ms,
                       ptj_job **out)
{
	return spawn_with(s, attr, NULL, arg, JOB_EXTERNAL, timeout_ms, out);
}

int ptj_spawn(ptj_scheduler *s, ptj_job_fn fn, void *arg, ptj_job **out)
{
	return ptj_spawn_attr(s, NULL, fn, arg, PTJ_INFINITE, out);
}
