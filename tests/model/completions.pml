/* Completion queues: who is told that there is something, and when.

   Three threads end a job each, and put it into the queue in the two steps of a wait-free queue.
   Two takers block until there is something, one for one job and one for ever; and the program asks
   for the descriptor at some moment, or gave one of its own.  Then:

   - a job that has ended is in the queue, or was taken, and the descriptor is readable while there
     are such jobs, once it was asked for; one of the program's was written to since the queue was
     last empty;
   - an own descriptor is readable only while there are jobs, whenever nobody is at it;
   - a taker that blocks wakes when there is something;
   - each job is taken once.

   Stands for: lib/completions.c append completions_append completions_append_locked ring_locked
                                 tell_locked wake_first_locked pop may_have_one
                                 completions_pop_locked completions_pass_on_locked
                                 ptj_completions_fd
               lib/bell.c bell_ring bell_reset
               lib/take.c try_take take_locked join_locked leave_locked block_outside
               lib/pass.c end

   BUG_BEHIND        who appends behind another relies on that one to tell
   BUG_AFTER_END     the job ends first, and is told of after that
   BUG_APPEND_LATE   the job ends first, and is appended after that
   BUG_TOLD_LATE     the queue is told of until its last job has been taken
   BUG_TOLD_KEPT     it is told of until it is told of again
   BUG_RING_EMPTY    an own bell is rung though the job was taken
   BUG_NO_RESET      who empties the queue leaves the bell
   BUG_RESET_ALWAYS  the bell is reset by a taker that leaves jobs
   BUG_RING_UNLOCKED the bell is rung without the queue's mutex
   BUG_WATCH_LATE    the program's question is noted when the queue was found empty
   BUG_WATCH_FIRST   who appends looks whether to tell before he appends
   BUG_AWAIT_LATE    a taker looks before it says that it waits
   BUG_NO_PASS_ON    a taker leaves jobs behind and wakes nobody
   BUG_HALF          a taker takes what is half appended for nothing
   BUG_LEAVES        a taker that leaves says that nobody waits

   SPDX-License-Identifier: Apache-2.0 */

#include "sync.h"

#define JOBS 3
#define NONE 255

bool mu; /* the queue's */

/* The queue: the jobs in order of their first step; and whether the nth of all has made the
   second. */
chan queue = [JOBS] of { byte };
bool linked[JOBS + 1];
byte first, last; /* numbers of the first, and of the next to come */
bool ended[JOBS];
byte in_queue; /* one bit for each job */
byte taken;

bool own; /* the kind of the bell */
bool watched, awaited, told;
bool readable; /* one of the program's: it was written to since the queue was last empty */
bool asked;    /* the program has the descriptor */
chan takers = [2] of { byte };
bool sem[2];

#define LEFT (len(queue) > 0)
#define OVER(j) (ended[j] && (in_queue & (1 << j)))

/* mu held. */
inline ring(any)
{
	any = LEFT;
	if
	:: told
	:: else ->
		if
#ifdef BUG_RING_EMPTY
		:: own -> readable = true
#else
		:: any && own -> readable = true
#endif
		:: atomic { !own -> readable = LEFT }
		:: else
		fi;
		told = any
	fi;
	any = false
}

inline wake_first(who)
{
	atomic {
		if
		:: len(takers) > 0 -> takers?<who>; sem[who] = true; who = 0
		:: else
		fi
	}
}

inline tell(any, who)
{
#ifndef BUG_RING_UNLOCKED
	LOCK(mu);
#endif
	if
	:: watched -> ring(any)
	:: else
	fi;
#ifdef BUG_RING_UNLOCKED
	LOCK(mu);
#endif
	wake_first(who);
	UNLOCK(mu)
}

proctype Ender(byte me)
{
	bool behind, any;
	byte who;

#ifdef BUG_WATCH_FIRST
	bool listening = watched || awaited;
#endif
#ifdef BUG_APPEND_LATE
	ended[me] = true;
#endif
	/* The exchange, and then the link.  Which job is which does not matter: they come in
	   order. */
	atomic {
		last == me -> assert(!ended[me]);
		behind = LEFT;
		queue!me;
		in_queue = in_queue | (1 << me);
		last++
	};
	linked[me] = true;
#ifdef BUG_AFTER_END
	ended[me] = true;
#endif
	if
#ifdef BUG_WATCH_FIRST
	:: listening ->
#else
	:: watched ->
#endif
		if
#ifdef BUG_BEHIND
		:: !behind -> tell(any, who)
#else
		:: !behind || !told -> tell(any, who)
#endif
		:: else
		fi
	:: else ->
		if
		:: !behind && awaited -> tell(any, who)
		:: else
		fi
	fi;
	atomic { ended[me] = true; behind = false }
}

