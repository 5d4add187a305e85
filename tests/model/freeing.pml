/* The memory of a completion queue that is freed while jobs are being appended to it.

   Two jobs are bound to it.  Their ends append them, in two steps, and tell of them; the program
   takes one or none, and frees the queue.  The queue's memory is there as long as anybody touches
   it, and is freed once; its bell is left alone from the free on; and each job's references are
   all given up, of what was appended too late as well.

   Stands for: lib/completions.c append completions_append tell_locked completions_are_freed
                                 ptj_completions_free drain pop completions_unref
                                 completions_try_unref
               lib/pass.c end
               lib/finish.c append_locked unbind_locked

   BUG_UNREF_FIRST   the end gives up its reference to the queue, and then tells
   BUG_DRAIN_ONCE    what comes after the free stays
   BUG_DRAIN_AFTER   the free gives up its reference, and then takes what is there
   BUG_NOT_DROPPED   a job that finds the queue freed keeps the reference that was the taker's
   BUG_BELL          the bell is rung without looking whether the queue was freed
   BUG_FREE_UNLOCKED the free does not take the queue's mutex
   BUG_FREED         the free is the end of the memory
   BUG_BORROWED      an end has no reference to the job of its own

   SPDX-License-Identifier: Apache-2.0 */

#include "sync.h"

#define JOBS 2

bool mu; /* the queue's */
bool gone; /* its memory */
bool freed;
bool bell = true; /* it can be rung */
byte refs = JOBS + 1;
#ifdef BUG_BORROWED
byte job_refs[JOBS] = 1;
#else
byte job_refs[JOBS] = 2; /* the end's, and that of who takes it */
#endif
bool ended[JOBS];
chan queue = [JOBS] of { byte };
bool linked[JOBS];

#define TOUCH assert(!gone)
#define TOUCH_JOB(j) assert(job_refs[j] > 0)

inline unref_job(j)
{
	atomic { TOUCH_JOB(j); job_refs[j]-- }
}

inline drain(job)
{
	do
	:: atomic { len(queue) > 0 -> TOUCH; queue?<job> };
		/* It may be half appended. */
		atomic { linked[job] && (len(queue) == 1 || linked[1 - job]) -> queue?job };
		unref_job(job)
	:: atomic { len(queue) == 0 -> TOUCH; job = 0; break }
	od
}

inline unref_queue(job, was_last)
{
	atomic { TOUCH; refs--; was_last = refs == 0 };
	if
	:: was_last ->
#ifndef BUG_DRAIN_ONCE
		drain(job);
#endif
		atomic { TOUCH; gone = true }
	:: else
	fi;
	was_last = false
}

proctype End(byte me)
{
	bool behind, was_last;
	byte job;

	if
	:: atomic { freed -> TOUCH };
#ifndef BUG_NOT_DROPPED
		unref_job(me)
#endif
	:: atomic { !freed -> TOUCH };
		atomic { TOUCH; behind = len(queue) > 0; queue!me };
		atomic { TOUCH; linked[me] = true };
#ifdef BUG_UNREF_FIRST
		unref_queue(job, was_last);
#endif
		if
		:: !behind ->
			atomic { !mu -> TOUCH; mu = true };
			if
#ifdef BUG_BELL
			:: true -> assert(bell)
#else
			:: !freed -> assert(bell)
			:: else
#endif
			fi;
			atomic { TOUCH; mu = false }
		:: else
		fi
	fi;
	atomic { TOUCH_JOB(me); ended[me] = true };
#ifndef BUG_UNREF_FIRST
	unref_queue(job, was_last);
#endif
	TOUCH_JOB(me);
#ifndef BUG_BORROWED
	unref_job(me);
#endif
	atomic { behind = false }
}

active proctype Program()
{
	byte job;
	bool was_last;

	if
	:: atomic { !mu -> mu = true };
		if
		:: atomic { len(queue) > 0 -> queue?<job> };
			atomic { linked[job] && (len(queue) == 1 || linked[1 - job]) -> queue?job };
			mu = false;
			ended[job];
			unref_job(job);
			job = 0
		:: atomic { len(queue) == 0 -> mu = false }
		fi
	:: true
	fi;
	/* ptj_completions_free() */
#ifndef BUG_FREE_UNLOCKED
	atomic { !mu -> mu = true };
#endif
	freed = true;
	bell = false;
#ifndef BUG_FREE_UNLOCKED
	mu = false;
#endif
#if defined(BUG_FREED)
	drain(job);
	atomic { TOUCH; gone = true }
#elif defined(BUG_DRAIN_AFTER)
	unref_queue(job, was_last);
	drain(job)
#else
	drain(job);
	unref_queue(job, was_last)
#endif
}

init
{
	atomic {
		run End(0);
		run End(1)
	};
	timeout ->
	assert(gone && refs == 0 && !mu);
	assert(job_refs[0] == 0 && job_refs[1] == 0 && len(queue) == 0)
}
