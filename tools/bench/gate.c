/* SPDX-License-Identifier: Apache-2.0 */

#include "gate.h"

#include <semaphore.h>

/* All zero is a semaphore of a process with nothing in it, as sem_init(&s, 0, 0) makes it. */
static sem_t arrived, opened;
static size_t standing; /* by the thread that has the gate's other side */

void *gate_pass(void *arg)
{
	sem_post(&arrived);
	while (sem_wait(&opened))
		continue;
	return arg;
}

void gate_await(size_t n)
{
	for (size_t i = 0; i < n; i++) {
		while (sem_wait(&arrived))
			continue;
	}
	standing += n;
}

void gate_open(void)
{
	for (; standing; standing--)
		sem_post(&opened);
}
