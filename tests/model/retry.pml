/* Threads that cannot be had for a while: who tries again to have one started.

   A spawner brings jobs, one after the other; a thread that took one may be unwound by it, or look
   for another and leave.  Two callers block until all jobs have ended, or leave before that; one of
   them may be busy meanwhile, in a function of the program's that waits for the jobs as well.
   Threads can be had at first, and then not; maybe again later.

   A spawn with no thread to serve its job fails.  Else no job that is ready is left to itself:
   there is a thread that serves, or one of those blocked tries again, by time, or a thread that was
   unwound stays and does.  Only if the last that was blocked leaves, the job waits for the next
   call.  One tries, and not one that a failure wakes again.  What is done under s->mu is one step.

   Stands for: lib/worker.c workers_wanted_locked worker_call_locked nudge_retrier_locked
                            worker_retire_locked
               lib/scheduler.c scheduler_blocked_locked
               lib/block.c block_locked loop_locked next_try_locked help_locked leave_locked
                           resign_locked abandon
               lib/spawn.c make_ready_locked make_pending_locked
               lib/serve.c serve_locked begin_locked
               lib/reap.c hand_over_locked reap_locked

   BUG_NUDGES_ALL     who tries in vain nudges all that are blocked, and himself
   BUG_NO_NUDGE       he nudges nobody
   BUG_NO_TIMER       who is to try again waits to be woken
   BUG_ALL_TRY        all that are blocked try again by time
   BUG_NOT_LEFT       who tries again goes, and nobody else does
   BUG_GOES           he leaves it to somebody, and nobody hears of it
   BUG_BUSY_KEEPS     one that is busy keeps it
   BUG_UNDO_FIRST     one that leaves gives it up after that function
   BUG_SPAWNS_ANYHOW  a spawn succeeds though no thread serves and none can be had
   BUG_PENDING        who spawns a job in line calls nobody for those before it
   BUG_DIES           a thread that was unwound goes though nobody else tries
   BUG_STAYS          it stays though somebody is blocked who does

   SPDX-License-Identifier: Apache-2.0 */

#define JOBS 2
#define THREADS 2
#define NOBODY 255
#define MANY 20 /* more tries than there are reasons to */

bool can = true;     /* a thread can be had */
byte ready;          /* jobs that have a permit and no thread */
byte left = JOBS;    /* that have not ended */
byte serving, waking;
bool there[THREADS], called[THREADS];
byte staying;        /* threads that were unwound and try again */
bool listed[2], sem[2], timer[2], impatient[2], busy[2], helps[2];
byte retrier = NOBODY;
bool forsaken;       /* the last that was blocked has left, and no call has come since */
byte vain;           /* tries since anybody came or went, or time passed */

#define AT_REST(i) (listed[i] && !busy[i])
#define BLOCKED (AT_REST(0) || AT_REST(1))

#define TRY (timer[0] + timer[1])

/* All of these within a step. */

inline nudge()
{
#ifdef BUG_NUDGES_ALL
	sem[0] = sem[0] || listed[0];
	sem[1] = sem[1] || listed[1]
#else
	if
	:: retrier == NOBODY && AT_REST(0) -> sem[0] = true
	:: retrier == NOBODY && !AT_REST(0) && AT_REST(1) -> sem[1] = true
	:: else
	fi
#endif
}

inline call(failed)
{
	failed = false;
	if
	:: can && !there[0] -> there[0] = true; called[0] = true; serving++; waking++
	:: can && there[0] && !there[1] -> there[1] = true; called[1] = true; serving++; waking++
	:: else -> failed = true
	fi
}

inline wanted(failed)
{
	failed = false;
	if
	:: ready > 0 && waking == 0 ->
		call(failed);
		if
		:: failed ->
			vain++;
			assert(vain <= MANY);
#ifndef BUG_NO_NUDGE
			nudge()
#endif
		:: else
		fi
	:: else
	fi
}

inline ended()
{
	left--;
	if
	:: left == 0 ->
		sem[0] = sem[0] || listed[0];
		sem[1] = sem[1] || listed[1]
	:: else
	fi
}

/* After a call that tried in vain. */
inline forsake(failed)
{
	forsaken = failed && serving == 0 && !BLOCKED && staying == 0;
	failed = false
}

inline resign(me)
{
#ifndef BUG_NOT_LEFT
	if
	:: retrier == me -> retrier = NOBODY
	:: else
	fi
#else
	skip
#endif
}

