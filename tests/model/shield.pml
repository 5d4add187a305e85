/* A shielded function against the end of its caller's wait, the close of the scheduler, and whoever
   else has a handle of it.

   One caller, which waits until the function is over, or leaves before: because its time is up, or
   it is to be interrupted, or is cancelled, and then it takes no answer, also if there is one.  The
   function returns, fails, is unwound, or runs for ever; a thread runs it that was idle, or is new
   and has a hook to call first.  The scheduler is closed meanwhile, in time or not, and freed.
   Somebody who got a handle, from the function or from the handler, waits for the job or closes it.

   The caller is told the result or the failure, or the handler is told of the failure, once, or
   somebody else who asked for it hears; never both, and never nobody, unless the scheduler is
   closed when the caller is cancelled.  A caller never waits for what a close has given up.  No
   function begins that a close has not asked.  It ends once, in the hands of one thread; its memory
   is released once, and the scheduler's after that; nothing is touched that was released.  What is
   done under s->mu is one step.

   Stands for: lib/shield.c start_locked leave_locked caller_cancelled outcome ptj_shield
               lib/worker.c worker_hire_locked worker_give_locked
               lib/serve.c run_locked begin_locked enter finish_own_locked
               lib/reap.c unwound reap_locked
               lib/block.c block_locked loop_locked abandon
               lib/finish.c settle_locked end_locked report_unheard_locked drop_locked
               lib/job_close.c begin_close_locked
               lib/close.c close_locked request_one_locked mark_straggler holds_up_locked
                           report_stragglers_locked no_thread_to_wait_for
               lib/cancel.c cancel_begin_locked
               lib/wait.c await_job
               lib/handle.c ptj_job_unref
               lib/scheduler.c scheduler_unlock
               lib/job.h job_observe

   BUG_UNHEARD        a caller that is cancelled when the job has ended tells nobody
   BUG_TELLS_ANYHOW   it tells the handler also of a job that has not ended
   BUG_STAYS          a caller that leaves counts as there
   BUG_GOES_ANYHOW    one that takes the answer of a job that has not ended counts as gone
   BUG_TWO_STEPS      it looks for an answer, and says that it goes after that
   BUG_DECIDED_EARLY  whether the handler is told is decided before the last release of s->mu
   BUG_FORGETS        a caller that leaves forgets that somebody else asks for the job
   BUG_TELLS_TWICE    one that is cancelled does not look whether somebody else has
   BUG_NOT_LET_GO     a close that gives the function up does not tell its caller
   BUG_TOLD_TWICE     of one that was reported so the failure is reported as well
   BUG_NO_REF         it is reported without a reference
   BUG_ONE_REF        the caller has no reference of its own
   BUG_NOT_ASKED      a close asks only what runs
   BUG_CLOSED_READY   a job that its thread has not begun is ended by who closes it
   BUG_BUSY           who leaves while it joins the thread forgets it

   SPDX-License-Identifier: Apache-2.0 */

mtype = { NEW, READY, RUNNING, FINISHING, ENDED };
mtype = { NOTHING, RESULT, FAILURE, CANCELLATION, LEFT, SHUTDOWN };

mtype phase = NEW;
bool attended; /* the caller is to hear of it */
bool observed; /* somebody else is */
bool close_it, failed, cancelled, straggler;
byte refs;
bool slot_free; /* once it was used */
byte slots;

bool listed, sem;   /* the caller */
bool olisted, osem; /* the other */
bool handle;        /* which he has */
bool unwound_one;   /* a thread lies in s->unwound */
bool over;          /* and has terminated */

byte shields, straggling, threads;
bool hooking, closing, closed, freed;
bool released; /* the scheduler's memory */

/* What may happen, or may not. */
bool stubborn, cancellable, impatient, late_close, from_function, from_handler;

/* What did: no words of the library's. */
mtype answer = NOTHING;
bool asked, decided, ended_by_exit, straggler_first, other_in_time, other_heard, too_late;
byte reports, straggler_reports;

#define TOUCH assert(!released)
#define TOUCH_JOB assert(!slot_free && phase != NEW)

/* All of these within a step. */

inline unref()
{
	TOUCH_JOB;
	refs--;
	if
	:: refs == 0 -> slot_free = true; slots--
	:: else
	fi
}

inline scheduler_unlock()
{
	TOUCH;
	if
	:: freed && threads == 0 && slots == 0 -> released = true
	:: else
	fi
}

inline release_waiters()
{
	if
	:: listed -> listed = false; sem = true
	:: else
	fi;
	if
	:: olisted -> olisted = false; osem = true
	:: else
	fi
}

inline end()
{
	TOUCH;
	TOUCH_JOB;
	assert(phase == FINISHING);
	if
	:: straggler -> straggling--
	:: else -> shields--
	fi;
	phase = ENDED;
	release_waiters();
	unref()
}

