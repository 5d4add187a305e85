/* What a job may leave behind in its thread, and how the next one is kept from seeing it: cancel
   state and type, errno, signal mask, the thread's name, and its terms (terms.h).

   Cancel state and type cost nanoseconds and are restored after every job.  The mask and the name
   cost a system call each, more than a short job does, locale and floating point a tenth of one.  A
   job that was given a name always has it on its thread, and finds the rest as it should be.  So do
   the first BRACKET_EXACT jobs in each tick of the coarse clock (1 to 10 ms), and those that come
   to a worker that was idle.  What comes beyond that many in one tick is short: it runs under the
   scheduler's name, and finds what one like it did.  Processors and scheduling cost three system
   calls, and only the first BRACKET_WATCHED jobs in each tick begin and end as if there had been
   none before them.

   SPDX-License-Identifier: Apache-2.0 */

#ifndef BRACKET_H
#define BRACKET_H

#include "terms.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#define THREAD_NAME_SIZE 16 /* the kernel's limit */
#define BRACKET_EXACT 64
#define BRACKET_WATCHED 16

struct bracket {
	const char *base;   /* the name between jobs */
	struct terms terms; /* likewise */
	struct timespec tick;
	int in_tick; /* jobs in this tick, up to BRACKET_EXACT */
	bool named;  /* the thread carries another name than base */
	bool exact;  /* the last job had its name on the thread */
	bool unsure; /* nobody has looked at processors and scheduling since a job had the thread */
	bool spoiled; /* scheduling could not be put back: the thread does not stay for long */
	bool rested;  /* no job has run since bracket_rest() */
};

/* All are called by the worker's own thread, with cancellation disabled and no lock held. */

/* When the thread has started: these are its terms, whatever it inherited; witness is as for
   terms_put_inherited(). */
void bracket_begin(struct bracket *b, const struct terms *terms, pid_t witness);

/* After a function that may set other terms for good. */
void bracket_adopt(struct bracket *b);

/* Before a job's function.  name was given to the job; NULL: it is called after its id. */
void bracket_enter(struct bracket *b, const char *name, uint64_t id);

/* After it. */
void bracket_leave(struct bracket *b);

/* Before the worker parks. */
void bracket_rest(struct bracket *b);

/* Puts all of it as it is while the worker is parked, whatever it was. */
void bracket_reset(struct bracket *b);

/* Starts a thread with the signal mask that workers have.  As pthread_create(). */
int bracket_create_thread(pthread_t *thread, const pthread_attr_t *attr, void *(*fn)(void *),
                          void *arg);

/* Names another thread, which must be there.  name is cut to what fits. */
void bracket_name_thread(pthread_t thread, const char *name);

#endif
