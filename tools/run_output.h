/* The jobs' output on its way to standard output and standard error, one job at a time.

   Without an order asked for, each job writes when it ends.  In the order of the input, a job
   that ends before its turn leaves its output in the window, and whoever ends the wait writes
   all that has become due.  The window bounds what waits: a line is let in only when the line
   `window` before it is written, so one slow job holds the others up only when that many have
   overtaken it.

   Lock discipline.  turn is held while output is written, for as long as its reader stands still,
   and so holds up jobs that have ended, as a full pipe does everywhere.  mu guards the window and
   is held for moments only, because the main thread needs it.  Whoever takes turn holds no other
   lock, and under it takes only the screen's and the store's; mu is innermost.

   SPDX-License-Identifier: Apache-2.0 */

#ifndef RUN_OUTPUT_H
#define RUN_OUTPUT_H

#include "run_capture.h"

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What one job wrote: to standard output, to standard error. */
struct result {
	struct capture streams[2];
};

struct slot {
	bool filled; /* the job has ended before its turn */
	struct result result;
};

struct output {
	struct store *store; /* read-only after output_init() */
	size_t window;       /* 0 where no order is kept; read-only after output_init() */
	pthread_mutex_t turn;
	int error; /* guarded by turn: standard output was not written; an errno value */
	pthread_mutex_t mu;
	bool writing;        /* guarded by mu: somebody writes what is due */
	bool closed;         /* guarded by mu: nobody is let in any more */
	uint64_t next;       /* guarded by mu: whose turn it is */
	struct slot *slots;  /* guarded by mu: the job n is at n % window */
	pthread_cond_t room; /* next has grown, or closed */
};

/* window is 0 for no order.  ENOMEM. */
int output_init(struct output *o, struct store *st, size_t window);
void output_destroy(struct output *o);

/* Waits until the job may be spawned.  Jobs are numbered from 0, without a gap.  False once
   output_close() was called: it may not. */
bool output_admit(struct output *o, uint64_t job);

/* Lets nobody in any more, so that nobody waits for a reader that stands still. */
void output_close(struct output *o);

/* Takes over what the job wrote; nothing, for a job that never ran.  Exactly once for each job
   admitted.  Returns 0, or how standard output failed, now or before. */
int output_put(struct output *o, uint64_t job, struct result *result);

#endif
