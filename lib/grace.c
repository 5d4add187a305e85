/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>

#include "grace.h"

#include "mutex.h"

#include <pthread.h>
#include <urcu/urcu-bp.h>

/* liburcu 0.13 orders memory in assembly that ThreadSanitizer cannot see.  What a grace period
   promises is said to it in its own terms: the end of a section comes before the return of the
   wait.  Nothing is suppressed: data read outside a section is still a race. */
static char sections;

void grace_read_begin(int *cancel_state)
{
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, cancel_state);
	urcu_bp_read_lock();
}

void grace_read_end(int cancel_state)
{
	TSAN_RELEASE(&sections);
	urcu_bp_read_unlock();
	pthread_setcancelstate(cancel_state, NULL);
}

void grace_wait(void)
{
	int cancel_state;

	/* It polls, with locks of its own held. */
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel_state);
	urcu_bp_synchronize_rcu();
	pthread_setcancelstate(cancel_state, NULL);
	TSAN_ACQUIRE(&sections);
}
