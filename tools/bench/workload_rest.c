/* Pools whose jobs stand still, or that have none: memory, idle.

   SPDX-License-Identifier: Apache-2.0 */

#include "gate.h"
#include "meter.h"
#include "workload.h"

#include <stdio.h>
#include <stdatomic.h>
#include <unistd.h>

/* How long a pool has to give memory back, and its threads to go to sleep. */
#define SETTLE_US 100000

static char empty, standing; /* the arguments of jobs, which tell them what they are */
static atomic_size_t ended;

static void *stand_or_count(void *arg)
{
	if (arg == &standing)
		gate_pass(arg);
	else
		atomic_fetch_add_explicit(&ended, 1, memory_order_release);
	return NULL;
}

static void occupy(const struct peer *peer, const struct task *task)
{
	for (size_t i = 0; i < task->workers; i++)
		peer->spawn(&standing);
	gate_await(task->workers);
}

void workload_memory(const struct peer *peer, const struct task *task)
{
	double before, full, after;

	peer->open(task, task->jobs + task->workers, stand_or_count);
	occupy(peer, task);
	before = (double)meter_memory();
	for (size_t i = 0; i < task->jobs; i++)
		peer->spawn(&empty);
	full = (double)meter_memory();
	gate_open();
	if (peer->end_producer)
		peer->end_producer();
	while (atomic_load_explicit(&ended, memory_order_acquire) < task->jobs)
		usleep(1000);
	usleep(SETTLE_US);
	after = (double)meter_memory();
	peer->finish();
	printf("bytes %.3f\n", (full - before) / (double)task->jobs);
	if (full > before)
		printf("returned %.4f\n", (full - after) / (full - before));
}

void workload_idle(const struct peer *peer, const struct task *task)
{
	struct meter before, after;

	peer->open(task, task->workers, stand_or_count);
	occupy(peer, task);
	gate_open();
	if (peer->end_producer)
		peer->end_producer();
	usleep(SETTLE_US);
	before = meter_read();
	usleep((useconds_t)(task->time_ns / 1000));
	after = meter_read();
	peer->finish();
	/* The measuring thread's own sleep is none of the pool's. */
	before.voluntary++;
	meter_report(&before, &after);
}
