/* The line: atomic requests that wait for a place in the pending queue of their scheduler, first in
   first out, with their connections suspended.

   One thread spawns the jobs of the line, in the plain way: it blocks while the queue is full, as
   any spawner does, so a place that comes free by whatever means is taken at once.  The line counts
   a request until its spawn has returned, and whoever finds one counted joins behind it: so nobody
   overtakes.  The first in line is in the thread's hands, and keeps its place there even if its
   client leaves.

   Discipline.  site->mu guards all of it.

   SPDX-License-Identifier: Apache-2.0 */

#ifndef LINE_H
#define LINE_H

#include <pthread.h>
#include <stdbool.h>

#include "list.h"

struct ptj_web_request;

/* Spawns the job of a request from the line, which was in it; what it cannot spawn, it answers. */
typedef void (*line_serve)(struct ptj_web_request *r);

struct line {
	struct site *site;
	size_t limit;         /* read-only while it is open */
	bool open;            /* guarded by mu; the thread runs, and takes requests */
	struct link requests; /* guarded by mu */
	size_t count;         /* guarded by mu; in the list, or in the hands of the thread */
	pthread_cond_t work;  /* there are requests, or the line is not open */
	pthread_t thread;
	line_serve serve;
};

/* Opens a line of at most limit requests; without a thread, for 0.  ENOMEM, and what
   pthread_create(3) says. */
int line_open(struct line *line, struct site *site, size_t limit, line_serve serve);

/* Serves what is left, and ends the thread.  The scheduler has been closed, so nothing blocks. */
void line_close(struct line *line);

/* Whether a request has to wait behind others.  mu held. */
bool line_is_busy_locked(const struct line *line);

/* Puts r, in PHASE_LINE then, at the end; false where the line is full or not open.  mu held. */
bool line_join_locked(struct line *line, struct ptj_web_request *r);

/* Takes r out, unless the thread has it in its hands.  mu held. */
bool line_leave_locked(struct line *line, struct ptj_web_request *r);

#endif
