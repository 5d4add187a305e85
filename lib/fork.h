/* Telling a scheduler of this process from one that came over a fork.

   Only the calling thread is there in the child of a fork; the locks, lists and threads of the
   parent's schedulers are as the fork found them.  A generation number, which the child counts
   up, tells every call at once that it must touch nothing.

   SPDX-License-Identifier: Apache-2.0 */

#ifndef FORK_H
#define FORK_H

#include <stdatomic.h>

/* Has the generation count forks from now on; once per process, later calls are free.  Also tells
   grace.h of them, or a grace period in the child would wait for readers that are not there.
   ENOMEM. */
int fork_watch(void);

/* Written by a child's only thread. */
extern atomic_uint fork_count;

/* The number of forks between this process and the one that first called fork_watch().  Relaxed:
   nothing is published with it.  Checked by tests/test_fork.c. */
static inline unsigned fork_generation(void)
{
	return atomic_load_explicit(&fork_count, memory_order_relaxed);
}

#endif
