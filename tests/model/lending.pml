/* Lending: a job that waits for another lends its permit, and has it back before it goes on.

   Two permits, and two jobs that have them and wait for a third, which is in line for one.  So is a
   fourth, before it or behind, which may run for ever, as may one of the two that wait, then.  A
   wait may time out, and the two that wait may be closed.  Jobs never deadlock for want of a
   permit; one whose wait is over has his before those in line; one that went on without a permit is
   made up for; and when all is over every permit is back.  What is done under s->mu is one step.

   Stands for: lib/permits.c take_back_locked permits_dispatch_locked lender_lend_locked
                             lender_reclaim_locked is_closing await_permit_locked lender_end
               lib/block.c lend block_locked loop_locked block_done
               lib/wait.c await_job
               lib/finish.c lenders_first_locked release_waiters_locked end_locked
               lib/job_close.c begin_close_locked

   BUG_NO_LENDING   who blocks keeps his permit
   BUG_LEND_FIRST   he lends before he is on the list of those who wait
   BUG_LINE_LATE    he lines up when the permit of the job that ended has been handed on
   BUG_LINE_SECOND  those in line come before lenders
   BUG_NO_WAKE      the permit is a lender's again, and he is not woken
   BUG_STAYS        one that goes on without stays in the line
   BUG_NOT_COUNTED  one that goes on without does not count
   BUG_NOT_MADE_UP  a permit that comes free is handed on while more are in use than there are
   BUG_NO_NUDGE     a close does not wake those who line up
   BUG_TWICE        one that has his permit back already lines up for it

   SPDX-License-Identifier: Apache-2.0 */

#include "sync.h"

#define LIMIT 2
#define FIRST 0
#define SECOND 1
#define CHILD 2
#define OTHER 3
#define NOBODY 255

mtype = { IDLE, LENT, RECLAIMING };

chan reclaim = [4] of { byte };
chan in_line = [2] of { byte };
byte in_use = 2;
byte lent;
bool begun[4]; /* has a permit, or had one */
bool ended[4];
bool waiting[2]; /* on the list */
bool over[2];    /* the wait is, so released */
bool blocked[2]; /* has lent, and its wait is not over; not the library's, which has no such word */
bool back[2];    /* the lender's waiter is released */
bool sem[2];
mtype state[2] = IDLE;
bool closing;
bool endless;  /* the fourth is */
bool stubborn; /* the second is, when it has waited */
bool timed_out;

inline dispatch(who)
{
	do
#ifdef BUG_NOT_MADE_UP
	:: in_use <= LIMIT ->
#else
	:: in_use < LIMIT ->
#endif
		if
#ifdef BUG_LINE_SECOND
		:: len(reclaim) > 0 && len(in_line) == 0 ->
#else
		:: len(reclaim) > 0 ->
#endif
			reclaim?who;
			in_use++;
			assert(in_use <= LIMIT);
			lent--;
			back[who] = true;
			blocked[who] = false;
#ifndef BUG_NO_WAKE
			sem[who] = true
#endif
#ifdef BUG_LINE_SECOND
		:: len(in_line) > 0 ->
#else
		:: len(reclaim) == 0 && len(in_line) > 0 ->
#endif
			in_line?who;
			/* Nobody is overtaken. */
			assert(!(ended[CHILD] && (blocked[0] || blocked[1])));
			assert(len(reclaim) == 0);
			in_use++;
			assert(in_use <= LIMIT);
			begun[who] = true
		:: else -> break
		fi
	:: else -> break
	od;
	who = NOBODY
}

inline line_up(me)
{
	if
#ifdef BUG_TWICE
	:: state[me] != IDLE -> state[me] = RECLAIMING; reclaim!me
#else
	:: state[me] == LENT -> state[me] = RECLAIMING; reclaim!me
#endif
	:: else
	fi
}

inline lend(me, who)
{
	if
#ifndef BUG_NO_LENDING
	:: !closing ->
		blocked[me] = true;
		in_use--;
		lent++;
		state[me] = LENT;
		dispatch(who)
#endif
	:: else
	fi
}

inline end(who)
{
	in_use--;
	dispatch(who)
}

