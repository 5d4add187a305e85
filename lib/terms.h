/* The terms on which a thread runs code: its locale, its floating-point environment, which
   processors it may use, and how it is scheduled.

   pthread_create() hands the last three down, and what a job changes would meet the next one on the
   thread.  So the terms of all threads of a scheduler are those of the thread that made it, or as
   the program's thread_start hook left them, and are put back after jobs.

   Locale and floating point are a few instructions.  The others take three system calls to look at,
   so they have a function of their own.  What has changed there in the same way for the first
   thread of the process too is no job's doing, but was done to the whole process, as by taskset -a:
   it becomes the thread's.  sched_getattr() would tell more at once, but fails where it should not
   with valgrind 3.19.

   SPDX-License-Identifier: Apache-2.0 */

#ifndef TERMS_H
#define TERMS_H

#include <fenv.h>
#include <locale.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct scheduling {
	int policy;
	int priority; /* of the realtime policies; else 0 */
	int nice;
};

struct terms {
	locale_t locale;
#if defined(__x86_64__)
	uint32_t mxcsr;
	uint16_t x87;
#else
	fenv_t fp;
#endif
	/* Of the thread, and of the process's first one as it was seen then. */
	cpu_set_t processors, first_processors; /* empty: cannot be had */
	struct scheduling scheduling, first_scheduling;
};

/* Takes the calling thread's, but for exceptions that floating point has raised. */
void terms_take(struct terms *t);

/* Puts locale and floating point of the calling thread back. */
void terms_put_quick(const struct terms *t);

/* Puts processors and scheduling back, or changes t where the whole process was changed.  False if
   it is not permitted: a thread cannot become less nice again without privilege. */
bool terms_put_scheduling(struct terms *t);

/* The same for a thread that is new, and has what differs from the one that started it.  If that
   was the process's first, it is no witness: another thread with these terms, by its id, has to
   have changed likewise.  0: there is none, and what the first one has by now is no change. */
bool terms_put_inherited(struct terms *t, pid_t witness);

#endif
