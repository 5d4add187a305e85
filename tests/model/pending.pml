/* Blocked spawners: they are served in turn, and a place is reserved for one who is released before
   it is awake.

   All permits are taken and the queue is full; SPAWNERS spawn one job each, while a worker takes
   one after the other, until one keeps it busy.  One of those that block may be cancelled and one
   time out, in any moment; the scheduler may be closed, and is released when nobody is within a
   blocked spawn any more.  The pending limit is kept, those who blocked get in line in the order in
   which they came, and nobody is blocked while there is a place.  What is done under s->mu is one
   step.

   Stands for: lib/pending.c free_places room pending_has_room pending_awaits_place pending_offer
                             pending_claim pending_turn_away pending_pop
               lib/spawn.c place_locked leave_locked give_up wait_for_place_locked
               lib/block.c abandon loop_locked block_locked
               lib/waiter.c waiter_release waiter_release_all
               lib/close.c no_thread_to_wait_for

   BUG_NO_OFFER    who takes a job out of the queue does not offer its place
   BUG_NO_NEXT     a spawner that has placed its job does not offer what is left
   BUG_RESERVED    one that was released, and is cancelled, keeps its place
   BUG_TIMED_OUT   one that was released, and times out, takes that for a timeout
   BUG_ALL_AT_ONCE another is released while one is on its way
   BUG_NEWCOMER    a newcomer takes what is reserved
   BUG_ADMITTED    who is released need not be there for the place to count as free
   BUG_IN_LINE     one that is cancelled stays in the list
   BUG_GUEST       a close does not wait for those that it turned away

   SPDX-License-Identifier: Apache-2.0 */

#include "sync.h"

#define PLACES 2
#define SPAWNERS 3

chan line = [SPAWNERS] of { byte }; /* who waits, by number */
byte queued = PLACES;
bool reserved;
byte guests;
bool done[SPAWNERS];
bool sem[SPAWNERS];
byte ticket[SPAWNERS]; /* the order of blocking */
byte tickets;
byte last; /* of those who were served */
bool closing, freed;
bool cancelled, timed_out;
byte spawning = SPAWNERS;

#define FREE (PLACES - queued)
#ifdef BUG_NEWCOMER
#define ROOM FREE
#else
#define ROOM (FREE - guests)
#endif

/* Within a step. */
inline offer(who)
{
	if
#ifdef BUG_ALL_AT_ONCE
	:: len(line) > 0 && FREE > 0 ->
#else
	:: !reserved && len(line) > 0 && FREE > 0 ->
#endif
		line?who;
		reserved = true;
		done[who] = true;
		sem[who] = true;
		who = 0
	:: else
	fi
}

inline place()
{
	queued++;
	assert(queued <= PLACES)
}

proctype Spawner(byte me)
{
	byte who;

	atomic {
		if
		:: closing -> goto end
		:: !closing && ROOM > 0 && ROOM <= PLACES -> place(); goto end
		:: else
		fi;
		guests++;
		tickets++;
		ticket[me] = tickets;
		line!me
	};
end_blocked:
	if
	:: sem[me] -> skip
	:: atomic { !cancelled -> cancelled = true }; goto abandoned
	:: atomic { !timed_out -> timed_out = true }
	fi;
	atomic {
		assert(!freed);
		guests--;
		if
#ifdef BUG_TIMED_OUT
		:: done[me] && sem[me] && !timed_out ->
#else
		:: done[me] ->
#endif
			reserved = false;
			if
			:: closing
			:: else ->
				assert(ticket[me] > last);
				last = ticket[me];
				place()
			fi;
#ifndef BUG_NO_NEXT
			offer(who)
#endif
		:: else -> line??eval(me)
		fi
	};
	goto end;
abandoned:
	atomic {
		assert(!freed);
		guests--;
		if
		:: done[me] ->
#ifndef BUG_RESERVED
			reserved = false;
			offer(who)
#endif
		:: else ->
#ifndef BUG_IN_LINE
			line??eval(me)
#endif
		fi
	};
end:
	atomic { spawning--; who = 0 }
}

active proctype Worker()
{
	byte who;

	do
	:: break /* its job goes on and on */
	:: atomic {
			queued > 0 && !freed -> queued--;
#ifdef BUG_ADMITTED
			reserved = false;
#endif
#ifndef BUG_NO_OFFER
			offer(who)
#endif
		}
	od
}

active proctype Closer()
{
	byte who;

	if
	:: atomic {
			closing = true;
			do
			:: len(line) > 0 -> line?who; done[who] = true; sem[who] = true
			:: else -> break
			od;
			who = 0
		};
#ifndef BUG_GUEST
		guests == 0;
#endif
		freed = true
	:: skip /* nobody closes it */
	fi
}

init
{
	atomic {
		if
		:: cancelled = true
		:: timed_out = true
		:: skip
		fi;
		run Spawner(0);
		run Spawner(1);
		run Spawner(2)
	};
	timeout ->
	assert(!reserved && guests == len(line) && spawning == guests);
	assert(guests == 0 || (FREE == 0 && !closing))
}
