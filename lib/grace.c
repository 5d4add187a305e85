/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>

#include "grace.h"

#include <pthread.h>
#include <stddef.h>
#include <urcu/urcu-bp.h>

/* liburcu 0.13 orders memory in assembly that ThreadSanitizer cannot see.  What a grace period
   promises is said to it in its own terms here: the end of a section comes before the return of
   the wait.  Nothing is suppressed: data read outside a section is still a race. */
#if defined(__SANITIZE_THREAD__)
#define WITH_TSAN
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define WITH_TSAN
#endif
#endif

#ifdef WITH_TSAN
void __tsan_acquire(void *addr);
void __tsan_release(void *addr);

static char sections;

#define SECTION_ENDS() __tsan_release(&sections)
#define SECTIONS_ENDED() __tsan_acquire(&sections)
#else
#define SECTION_ENDS() ((void)0)
#define SECTIONS_ENDED() ((void)0)
#endif

void grace_read_begin(int *cancel_state)
{
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, cancel_state);
	urcu_bp_read_lock();
}

void grace_read_end(int cancel_state)
{
	SECTION_ENDS();
	urcu_bp_read_unlock();
	pthread_setcancelstate(cancel_state, NULL);
}

void grace_wait(void)
{
	urcu_bp_synchronize_rcu();
	SECTIONS_ENDED();
}
