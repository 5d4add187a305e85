/* A job: what it is to run, how far it is, what became of it.  A job knows neither scheduler nor
   thread; those who do move it through its phases:

	                spawned with a permit
	                  |
	 (new) --> PENDING --> READY --> RUNNING --> FINISHING --> ENDED
	              |  \       |       ^  |  |         |           ^
	              |   +------|-------+  |  |         v           |
	              |          |          |  +----> PASSING -------+  goes on without s->mu, or
	              |          |          |                        |  has a completion queue
	              |          |          +------------------------+  nothing to settle
	              +----------+--> FINISHING        closed before its function was entered

   PENDING: in line.  READY: has a permit, waits for a thread.  RUNNING: a thread has it, one of the
   library's, or if it is external one of the program's.
   FINISHING: the function is over; what became of it is decided; the release function and the
   exception handler are being called.  PASSING: the function is over, there is nothing to call any
   more, and the job is being ended: put into its completion queue, or, in the lane, exchanged for
   the job that gets its permit.  ENDED: over; waiters may go.

   The outside sees three states: pending and active (READY or RUNNING) until a close of the job
   begins or its function is over, and closed from then on.

   The phase and the flags are one word, which tells who may do what.  All moves are made with the
   scheduler's mu held, but for three, which a worker makes by compare-and-swap (lane.h): PENDING
   to RUNNING, RUNNING to PASSING, PASSING to ENDED.  Each of the first two fails if a flag says
   that there is something to be done under mu first; so whoever holds mu and has set such a flag
   while the job was RUNNING knows that the job stays so until mu is released: job_pin_locked().

   A job is 64 bytes, one cache line.  What few jobs have lies in a job_extra.

   SPDX-License-Identifier: Apache-2.0 */

#ifndef JOB_H
#define JOB_H

#include "list.h"
#include "parker.h"

#include <ptjobs.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <urcu/wfcqueue.h>

#define JOB_PHASE 0x7u
#define JOB_PENDING 0x1u
#define JOB_READY 0x2u
#define JOB_RUNNING 0x3u
#define JOB_FINISHING 0x4u
#define JOB_PASSING 0x5u
#define JOB_ENDED 0x6u

#define JOB_CLOSING 0x8u      /* a close of it began */
#define JOB_OBSERVED 0x10u    /* somebody called wait, poll or close */
#define JOB_WAITED 0x20u      /* a waiter may be on the list for it */
#define JOB_PERMIT 0x40u      /* one of the scheduler's permits is its own */
#define JOB_SHIELD 0x80u      /* a shielded function: not counted, not listed */
#define JOB_EXPLICIT 0x100u   /* returning is not succeeding */
#define JOB_DECIDED 0x200u    /* it called fail or succeed */
#define JOB_FAILED 0x400u     /* outcome is an error; final from FINISHING on */
#define JOB_CANCELLED 0x800u  /* it was cancelled or never ran */
#define JOB_STRAGGLER 0x1000u /* it outlasted its scheduler's close */
#define JOB_EXTRA 0x2000u     /* extra is there, or about to be */
#define JOB_MODE_SHIFT 14     /* two bits: PTJ_CANCEL_ */
#define JOB_ATTENDED 0x10000u /* the caller of a shielded function waits for it */
#define JOB_BURIED 0x20000u   /* closed in the middle of the queue, which keeps a reference to it */
#define JOB_EXTERNAL 0x40000u /* the program runs it, no thread of ours */

/* Flags with which a job cannot begin, or cannot end, without the scheduler's mu. */
#define JOB_BEGINS_LOCKED (JOB_CLOSING | JOB_EXTRA | JOB_EXTERNAL)
#define JOB_ENDS_LOCKED                                                                          \
	(JOB_BEGINS_LOCKED | JOB_SHIELD | JOB_WAITED | JOB_EXPLICIT | JOB_DECIDED | JOB_FAILED | \
	 JOB_STRAGGLER)

struct worker;

struct ptj_job {
	/* 0: the slot is free.  Last written when a job is made, with release, so that whoever
	   takes a reference by compare-and-swap sees a whole job. */
	_Atomic uint32_t refs;
	/* Phase and flags.  Written with release, read anywhere with acquire: who sees ENDED sees
	   the outcome, and every count that the end changed. */
	_Atomic uint32_t state;
	union {
		ptj_job_fn fn; /* until RUNNING */
		void *result;  /* from then on, by the job's thread; final from FINISHING on */
		int error;     /* instead, with JOB_FAILED */
	} outcome;
	void *arg; /* read-only; the release function ends its life */
	union {
		struct link link; /* READY, and PENDING outside the ring: in a list */
		/* RUNNING: to be read by who holds mu and has pinned it; NULL: an external job, or
		   one that was unwound. */
		struct worker *worker;
		/* In a completion queue.  The first word is a worker's that takes the job out of
		   the ring and finds out only then that it was closed there. */
		struct {
			void *reserved;
			struct cds_wfcq_node node;
		} ended;
	} at;
	ptj_completions *completions; /* read-only: where it goes when it ends; NULL: nowhere */
	uint64_t id;                  /* read-only; 0 for a shield */
	struct job_extra *extra; /* set once, under mu, while the job lives; NULL if not needed */
};

