/* SPDX-License-Identifier: Apache-2.0 */

#include "count.h"

#include <semaphore.h>
#include <stdatomic.h>

static atomic_size_t left;
static sem_t last; /* all zero, which is a semaphore with nothing in it */

void count_start(size_t jobs)
{
	atomic_store_explicit(&left, jobs, memory_order_relaxed);
}

/* The semaphore orders all that the jobs did before the waiter goes on, the last job having seen
   the others' through the counter. */
void count_one(void)
{
	if (atomic_fetch_sub_explicit(&left, 1, memory_order_acq_rel) == 1)
		sem_post(&last);
}

void count_wait(void)
{
	while (sem_wait(&last))
		continue;
}
