/* The ends of workers, and of jobs that end with their worker.

   How a job ends.  One that returns is finished by its own worker.  One that is unwound, by a
   cancellation or by pthread_exit(), cannot be: which of the two it was, and with which value, is
   known only to who joins the thread.  So the worker's cleanup handler puts the dying worker on
   s->unwound, and a waiter for that job, or else another worker, joins it and finishes the job.

   Every thread is joined: by a worker or a waiter if its job was unwound, else by the next worker
   that leaves or by the close; a thread that outlives ptj_scheduler_free() detaches itself.

   SPDX-License-Identifier: Apache-2.0 */

#ifndef REAP_H
#define REAP_H

#include "worker.h"

/* Joins one unwound worker, waiting for it at most until the deadline, and finishes its job.
   s->mu is released and reacquired; cancellation is disabled meanwhile.  False if there is none,
   or the time ran out. */
bool reap_locked(struct ptj_scheduler *s, deadline until);

/* Joins the workers that have returned.  s->mu is released and reacquired. */
void join_exited_locked(struct ptj_scheduler *s);

/* The job's function was unwound, by a cancellation or by pthread_exit(), and with it goes the
   thread of arg, its worker.  Runs in it, last, as a cleanup handler. */
void unwound(void *arg);

/* Before w goes: has another worker come for what there is to do, and if none can be had and
   nobody is left who would try again, stays and tries. */
void hand_over_locked(struct worker *w);

/* Forgets w's thread, which a close waits for. */
void thread_gone_locked(struct worker *w);

/* Releases w, whose thread has been joined or looks after itself. */
void worker_free(struct worker *w);

/* Whether this is a copy of the worker's thread in the child of a fork; the scheduler may have
   been freed there. */
bool worker_is_forked(const struct worker *w);

#endif
