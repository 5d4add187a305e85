/* No pool: pthread_create() and pthread_join() for each job, or pthread_cancel() between them.
   Jobs that sleep are shared out evenly among as many threads as a pool would have workers.

   SPDX-License-Identifier: Apache-2.0 */

#include "crew.h"
#include "floors.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

static work_fn work;         /* read-only while threads run */
static void *argument;       /* read-only while threads run */
static atomic_size_t shares; /* one more than the number of the next thread's share */
static size_t jobs, threads; /* read-only while threads run */
static bool one_thread_each; /* read-only while threads run */

static void open_none(const struct task *task, size_t count, work_fn fn)
{
	(void)task;
	(void)count;
	work = fn;
}

static void *spawn_handle(void *arg)
{
	pthread_t *thread = malloc(sizeof(*thread));

	if (!thread || pthread_create(thread, NULL, work, arg))
		peer_fail("there is no thread for a job");
	return thread;
}

static void wait_handle(void *thread)
{
	pthread_join(*(pthread_t *)thread, NULL);
	free(thread);
}

static void cancel_handle(void *thread)
{
	pthread_cancel(*(pthread_t *)thread);
	wait_handle(thread);
}

/* Nothing is known of a thread that nobody joins, so it is joined at once. */
static void spawn(void *arg)
{
	wait_handle(spawn_handle(arg));
}

static void finish(void)
{
}

static void *do_share(void *unused)
{
	size_t share = atomic_fetch_add_explicit(&shares, 1, memory_order_relaxed);
	size_t n = jobs / threads + (share < jobs % threads);

	for (size_t i = 0; i < n; i++) {
		if (one_thread_each)
			spawn(argument);
		else
			work(argument);
	}
	return unused;
}

static void run_all(const struct task *task, work_fn fn, void *arg)
{
	work = fn;
	argument = arg;
	jobs = task->jobs;
	one_thread_each = !task->sleeps;
	threads = one_thread_each ? task->producers : task->workers;
	crew_start(threads, do_share);
	crew_join();
}

const struct peer floor_threads = {
	.name = "threads",
	.abilities = CAN_JOBS | CAN_HANDLES | CAN_ROUNDTRIP | CAN_START | CAN_CANCEL,
	.open = open_none,
	.spawn = spawn,
	.finish = finish,
	.spawn_handle = spawn_handle,
	.wait_handle = wait_handle,
	.cancel_handle = cancel_handle,
	.run_all = run_all,
};
