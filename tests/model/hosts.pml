/* External jobs: how they come to those who ask for them.

   A spawner brings two, for one permit or two, or one that is a worker's, which ends its job in the
   lane and finds the next in its hands.  Two hosts ask for jobs, finish them, and ask again; one of
   them may leave because its time is up, or is cancelled where it sleeps.  Beside them there is
   somebody who polls the descriptor and asks with no time to wait; somebody who closes a job;
   another thread that finishes a job, as the host does; the close of the scheduler, whose time may
   run out because a host does not finish its job.

   Each job is handed out once at most, and ends once; none is that was closed before, nor after the
   close of the scheduler; nobody sleeps while a job is offered; the descriptor is readable while
   one is, and only then; and the close is over, whatever a host does.  What is done under s->mu is
   one step.

   Stands for: lib/offer.c offer_locked offer_take_locked offer_withdraw_locked
                           offer_withdraw_all_locked offer_pass_on_locked
                           tell_locked
               lib/external.c ptj_external_fd ptj_external_next await_offer_locked give_up
                              finish_external check_locked
               lib/block.c block_locked loop_locked lend abandon
               lib/waiter.c waiter_release
               lib/spawn.c make_ready_locked make_pending_locked
               lib/permits.c permits_dispatch_locked permits_next_locked
               lib/pass.c pass_begin pass_finish_locked make_next_ready_locked give_locked
               lib/finish.c settle_locked end_locked
               lib/job_close.c begin_close_locked drop_pending_locked
               lib/close.c close_locked take_unentered_locked mark_straggler

   BUG_NOT_WOKEN    nobody is woken for a job that is offered
   BUG_KEPT         a host that is cancelled keeps the wake-up that was for it
   BUG_TIMED_OUT    one whose time is up as it is woken goes without looking
   BUG_LISTED_LATE  a host looks, and gets on the list later, as if it lent its permit before that
   BUG_NO_LOOK      one that is woken takes it that there is a job
   BUG_NOT_RUNG     the descriptor does not tell what was offered before somebody asked for it
   BUG_NOT_RESET    it tells of jobs when there are none any more
   BUG_STILL_RUNG   likewise, when the last one was closed
   BUG_STAYS        a job that is closed is offered all the same
   BUG_HOSTS_STAY   a close of the scheduler lets no host go
   BUG_STILL_THERE  it leaves there what is offered
   BUG_LANE         a worker offers the job in its hands after that
   BUG_TWICE        a job is finished without a look whether it was
   BUG_WAITS        a close waits for a job that is with its host without end

   SPDX-License-Identifier: Apache-2.0 */

#define JOBS 2
#define HOSTS 2
#define NONE 255

mtype = { NEW, PENDING, READY, OUT, ENDED };

mtype phase[JOBS] = NEW;
bool close_it[JOBS];
bool straggler[JOBS];
chan pending = [JOBS] of { byte };
chan offered = [JOBS] of { byte };
byte limit = 1;
byte in_use, entered;

chan hosts = [HOSTS] of { byte };
bool released[HOSTS];
bool fd, rung;
bool closing, closed;
bool lane; /* a worker has a permit */

/* What may happen, or may not. */
bool impatient, cancellable, stubborn;

bool spawned; /* all */
byte out;     /* jobs that were handed out, by bits: no word of the library's */

/* All of these within a step. */

inline tell()
{
	rung = fd && len(offered) > 0
}

/* True whenever s->mu is not held. */
#define DESCRIPTOR_IS_RIGHT (rung == (fd && len(offered) > 0))

inline release(to)
{
	released[to] = true;
	to = 0
}

inline pass_on(to)
{
	if
	:: len(offered) > 0 && len(hosts) > 0 ->
		hosts?to;
		release(to)
	:: else
	fi
}

inline offer(what, to)
{
	phase[what] = READY;
	offered!what;
	tell();
#ifndef BUG_NOT_WOKEN
	pass_on(to)
#endif
}

inline dispatch(what, to)
{
	do
	:: in_use < limit && len(pending) > 0 ->
		pending?what;
		if
		:: phase[what] == PENDING -> in_use++; entered++; offer(what, to)
		:: else
		fi
	:: else -> break
	od;
	what = NONE
}

inline end(what, permit, to)
{
	in_use = in_use - permit;
	if
	:: !straggler[what] -> entered--
	:: else
	fi;
	phase[what] = ENDED;
	dispatch(what, to)
}

inline hand_out(what)
{
	assert(len(offered) > 0);
	offered?what;
#ifndef BUG_NOT_RESET
	tell();
#endif
	assert(phase[what] == READY && !close_it[what] && !closing);
	assert(!(out & (1 << what)));
	out = out | (1 << what);
	phase[what] = OUT
}

inline finish(what, to)
{
	if
#ifdef BUG_TWICE
	:: true ->
#else
	:: phase[what] == OUT ->
#endif
		end(what, 1, to)
	:: else -> what = NONE
	fi
}

proctype Spawner()
{
	byte i, job = NONE, to;

	do
	:: atomic {
			i < JOBS && !closing ->
			if
			:: in_use < limit -> in_use++; entered++; offer(i, to)
			:: else -> phase[i] = PENDING; pending!i
			fi;
			i++;
			spawned = i == JOBS
		}
	:: atomic { i == JOBS || closing -> spawned = true; i = 0; break }
	od
}