/* One that leaves. */
inline give_up(me, failed)
{
	atomic {
		resign(me);
#ifndef BUG_GOES
		wanted(failed);
		forsake(failed)
#endif
	}
}

proctype Worker(byte me)
{
	bool failed;

end_absent:
	there[me];
look:
	atomic {
		waking = waking - called[me];
		called[me] = false;
		if
		:: ready > 0 -> ready--; wanted(failed); failed = false
		:: else -> serving--; there[me] = false; goto end_absent
		fi
	};
	if
	:: atomic { ended(); vain = 0 }; goto look
	:: atomic { serving--; ended(); vain = 0 }
	fi;
	do
	:: atomic {
			wanted(failed);
			if
#ifndef BUG_DIES
#ifdef BUG_STAYS
			:: failed && serving == 0 -> staying++
#else
			:: failed && serving == 0 && !BLOCKED -> staying++
#endif
#endif
			:: else -> break
			fi
		};
#ifdef BUG_STAYS
		atomic { can || serving > 0 -> staying--; vain = 0 }
#else
		atomic { can || serving > 0 || BLOCKED -> staying--; vain = 0 }
#endif
	od;
	atomic { failed = false; there[me] = false; goto end_absent }
}

proctype Caller(byte me)
{
	bool failed, late, mine;

	atomic { listed[me] = true; vain = 0 };
	do
	:: atomic {
			if
			:: helps[me] ->
				helps[me] = false;
				busy[me] = true;
				timer[me] = false;
				vain = 0;
#ifndef BUG_BUSY_KEEPS
				resign(me);
#endif
				wanted(failed);
				forsake(failed)
			:: true
			fi
		};
end_busy: /* in a function of the program's */
		atomic { !busy[me] || left == 0 -> busy[me] = false };
		atomic {
			if
			:: left == 0 || late ->
				listed[me] = false;
				sem[me] = false;
				timer[me] = false;
				vain = 0
#ifndef BUG_UNDO_FIRST
				;
				give_up(me, failed)
#endif
				;
				break
			:: else ->
				mine = retrier == NOBODY || retrier == me;
				retrier = (mine -> me : retrier);
				wanted(failed);
#ifdef BUG_ALL_TRY
				timer[me] = failed;
#else
				timer[me] = failed && mine;
#endif
				if
				:: !timer[me] -> resign(me)
				:: else
				fi;
				failed = false;
				mine = false
			fi
		};
		if
		:: atomic { sem[me] -> sem[me] = false }
#ifndef BUG_NO_TIMER
		/* To try while none can be had changes nothing. */
		:: atomic { timer[me] && can -> vain = 0 }
#endif
		:: atomic { impatient[me] -> impatient[me] = false; late = true }
		fi
	od;
#ifdef BUG_UNDO_FIRST
end_leaving:
	left == 0;
	give_up(me, failed)
#endif
}

proctype Spawner()
{
	byte i;
	bool failed, more = true;

	do
	:: i < JOBS ->
		atomic {
			i++;
			vain = 0;
			if
			:: serving == 0 -> call(failed)
			:: else
			fi;
#ifdef BUG_SPAWNS_ANYHOW
			failed = false;
#endif
			if
			:: failed -> ended()
			:: else -> forsaken = false; ready++; assert(serving > 0); wanted(failed)
			fi;
			failed = false
		}
	:: more ->
		/* A job for which no permit is free: how it ends is another matter. */
		atomic {
			more = false;
			forsaken = false;
			vain = 0;
#ifndef BUG_PENDING
			if
			:: serving == 0 -> wanted(failed)
			:: else
			fi;
			forsake(failed)
#endif
		}
	:: i == JOBS -> break
	od
}

proctype Machine()
{
	atomic { can = false; vain = 0 };
	if
	:: atomic { can = true; vain = 0 }
	:: true
	fi
}

init
{
	atomic {
		if
		:: impatient[0] = true
		:: true
		fi;
		if
		:: impatient[1] = true
		:: true
		fi;
		if
		:: helps[0] = true
		:: true
		fi;
		run Machine();
		run Spawner();
		run Worker(0);
		run Worker(1);
		run Caller(0);
		run Caller(1)
	};
	timeout ->
	assert(serving == 0 && TRY <= 1 && (staying == 0 || !BLOCKED));
	assert(ready == 0 || forsaken || !can && (TRY == 1 || staying > 0));
	can = true;
	vain = 0;
	timeout ->
	assert(ready == 0 && staying == 0 || forsaken);
	assert(left == 0 || forsaken)
}