proctype Parent(byte me)
{
	byte who = NOBODY;
	bool late;

#ifdef BUG_LEND_FIRST
	atomic { lend(me, who) };
	atomic {
		if
		:: !ended[CHILD] -> waiting[me] = true
		:: else -> goto done
		fi
	};
#else
	atomic {
		if
		:: !ended[CHILD] -> waiting[me] = true; lend(me, who)
		:: else -> goto done
		fi
	};
#endif
look:
	atomic {
		if
		:: over[me] || late || closing ->
			waiting[me] = false;
			blocked[me] = blocked[me] && over[me];
			goto done
		:: else
		fi
	};
end_waiting:
	if
	:: atomic { sem[me] -> sem[me] = false }
	:: atomic { !timed_out -> timed_out = true; late = true }
	fi;
	goto look;
done:
	atomic {
		line_up(me);
		if
		:: state[me] == RECLAIMING -> dispatch(who)
		:: else -> goto has_it
		fi
	};
lining_up:
	atomic {
		if
		:: back[me] -> skip
		:: !back[me] && (closing || late) ->
#ifndef BUG_STAYS
			reclaim??eval(me);
#endif
			lent--;
#ifndef BUG_NOT_COUNTED
			in_use++
#endif
		:: else -> goto end_lining_up
		fi;
		state[me] = IDLE;
		blocked[me] = false;
		goto has_it
	};
end_lining_up:
	atomic { sem[me] -> sem[me] = false };
	goto lining_up;
has_it:
	if
	:: stubborn && me == SECOND && over[me] -> goto end_endless
	:: else
	fi;
	atomic {
		assert(state[me] == IDLE);
		ended[me] = true;
		assert(in_use > 0);
		end(who)
	};
	goto gone;
end_endless:
	false;
gone:
	skip
}

proctype Other()
{
	byte who = NOBODY;

end_in_line:
	begun[OTHER] && !endless;
	atomic { ended[OTHER] = true; end(who) }
}

proctype Child()
{
	byte who = NOBODY;

end_in_line:
	begun[CHILD];
	atomic {
#ifdef BUG_LINE_LATE
		ended[CHILD] = true;
		end(who);
#endif
		/* In the order in which they came, which is either. */
		if
		:: who = FIRST
		:: who = SECOND
		fi;
		if
		:: waiting[who] -> line_up(who)
		:: else
		fi;
		who = SECOND - who;
		if
		:: waiting[who] -> line_up(who)
		:: else
		fi;
		who = NOBODY;
#ifndef BUG_LINE_LATE
		ended[CHILD] = true;
		end(who);
#endif
		if
		:: waiting[FIRST] -> waiting[FIRST] = false; over[FIRST] = true; sem[FIRST] = true
		:: else
		fi;
		if
		:: waiting[SECOND] -> waiting[SECOND] = false; over[SECOND] = true; sem[SECOND] = true
		:: else
		fi
	}
}

/* Closes the first two, of which each is interrupted where it waits. */
proctype Closer()
{
	atomic {
		closing = true;
		if
		:: waiting[FIRST] -> sem[FIRST] = true
		:: else
		fi;
		if
		:: waiting[SECOND] -> sem[SECOND] = true
		:: else
		fi;
#ifndef BUG_NO_NUDGE
		if
		:: state[FIRST] == RECLAIMING -> sem[FIRST] = true
		:: else
		fi;
		if
		:: state[SECOND] == RECLAIMING -> sem[SECOND] = true
		:: else
		fi
#endif
	}
}

init
{
	atomic {
		if
		:: in_line!CHILD; in_line!OTHER
		:: in_line!OTHER; in_line!CHILD
		fi;
		if
		:: endless = true
		:: endless = true; stubborn = true
		:: skip
		fi;
		if
		:: timed_out = true
		:: skip
		fi;
		if
		:: run Closer()
		:: skip
		fi;
		run Parent(FIRST);
		run Parent(SECOND);
		run Child();
		run Other()
	};
	timeout ->
	assert(ended[CHILD] && ended[OTHER] != endless && (ended[SECOND] || stubborn));
	if
	:: stubborn -> assert(ended[FIRST] || !closing)
	:: else ->
		assert(ended[FIRST] && in_use == endless && lent == 0 && len(reclaim) == 0)
	fi
}
