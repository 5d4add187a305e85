/* Cancellation and the ends of threads: a cancellation acts in the job that it is meant for or not
   at all, and each thread is joined once.

   One permit and three jobs, each of which returns, or is unwound by a cancellation, or one of them
   by pthread_exit().  Two of them are closed while they run; who closes waits for the job, joins
   its thread if that was unwound, and may leave before.  As many threads are started as are wanted.
   Then the scheduler is closed and has no thread.  What is done under s->mu is one step, but for
   joining, for which it is released.

   Stands for: lib/worker.c worker_call_locked workers_wanted_locked worker_retire_locked
                            worker_cancel_locked start_locked
               lib/serve.c call serve_locked clear_up_locked stop_locked leave_locked begin_locked
               lib/reap.c unwound reap_locked join join_exited_locked wake_reaper_locked
                          hand_over_locked thread_gone_locked
               lib/cancel.c cancel_begin_locked cancel_complete_locked
               lib/job.h job_pin_locked
               lib/pass.c pass_take pass_begin
               lib/block.c loop_locked block_locked
               lib/close.c close_locked no_thread_to_wait_for wake_workers_locked

   BUG_NO_PIN       a job that is to be cancelled can end without s->mu (rule 1)
   BUG_UNLOCKED     the cancellation is sent when s->mu has been released (rule 1)
   BUG_ENABLED      cancellation stays enabled when the function has returned (rule 2)
   BUG_GOES_ON      a worker that was sent a cancellation takes another job (rule 3)
   BUG_DEAD         a thread is cancelled that was unwound
   BUG_TWICE        one that was unwound is also put with those that have returned
   BUG_NOBODY       nobody is told of a dead thread
   BUG_LEAVES       a waiter that was told of one leaves, and tells nobody
   BUG_FORGOTTEN    one that could not be joined in time is forgotten
   BUG_ONE_LEFT     a thread that returned is not put with those to be joined
   BUG_CLOSED_EARLY a close does not wait for threads
   BUG_RETIRED      a worker that leaves calls nobody for what there is to do
   BUG_JOBLESS      a thread is joined, and its job not finished

   SPDX-License-Identifier: Apache-2.0 */

#include "sync.h"

#define JOBS 3
#define THREADS 4
#define CLOSED 2 /* jobs 0 and 1 are closed */
#define NONE 255

mtype = { PENDING, READY, RUNNING, ENDED };

bool mu; /* held by who joins, before and after that */

mtype phase[JOBS] = PENDING;
bool close_it[JOBS];
byte runs_on[JOBS] = NONE; /* job->at.worker */
byte in_line = 1;          /* jobs from here on are pending */
byte ready = 0;            /* the one that has a permit and no thread; NONE */
byte ended;

/* Threads. */
bool started[THREADS], parked[THREADS], called[THREADS], sem[THREADS];
bool sent[THREADS];    /* w->sent */
bool pends[THREADS];   /* a cancellation */
bool may_act[THREADS]; /* cancellation is enabled */
byte target[THREADS];  /* which job it was sent for; the model's own, and no word of the library's */
bool over[THREADS];    /* it has terminated */
byte joined[THREADS];
byte job_of[THREADS] = NONE;
byte threads, waking;
chan unwound = [THREADS] of { byte };
chan exited = [THREADS] of { byte };

bool waits[CLOSED], busy[CLOSED], woken[CLOSED];
bool timed_out; /* somebody's time has run out */
bool exits;     /* a job may call pthread_exit() */
bool closing;   /* the scheduler */
byte closers = CLOSED;

/* Within a step.  The woken thread need not be woken later: it needs s->mu. */
inline wanted(t)
{
	if
	:: (ready != NONE || len(unwound) > 0) && waking == 0 ->
		t = 0;
		do
		:: t < THREADS && parked[t] -> parked[t] = false; sem[t] = true; break
		:: t < THREADS && !parked[t] -> t++
		:: t == THREADS -> break
		od;
		if
		:: t == THREADS && threads < THREADS ->
			t = 0;
			do
			:: t < THREADS && !started[t] -> started[t] = true; threads++; break
			:: t < THREADS && started[t] -> t++
			:: t == THREADS -> break
			od
		:: else
		fi;
		if
		:: t < THREADS -> called[t] = true; waking++
		:: else
		fi
	:: else
	fi;
	t = 0
}

