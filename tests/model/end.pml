/* The end of a job against who waits for it, who lets go of it, and who closes its scheduler; and
   what lives on for a straggler.

   A thread of the scheduler's runs the only job, or it is external and the program's thread does;
   another is idle.  One thread waits for the job, or does not, and then gives up its reference,
   which may be the last.  The scheduler is closed and freed meanwhile.  The close waits for the
   job, or finds that time is up, in any moment, and reports a straggler.  Nothing is touched that
   was released; all of it is released, once; each thread is joined or detaches itself; the counts
   come to nothing; and the close is over when there is no thread but a straggler's.

   Stands for: lib/finish.c finish_locked settle_locked end_locked quiet_locked is_quiet
                            release_waiters_locked job_unref_locked report_straggler
               lib/wait.c await_job
               lib/handle.c ptj_job_unref unref_last
               lib/external.c finish_external
               lib/serve.c stop_locked leave_locked idle_locked
               lib/reap.c thread_gone_locked join_exited_locked
               lib/scheduler.c scheduler_unlock
               lib/close.c close_locked holds_up_locked mark_straggler report_stragglers_locked
                           no_thread_to_wait_for ptj_scheduler_free
               lib/job.h job_drop_ref

   BUG_COUNTED_TWICE    a straggler that ends is counted as if it were none
   BUG_STAYS_STRAGGLING it is not counted when it ends
   BUG_EXTERNAL         an external straggler counts as one that has a thread
   BUG_NOT_QUIET        the last end does not wake who waits for it
   BUG_NOT_GONE         nor the last thread's
   BUG_NOT_RELEASED     the end does not let go those who wait for the job
   BUG_WAIT_LATE        who waits looks first, and gets on the list later
   BUG_NOT_DETACHED     a thread that outlives the scheduler is left to be joined
   BUG_THREADS          the scheduler is released though it has a thread
   BUG_SLOTS            or a job
   BUG_LOOK_LATE        whether it was the last that kept it is looked at without s->mu
   BUG_UNREF_LOCKS      a reference that is not the last is given up, and then s->mu taken
   BUG_DROPPED_EARLY    the end gives its reference up, and writes to the job
   BUG_REPORT           a straggler is reported without a reference

   SPDX-License-Identifier: Apache-2.0 */

#include "sync.h"

mtype = { RUNNING, FINISHING, ENDED };

bool mu;
bool released;  /* the scheduler's memory */
bool slot_free; /* the job's */
mtype phase = RUNNING;
bool straggler, external, listed, reported;
bool sem;   /* of the one who waits for the job */
bool qsem;  /* of the one who waits for the scheduler */
bool isem;  /* of the idle thread */
byte refs = 2;

byte entered = 1, straggling, threads, slots = 1;
bool closing, freed;
bool in_time; /* the close's time is not up before the job has ended */
byte exited;   /* threads to be joined */
byte joined, detached;
byte terminated;
byte started;

inline lock()
{
	atomic { !mu -> assert(!released); mu = true }
}

inline unlock()
{
	atomic { assert(!released && mu); mu = false }
}

/* Within a step, mu held. */
inline free_slot()
{
	assert(!slot_free);
	slot_free = true;
	slots--
}

/* Locks are released by it, and perhaps everything. */
inline scheduler_unlock(last)
{
#ifdef BUG_LOOK_LATE
	unlock();
	last = freed && threads == 0 && slots == 0;
#else
	atomic {
#if defined(BUG_THREADS)
		last = freed && slots == 0;
#elif defined(BUG_SLOTS)
		last = freed && threads == 0;
#else
		last = freed && threads == 0 && slots == 0;
#endif
		assert(!released);
		mu = false
	};
#endif
	if
	:: last -> atomic { assert(!released); released = true }
	:: else
	fi
}

/* mu held. */
inline finish()
{
	atomic { assert(!slot_free); phase = FINISHING };
	/* The release function. */
	unlock();
	lock();
	atomic {
#ifdef BUG_COUNTED_TWICE
		entered--;
#else
		if
		:: !straggler -> entered--
#ifndef BUG_STAYS_STRAGGLING
		:: straggler && !external -> straggling--
		:: straggler && external
#else
		:: straggler
#endif
		fi;
#endif
#ifdef BUG_DROPPED_EARLY
	};
	atomic {
		refs--;
		if
		:: refs == 0 -> free_slot()
		:: else
		fi
	};
	atomic {
#endif
		assert(!slot_free);
		phase = ENDED;
#ifndef BUG_NOT_RELEASED
		if
		:: listed -> listed = false; sem = true
		:: else
		fi;
#endif
#ifndef BUG_NOT_QUIET
		if
		:: entered == 0 -> qsem = true
		:: else
		fi;
#endif
#ifndef BUG_DROPPED_EARLY
		refs--;
		if
		:: refs == 0 -> free_slot()
		:: else
		fi
#endif
	}
}

