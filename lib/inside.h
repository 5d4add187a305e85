/* What the calling thread is in the middle of: running a job, calling a handler, visiting.

   Some calls must know: one that waits for its own job, or closes the scheduler it is called
   from, would never return; one that blocks in a job lends the job's permit.  Each thread has a
   stack of frames, one for each piece of user code that the library is calling on it.

   SPDX-License-Identifier: Apache-2.0 */

#ifndef INSIDE_H
#define INSIDE_H

#include "job.h"
#include "parker.h"

enum inside_kind {
	INSIDE_OTHER,    /* a visitor, or a handler: nothing waits for it but its caller */
	INSIDE_JOB,      /* the bottom frame of a worker */
	INSIDE_END,      /* about's release function, or the report of its failure */
	INSIDE_CALLBACK, /* about's on-cancel callback */
};

struct inside {
	enum inside_kind kind;
	struct ptj_scheduler *s;
	unsigned generation;   /* of forks, when the frame was pushed */
	ptj_job *self;         /* the job whose function is running; NULL: none */
	ptj_job *about;        /* the job on whose behalf the code runs; NULL: none */
	struct parker *parker; /* where a close finds the thread asleep; NULL but for a worker */
	struct inside *outer;
};

/* Frames are pushed and popped by the thread itself. */
void inside_push(struct inside *frame);
void inside_pop(struct inside *frame);

/* A function of the program's has returned that was called within frame, which is not popped yet.
   In the child of a fork within it this does not return: what called it must touch nothing there,
   and the thread ends, as that of a job does that returns in a child. */
void inside_returned(const struct inside *frame);

/* As inside_pop(), for pthread_cleanup_push(). */
void inside_pop_cleanup(void *frame);

/* Whether the thread is within user code that s called. */
bool inside_scheduler(const struct ptj_scheduler *s);

/* Whether the thread is within job's function, or code called on its behalf. */
bool inside_job(const ptj_job *job);

/* The job whose function called, directly; NULL: none. */
ptj_job *inside_self(void);

/* Whether the thread is, directly, in an on-cancel callback. */
bool inside_callback(void);

/* The frame whose job would lend its permit if the thread blocked; NULL: none. */
struct inside *inside_lender(void);

/* The scheduler that the thread has to do with when it blocks: that of the job whose permit it
   would lend, or else that whose code it is in; NULL: none. */
struct ptj_scheduler *inside_home(void);

/* Whether a blocking call is to return EINTR: a cooperative job that is being closed called. */
bool inside_interrupted(void);

/* A parker for the thread to block on: its worker's, where a close will find it, or own. */
struct parker *inside_parker(struct parker *own);

/* Ends the use of what inside_parker(own) returned. */
void inside_parker_done(struct parker *parker, struct parker *own);

#endif
