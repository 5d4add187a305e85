/* An item: a job, or a shielded function, that somebody tried to start, and all that is known of
   it: what its spawn returned, what its body says of itself, who asked for its end, what the
   library told its waiters, its release function, the exception handler and its completion queue.

   Each of these is written down when it happens and none is judged then.  When the round is over,
   and the library has no thread any more, item_judge() looks whether they fit.  An item is the
   argument of its job, and lives until then.

   SPDX-License-Identifier: Apache-2.0 */

#ifndef PTJOBS_TESTS_STRESS_ITEM_H
#define PTJOBS_TESTS_STRESS_ITEM_H

#include <stdatomic.h>
#include <stdint.h>

#include <ptjobs.h>

enum kind {
	RETURNS,
	YIELDS,
	SLEEPS,
	COMPUTES,
	FAILS,
	EXITS,
	SUCCEEDS,
	OBEYS,    /* stays until it is closed, but not for long */
	IGNORES,  /* cannot be cancelled */
	STUBBORN, /* the same, and outlasts its scheduler's close */
	CALLS,    /* has an on-cancel callback and a cancel fd */
	SPAWNS,
	WAITS, /* spawns and waits */
	SHIELDS,
	TAKES, /* from a completion queue */
	KINDS
};

enum how { SPAWNED, EXTERNAL, SHIELDED };

/* What a body says of itself, last. */
enum over { NOT_OVER, OVER_WELL, OVER_FAILED, OVER_OBEYED };

/* In place of a code. */
enum { UNKNOWN = -100, CALLER_CANCELLED = -101 };

struct venue;

struct item {
	struct item *next; /* in its venue */
	struct venue *venue;
	enum how how;
	enum kind kind;
	int queued;   /* it has a completion queue */
	int orphaned; /* which may be freed before it ends */
	uint64_t random;

	atomic_int code;     /* what its spawn, or the shield, returned; written by who called */
	atomic_int answer;   /* what wait and poll say; UNKNOWN: nobody heard it */
	atomic_int asked;    /* somebody asked for its end, or is about to */
	atomic_int observed; /* somebody called wait, poll or close, or is about to */

	atomic_int entered, over, called, released, appeared;
	atomic_int failure_told, straggler_told; /* by the exception handler */
};

/* Links a new item to venue. */
struct item *item_create(struct venue *venue, enum how how, enum kind kind, uint64_t random);

/* The item of a job. */
struct item *item_of(const ptj_job *job);

/* Writes down what wait or poll returned. */
void item_answered(struct item *item, int code, const void *result);

/* Its release function, and the exception handler of all venues, whose user is one. */
void item_release(void *item);
void item_told(ptj_scheduler *s, const ptj_context *context, void *venue);
void item_told_too(ptj_scheduler *s, const ptj_context *context, void *venue);

/* What became of all items. */
struct tally {
	long tried, spawned, refused, finished, failed, cancelled, shielded;
	long released, told, stragglers, appeared;
};

/* Adds the item, which nobody can touch any more, to the tally.  shut: its scheduler was closed by
   somebody. */
void item_judge(const struct item *item, int shut, struct tally *tally);

#endif