/* A job's permit goes to the next. */
inline finish(ending)
{
	assert(phase[ending] == RUNNING);
	phase[ending] = ENDED;
	ended++;
	if
	:: in_line < JOBS -> phase[in_line] = READY; ready = in_line; in_line++
	:: else
	fi;
	if
	:: ending < CLOSED && waits[ending] -> woken[ending] = true
	:: else
	fi
}

/* Within a step: the next job is in the place of this one. */
inline pass(from, me)
{
	assert(phase[from] == RUNNING);
	phase[from] = ENDED;
	ended++;
	if
	:: from < CLOSED && waits[from] -> woken[from] = true
	:: else
	fi;
	from = in_line;
	in_line++;
	phase[from] = RUNNING;
	runs_on[from] = me;
	job_of[me] = from
}

inline join_one(t)
{
	atomic {
		over[t] -> assert(joined[t] == 0);
		joined[t]++
	}
}

/* mu held, and released midway; in_time: it need not be waited for.  Joins t. */
inline reap(t, tmp, may_leave, late)
{
	atomic {
		unwound?t;
		wanted(tmp);
		mu = false
	};
	late = false;
	if
	:: atomic { over[t] -> assert(joined[t] == 0); joined[t]++ }
	:: atomic { may_leave && !timed_out -> timed_out = true; late = true }
	fi;
	atomic {
		!mu -> mu = true;
		if
		:: late ->
#ifndef BUG_FORGOTTEN
			unwound!t
#endif
		:: else ->
			threads--;
			tmp = job_of[t];
			/* What the join tells: it was cancelled, or called pthread_exit(). */
			assert(!pends[t] || close_it[tmp]);
#ifndef BUG_JOBLESS
			finish(tmp)
#endif
		fi;
		wanted(tmp);
		t = 0
	}
}

#ifdef BUG_GOES_ON
#define RETIRED false
#else
#define RETIRED sent[me]
#endif

proctype Worker(byte me)
{
	byte job = NONE, t, tmp;
	bool late;

end_not_started:
	started[me];
serve:
	atomic { !mu -> mu = true; waking = waking - called[me]; called[me] = false };
again:
	if
	:: RETIRED -> goto stop
	:: len(unwound) > 0 && !RETIRED -> reap(t, tmp, false, late); goto again
	:: atomic {
			ready != NONE && len(unwound) == 0 && !RETIRED -> job = ready;
			ready = NONE;
			phase[job] = RUNNING;
			runs_on[job] = me;
			job_of[me] = job;
			wanted(tmp);
			mu = false
		};
		goto enter
	:: atomic { ready == NONE && len(unwound) == 0 && !RETIRED && !closing -> parked[me] = true; mu = false };
		goto end_idle
	:: ready == NONE && len(unwound) == 0 && closing -> goto stop
	fi;
enter:
	may_act[me] = true;
	/* The function. */
	if
	:: goto returned
	:: atomic { pends[me] && may_act[me] -> assert(target[me] == job) };
		goto dying
	:: atomic { exits && job == 1 -> exits = false };
		goto dying
	fi;
returned:
#ifndef BUG_ENABLED
	may_act[me] = false;
#endif
	if
	:: atomic { pends[me] && may_act[me] -> assert(false) } /* in the release function, say */
	:: true
	fi;
	/* The lane. */
	if
#ifdef BUG_NO_PIN
	:: atomic { in_line < JOBS -> pass(job, me) };
#else
	:: atomic { !close_it[job] && in_line < JOBS && !closing && len(unwound) == 0 -> pass(job, me) };
#endif
		goto enter
	:: true
	fi;
	atomic { !mu -> mu = true; finish(job); job = NONE; job_of[me] = NONE };
	goto again;
end_idle:
	if
	:: atomic { sem[me] -> sem[me] = false }
	:: atomic { pends[me] && may_act[me] -> assert(false) }
	fi;
	goto serve;
dying:
	may_act[me] = false;
	atomic {
		!mu -> sent[me] = true;
#ifndef BUG_DEAD
		runs_on[job] = NONE;
#endif
		unwound!me;
#ifdef BUG_TWICE
		exited!me;
#endif
#ifndef BUG_NOBODY
		if
		:: job < CLOSED && waits[job] && !busy[job] -> woken[job] = true
		:: else -> wanted(tmp)
		fi
#endif
	};
	goto gone;
stop:
	atomic {
		sent[me] = true;
#ifndef BUG_RETIRED
		wanted(tmp)
#endif
	};
	do
	:: atomic { len(exited) > 0 -> exited?t; mu = false };
		join_one(t);
		LOCK(mu)
	:: len(exited) == 0 -> break
	od;
	atomic {
#ifndef BUG_RETIRED
		wanted(tmp);
#endif
		threads--;
#ifndef BUG_ONE_LEFT
		exited!me;
#endif
		mu = false
	};
gone:
	atomic { over[me] = true; job = NONE; t = 0; late = false }
}

