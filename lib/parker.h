/* Where one thread sleeps until another wakes it, or until a deadline; and the lock whose holders
   wake such threads.

   Every wait of the library is a loop around parker_park() that looks at its own predicate under
   its own lock, so a wake-up may come early, late or twice.  What must hold is that no wake-up is
   lost: a waker changes the predicate before it calls parker_wake(), and a wake-up that comes
   before the park makes that park return at once.

   A parker is a semaphore that is 0 or 1, and a flag that says whether somebody has made it 1 or is
   about to.  parker_wake() only sets the flag, under the monitor that guards the predicate; the
   semaphore is posted when the monitor has been released, so that the thread does not wake to find
   that taken.  Posting while it was held made 6 to 8 futex calls of 3.4 in the round trip of a job
   that is waited for, and its 90th percentile twice as long.

   SPDX-License-Identifier: Apache-2.0 */

#ifndef PARKER_H
#define PARKER_H

#include "deadline.h"
#include "mutex.h"

#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>

struct parker {
	sem_t sem;
	struct timespec
		until;       /* of the park; no local, for gcc 12's ASan leaves those poisoned that
	                          a cancellation unwinds */
	atomic_bool due;     /* the semaphore is 1, or a thread is about to post it */
	struct parker *next; /* among those which that thread is about to wake; its own */
};

/* Cannot fail: a semaphore that begins with 0 needs nothing. */
void parker_init(struct parker *p);

/* Waits for the post, if one is due.  No monitor need be held, and any may. */
void parker_destroy(struct parker *p);

/* Makes the current, or else the next, parker_park() return.  The caller holds the monitor under
   which p was announced to it, and the wake-up comes with its monitor_unlock(). */
void parker_wake(struct parker *p);

/* Looks for a moment whether somebody wakes p (spin.h): before a park that may well be short. */
void parker_linger(struct parker *p);

/* Sleeps until woken, until the deadline or until a signal comes.  By p's own thread only.  A
   cancellation point, in which no lock is held. */
void parker_park(struct parker *p, deadline until);

/* A mutex under which threads are woken.  A thread holds one at a time. */
struct monitor {
	pthread_mutex_t mutex;
};

/* False: there can be no mutex. */
bool monitor_init(struct monitor *m);
void monitor_destroy(struct monitor *m);
void monitor_lock(struct monitor *m) ACQUIRES(a_monitor);

/* Also wakes whom the calling thread has decided to wake, with m not held any more. */
void monitor_unlock(struct monitor *m) RELEASES(a_monitor);

/* In the child of a fork there is nobody to lock out.  Does nothing. */
static inline void monitor_assume(void) ASSUMES(a_monitor) LOCKS_UNCHECKED
{
}

#endif
