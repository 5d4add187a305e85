/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>

#include "fork.h"

#include "grace.h"
#include "spin.h"

#include <pthread.h>
#include <stdbool.h>

static pthread_mutex_t mu = PTHREAD_MUTEX_INITIALIZER;
static bool watching; /* guarded by mu */

atomic_uint fork_count;

/* mu is held over the fork, so that the child does not inherit it locked by a thread that is not
   there. */
static void prepare(void)
{
	pthread_mutex_lock(&mu);
	grace_before_fork();
}

static void in_parent(void)
{
	grace_in_parent();
	pthread_mutex_unlock(&mu);
}

static void in_child(void)
{
	grace_in_child();
	spin_in_child();
	atomic_fetch_add_explicit(&fork_count, 1, memory_order_relaxed);
	pthread_mutex_unlock(&mu);
}

int fork_watch(void)
{
	int rc = 0;

	pthread_mutex_lock(&mu);
	if (!watching) {
		rc = pthread_atfork(prepare, in_parent, in_child);
		watching = rc == 0;
	}
	pthread_mutex_unlock(&mu);
	return rc;
}