/* mu held.  NONE: there is none.  What is half appended is waited for. */
inline pop(job, hush)
{
	atomic { hush = told && (len(queue) == 1 || (LEFT && !linked[first])) };
#if !defined(BUG_TOLD_LATE) && !defined(BUG_TOLD_KEPT)
	if
	:: hush -> told = false
	:: else
	fi;
#endif
	if
#ifdef BUG_HALF
	:: atomic { !linked[first] -> assert(!OVER(0) && !OVER(1) && !OVER(2)); hush = false }
#else
	:: atomic { !LEFT -> assert(!OVER(0) && !OVER(1) && !OVER(2)); hush = false }
#endif
	:: atomic {
			len(queue) == 1 && linked[first] -> take(job);
			/* What was written was for those before. */
			readable = readable && own;
#ifndef BUG_TOLD_LATE
			hush = false
#endif
		}
	:: atomic { len(queue) > 1 && linked[first] && linked[first + 1] -> take(job) };
		if
		:: hush -> told = true; hush = false
		:: else
		fi
	fi
}

inline take(job)
{
	queue?job;
	in_queue = in_queue & ~(1 << job);
	first++;
	taken++
}

inline pass_on(hush, who)
{
#ifdef BUG_TOLD_LATE
	if
	:: hush -> told = false; hush = false
	:: else
	fi;
#endif
	if
#ifdef BUG_RESET_ALWAYS
	:: own -> readable = false
	:: !own && LEFT -> wake_first(who)
	:: !own && !LEFT
#else
#ifdef BUG_NO_RESET
	:: !LEFT
#else
	:: !LEFT ->
		if
		:: own -> readable = false
		:: else
		fi
#endif
#ifdef BUG_NO_PASS_ON
	:: LEFT
#else
	:: LEFT -> wake_first(who)
#endif
#endif
	fi
}

proctype Taker(byte me)
{
	byte job = NONE, who;
	bool hush;

again:
	LOCK(mu);
	pop(job, hush);
	if
	:: job != NONE -> pass_on(hush, who); UNLOCK(mu); goto got
	:: else
	fi;
	UNLOCK(mu);
	LOCK(mu);
#ifndef BUG_AWAIT_LATE
	atomic { takers!me; awaited = true };
#endif
	do
	:: pop(job, hush);
#ifdef BUG_AWAIT_LATE
		atomic {
			if
			:: takers??[eval(me)]
			:: else -> takers!me; awaited = true
			fi
		};
#endif
		if
		:: job != NONE -> break
		:: else
		fi;
		UNLOCK(mu);
end_asleep:
		atomic { sem[me] -> sem[me] = false };
		LOCK(mu)
	od;
#ifdef BUG_LEAVES
	atomic { takers??eval(me); awaited = false };
#else
	atomic { takers??eval(me); awaited = len(takers) > 0 };
#endif
	pass_on(hush, who);
	UNLOCK(mu);
got:
	/* Whoever took it waits until it has ended. */
	atomic { ended[job] -> job = NONE };
	if
	:: me == 0 -> skip
	:: me == 1 -> goto again
	fi
}

proctype Asker()
{
	bool any;

	LOCK(mu);
#ifdef BUG_WATCH_LATE
	any = LEFT;
	watched = true;
	if
	:: any -> ring(any)
	:: else
	fi;
#else
	watched = true;
	ring(any);
#endif
	atomic { mu = false; asked = true }
}

/* What must be true at any moment. */
active proctype Watch()
{
end:
	atomic {
		asked && !readable && (OVER(0) || OVER(1) || OVER(2)) ->
		assert(false)
	}
}

active proctype WatchOwn()
{
end:
	atomic {
		own && readable && !LEFT && !mu ->
		assert(false)
	}
}

init
{
	atomic {
		if
		:: own = true;
			if
			:: run Asker()
			:: skip
			fi
		:: own = false; watched = true; asked = true
		fi;
		run Ender(0);
		run Ender(1);
		run Ender(2);
		run Taker(0);
		run Taker(1)
	};
	timeout ->
	assert(taken == JOBS && !LEFT && !mu && awaited && (!own || !readable))
}