/* What only some jobs have. */
struct job_extra {
	/* Guarded by the scheduler's mu unless said. */
	char *name;                /* NULL for "job-N" */
	ptj_release_fn release;    /* read-only */
	char *message;             /* what it failed with; final from FINISHING on */
	int cancel_fd;             /* -1: none */
	void (*on_cancel)(void *); /* NULL: none */
	void *on_cancel_arg;
	bool calling;         /* on_cancel is being called */
	struct link callers;  /* who wait until it is not, by waiter->link */
	ptj_job *next_due;    /* in the list of those that a close is about to cancel */
	size_t traceback_len; /* read-only */
	void *traceback[];    /* read-only: the stack that spawned the job */
};

/* Room for a job_extra with a traceback of that length, or NULL. */
struct job_extra *job_extra_create(size_t traceback_len);
void job_extra_free(struct job_extra *extra);

/* The job's extra part, made if it has none; NULL without memory.  mu held. */
struct job_extra *job_extra_locked(ptj_job *job);

/* Whether the job has an on-cancel callback that was not called.  mu held. */
static inline bool job_has_callback_locked(const ptj_job *job)
{
	return job->extra && job->extra->on_cancel;
}

static inline uint32_t job_state(const ptj_job *job)
{
	return atomic_load(&job->state);
}

static inline uint32_t job_phase(const ptj_job *job)
{
	return job_state(job) & JOB_PHASE;
}

static inline bool job_has(const ptj_job *job, uint32_t flag)
{
	return job_state(job) & flag;
}

/* All of these return the state before.  Sequentially consistent: see lane.h. */
static inline uint32_t job_set_locked(ptj_job *job, uint32_t flags)
{
	return atomic_fetch_or(&job->state, flags);
}

static inline uint32_t job_clear_locked(ptj_job *job, uint32_t flags)
{
	return atomic_fetch_and(&job->state, ~flags);
}

/* Says that somebody asks for the job.  Without mu: who decides whether the handler hears of a
   failure looks at it last. */
static inline void job_observe(ptj_job *job)
{
	atomic_fetch_or(&job->state, JOB_OBSERVED);
}

/* Sets flags if the job is in that phase and has none of those that forbid it; then it is in phase
   to.  False if it is not. */
static inline bool job_move(ptj_job *job, uint32_t from, uint32_t forbidden, uint32_t to,
                            uint32_t flags)
{
	uint32_t state = job_state(job);

	while ((state & JOB_PHASE) == from && !(state & forbidden))
		if (atomic_compare_exchange_weak(&job->state, &state,
		                                 (state & ~JOB_PHASE) | to | flags))
			return true;
	return false;
}

/* The job is not PENDING, and if it is RUNNING it is pinned, or the caller's own. */
static inline void job_set_phase_locked(ptj_job *job, uint32_t phase)
{
	while (!job_move(job, job_phase(job), 0, phase, 0))
		;
}

/* Sets flags, of which one is of JOB_ENDS_LOCKED, if the job is RUNNING. */
static inline bool job_pin_locked(ptj_job *job, uint32_t flags)
{
	return job_move(job, JOB_RUNNING, 0, JOB_RUNNING, flags);
}

int job_cancel_mode(const ptj_job *job);

/* What the outside sees: exactly one is true at any moment. */
bool job_is_pending(const ptj_job *job);
bool job_is_active(const ptj_job *job);
bool job_is_closed(const ptj_job *job);

/* Records what became of a running job, in place of what was recorded before: failed with code, and
   the message *message, if that is not NULL and there is memory; or, with code 0, its result.
   Leaves in *message what is to be freed.  mu held. */
void job_record_locked(ptj_job *job, int code, void *result, char **message);

/* The job's function is over: decides what became of it.  returned: with value; else its thread
   was unwound, by a cancellation if value is PTHREAD_CANCELED and the job is being closed, and by
   pthread_exit(value) if not.  mu held. */
void job_decide_locked(ptj_job *job, bool returned, void *value);

/* What wait returns for a job that has ended, and the result where that is 0. */
int job_answer(const ptj_job *job, void **result);

/* 0, or how a job whose function is over failed. */
int job_error_code(const ptj_job *job);

/* Whether the job's function is over and it failed. */
bool job_has_failed(const ptj_job *job);

/* Gives up a reference; true if it was the last, and then nobody else can get one.  Release, and
   acquire for the last: what others did with the job comes before its memory is used again. */
static inline bool job_drop_ref(ptj_job *job)
{
	TSAN_RELEASE(&job->refs);
	if (atomic_fetch_sub_explicit(&job->refs, 1, memory_order_acq_rel) != 1)
		return false;
	TSAN_ACQUIRE(&job->refs);
	return true;
}

/* The name, as snprintf does.  mu held. */
int job_name_locked(const ptj_job *job, char *buf, size_t size);

#endif
