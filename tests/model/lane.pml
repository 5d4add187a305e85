/* The lane: a worker ends its job and begins the oldest pending one without the scheduler's mutex,
   while others, who hold that, close the scheduler, close a job, wait for one, or are about to
   block for want of a place.

   LIMIT workers run a job each, two more fill the queue, and a spawner brings one for which there
   is no place.  Of the four who interfere any two are there; or the spawner, and another who does
   not block.  Each job is begun once at most, and ends once; none begins that was closed before; a
   close is found by every job that it did not find; nobody waits for ever, and no spawner while
   there is a place and a job runs on and on; one that lies buried is there as long as it lies.

   Stands for: lib/lane.h lane_is_open
               lib/lane.c lane_shut_locked lane_open_locked lane_offer_place_locked
               lib/pass.c pass_take pass_begin pass_finish_locked pass_adopt_locked end
                          make_next_ready_locked give_locked
               lib/serve.c run_locked begin_locked enter finish_own_locked
               lib/permits.c permits_next_locked permits_exhume_locked permits_dispatch_locked
               lib/spawn.c place_locked wait_for_place_locked
               lib/pending.c pending_bury pending_exhume pending_offer
               lib/close.c take_unentered_locked request_one_locked close_locked
               lib/job_close.c begin_close_locked drop_pending_locked
               lib/cancel.c cancel_begin_locked
               lib/wait.c await_job
               lib/job.h job_move job_pin_locked

   BUG_NO_RECHECK     a worker does not look at the lane once more before it enters the next job
   BUG_NOT_SHUT       who is about to block leaves the lane open
   BUG_SHUT_LATE      he looks for a place, and shuts the lane after that
   BUG_OPENED         the lane is opened though somebody waits for a place
   BUG_ENDS_ANYHOW    a job ends in the lane that was asked to stop
   BUG_BEGINS_ANYHOW  one begins that was closed in the queue
   BUG_END_STORE      the end is written over what is said meanwhile
   BUG_WAIT_LATE      who waits looks first, and then says so
   BUG_NOT_BURIED     a job that is closed in the queue has no reference of the queue's
   BUG_CLOSE_LATE     a close looks for jobs, and shuts the lane after that
   BUG_NOT_ADOPTED    who finds the lane shut does not ask whether there was a close
   BUG_NEXT_LOST      a job that was taken and cannot be begun is left

   SPDX-License-Identifier: Apache-2.0 */

#include "sync.h"

#define LIMIT 2
#define PLACES 2
#define JOBS (LIMIT + PLACES + 2)
#define FIRST 0              /* is waited for */
#define QUEUED LIMIT         /* is closed */
#define LATE (LIMIT + PLACES) /* has no place, perhaps */
#define TRIED (LATE + 1)      /* nor has this */
#define NONE 255

mtype = { NEW, PENDING, READY, RUNNING, FINISHING, PASSING, ENDED };

bool mu;
bool lane = true;
bool closing; /* the scheduler */
bool asked;   /* its close has asked all jobs that it found */
bool closed;
byte in_use = LIMIT;
byte entered = LIMIT;

mtype phase[JOBS];
bool close_it[JOBS]; /* JOB_CLOSING */
bool waited[JOBS];
byte refs[JOBS];
byte buried;

chan ring = [PLACES + 2] of { byte }; /* and behind it: there is room for one that lies buried */
chan ready = [JOBS] of { byte };

bool endless;   /* those that wait in the queue run for ever then */
bool blocked;   /* the spawner is in line */
bool released;  /* and has a place reserved */
bool listed[2]; /* who waits for FIRST, and for QUEUED, is on the list */
bool sem[2];
byte others; /* interfere, and are not done */

#define COUNT (len(ring) > buried -> len(ring) - buried : 0)

/* mu held, all of these. */

inline open_lane()
{
	if
#ifdef BUG_OPENED
	:: in_use <= LIMIT && len(ready) == 0 && !closing -> lane = true
#else
	:: in_use <= LIMIT && len(ready) == 0 && !closing && !blocked -> lane = true
#endif
	:: else
	fi
}

