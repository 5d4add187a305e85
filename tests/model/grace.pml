/* The grace period: who unlinks something frees it when nobody reads it any more.

   Two readers go into sections, one of them twice, and read a pointer there and what it points to.
   Two updaters replace it, wait, and free what was there before.  Nothing is read that was freed,
   and each updater comes back: none sleeps while the count that it waits for is 0.

   Stands for: lib/grace.c grace_read_begin grace_read_end flip_and_wait grace_wait

   BUG_ONE_FLIP       a section that counts itself late is not waited for
   BUG_COUNTED_LATER  a section reads the pointer, and then counts itself
   BUG_UNLINKED_LATER an updater waits, and then unlinks
   BUG_AWAITED_LATER  an updater says that it waits when it sees that it has to
   BUG_SLEEPS_BLINDLY it sleeps without a look at the count
   BUG_UNLOCKED       two updaters wait at once
   BUG_WRONG_COUNT    a section leaves the count that is current then

   SPDX-License-Identifier: Apache-2.0 */

#include "sync.h"

#define READERS 2
#define UPDATERS 2

bool mu;
byte sections[2];
bit current;
bool awaited;
bool asleep[2]; /* the updater that holds mu, on this count */
byte pointer;
bool freed[UPDATERS + 1];

inline read_begin()
{
	count = current;
	atomic { sections[count]++ }
}

inline read_end()
{
#ifdef BUG_WRONG_COUNT
	count = current;
#endif
	atomic {
		assert(sections[count] > 0);
		sections[count]--;
		last = sections[count] == 0
	}
	if
	:: last && awaited -> asleep[count] = false
	:: else
	fi
}

active [READERS] proctype reader()
{
	byte round, p;
	bit count;
	bool last;

	for (round : 1 .. READERS - _pid) {
#ifdef BUG_COUNTED_LATER
		p = pointer;
		read_begin();
#else
		read_begin();
		p = pointer;
#endif
		assert(!freed[p]);
		/* As it is used, later. */
		assert(!freed[p]);
		read_end()
	}
}

/* Asleep only if the count is still what it was. */
inline futex_wait(count, n)
{
	atomic {
#ifdef BUG_SLEEPS_BLINDLY
		asleep[count] = true
#else
		asleep[count] = sections[count] == n
#endif
	}
	!asleep[count]
}

inline flip_and_wait()
{
	count = current;
	current = 1 - count;
	do
	:: n = sections[count];
		if
		:: n == 0 -> break
		:: else
		fi;
		futex_wait(count, n);
#ifdef BUG_AWAITED_LATER
		awaited = true
#endif
	od
}

active [UPDATERS] proctype updater()
{
	byte n, former, mine = _pid - READERS + 1;
	bit count;

#ifndef BUG_UNLINKED_LATER
	atomic { former = pointer; pointer = mine }
#endif
#ifndef BUG_UNLOCKED
	LOCK(mu);
#endif
#ifndef BUG_AWAITED_LATER
	awaited = true;
#endif
	flip_and_wait();
#ifndef BUG_ONE_FLIP
	flip_and_wait();
#endif
	awaited = false;
#ifndef BUG_UNLOCKED
	UNLOCK(mu);
#endif
#ifdef BUG_UNLINKED_LATER
	atomic { former = pointer; pointer = mine }
#endif
	freed[former] = true
}
