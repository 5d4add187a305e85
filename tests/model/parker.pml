/* How one thread sleeps until another wakes it, and whose memory the wakers touch.

   A sleeper consumes what two producers make, under their monitor, and parks while there is
   nothing; a third thread only has it look again.  One park may end early, as by a signal or a
   timeout.  Then the sleeper takes itself out of the list and destroys its parker.  Nothing made is
   left behind with the sleeper asleep, the semaphore never exceeds 1, and nobody touches it
   afterwards.

   Stands for: lib/parker.c parker_wake post_all parker_park parker_destroy monitor_unlock
               lib/waiter.c waiter_nudge_all

   BUG_CLEAR_FIRST      the park clears the flag before it waits
   BUG_CLEAR_LATE       the flag is cleared when the predicate has been looked at
   BUG_DROPPED          a wake-up that finds nobody asleep is forgotten
   BUG_DESTROY_AT_ONCE  a post that is due is not waited for
   BUG_NO_FLAG          every waker posts
   BUG_PREDICATE_LATER  the waker wakes first, and then changes the predicate
   BUG_WAKE_UNLOCKED    the waker has let go of the monitor when it wakes

   SPDX-License-Identifier: Apache-2.0 */

#include "sync.h"

#define PRODUCERS 2

bool mu;
byte made;      /* the predicate: more than 0 */
bool announced; /* the parker is in the list; under mu */
byte sem;
bool due;
bool asleep;
bool gone; /* the parker's memory */
bool early; /* a park has ended early */

inline wake(mine)
{
	atomic {
		assert(!gone);
#ifdef BUG_NO_FLAG
		mine = true;
#elif defined(BUG_DROPPED)
		mine = asleep && !due;
		due = due || asleep;
#else
		mine = !due;
		due = true;
#endif
	}
}

inline post(mine)
{
	if
	:: mine ->
		atomic {
			assert(!gone);
			sem++;
			assert(sem <= 1);
			mine = false
		}
	:: else
	fi
}

inline park()
{
#ifdef BUG_CLEAR_FIRST
	due = false;
#endif
	asleep = true;
	if
	:: atomic { sem > 0 -> sem--; asleep = false };
#if !defined(BUG_CLEAR_FIRST) && !defined(BUG_CLEAR_LATE)
		due = false
#endif
	:: atomic { !early -> early = true; asleep = false }
	fi
}

active proctype Sleeper()
{
	byte consumed;

	LOCK(mu);
	announced = true;
	do
	:: made > 0 ->
		made--;
		consumed++
	:: made == 0 && consumed < PRODUCERS ->
		UNLOCK(mu);
		park();
		LOCK(mu);
#ifdef BUG_CLEAR_LATE
		if
		:: made == 0 -> UNLOCK(mu); due = false; LOCK(mu)
		:: else -> due = false
		fi
#endif
	:: made == 0 && consumed == PRODUCERS -> break
	od;
	announced = false;
	UNLOCK(mu);
#ifndef BUG_DESTROY_AT_ONCE
	if
	:: due -> atomic { sem > 0 -> sem-- }
	:: else
	fi;
#endif
	gone = true
}

active [PRODUCERS] proctype Producer()
{
	bool mine, there;

	LOCK(mu);
#ifndef BUG_PREDICATE_LATER
	made++;
#endif
	there = announced;
#ifdef BUG_WAKE_UNLOCKED
	UNLOCK(mu);
#endif
	if
	:: there -> wake(mine)
	:: else
	fi;
#ifndef BUG_WAKE_UNLOCKED
	UNLOCK(mu);
#endif
	post(mine);
#ifdef BUG_PREDICATE_LATER
	LOCK(mu);
	made++;
	UNLOCK(mu)
#endif
}

active proctype Nudger()
{
	bool mine;

	LOCK(mu);
	if
	:: announced -> wake(mine)
	:: else
	fi;
	UNLOCK(mu);
	post(mine)
}