/* The place is reserved, and blocked is the one who is not on his way yet. */
inline offer()
{
	atomic {
		if
		:: blocked && COUNT < PLACES -> blocked = false; released = true
		:: else
		fi
	}
}

inline offer_place()
{
	if
	:: blocked -> lane = false; offer(); open_lane()
	:: else
	fi
}

/* One that lay buried is let go. */
inline exhume(dead)
{
	atomic {
		assert(refs[dead] > 0);
		buried--;
		refs[dead]--
	}
}

/* job is the oldest pending one, in that phase now; NONE: there is none. */
inline next_pending(oldest, to)
{
	do
	:: atomic { len(ring) > 0 -> ring?oldest };
		offer();
		if
		:: atomic {
				phase[oldest] == PENDING -> phase[oldest] = to;
				close_it[oldest] = close_it[oldest] || to == FINISHING
			};
			break
		:: phase[oldest] != PENDING -> exhume(oldest)
		fi
	:: len(ring) == 0 -> oldest = NONE; break
	od;
	if
	:: blocked -> lane = false
	:: else
	fi
}

inline dispatch(given)
{
	do
	:: in_use < LIMIT ->
		next_pending(given, READY);
		if
		:: given != NONE -> in_use++; entered++; ready!given
		:: else -> break
		fi
	:: else -> break
	od;
	given = NONE
}

inline release_waiters(over_now)
{
	atomic {
		if
		:: over_now == FIRST && listed[0] -> listed[0] = false; sem[0] = true
		:: over_now == QUEUED && listed[1] -> listed[1] = false; sem[1] = true
		:: else
		fi
	}
}

inline end_locked(ending, tmp, permit)
{
	if
	:: permit -> in_use--
	:: else
	fi;
	entered--;
	dispatch(tmp);
	atomic { assert(phase[ending] != ENDED); phase[ending] = ENDED; refs[ending]-- };
	release_waiters(ending)
}

proctype Worker(byte job)
{
	byte next = NONE;
	bool is_waited;
	bool permit;

	goto enter;
look:
	LOCK(mu);
look_locked:
	if
	:: job == NONE ->
		if
		:: len(ready) > 0 -> ready?job
		:: else -> UNLOCK(mu); goto end_idle
		fi
	:: else
	fi;
	/* run_locked() */
	if
	:: close_it[job] -> end_locked(job, next, true); job = NONE; goto look_locked
	:: else ->
		phase[job] = RUNNING;
		open_lane();
		UNLOCK(mu)
	fi;
enter:
	atomic {
		if
		:: close_it[job] -> goto finish
		:: else ->
			/* Either the close has found it, or it finds the close. */
			assert(!asked);
			assert(phase[job] == RUNNING);
		fi
	};
	if
	:: job >= QUEUED && endless -> goto end_endless
	:: else
	fi;
	/* Its function is over: pass_take() */
	if
	:: !lane -> goto finish
	:: else
	fi;
	if
#ifdef BUG_ENDS_ANYHOW
	:: atomic { phase[job] == RUNNING -> phase[job] = PASSING }
#else
	:: atomic { phase[job] == RUNNING && !close_it[job] && !waited[job] -> phase[job] = PASSING }
	:: atomic { close_it[job] || waited[job] -> goto finish }
#endif
	fi;
	if
	:: atomic { len(ring) > 0 -> ring?next }
	:: atomic { len(ring) == 0 -> goto finish }
	fi;
	/* pass_begin() */
	if
#ifdef BUG_BEGINS_ANYHOW
	:: atomic { true -> assert(refs[next] > 0); phase[next] = RUNNING }
#else
	:: atomic { phase[next] == PENDING && !close_it[next] -> assert(refs[next] > 0); phase[next] = RUNNING }
	:: atomic { phase[next] != PENDING || close_it[next] -> assert(refs[next] > 0); goto finish }
#endif
	fi;
#ifdef BUG_END_STORE
	is_waited = waited[job];
	atomic { phase[job] = ENDED; waited[job] = false; refs[job]-- };
#else
	atomic {
		assert(phase[job] == PASSING);
		phase[job] = ENDED;
		is_waited = waited[job];
		refs[job]--
	};
#endif
	if
	:: is_waited -> LOCK(mu); release_waiters(job); UNLOCK(mu)
	:: else
	fi;
	atomic { is_waited = false; job = next; next = NONE };
#ifndef BUG_NO_RECHECK
	if
	:: lane -> goto enter
	:: else
	fi;
#else
	goto enter;
#endif
	/* pass_adopt_locked() */
	LOCK(mu);
	phase[job] = READY;
#ifndef BUG_NOT_ADOPTED
	if
	:: closing -> close_it[job] = true
	:: else
	fi;
#endif
	offer_place();
	goto look_locked;
finish:
	LOCK(mu);
	permit = true;
	if
	:: next != NONE ->
		/* pass_finish_locked() */
		if
		:: atomic { phase[next] == PENDING -> phase[next] = READY }
		:: phase[next] != PENDING ->
			exhume(next);
			if
			:: in_use > LIMIT -> next = NONE
			:: else -> next_pending(next, READY)
			fi
		fi;
#ifdef BUG_NEXT_LOST
		next = NONE;
#endif
		if
		:: next != NONE ->
			permit = false;
			entered++;
			if
			:: closing -> close_it[next] = true
			:: else
			fi;
			ready!next
		:: else
		fi
	:: else
	fi;
	atomic { next = NONE };
	end_locked(job, next, permit);
	offer_place();
	permit = false;
	job = NONE;
	goto look_locked;
end_idle:
	len(ready) > 0;
	goto look;
end_endless:
	false
}

