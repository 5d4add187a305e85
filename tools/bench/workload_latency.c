/* How soon one job runs and is heard of: roundtrip, start.

   SPDX-License-Identifier: Apache-2.0 */

#include "meter.h"
#include "workload.h"

#include <semaphore.h>
#include <stdlib.h>
#include <time.h>

struct stamp {
	int64_t spawned;
	int64_t *latency;
};

static int64_t *make_latencies(size_t n)
{
	int64_t *ns = calloc(n + 1, sizeof(*ns));

	if (!ns)
		peer_fail("there is no memory for the latencies");
	return ns;
}

static void sleep_until(int64_t ns)
{
	struct timespec t = {.tv_sec = (time_t)(ns / 1000000000),
	                     .tv_nsec = (long)(ns % 1000000000)};

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL))
		continue;
}

static void *do_nothing(void *arg)
{
	return arg;
}

/* What a program does that waits for a job of a pool without handles. */
static void *do_post(void *sem)
{
	sem_post(sem);
	return NULL;
}

static void go_and_return(const struct peer *peer, sem_t *ended)
{
	if (peer->spawn_handle) {
		peer->wait_handle(peer->spawn_handle(ended));
		return;
	}
	peer->spawn(ended);
	while (sem_wait(ended))
		continue;
}

void workload_roundtrip(const struct peer *peer, const struct task *task)
{
	int64_t *latencies = make_latencies(task->jobs);
	struct meter before, after;
	sem_t ended;

	sem_init(&ended, 0, 0);
	/* The first one starts threads. */
	peer->open(task, task->jobs + 1, peer->spawn_handle ? do_nothing : do_post);
	go_and_return(peer, &ended);
	before = meter_read();
	for (size_t i = 0; i < task->jobs; i++) {
		int64_t start;

		if (task->time_ns)
			sleep_until(meter_now() + task->time_ns);
		start = meter_now();
		go_and_return(peer, &ended);
		latencies[i] = meter_now() - start;
	}
	after = meter_read();
	if (peer->end_producer)
		peer->end_producer();
	peer->finish();
	meter_report(&before, &after);
	meter_report_latencies(latencies, task->jobs);
	free(latencies);
}

static void *do_stamp(void *arg)
{
	const struct stamp *s = arg;

	*s->latency = meter_now() - s->spawned;
	return NULL;
}

void workload_start(const struct peer *peer, const struct task *task)
{
	int64_t *latencies = make_latencies(task->jobs);
	struct stamp *stamps = calloc(task->jobs + 1, sizeof(*stamps));
	struct meter before, after;

	if (!stamps)
		peer_fail("there is no memory for the jobs");
	peer->open(task, task->jobs + 1, do_stamp);
	before = meter_read();
	/* The first one starts threads, and is not reported. */
	for (size_t i = 0; i <= task->jobs; i++) {
		stamps[i].latency = &latencies[i];
		sleep_until(before.wall_ns + (int64_t)i * task->time_ns);
		stamps[i].spawned = meter_now();
		peer->spawn(&stamps[i]);
	}
	if (peer->end_producer)
		peer->end_producer();
	peer->finish();
	after = meter_read();
	meter_report(&before, &after);
	meter_report_latencies(latencies + 1, task->jobs);
	free(stamps);
	free(latencies);
}
