/* What a job may leave behind in its thread, and how the next one is kept from seeing it: cancel
   state and type, signal mask, the thread's name.

   Cancel state and type cost nanoseconds and are restored after every job.  The mask and the name
   cost a system call each, more than a short job does.  So a job that somebody can tell from
   others, because it has a handle or attributes, always finds the mask as it should be and has its
   name on its thread.  For anonymous jobs, spawned without either, both are seen to when the worker
   was idle before, and then once per tick of the coarse clock (some milliseconds); the others run
   under the scheduler's name, and find what an anonymous job before them did to mask and name.

   SPDX-License-Identifier: Apache-2.0 */

#ifndef BRACKET_H
#define BRACKET_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#define THREAD_NAME_SIZE 16 /* the kernel's limit */

struct bracket {
	const char *base; /* the name between jobs */
	struct timespec tick;
	bool named;  /* the thread carries another name than base */
	bool exact;  /* the last job was not anonymous */
	bool rested; /* no job has run since bracket_rest() */
};

/* All are called by the worker's own thread, with cancellation disabled and no lock held. */

/* Before a job's function.  name is the job's; NULL: what follows from its id.  anonymous: nobody can
   tell it from others. */
void bracket_enter(struct bracket *b, const char *name, uint64_t id, bool anonymous);

/* After it. */
void bracket_leave(void);

/* Before the worker parks. */
void bracket_rest(struct bracket *b);

/* Starts a thread with the signal mask that workers have.  As pthread_create(). */
int bracket_create_thread(pthread_t *thread, const pthread_attr_t *attr, void *(*fn)(void *),
                          void *arg);

/* Names another thread, which must be there.  name is cut to what fits. */
void bracket_name_thread(pthread_t thread, const char *name);

#endif
