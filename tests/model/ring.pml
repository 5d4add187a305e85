/* The ring: a bounded queue from which any thread takes the oldest without a lock.

   Two threads put jobs in, in turns, and two take them; each access to what they share is a step.
   The job numbered n is the nth that was put in.  Whoever moves head on from n has job n, so each
   is taken once, in order.

   Stands for: lib/ring.h ring_put ring_has ring_take

   BUG_NO_COMPARE  head is written without looking whether another has been there
   BUG_READ_LATE   the slot is read when head has moved past it
   BUG_TAIL_FIRST  tail is written before the slot
   BUG_FULL        putting in does not look how far those who take have come
   BUG_SEEN_AHEAD  seen is a tail that nobody saw yet
   BUG_NO_TURNS    those who put in do not take turns

   SPDX-License-Identifier: Apache-2.0 */

#include "sync.h"

#define SIZE 2
#define JOBS 2 /* of each that puts in */
#define PUTTERS 2

byte slots[SIZE] = 255;
byte head, seen, tail;
byte end = SIZE;
bool mu;    /* the front's, of those who put in */
byte numbered;
byte taken;
byte putting = PUTTERS;

active [PUTTERS] proctype Putter()
{
	byte n, t;

	do
	:: n < JOBS ->
#ifndef BUG_NO_TURNS
		LOCK(mu);
#endif
		t = tail;
		if
		:: t == end ->
#ifdef BUG_FULL
			end = t + SIZE
#else
			end = head + SIZE
#endif
		:: else
		fi;
		if
		:: t < end ->
#ifdef BUG_TAIL_FIRST
			tail = t + 1;
			slots[t % SIZE] = t;
#else
			slots[t % SIZE] = t;
			tail = t + 1;
#endif
			atomic { numbered++; n++; t = 0 }
		:: else
		fi;
#ifndef BUG_NO_TURNS
		UNLOCK(mu);
#endif
		/* It is full: trying again changes nothing until a job is taken. */
		if
		:: atomic { t > 0 && t - head < SIZE -> t = 0 }
		:: t == 0
		fi
	:: else -> break
	od;
	putting--
}

/* Each atomic sequence has one access to what others write. */
active [2] proctype Taker()
{
	byte h, t, job;

	h = head;
	do
	:: atomic { t == 0 && h < seen -> t = 1 }
	:: atomic { t == 0 && h >= seen -> skip };
		if
		:: atomic { h >= tail && putting == 0 -> break }
		:: atomic { h < tail -> t = tail }
		fi;
#ifdef BUG_SEEN_AHEAD
		atomic { seen = t + 1; t = 1 }
#else
		atomic { seen = t; t = 1 }
#endif
	:: t > 0 ->
		t = 0;
#ifndef BUG_READ_LATE
		job = slots[h % SIZE];
#endif
		if
#ifdef BUG_NO_COMPARE
		:: head == h -> head = h + 1;
#else
		:: atomic { head == h -> head = h + 1 };
#endif
#ifdef BUG_READ_LATE
			job = slots[h % SIZE];
#endif
			atomic { assert(job == h); taken++; h++; job = 0 }
		:: atomic { head != h -> h = head; job = 0 }
		fi
	od;
	h = 0
}

active proctype Rest()
{
	timeout ->
	assert(putting == 0 && numbered == PUTTERS * JOBS && taken == numbered && head == tail)
}
