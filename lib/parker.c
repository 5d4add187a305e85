/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>

#include "parker.h"

#include "per_thread.h"
#include "spin.h"

/* Those whom this thread wakes when it releases its monitor. */
static PER_THREAD struct parker *to_wake;

/* One that was posted may be gone. */
static void post_all(void)
{
	struct parker *p, *next;

	for (p = to_wake, to_wake = NULL; p; p = next) {
		next = p->next;
		TSAN_RELEASE(&p->sem);
		sem_post(&p->sem);
	}
}

void parker_init(struct parker *p)
{
	sem_init(&p->sem, 0, 0);
	atomic_init(&p->due, false);
}

/* Whoever is to post the semaphore needs nothing to get there.  It may be the calling thread. */
void parker_destroy(struct parker *p)
{
	int cancel_state;

	/* Nobody sets it any more; the caller has taken p back from them under the monitor. */
	if (atomic_load_explicit(&p->due, memory_order_acquire)) {
		post_all();
		pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel_state);
		while (sem_wait(&p->sem))
			;
		TSAN_ACQUIRE(&p->sem);
		pthread_setcancelstate(cancel_state, NULL);
	}
	sem_destroy(&p->sem);
}

void parker_wake(struct parker *p)
{
	/* Pairs with parker_park(): see there. */
	if (atomic_exchange_explicit(&p->due, true, memory_order_acq_rel))
		return;
	TSAN_ACQUIRE(&p->due);
	p->next = to_wake;
	to_wake = p;
}

static bool is_posted(const void *parker)
{
	const struct parker *p = parker;
	int value;

	/* Linux' only looks, whatever its prototype says. */
	sem_getvalue((sem_t *)&p->sem, &value);
	return value > 0;
}

void parker_linger(struct parker *p)
{
	spin_until(is_posted, p);
}

static int timed_wait(struct parker *p, deadline until)
{
/* ThreadSanitizer does not know sem_clockwait. */
#if defined(HAVE_SEM_CLOCKWAIT) && !defined(WITH_TSAN)
	p->until = deadline_timespec(until);
	return sem_clockwait(&p->sem, CLOCK_MONOTONIC, &p->until);
#else
	p->until = deadline_realtime(until);
	return sem_timedwait(&p->sem, &p->until);
#endif
}

/* A waker that finds the flag set leaves it at that.  It changed its predicate before; the caller
   looks at that afterwards, also where it takes no lock for it: it has read the flag that the waker
   wrote, which is why the flag is exchanged and not stored.  Pairs with parker_wake(), acquire and
   release.  Checked by tests/test_parker.c. */
void parker_park(struct parker *p, deadline until)
{
	int rc = until == DEADLINE_NEVER ? sem_wait(&p->sem) : timed_wait(p, until);

	if (rc)
		return;
	TSAN_ACQUIRE(&p->sem);
	TSAN_RELEASE(&p->due);
	atomic_exchange_explicit(&p->due, false, memory_order_acq_rel);
}

bool monitor_init(struct monitor *m)
{
	return mutex_init_busy(&m->mutex);
}

void monitor_destroy(struct monitor *m)
{
	pthread_mutex_destroy(&m->mutex);
}

void monitor_lock(struct monitor *m) LOCKS_UNCHECKED
{
	mutex_lock(&m->mutex);
}

void monitor_unlock(struct monitor *m) LOCKS_UNCHECKED
{
	mutex_unlock(&m->mutex);
	if (to_wake)
		post_all();
}
