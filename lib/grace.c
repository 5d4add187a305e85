/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>

#include "grace.h"

#include "keep_errno.h"
#include "mutex.h"

#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Whose holder waits for a grace period. */
static pthread_mutex_t mu = PTHREAD_MUTEX_INITIALIZER;

/* All of these are used with sequential consistency, and so are the pointers that sections read.  A
   section counts itself before it reads, and who waits has unlinked what he waits for before he
   looks at the counts: either he sees the section counted, or it does not see what was unlinked. */
static struct {
	_Alignas(64) atomic_uint sections[2]; /* that count themselves there */
	atomic_uint current;                  /* where those that begin do; written under mu */
	atomic_bool awaited;                  /* somebody sleeps until a count is 0; under mu */
} counts;

static void futex(atomic_uint *at, int operation, unsigned value)
{
	syscall(SYS_futex, at, operation, value, NULL, NULL, 0);
}

void grace_read_begin(struct section *section)
{
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &section->cancel_state);
	section->count = atomic_load(&counts.current);
	atomic_fetch_add(&counts.sections[section->count], 1);
}

void grace_read_end(struct section *section)
{
	atomic_uint *sections = &counts.sections[section->count];

	TSAN_RELEASE(&counts);
	if (atomic_fetch_sub(sections, 1) == 1 && atomic_load(&counts.awaited))
		futex(sections, FUTEX_WAKE_PRIVATE, INT_MAX);
	pthread_setcancelstate(section->cancel_state, NULL);
}

/* Sends the sections to come to the other count, and waits until this one is 0. */
static void flip_and_wait(void)
{
	unsigned count = atomic_load(&counts.current), n;

	atomic_store(&counts.current, 1 - count);
	while ((n = atomic_load(&counts.sections[count])))
		futex(&counts.sections[count], FUTEX_WAIT_PRIVATE, n);
}

/* Twice, since a section may be late: it saw where to count itself before, and does so afterwards.
   It saw all that was unlinked by then, so nobody need wait for it yet; but it is in the count that
   the others have left, and the next one to wait must find it. */
void grace_wait(void)
{
	KEEP_ERRNO;
	int cancel_state;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel_state);
	mutex_lock(&mu);
	atomic_store(&counts.awaited, true);
	flip_and_wait();
	flip_and_wait();
	atomic_store(&counts.awaited, false);
	mutex_unlock(&mu);
	pthread_setcancelstate(cancel_state, NULL);
	TSAN_ACQUIRE(&counts);
}

void grace_before_fork(void)
{
	pthread_mutex_lock(&mu);
}

void grace_in_parent(void)
{
	pthread_mutex_unlock(&mu);
}

void grace_in_child(void)
{
	atomic_store(&counts.sections[0], 0);
	atomic_store(&counts.sections[1], 0);
	pthread_mutex_unlock(&mu);
}
