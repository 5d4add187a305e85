/* The scheduler: what its parts share.

   One monitor, s->mu, guards everything that is not marked otherwise; whom its holder wakes is
   woken when it is released (parker.h).  Lock order: s->mu, then the front's.  No thread holds the
   mu of two schedulers.  No lock is held while user code runs: whoever calls a job function, a
   release function, a handler, a callback or a visitor has released s->mu before.

   Why no job is lost.  A job that has not ended is in exactly one place: in s->pending, in
   s->ready, with the one worker that runs it or is about to, in s->unwound with the dead worker
   that ran it, in s->offered or with the program if it is external, or with the one thread that
   finishes it.  Every move happens under s->mu, or is a taking out of the ring, or one of the moves
   in lane.h, which say who won.  A spawn reads s->phase under s->mu, or finds the front open under
   the front's mutex, before it places its job; a close sets the phase and shuts the front under the
   same before it looks for jobs: either the close finds the job, or the spawn returns ESHUTDOWN and
   the job never was.  There is no third order.  Checked by tests/stress_cancel.c.

   Why no ready job waits while a thread could run it.  Whoever puts a job on s->ready, or leaves
   one there, calls workers_wanted_locked() before s->mu is released, unless it is a worker that
   is about to look there itself.  That wakes an idle worker or starts one, unless one is on its
   way already; the one on its way looks there and calls again if it leaves anything.  One that is
   new and has the program's hook to call may be long on its way, so an idle one is woken beside.

   The parts, each in a file of its own, are functions on this one struct: permits, worker,
   cancel, wait, spawn, shield, close.

   SPDX-License-Identifier: Apache-2.0 */

#ifndef SCHEDULER_H
#define SCHEDULER_H

#include "attr.h"
#include "bell.h"
#include "job.h"
#include "pending.h"
#include "report.h"
#include "roster.h"
#include "terms.h"

#include <pthread.h>

#define WAITER_BUCKETS 32

enum scheduler_phase { SCHEDULER_OPEN, SCHEDULER_CLOSING, SCHEDULER_CLOSED };

struct ptj_scheduler {
	/* Read-only after create. */
	unsigned generation; /* of forks */
	size_t limit;        /* 0: none */
	int64_t close_timeout;
	int64_t wait_timeout;
	int64_t idle_timeout;
	int cancel_mode;
	bool debug;
	char name[16];
	pthread_attr_t thread_attr;
	struct hook thread_start; /* hook.h */
	struct hook thread_stop;
	struct terms terms; /* of its threads */

	_Atomic bool lane; /* lane.h; written under mu, seldom */

	struct report report; /* has its own discipline */

	struct monitor mu; /* guards the rest */

	/* Counts: written under mu, relaxed; read anywhere.  Whoever saw a job ENDED sees them
	   without it: they are written before the job's state is, with release. */
	_Atomic size_t active;  /* permits in use */
	_Atomic size_t entered; /* jobs out of the pending queue that have not ended, shields and
	                           reported stragglers apart */
	_Atomic size_t shields; /* shielded functions that have not ended, reported ones apart */
	_Atomic int phase;      /* enum scheduler_phase */

	struct pending pending; /* has its own discipline */
	struct link ready;      /* jobs that are active and have no thread yet, oldest first */
	struct link offered; /* external jobs that are active and were not handed out, likewise */
	struct bell bell;    /* readable while there are such; its fd -1: nobody asked for it */
	struct link reclaim; /* lenders that want a permit back */

	struct link workers; /* all threads that are not joined yet, by worker->link */
	struct link idle;    /* parked workers, the most recently parked first, by ->queue */
	struct link unwound; /* workers whose job was unwound, to be joined, by ->queue */
	struct link exited;  /* workers that have returned, to be joined, by ->queue */
	size_t threads;      /* threads not yet joined, but for those in exited */
	size_t serving;      /* threads that will look for another job */
	size_t waking;       /* threads woken or started for work that have not looked yet */
	size_t starting;     /* those of them that are to call the thread_start hook first */
	size_t hooking; /* threads that are in a hook of the program's, or about to be, jobless */
	size_t lent;    /* jobs that lend their permit */
	size_t straggling; /* reported stragglers that have not ended, external jobs apart */

	struct link waiters[WAITER_BUCKETS]; /* threads waiting for a job */
	struct link hosts;                   /* threads waiting for an external job */
	struct link quiet;                   /* threads waiting for the scheduler as a whole */
	struct waiter *retrier; /* one of those blocked: has a worker started as soon as one can
	                           be; NULL: nobody does */

	bool freed; /* ptj_scheduler_free() is done with it; the last thread or handle ends it */
	struct roster roster;
};

struct ptj_scheduler *scheduler_of(const ptj_job *job);

/* Whether s came over a fork: nothing of it may be touched but what is read-only. */
bool scheduler_is_dead(const struct ptj_scheduler *s);

static inline size_t count_get(const _Atomic size_t *count)
{
	return atomic_load_explicit(count, memory_order_relaxed);
}

/* mu held. */
void count_add_locked(_Atomic size_t *count, size_t n);
void count_sub_locked(_Atomic size_t *count, size_t n);

enum scheduler_phase scheduler_phase(const struct ptj_scheduler *s);

/* The list of those who wait for job. */
struct link *scheduler_waiters(struct ptj_scheduler *s, const ptj_job *job);

/* Somebody who is blocked and not busy; NULL: nobody is.  mu held. */
struct waiter *scheduler_blocked_locked(const struct ptj_scheduler *s);

/* Releases a job whose last reference was given up. */
void job_free_locked(ptj_job *job);

/* The same in the child of a fork, where the lists may be as another thread was changing them:
   memory is only counted, and all of it released with the last job after ptj_scheduler_free(). */
void job_free_dead(ptj_job *job);

/* Counts slots of s, which came over a fork, as given back; the last one releases s, if it was
   freed. */
void scheduler_release_dead(struct ptj_scheduler *s, size_t slots);

/* Releases s->mu, and s itself if it was freed and this was the last that kept it. */
void scheduler_unlock(struct ptj_scheduler *s) RELEASES(a_monitor);

#endif