/* A reference of the program's. */
inline unref(last)
{
	atomic { refs--; last = refs == 0 };
	if
	:: last ->
		lock();
		atomic { free_slot() };
		scheduler_unlock(last)
	:: else ->
#ifdef BUG_UNREF_LOCKS
		lock();
		unlock()
#endif
		skip
	fi;
	last = false
}

/* mu held.  The thread looks for work, finds a close, and leaves. */
inline leave(last)
{
	/* The hook. */
	unlock();
	lock();
	atomic {
		threads--;
#ifndef BUG_NOT_GONE
		qsem = qsem || closing
#endif
	};
	if
#ifndef BUG_NOT_DETACHED
	:: freed -> detached++; scheduler_unlock(last)
#endif
	:: else -> exited++; unlock()
	fi;
	atomic { terminated++; last = false }
}

proctype Runner()
{
	bool last;

	lock();
	finish();
	/* What there is to do is over; it is idle until there is a close. */
	if
	:: closing -> leave(last)
	:: else -> unlock(); atomic { isem -> skip }; lock(); leave(last)
	fi
}

/* Of an external job, which has a reference for it. */
proctype Host()
{
	bool last;

	lock();
	finish();
	unlock();
	unref(last)
}

proctype Idle()
{
	bool last;

	atomic { isem -> skip };
	lock();
	leave(last)
}

proctype User()
{
	bool last;

	if
	:: lock();
		if
		:: phase != ENDED ->
#ifdef BUG_WAIT_LATE
			unlock();
			lock();
#endif
			listed = true;
			unlock();
			atomic { sem -> skip };
			lock();
			atomic { assert(!slot_free && phase == ENDED) }
		:: else
		fi;
		unlock()
	:: true
	fi;
	unref(last)
}

/* mu held, released and reacquired. */
inline await_woken()
{
	unlock();
	atomic { qsem -> qsem = false };
	lock()
}

proctype Closer()
{
	bool last, late;

	lock();
	atomic { closing = true; isem = true };
	do
	:: entered > 0 && !late ->
		unlock();
		if
		:: atomic { qsem -> qsem = false }
		:: !in_time -> late = true
		fi;
		lock()
	:: entered == 0 || late -> break
	od;
	atomic {
		if
		:: late && phase != ENDED ->
			assert(!slot_free);
			straggler = true;
			entered--;
#ifndef BUG_REPORT
			refs++;
#endif
#ifdef BUG_EXTERNAL
			straggling++
#else
			straggling = straggling + !external
#endif
		:: else
		fi
	};
	if
	:: straggler ->
		unlock();
		/* The handler. */
		atomic { assert(!slot_free); reported = true };
		lock();
#ifndef BUG_REPORT
		atomic {
			refs--;
			if
			:: refs == 0 -> free_slot()
			:: else
			fi
		}
#endif
	:: else
	fi;
	do
	:: threads > straggling || entered > 0 -> await_woken()
	:: else -> break
	od;
	/* Closed. */
	atomic {
		assert(phase == ENDED || straggler);
		assert(phase != ENDED || threads == 0);
		assert(threads <= 1)
	};
	unlock();
	/* ptj_scheduler_free() */
	lock();
	do
	:: exited > 0 ->
		exited--;
		unlock();
		atomic { terminated > joined -> joined++ };
		lock()
	:: else -> break
	od;
	freed = true;
	scheduler_unlock(last)
}

init
{
	atomic {
		if
		:: run Runner(); threads = 2
		:: external = true; run Host(); refs = 3; threads = 1
		fi;
		started = threads;
		if
		:: in_time = true
		:: skip
		fi;
		run Idle();
		run User();
		run Closer()
	};
	timeout ->
	assert(released && slot_free && refs == 0 && slots == 0 && threads == 0);
	assert(entered == 0 && straggling == 0 && reported == straggler);
	assert(joined + detached == started && terminated == started && exited == 0)
}
