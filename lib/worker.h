/* Workers: the threads that run jobs.

   A worker takes a ready job, runs it, finishes it, and looks for the next; with nothing to do it
   parks, and after the idle timeout it leaves.  It lives with cancellation disabled and every
   signal blocked, but for the span of a job's function.

   Why a cancellation hits only the job it is meant for.  POSIX cannot take a cancellation back: one
   that arrives after the job's last cancellation point stays pending in the thread.  So
   (1) pthread_cancel() is called with s->mu held, on the worker of a job that is RUNNING and has
       JOB_CLOSING set, so that it cannot end without s->mu: the job has not ended, and the thread
       is there;
   (2) cancellation is disabled in the thread from the function's return until the next job;
   (3) a worker that was sent a cancellation takes no further job.  It leaves, and others serve.
   Without (3) a late cancellation kills the next job.  Checked by tests/stress_cancel.c.

   SPDX-License-Identifier: Apache-2.0 */

#ifndef WORKER_H
#define WORKER_H

#include "bracket.h"
#include "inside.h"
#include "recycle.h"
#include "scheduler.h"

#include <pthread.h>

struct worker {
	/* Written by the worker only. */
	struct inside frame;
	struct bracket bracket;
	struct recycle recycle;
	/* What it runs or is to run; NULL: none.  Others' while it is parked, or dead. */
	ptj_job *job;
	ptj_job *next; /* that it took out of the queue, and has not begun; NULL: none */

	struct parker parker;
	struct ptj_scheduler *s; /* read-only */
	pid_t witness;           /* read-only: another thread of s's, for terms_put_inherited() */
	pthread_t thread;        /* read-only from the moment that w is in s->workers */

	/* Guarded by s->mu. */
	struct link link;  /* in s->workers */
	struct link queue; /* in s->idle, ->unwound or ->exited */
	pid_t id;          /* 0 until it has begun */
	bool parked;       /* in s->idle */
	bool called;       /* counted by s->waking */
	bool starting;     /* has the thread_start hook to call; counted by s->starting if called */
	bool renamed;      /* somebody else has named the thread */
	bool sent;         /* sent a cancellation, or unwound: takes no further job */
};

/* Sees to it that somebody comes for what is in s->ready and s->unwound.  0, also if there is
   nothing; else no thread is idle or on its way and none can be started. */
int workers_wanted_locked(struct ptj_scheduler *s);

/* Has a worker look for work: an idle one, or a new one.  EAGAIN, ENOMEM: there is neither. */
int worker_call_locked(struct ptj_scheduler *s);

/* An idle worker, or a new one, for worker_give_locked().  EAGAIN, ENOMEM: there is neither. */
int worker_hire_locked(struct ptj_scheduler *s, struct worker **out);

/* Has a hired worker run job, which is in no list; NULL: it is not needed after all. */
void worker_give_locked(struct worker *w, ptj_job *job);

/* Cancels the thread that runs job, if the job's mode has it so and its thread is there. */
void worker_cancel_locked(ptj_job *job);

/* w takes no further job. */
void worker_retire_locked(struct worker *w);

/* The worker whose queue member that is. */
struct worker *worker_of_queue(struct link *node);

/* The thread's function; arg is its worker. */
void *worker_main(void *arg);

#endif
