/* Where one thread sleeps until another wakes it, or until a deadline.

   Every wait of the library is a loop around parker_park() that looks at its own predicate under
   its own lock, so a wake-up may come early, late or twice.  What must hold is that no wake-up is
   lost: a waker changes the predicate before it calls parker_wake(), and a wake-up that comes
   before the park makes that park return at once.

   A parker's mutex is the innermost lock: parker_wake() may be called with any other held, and
   takes none.

   SPDX-License-Identifier: Apache-2.0 */

#ifndef PARKER_H
#define PARKER_H

#include "deadline.h"
#include "mutex.h"

#include <pthread.h>
#include <stdbool.h>

struct parker {
	pthread_mutex_t mu;
	bool woken;          /* guarded by mu */
	pthread_cond_t cond; /* woken */
};

/* Cannot fail: glibc's and musl's condition variables need no memory of their own. */
void parker_init(struct parker *p);
void parker_destroy(struct parker *p);

/* Makes the current, or else the next, parker_park() return.  p must be valid until this
   returned: the caller holds the lock under which p was announced to it. */
void parker_wake(struct parker *p);

/* Sleeps until woken or until the deadline.  By p's own thread only.  A cancellation point, in
   which no lock is held. */
void parker_park(struct parker *p, deadline until);

#endif