#ifdef BUG_TOLD_TWICE
#define IS_UNHEARD (failed && !attended && !observed)
#else
#define IS_UNHEARD (failed && !attended && !observed && !straggler)
#endif

/* These are steps.  The phase is FINISHING. */

inline finish(tell)
{
#ifdef BUG_DECIDED_EARLY
	atomic { tell = IS_UNHEARD };
#endif
	/* The descriptor is closed. */
	atomic {
#ifndef BUG_DECIDED_EARLY
		tell = IS_UNHEARD;
#endif
		decided = true;
		straggler_first = straggler;
		if
		:: tell
		:: else -> end()
		fi
	};
	if
	:: tell -> atomic { TOUCH; TOUCH_JOB; reports++ }; atomic { end(); tell = false }
	:: else
	fi
}

/* After the pop. */
inline join(tell)
{
	atomic {
		over -> TOUCH;
		threads--;
		assert(phase == RUNNING);
		cancelled = close_it && !ended_by_exit;
		failed = !cancelled;
		phase = FINISHING
	};
	finish(tell)
}

inline leave()
{
#ifdef BUG_FORGETS
	observed = false;
#endif
#ifndef BUG_STAYS
	attended = false;
#endif
	skip
}

proctype Caller()
{
	bool late, tell;

	atomic {
		if
		:: closing -> answer = SHUTDOWN; goto done
		:: else
		fi;
		if
		:: threads == 0 -> threads++; hooking = true
		:: else
		fi;
		phase = READY;
		attended = true;
#ifdef BUG_ONE_REF
		refs = 1;
#else
		refs = 2;
#endif
		slots++;
		shields++;
		listed = true
	};
park:
	if
	:: atomic { sem -> sem = false }
	:: atomic { impatient -> impatient = false; late = true }
	:: atomic { cancellable -> cancellable = false }; goto abandon
	fi;
look:
	atomic {
		TOUCH;
		if
		:: unwound_one -> unwound_one = false; goto reap
		:: else
		fi;
		if
		:: !listed || late -> goto done_waiting
		:: else -> goto park
		fi
	};
reap:
	if
	:: over
	:: !over && late ->
#ifndef BUG_BUSY
		unwound_one = true;
#endif
		goto done_waiting
	:: atomic { !over && impatient -> impatient = false; late = true }; goto reap
	fi;
	join(tell);
	goto look;
done_waiting:
	atomic {
		TOUCH;
		TOUCH_JOB;
		if
		:: phase == FINISHING || phase == ENDED ->
			if
			:: cancelled -> answer = CANCELLATION
			:: !cancelled && failed -> answer = FAILURE
			:: !cancelled && !failed -> answer = RESULT
			fi;
#ifdef BUG_GOES_ANYHOW
			leave()
#endif
		:: (phase == READY || phase == RUNNING) && !listed ->
			assert(straggler);
			answer = CANCELLATION;
			leave()
		:: (phase == READY || phase == RUNNING) && listed ->
			answer = LEFT;
#ifdef BUG_TWO_STEPS
			goto goes_late
#endif
			leave()
		fi;
		listed = false;
		sem = false;
		unref();
		scheduler_unlock();
		goto done
	};
#ifdef BUG_TWO_STEPS
goes_late:
	atomic {
		leave();
		listed = false;
		sem = false;
		unref();
		scheduler_unlock();
		goto done
	};
#endif
abandon:
	atomic {
		TOUCH;
		TOUCH_JOB;
		listed = false;
		sem = false;
		answer = LEFT;
		if
#ifdef BUG_TELLS_ANYHOW
		:: true ->
#else
		:: phase == ENDED ->
#endif
			tell = failed && !cancelled && !straggler && !closed;
			too_late = closed;
#ifndef BUG_TELLS_TWICE
			tell = tell && !observed;
#endif
#ifdef BUG_UNHEARD
			tell = false;
#endif
			skip
		:: phase != ENDED -> leave()
		fi;
		if
		:: tell
		:: else -> unref(); scheduler_unlock()
		fi
	};
	if
	:: tell ->
		atomic { TOUCH; TOUCH_JOB; reports++ };
		atomic { tell = false; unref(); scheduler_unlock() }
	:: else
	fi;
done:
	atomic { late = false }
}

