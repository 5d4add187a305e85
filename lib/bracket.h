/* What a job may leave behind in its thread, and how the next one is kept from seeing it: cancel
   state and type, signal mask, the thread's name.

   Cancel state and type cost nanoseconds and are restored after every job.  The mask and the name
   cost a system call each, more than a short job does.  A job that was given a name always has it
   on its thread, and finds the mask as it should be.  So do the first BRACKET_EXACT of the others
   in each tick of the coarse clock (1 to 10 ms), and those that come to a worker that was idle.
   What comes beyond that many in one tick is short: it runs under the scheduler's name, and finds
   what one like it did to the mask.

   SPDX-License-Identifier: Apache-2.0 */

#ifndef BRACKET_H
#define BRACKET_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#define THREAD_NAME_SIZE 16 /* the kernel's limit */
#define BRACKET_EXACT 64

struct bracket {
	const char *base; /* the name between jobs */
	struct timespec tick;
	int left;    /* of BRACKET_EXACT in this tick */
	bool named;  /* the thread carries another name than base */
	bool exact;  /* the last job had its name on the thread */
	bool rested; /* no job has run since bracket_rest() */
};

/* All are called by the worker's own thread, with cancellation disabled and no lock held. */

/* Before a job's function.  name was given to the job; NULL: it is called after its id. */
void bracket_enter(struct bracket *b, const char *name, uint64_t id);

/* After it. */
void bracket_leave(void);

/* Before the worker parks. */
void bracket_rest(struct bracket *b);

/* Puts mask and name as they are while the worker is parked, whatever they were. */
void bracket_reset(struct bracket *b);

/* Starts a thread with the signal mask that workers have.  As pthread_create(). */
int bracket_create_thread(pthread_t *thread, const pthread_attr_t *attr, void *(*fn)(void *),
                          void *arg);

/* Names another thread, which must be there.  name is cut to what fits. */
void bracket_name_thread(pthread_t thread, const char *name);

#endif