proctype Host(byte me)
{
	byte job = NONE, to;
	bool late;

ask:
	atomic {
		assert(DESCRIPTOR_IS_RIGHT);
		if
		:: len(offered) > 0 -> hand_out(job); goto work
		:: len(offered) == 0 && (closing || late) -> goto done
		:: else -> skip
		fi;
#ifdef BUG_LISTED_LATE
	};
	atomic {
#endif
		hosts!me;
		released[me] = false
	};
end_asleep:
	if
	:: atomic {
			released[me] ->
			released[me] = false;
#ifdef BUG_NO_LOOK
			if
			:: !closing -> hand_out(job); goto work
			:: else
			fi;
#endif
			goto ask
		}
	:: atomic { impatient && me == 0 -> impatient = false; late = true }
	:: atomic { cancellable && me == 0 -> cancellable = false; goto abandon }
	fi;
	atomic {
		if
#ifdef BUG_TIMED_OUT
		:: released[me] -> goto done
#else
		:: released[me] -> goto ask
#endif
		:: !released[me] -> hosts??eval(me); goto ask
		fi
	};
work:
	if
	:: stubborn && me == 1 -> goto end_stubborn
	:: else
	fi;
	atomic { finish(job, to); goto ask };
abandon:
	atomic {
		if
		:: !released[me] -> hosts??eval(me)
		:: else
		fi;
#ifndef BUG_KEPT
		pass_on(to);
#endif
		goto done
	};
end_stubborn:
	false;
done:
	atomic { late = false; released[me] = false }
}

proctype Poller()
{
	byte job = NONE, to;

	atomic {
		fd = true;
#ifndef BUG_NOT_RUNG
		tell()
#endif
	};
end_poll:
	rung;
	atomic {
		if
		:: len(offered) > 0 -> hand_out(job)
		:: else -> goto end_poll
		fi
	};
	atomic { finish(job, to); goto end_poll }
}

/* There is one host only that is to finish the job. */
proctype Meddler()
{
	byte job = 0, to;

end_never:
	phase[job] == OUT;
	atomic { finish(job, to) }
}

proctype JobCloser()
{
	byte job = JOBS - 1, to;

	spawned || phase[job] != NEW;
	atomic {
		if
		:: phase[job] == PENDING -> close_it[job] = true; entered++; end(job, 0, to)
		:: phase[job] == READY && offered??[eval(job)] ->
			close_it[job] = true;
#ifndef BUG_STAYS
			offered??eval(job);
#endif
#ifndef BUG_STILL_RUNG
			tell();
#endif
			end(job, 1, to)
		:: phase[job] == READY && !offered??[eval(job)] -> close_it[job] = true
		:: phase[job] == OUT -> close_it[job] = true
		:: else
		fi
	}
}

/* It has a permit, and is about to end its job in the lane. */
proctype Worker()
{
	byte job = NONE, next = NONE, to;

	if
	:: pending?job
	:: true
	fi;
	atomic {
		if
		:: job != NONE && phase[job] == PENDING ->
			entered++;
			if
#ifdef BUG_LANE
			:: false
#else
			:: closing -> phase[job] = READY; close_it[job] = true
#endif
			:: else -> offer(job, to); job = NONE
			fi
		:: else -> in_use--; job = NONE
		fi;
		/* Its own job ends, and what is in its hands is dropped after that. */
		entered--;
		dispatch(next, to)
	};
	atomic {
		if
		:: job != NONE -> end(job, 1, to)
		:: else
		fi
	}
}

proctype Closer()
{
	byte job, to, i;

	atomic {
		closing = true;
		do
		:: i < JOBS ->
			close_it[i] = close_it[i] || phase[i] == OUT || phase[i] == READY;
			i++
		:: else -> i = 0; break
		od;
#ifndef BUG_HOSTS_STAY
		do
		:: len(hosts) > 0 -> hosts?to; release(to)
		:: else -> break
		od;
#endif
		do
		:: len(pending) > 0 ->
			pending?job;
			if
			:: phase[job] == PENDING -> close_it[job] = true; entered++; end(job, 0, to)
			:: else
			fi
		:: else -> break
		od;
#ifndef BUG_STILL_THERE
		do
		:: len(offered) > 0 -> offered?job; end(job, 1, to)
		:: else -> break
		od;
		tell()
#endif
	};
	if
	:: entered == 0
#ifndef BUG_WAITS
	:: stubborn
#endif
	fi;
	atomic {
		do
		:: i < JOBS ->
			if
			:: phase[i] == OUT || phase[i] == READY ->
				straggler[i] = true;
				entered--
			:: else
			fi;
			i++
		:: else -> break
		od
	};
	atomic { entered == 0 -> closed = true }
}

init
{
	byte i;

	atomic {
		if
		:: lane = true; in_use = 1; entered = 1; run Worker()
		:: skip
		:: limit = 2
		fi;
		if
		:: impatient = true
		:: cancellable = true
		:: skip
		fi;
		if
		:: run Poller(); run JobCloser()
		:: run Meddler()
		:: run JobCloser(); run Closer()
		:: run Poller(); run Closer()
		:: run Closer(); stubborn = true
		fi;
		run Spawner();
		run Host(0);
		run Host(1)
	};
	timeout ->
	assert(DESCRIPTOR_IS_RIGHT);
	assert(spawned && closed == closing);
	assert(len(offered) == 0 && len(pending) == 0 || stubborn && !closing);
	do
	:: i < JOBS ->
		assert(phase[i] == ENDED || closing && phase[i] == NEW || stubborn && phase[i] == OUT);
		i++
	:: else -> break
	od;
	assert(stubborn || entered == 0 && in_use == 0);
	assert(!closing || len(hosts) == 0)
}
