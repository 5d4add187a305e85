/* The thread that hears of signals, and draws the progress line in between.

   All signals that mean something to `ptjobs run` are blocked in every thread and come to this
   one through a signalfd.  What other threads ask of it comes through eventfds, so it has no
   lock, and nothing holds it up: the drain and the close of a run do not depend on a reader of
   its output.

	first SIGINT or SIGTERM      drain: no more input is read, the jobs go on for the grace
	second, or the grace is over close of the scheduler
	SIGHUP, SIGQUIT, or when
	watch_close() is called      close, at once

   SPDX-License-Identifier: Apache-2.0 */

#ifndef RUN_WATCH_H
#define RUN_WATCH_H

#include "run_output.h"
#include "run_tally.h"

#include <ptjobs.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

enum watch_stage { WATCH_RUN, WATCH_DRAIN, WATCH_CLOSED };

struct watch {
	ptj_scheduler *scheduler; /* read-only after watch_start(), as all down to the thread */
	struct tally *tally;
	struct output *output;
	int64_t grace_ms;
	int signal_fd;
	int drain_fd; /* readable once no more input is to be read */
	int close_fd; /* written to for a close */
	int quit_fd;  /* written to for the thread's end */
	pthread_t thread;
	enum watch_stage stage; /* by the thread only, and by others after watch_finish() */
	int64_t close_at;       /* the same: when the grace is over */
	int signal;             /* the same: the first that came, or 0 */
};

/* Blocks the signals.  Before any other thread is started. */
void watch_block(void);

/* Makes the descriptors, and starts the thread.  Each returns an errno value. */
int watch_init(struct watch *w, struct tally *tally, struct output *output, int64_t grace_ms);
int watch_start(struct watch *w, ptj_scheduler *scheduler);

/* Asks for a close of the scheduler at once, from any thread. */
void watch_close(struct watch *w);

/* Ends the thread. */
void watch_finish(struct watch *w);

#endif