proctype Closer(byte me)
{
	byte t = NONE, tmp;
	bool late;

	phase[me] == RUNNING || phase[me] == ENDED;
	atomic {
		!mu ->
		if
		:: phase[me] == RUNNING ->
			close_it[me] = true;
			mu = true
		:: else -> goto done
		fi
	};
	t = runs_on[me];
#ifdef BUG_UNLOCKED
	UNLOCK(mu);
#endif
	if
#ifdef BUG_DEAD
	:: t != NONE ->
#else
	:: t != NONE && !sent[t] ->
#endif
		atomic {
			assert(joined[t] == 0);
			sent[t] = true;
			pends[t] = true;
			target[t] = me
		}
	:: else
	fi;
#ifdef BUG_UNLOCKED
	LOCK(mu);
#endif
	/* It waits; or it is not there any more. */
	if
	:: waits[me] = true
	:: goto leave
	fi;
	t = 0;
look:
	busy[me] = true;
	do
	:: len(unwound) > 0 -> reap(t, tmp, true, late);
		if
		:: late -> busy[me] = false; waits[me] = false; goto leave
		:: else
		fi
	:: len(unwound) == 0 -> break
	od;
	busy[me] = false;
	if
	:: phase[me] == ENDED -> waits[me] = false; goto leave
	:: else -> UNLOCK(mu)
	fi;
	if
	:: atomic { woken[me] -> woken[me] = false }
	:: atomic { !timed_out -> timed_out = true; late = true }
	fi;
	LOCK(mu);
	if
	:: late -> waits[me] = false
	:: else -> goto look
	fi;
leave:
	atomic {
#ifndef BUG_LEAVES
		wanted(tmp);
#endif
		mu = false
	};
done:
	atomic { closers--; t = 0; tmp = 0; late = false }
}

/* The scheduler's. */
proctype Free()
{
	byte t;

	ended == JOBS && closers == 0;
	atomic {
		!mu -> closing = true;
		do
		:: t < THREADS -> sem[t] = sem[t] || parked[t]; parked[t] = false; t++
		:: else -> break
		od;
		t = 0
	};
#ifndef BUG_CLOSED_EARLY
	threads == 0 && !mu;
#endif
	LOCK(mu);
	do
	:: atomic { len(exited) > 0 -> exited?t };
		join_one(t)
	:: len(exited) == 0 -> break
	od;
	t = 0;
	do
	:: atomic { t < THREADS -> assert(joined[t] == started[t]); t++ }
	:: else -> break
	od;
	UNLOCK(mu)
}

init
{
	atomic {
		if
		:: exits = true
		:: skip
		fi;
		if
		:: timed_out = true
		:: skip
		fi;
		started[0] = true;
		threads = 1;
		called[0] = true;
		waking = 1;
		phase[0] = READY;
		run Worker(0);
		run Worker(1);
		run Worker(2);
		run Worker(3);
		run Closer(0);
		run Closer(1);
		run Free()
	};
	timeout ->
	assert(closing && ended == JOBS && !mu && threads == 0)
}