proctype Spawner()
{
	LOCK(mu);
	if
	:: closing -> UNLOCK(mu); goto done
	:: else
	fi;
again:
	if
	:: in_use < LIMIT -> in_use++; entered++; phase[LATE] = READY; ready!LATE
	:: else ->
#if defined(BUG_NOT_SHUT)
		if
		:: atomic { COUNT < PLACES -> phase[LATE] = PENDING; ring!LATE }
		:: COUNT >= PLACES -> blocked = true
		fi
#elif defined(BUG_SHUT_LATE)
		if
		:: atomic { COUNT < PLACES -> phase[LATE] = PENDING; ring!LATE }
		:: COUNT >= PLACES -> lane = false; blocked = true
		fi
#else
		if
		:: atomic { COUNT < PLACES -> phase[LATE] = PENDING; ring!LATE }
		:: COUNT >= PLACES ->
			lane = false;
			if
			:: atomic { COUNT < PLACES -> phase[LATE] = PENDING; ring!LATE }
			:: COUNT >= PLACES -> blocked = true
			fi
		fi
#endif
	fi;
	UNLOCK(mu);
	if
	:: blocked || released ->
end_blocked:
		released;
		LOCK(mu);
		released = false;
		if
		:: closing -> UNLOCK(mu)
		:: else -> goto again
		fi
	:: else
	fi;
done:
	others--
}

/* Goes away if there is no place. */
proctype Tryer()
{
	LOCK(mu);
	if
	:: in_use < LIMIT && !blocked && !released ->
		in_use++;
		entered++;
		phase[TRIED] = READY;
		ready!TRIED
	:: else ->
		lane = false;
		if
		:: atomic { COUNT + (blocked || released) < PLACES -> phase[TRIED] = PENDING; ring!TRIED }
		:: COUNT + (blocked || released) >= PLACES
		fi
	fi;
	UNLOCK(mu);
	others--
}

/* FIRST is waited for. */
proctype Waiter()
{
	bool over;

	LOCK(mu);
#ifdef BUG_WAIT_LATE
	over = phase[FIRST] == ENDED;
	waited[FIRST] = true;
#else
	atomic { waited[FIRST] = true; over = phase[FIRST] == ENDED };
#endif
	if
	:: over -> UNLOCK(mu)
	:: else -> listed[0] = true; UNLOCK(mu); sem[0]
	fi;
	atomic { assert(phase[FIRST] == ENDED); others-- }
}