proctype Worker()
{
	bool tell;

end_idle:
	atomic {
		if
		:: phase == READY && !close_it ->
			hooking = false;
			phase = RUNNING
		:: phase != NEW && phase != READY || phase == READY && close_it ->
			/* Its own, whatever has become of it. */
			hooking = false;
			assert(phase == READY);
			cancelled = true;
			phase = FINISHING;
			goto settle
		:: phase == NEW && closing && threads > 0 -> goto gone
		fi
	};
	atomic {
		if
		:: close_it -> goto over_before
		:: else -> assert(!asked)
		fi
	};
	/* The function. */
	if
	:: from_function -> atomic { TOUCH_JOB; refs++; handle = true }
	:: else
	fi;
	if
	:: stubborn -> goto end_stubborn
	:: !stubborn
	:: atomic { !stubborn -> ended_by_exit = true }; goto dying
	:: close_it && !stubborn -> goto dying
	fi;
	if
	:: atomic { TOUCH; assert(phase == RUNNING); phase = FINISHING }
	:: atomic { TOUCH; assert(phase == RUNNING); phase = FINISHING; failed = true }
	fi;
	goto settle;
over_before:
	atomic { TOUCH; assert(phase == RUNNING); cancelled = true; phase = FINISHING };
settle:
	finish(tell);
	goto gone;
dying:
	atomic {
		TOUCH;
		unwound_one = true;
		/* One of those who wait; where there is none, another worker comes. */
		sem = sem || listed
	};
	atomic { over = true; goto terminated };
gone:
	atomic { closing -> threads--; scheduler_unlock() };
	goto terminated;
end_stubborn:
	false;
terminated:
	skip
}

/* Another worker. */
proctype Reaper()
{
	bool tell;

end_nothing:
	atomic { unwound_one -> TOUCH; unwound_one = false; threads++ };
	join(tell);
	atomic { threads--; scheduler_unlock() };
	goto end_nothing
}

proctype Other()
{
	bool tell, waits;

end_no_handle:
	handle;
	if
	:: waits = true;
		/* job_observe() */
		atomic {
			TOUCH_JOB;
			if
			:: phase != ENDED -> observed = true; other_in_time = !decided
			:: else -> goto heard
			fi
		}
	:: waits = false
	fi;
	atomic {
		TOUCH;
		TOUCH_JOB;
		if
		:: phase != ENDED ->
			other_in_time = other_in_time || !decided;
			observed = true;
			olisted = true
		:: else -> goto heard
		fi;
		if
		:: waits -> skip
#ifdef BUG_CLOSED_READY
		:: !waits && phase == READY -> close_it = true; cancelled = true; phase = FINISHING; goto drop
		:: !waits && phase == RUNNING -> close_it = true
#else
		:: !waits && (phase == READY || phase == RUNNING) -> close_it = true
#endif
		:: !waits && phase == FINISHING -> skip
		fi;
		goto end_waiting
	};
#ifdef BUG_CLOSED_READY
drop:
	finish(tell);
#endif
end_waiting:
	atomic { osem -> osem = false };
heard:
	atomic {
		other_heard = phase == ENDED;
		assert(other_heard || straggler);
		unref();
		scheduler_unlock();
		waits = false
	}
}

proctype Closer()
{
	atomic {
		closing = true;
		asked = true;
		if
#ifndef BUG_NOT_ASKED
		:: phase == READY -> close_it = true
#endif
		:: phase == RUNNING -> close_it = true
		:: else
		fi
	};
	if
	:: shields == 0
	:: late_close
	fi;
	atomic {
		if
		:: phase == READY || phase == RUNNING || phase == FINISHING ->
			straggler = true;
#ifndef BUG_NO_REF
			refs++;
#endif
			straggling++;
			shields--;
#ifndef BUG_NOT_LET_GO
			release_waiters()
#endif
		:: else -> goto wait_for_threads
		fi
	};
	/* The handler. */
	atomic {
		TOUCH_JOB;
		straggler_reports++;
		if
		:: from_handler && !handle -> refs++; handle = true
		:: else
		fi
	};
#ifndef BUG_NO_REF
	atomic { unref() };
#endif
wait_for_threads:
	atomic { threads <= straggling && shields == 0 && !hooking -> closed = true };
	/* ptj_scheduler_free() */
	atomic { freed = true; scheduler_unlock() }
}

init
{
	atomic {
		if
		:: threads = 1 /* it is idle */
		:: threads = 0
		fi;
		if
		:: impatient = true
		:: cancellable = true
		:: skip
		fi;
		if
		:: late_close = true
		:: late_close = true; stubborn = true
		:: skip
		fi;
		if
		:: from_function = true
		:: from_handler = true
		:: skip
		fi;
		run Caller();
		run Worker();
		run Reaper();
		run Other();
		run Closer()
	};
	timeout ->
	assert(freed && answer != NOTHING && !listed);
	assert(answer != SHUTDOWN || phase == NEW);
	/* Who is told. */
	assert(reports <= 1 && straggler_reports == straggler);
	assert(!failed || answer == FAILURE || reports == 1 || straggler_reports == 1 || other_heard ||
		too_late);
	assert(reports == 0 || failed && answer != FAILURE && !straggler_first && !other_in_time);
	assert(answer != RESULT || phase == ENDED && !failed && !cancelled);
	assert(answer != CANCELLATION || cancelled || straggler);
	/* What is left. */
	assert(phase == NEW || phase == ENDED && refs == 0 && slot_free || stubborn && phase == RUNNING);
	assert(shields == 0 && straggling == (stubborn && phase == RUNNING) && slots == straggling);
	assert(released || straggling == 1)
}
