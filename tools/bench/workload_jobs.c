/* How fast jobs go through: jobs, sleep, handles.

   SPDX-License-Identifier: Apache-2.0 */

#include "meter.h"
#include "toil.h"
#include "workload.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

/* How many jobs a producer of the workload handles has out at once. */
#define BATCH 1000

struct producer {
	const struct peer *peer;
	size_t jobs;
	pthread_t thread;
};

static struct timespec nap; /* read-only while threads run */
static char anything;       /* what an argument that is not NULL points to */

static void *do_nothing(void *arg)
{
	return arg;
}

static void *do_toil(void *arg)
{
	toil();
	return arg;
}

static void *do_sleep(void *arg)
{
	clock_nanosleep(CLOCK_MONOTONIC, 0, &nap, NULL);
	return arg;
}

static void *forget(void *arg)
{
	const struct producer *p = arg;

	for (size_t i = 0; i < p->jobs; i++)
		p->peer->spawn(&anything);
	if (p->peer->end_producer)
		p->peer->end_producer();
	return NULL;
}

static void *wait_for_each(void *arg)
{
	const struct producer *p = arg;
	void *handles[BATCH];
	size_t batch;

	for (size_t left = p->jobs; left; left -= batch) {
		batch = left < BATCH ? left : BATCH;
		for (size_t i = 0; i < batch; i++)
			handles[i] = p->peer->spawn_handle(&anything);
		for (size_t i = 0; i < batch; i++)
			p->peer->wait_handle(handles[i]);
	}
	if (p->peer->end_producer)
		p->peer->end_producer();
	return NULL;
}

static void produce(const struct peer *peer, const struct task *task, void *(*way)(void *))
{
	struct producer *producers = calloc(task->producers, sizeof(*producers));

	if (!producers)
		peer_fail("there is no memory for the producers");
	for (size_t i = 0; i < task->producers; i++) {
		struct producer *p = &producers[i];

		*p = (struct producer){.peer = peer, .jobs = task->jobs / task->producers};
		if (i < task->jobs % task->producers)
			p->jobs++;
		if (pthread_create(&p->thread, NULL, way, p))
			peer_fail("there is no thread for a producer");
	}
	for (size_t i = 0; i < task->producers; i++)
		pthread_join(producers[i].thread, NULL);
	free(producers);
}

static void measure(const struct peer *peer, const struct task *task, work_fn work,
                    void *(*way)(void *))
{
	struct meter before, after;

	if (peer->run_all) {
		before = meter_read();
		peer->run_all(task, work, &anything);
	} else {
		peer->open(task, task->jobs, work);
		before = meter_read();
		produce(peer, task, way);
		peer->finish();
	}
	after = meter_read();
	meter_report(&before, &after);
}

void workload_jobs(const struct peer *peer, const struct task *task)
{
	toil_prepare(task->time_ns);
	measure(peer, task, task->time_ns ? do_toil : do_nothing, forget);
}

void workload_sleep(const struct peer *peer, const struct task *task)
{
	struct task sleeping = *task;

	sleeping.sleeps = true;
	nap.tv_sec = (time_t)(task->time_ns / 1000000000);
	nap.tv_nsec = (long)(task->time_ns % 1000000000);
	measure(peer, &sleeping, do_sleep, forget);
}

void workload_handles(const struct peer *peer, const struct task *task)
{
	struct peer pool = *peer;

	pool.run_all = NULL;
	measure(&pool, task, do_nothing, wait_for_each);
}
