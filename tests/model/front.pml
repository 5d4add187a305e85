/* The front: where spawners leave jobs in the queue without the scheduler's mutex.

   One permit, and the worker that has it, in the lane or out of it; four spawners of one job
   each, the pending limit PLACES, a ring with room for one job and a list behind it; and a close.
   Whoever has the permit takes the next job without s->mu, or ends his own with it.  No job lies in
   the queue for good, the limit is kept, the jobs begin in the order in which they got in line, and
   none gets in line once the close has taken all.

   Stands for: lib/front.c front_push_begin front_push_end append front_append_locked
                           front_take_locked take_behind move_up front_shut_locked
                           front_open_locked front_close_locked
               lib/pending.c pending_has_room pending_open_front pending_pop
               lib/spawn.c push place_locked make_pending_locked
               lib/permits.c permits_dispatch_locked permit_is_free_locked

   BUG_LOOK_ONCE    who finds the ring empty shuts the door without looking again
   BUG_STAYS_OPEN   the door is not shut when a permit becomes free
   BUG_CLOSE        a spawn does not look again whether there was a close
   BUG_CREDIT       those who came through are not counted
   BUG_SHUT_LATE    room is looked for while the door is open
   BUG_ORDER        a newcomer goes into the ring while others are behind it
   BUG_UNLOCKED     whether it is open is looked at without the front's mutex

   SPDX-License-Identifier: Apache-2.0 */

#include "sync.h"

#define PLACES 2
#define SPAWNERS 4

bool mu;  /* the scheduler's */
bool fmu; /* the front's */
bool closing;
bool open;
byte credit;
byte in_use;
chan ring = [1] of { byte };
chan behind = [PLACES] of { byte };

byte in_line = 0; /* numbers, in the order of appending */
byte next = 0;    /* the number that is to begin next */
bool taken;       /* the close has taken all */
byte spawning = SPAWNERS;
byte running; /* jobs that have the permit and no worker's attention yet */

#define QUEUED (len(ring) + len(behind))

/* fmu held. */
inline append()
{
	atomic {
		assert(!taken);
		if
#ifdef BUG_ORDER
		:: len(ring) == 0 -> ring!in_line
#else
		:: len(behind) == 0 && len(ring) == 0 -> ring!in_line
#endif
		:: else -> behind!in_line
		fi;
		in_line++;
		assert(QUEUED <= PLACES)
	}
}

/* mu held: the oldest job is taken; got says whether there was one. */
inline take_locked(job, got)
{
	if
	:: atomic { len(ring) > 0 -> ring?job; got = true; began(job) }
	:: len(ring) == 0 ->
		LOCK(fmu);
		if
#ifndef BUG_LOOK_ONCE
		:: atomic { len(ring) > 0 -> ring?job; got = true; began(job) }
		:: atomic { len(ring) == 0 && len(behind) > 0 -> behind?job; got = true; began(job) };
			atomic {
				if
				:: len(behind) > 0 -> behind?job; ring!job
				:: else
				fi
			}
		:: len(ring) == 0 && len(behind) == 0 ->
#else
		:: atomic { len(behind) > 0 -> behind?job; got = true; began(job) }
		:: len(behind) == 0 ->
#endif
#ifndef BUG_STAYS_OPEN
			open = false
#else
			skip
#endif
		fi;
		UNLOCK(fmu)
	fi;
	job = 0
}

inline began(job)
{
	assert(closing || job == next);
	next = job + 1
}

/* A job is over: in the lane, or under mu. */
inline end_job(job, got)
{
	if
	:: atomic { !closing && len(ring) > 0 -> ring?job; began(job); running++; job = 0 }
	:: len(ring) == 0 || closing ->
		LOCK(mu);
		in_use--;
		assert(in_use == 0);
		if
		:: !closing ->
			take_locked(job, got);
			if
			:: got -> in_use++; running++; got = false
			:: else
			fi
		:: else
		fi;
		UNLOCK(mu)
	fi
}

active proctype Worker()
{
	byte job;
	bool got;

endless:
	do
	:: atomic { running > 0 -> running-- }; end_job(job, got)
	od
}

active [SPAWNERS] proctype Spawner()
{
	byte room;

#ifdef BUG_UNLOCKED
	if
	:: open && credit > 0 -> LOCK(fmu); append(); credit--; UNLOCK(fmu); goto done
	:: else
	fi;
#else
	LOCK(fmu);
	if
	:: open && credit > 0 ->
		append();
#ifndef BUG_CREDIT
		credit--;
#endif
		UNLOCK(fmu);
		goto done
	:: else -> UNLOCK(fmu)
	fi;
#endif
	LOCK(mu);
	if
#ifndef BUG_CLOSE
	:: closing -> skip
#endif
	:: else ->
		if
		:: in_use == 0 ->
			in_use++;
			running++
		:: else ->
#ifndef BUG_SHUT_LATE
			LOCK(fmu); open = false; UNLOCK(fmu);
#endif
			/* It counts under fmu, but lets go of that. */
			LOCK(fmu); room = PLACES - QUEUED; UNLOCK(fmu);
			if
			:: room > 0 ->
				LOCK(fmu); append(); UNLOCK(fmu);
				room--;
				if
				:: room > 0 ->
					LOCK(fmu); open = true; credit = room; UNLOCK(fmu)
				:: else
				fi
			:: else
			fi
		fi
	fi;
	UNLOCK(mu);
done:
	atomic { spawning--; room = 0 }
}

active proctype Closer()
{
	byte job;
	bool got;

	if
	:: LOCK(mu);
		closing = true;
		LOCK(fmu); open = false; UNLOCK(fmu);
		do
		:: take_locked(job, got);
			if
			:: got -> got = false
			:: else -> break
			fi
		od;
		taken = true;
		UNLOCK(mu)
	:: skip /* nobody closes it */
	fi
}

active proctype Rest()
{
	timeout ->
	assert(spawning == 0 && QUEUED == 0 && in_use == 0 && running == 0)
}
