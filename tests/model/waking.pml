/* Permits, and the waking of workers: no ready job waits while a thread could run it.

   Two spawners of two jobs each, a limit of LIMIT, and as many threads, which are started when they
   are wanted, park when there is nothing, and leave when they were idle too long, which happens
   TIMEOUTS times or never.  The 1st job runs until the 2nd does, the 3rd until the 4th does: so it
   is not enough that each job runs some time.  What is done under s->mu is one step; the post that
   wakes a thread comes after it (parker.pml).

   Stands for: lib/permits.c permit_is_free_locked permit_take_locked permit_drop_locked
                             permits_dispatch_locked
               lib/spawn.c make_ready_locked make_pending_locked
               lib/worker.c workers_wanted_locked worker_call_locked worker_hire_locked start_locked
               lib/serve.c serve_locked next_job_locked begin_locked idle_locked stop_locked
               lib/finish.c end_locked

   BUG_NOT_WANTED  a spawner leaves a ready job and calls nobody
   BUG_NO_RELAY    a worker that takes a job and leaves others calls nobody
   BUG_ON_ITS_WAY  a worker that has looked still counts as on its way
   BUG_WAKE_LOST   a wake-up before the park is forgotten
   BUG_IDLE_LOOK   a worker lets go of s->mu between its look and its parking
   BUG_LEAVER      one that was idle too long leaves though it was called
   BUG_KEPT        the permit of a job that is over is not handed on
   BUG_LIMIT       it is handed on to all in line
   BUG_OVERTAKEN   it is given up first, and handed on after that
   BUG_ALL_AWAKE   whoever leaves a job calls a worker, though one is on its way

   SPDX-License-Identifier: Apache-2.0 */

#include "sync.h"

#define LIMIT 2
#define WORKERS 2
#define SPAWNERS 2
#define EACH 2
#define JOBS 4
#define TIMEOUTS 2
#define NOBODY 255

chan ready = [JOBS] of { byte };
chan pending = [JOBS] of { byte };
byte in_use;   /* permits */
byte waking;
byte spawned;
byte begun;    /* jobs that are running or over, in order */
byte ended;
byte running;
byte timeouts; /* that there were */
bool there[WORKERS];
bool parked[WORKERS];
bool asleep[WORKERS];
bool called[WORKERS];
bool sem[WORKERS];

/* Within a step: wakes[0], if it is anybody, is to be woken when s->mu is released. */
inline wanted(who)
{
	if
#ifdef BUG_ALL_AWAKE
	:: len(ready) > 0 ->
#else
	:: len(ready) > 0 && waking == 0 ->
#endif
		if
		:: parked[0] -> parked[0] = false; who = 0
		:: parked[1] -> parked[1] = false; who = 1
		:: !parked[0] && !parked[1] && !there[0] -> there[0] = true; who = 0
		:: !parked[0] && !parked[1] && !there[1] -> there[1] = true; who = 1
		:: else
		fi;
		if
		:: who != NOBODY ->
			called[who] = true;
			waking++;
			assert(waking <= 1)
		:: else
		fi
	:: else
	fi
}

inline post(who)
{
	atomic {
		if
		:: who != NOBODY ->
#ifdef BUG_WAKE_LOST
			sem[who] = sem[who] || asleep[who];
#else
			sem[who] = true;
#endif
			who = NOBODY
		:: else
		fi
	}
}

inline dispatch(job)
{
	do
#ifdef BUG_LIMIT
	:: len(pending) > 0 ->
#else
	:: in_use < LIMIT && len(pending) > 0 ->
#endif
		pending?job;
		in_use++;
		assert(in_use <= LIMIT);
		ready!job
	:: else -> break
	od
}

active [SPAWNERS] proctype Spawner()
{
	byte i, who = NOBODY;

	do
	:: i < EACH ->
		atomic {
			if
			:: in_use < LIMIT ->
				in_use++;
				ready!spawned;
#ifndef BUG_NOT_WANTED
				wanted(who)
#endif
			:: else -> pending!spawned
			fi;
			spawned++;
			i++
		};
		post(who)
	:: else -> break
	od
}

proctype Worker(byte me)
{
	byte job, who = NOBODY;

end_not_there:
	atomic { there[me] -> skip };
look:
	atomic {
#ifndef BUG_ON_ITS_WAY
		waking = waking - called[me];
#endif
		called[me] = false;
		if
		:: len(ready) > 0 ->
			ready?job;
			assert(job == begun);
			begun++;
			running++;
			assert(running <= LIMIT);
#ifndef BUG_NO_RELAY
			wanted(who)
#endif
		:: else ->
#ifndef BUG_IDLE_LOOK
			parked[me] = true;
#endif
			goto idle
		fi
	};
	post(who);
	begun > (job | 1);
	atomic {
		running--;
		ended++;
		in_use--;
#ifdef BUG_OVERTAKEN
	};
	atomic {
#endif
#ifndef BUG_KEPT
		dispatch(job);
#endif
		job = 0
	};
	goto look;
idle:
#ifdef BUG_IDLE_LOOK
	parked[me] = true;
#endif
	asleep[me] = true;
end_asleep:
	if
	:: atomic { sem[me] -> sem[me] = false; asleep[me] = false }
	:: atomic { timeouts < TIMEOUTS -> timeouts++; asleep[me] = false };
		atomic {
			if
#ifdef BUG_LEAVER
			:: true ->
#else
			:: parked[me] ->
#endif
				parked[me] = false;
				wanted(who);
				there[me] = false
			:: else
			fi
		};
		post(who);
		if
		:: !there[me] -> goto end_not_there
		:: else
		fi
	fi;
	/* Woken for nothing, by a post that was due when it looked. */
	if
	:: parked[me] -> parked[me] = false
	:: else
	fi;
	goto look
}

init
{
	atomic {
		if
		:: timeouts = 0
		:: timeouts = TIMEOUTS
		fi;
		run Worker(0);
		run Worker(1)
	};
	timeout ->
	assert(spawned == JOBS && ended == JOBS && in_use == 0)
}
