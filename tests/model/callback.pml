/* On-cancel callbacks: called once, while the job is there, and waited for by whoever takes one
   back and by the job's end.

   An external job has a callback.  Its close calls that, one thread registers another or takes it
   back, and a second finishes the job.  No callback runs once the job's release function has been
   called; of two that wait for one that runs, both go on; and one that is registered after the
   close, but not too late, is called.

   Stands for: lib/callback.c callback_run_locked callback_unregister_locked callback_set_locked
               lib/cancel.c cancel_begin_locked cancel_complete_locked
               lib/external.c ptj_external_on_cancel finish_external
               lib/finish.c strip_locked settle_locked

   BUG_ONE_WAITER   only the last that came to wait is woken
   BUG_NO_WAIT      who takes a callback back does not wait for it
   BUG_OVER         it is not looked at whether the job is over when another is registered
   BUG_MISSED       one that is registered after the close is not called
   BUG_NOT_CALLING  the call is not noted
   BUG_STRIPPED     the end does not take the callback back

   SPDX-License-Identifier: Apache-2.0 */

#include "sync.h"

#define NONE 0
#define CALLS 3

mtype = { RUNNING, FINISHING, ENDED };

bool mu;
mtype phase = RUNNING;
bool close_it;
bool released; /* the release function has been called */
byte on_cancel = 1; /* which of two; NONE */
bool calling;
bool waits[2], sem[2];
byte last; /* who came to wait last, and is not done */
byte calls[CALLS];
bool late; /* one was registered after the close, and not too late */

/* mu held, released and reacquired. */
inline call_it(which)
{
	which = on_cancel;
	on_cancel = NONE;
#ifndef BUG_NOT_CALLING
	calling = true;
#endif
	UNLOCK(mu);
	atomic { assert(!released); calls[which]++; assert(calls[which] <= 1) };
	assert(!released);
	LOCK(mu);
	atomic {
		calling = false;
		which = NONE;
#ifdef BUG_ONE_WAITER
		if
		:: last > 0 -> sem[last - 1] = true
		:: else
		fi
#else
		if
		:: waits[0] -> sem[0] = true
		:: else
		fi;
		if
		:: waits[1] -> sem[1] = true
		:: else
		fi
#endif
	}
}

/* Likewise. */
inline unregister(me)
{
	on_cancel = NONE;
	waits[me] = true;
#ifndef BUG_NO_WAIT
	do
	:: calling ->
		last = me + 1;
		UNLOCK(mu);
		atomic { sem[me] -> sem[me] = false };
		LOCK(mu)
	:: else -> break
	od;
#endif
	last = 0;
	waits[me] = false
}

active proctype Closer()
{
	byte which;

	LOCK(mu);
	if
	:: phase == RUNNING ->
		close_it = true;
		if
		:: on_cancel != NONE -> call_it(which)
		:: else
		fi
	:: else
	fi;
	UNLOCK(mu)
}

active proctype Registrar()
{
	byte which, new;

	if
	:: new = 2
	:: new = NONE
	fi;
	LOCK(mu);
	if
	:: phase != RUNNING
	:: else ->
		unregister(0);
		if
		:: new == NONE
#ifndef BUG_OVER
		:: new != NONE && phase != RUNNING
#endif
		:: else ->
			on_cancel = new;
			late = close_it;
#ifndef BUG_MISSED
			if
			:: close_it -> call_it(which)
			:: else
			fi
#endif
		fi
	fi;
	UNLOCK(mu);
	new = NONE
}

active proctype Finisher()
{
	LOCK(mu);
	phase = FINISHING;
#ifndef BUG_STRIPPED
	unregister(1);
#endif
	UNLOCK(mu);
	released = true;
	LOCK(mu);
	phase = ENDED;
	UNLOCK(mu)
}

active proctype Rest()
{
	timeout ->
	assert(phase == ENDED && !mu && !calling && !waits[0] && !waits[1]);
	assert(!late || calls[2] == 1)
}