/* QUEUED is closed. */
proctype JobCloser()
{
	bool over;
	byte job = NONE;

	LOCK(mu);
	if
	:: atomic { phase[QUEUED] == PENDING -> phase[QUEUED] = FINISHING; close_it[QUEUED] = true };
#ifndef BUG_NOT_BURIED
		refs[QUEUED]++;
#endif
		buried++;
		offer();
		entered++;
		end_locked(QUEUED, job, false)
	:: atomic { phase[QUEUED] == READY -> close_it[QUEUED] = true };
		if
		:: ready??[eval(QUEUED)] ->
			ready??eval(QUEUED);
			end_locked(QUEUED, job, true)
		:: else
		fi
	:: atomic { phase[QUEUED] == RUNNING -> close_it[QUEUED] = true };
		/* So it stays, with its worker, as long as mu is held. */
		assert(phase[QUEUED] == RUNNING)
	:: phase[QUEUED] == FINISHING || phase[QUEUED] == PASSING || phase[QUEUED] == ENDED
	fi;
	UNLOCK(mu);
	LOCK(mu);
	atomic { waited[QUEUED] = true; over = phase[QUEUED] == ENDED };
	if
	:: over -> UNLOCK(mu)
	:: else -> listed[1] = true; UNLOCK(mu); sem[1]
	fi;
	atomic { assert(phase[QUEUED] == ENDED); others-- }
}

proctype Closer()
{
	byte job = NONE, i;
	chan dropped = [JOBS] of { byte, bool };

	LOCK(mu);
	closing = true;
#ifndef BUG_CLOSE_LATE
	lane = false;
#endif
	/* The spawner is turned away. */
	atomic { released = released || blocked; blocked = false };
	do
	:: len(ready) > 0 ->
		ready?job;
		atomic { close_it[job] = true; phase[job] = FINISHING };
		dropped!job, true
	:: else -> break
	od;
	do
	:: next_pending(job, FINISHING);
		if
		:: job != NONE -> entered++; dropped!job, false
		:: else -> break
		fi
	od;
	do
	:: i < JOBS ->
		atomic {
			if
			:: phase[i] == RUNNING -> close_it[i] = true
			:: else
			fi;
			i++
		}
	:: else -> break
	od;
#ifdef BUG_CLOSE_LATE
	lane = false;
#endif
	asked = true;
	do
	:: len(dropped) > 0 ->
		atomic {
			if
			:: dropped?job, true -> i = 1
			:: dropped?job, false -> i = 0
			fi
		};
		end_locked(job, i, i == 1)
	:: else -> break
	od;
	UNLOCK(mu);
	atomic { entered == 0 && !mu -> closed = true };
	i = 0;
	do
	:: i < JOBS -> assert(phase[i] == ENDED || i >= LATE && phase[i] == NEW); i++
	:: else -> break
	od;
	others--
}

init
{
	byte i;

	atomic {
		do
		:: i < LIMIT -> phase[i] = RUNNING; refs[i] = 1; i++
		:: i >= LIMIT && i < LATE -> phase[i] = PENDING; refs[i] = 1; ring!i; i++
		:: i >= LATE && i < JOBS -> phase[i] = NEW; refs[i] = 1; i++
		:: i == JOBS -> break
		od;
		others = 2;
		if
		:: run Spawner(); run Waiter()
		:: run Spawner(); run Waiter(); endless = true
		:: run Spawner(); run Tryer(); endless = true
		:: run Spawner(); run JobCloser()
		:: run Spawner(); run Closer()
		:: run Waiter(); run JobCloser()
		:: run Waiter(); run Closer()
		:: run JobCloser(); run Closer()
		fi;
		i = 0;
		do
		:: i < LIMIT -> run Worker(i); i++
		:: else -> break
		od
	};
	timeout ->
	assert(!mu && (!blocked || COUNT >= PLACES));
	assert(endless || others == 0 && in_use == 0 && entered == 0 && buried == 0);
	assert(endless || len(ring) == 0 && len(ready) == 0)
}
