/* Jobs that do not end by themselves: close, cancel.

   SPDX-License-Identifier: Apache-2.0 */

#include "gate.h"
#include "meter.h"
#include "workload.h"

#include <stdlib.h>

static char empty, standing; /* the arguments of jobs, which tell them what they are */

static void *stand_or_not(void *arg)
{
	return arg == &standing ? gate_pass(arg) : arg;
}

void workload_close(const struct peer *peer, const struct task *task)
{
	struct meter before, after;

	peer->open(task, task->jobs + task->workers, stand_or_not);
	for (size_t i = 0; i < task->workers; i++)
		peer->spawn(&standing);
	gate_await(task->workers);
	for (size_t i = 0; i < task->jobs; i++)
		peer->spawn(&empty);
	before = meter_read();
	peer->close();
	after = meter_read();
	meter_report(&before, &after);
}

void workload_cancel(const struct peer *peer, const struct task *task)
{
	int64_t *latencies = calloc(task->jobs + 1, sizeof(*latencies));
	struct meter before, after;

	if (!latencies)
		peer_fail("there is no memory for the latencies");
	peer->open(task, task->jobs, gate_pass);
	before = meter_read();
	for (size_t i = 0; i < task->jobs; i++) {
		void *job = peer->spawn_handle(&standing);
		int64_t start;

		gate_await(1);
		start = meter_now();
		peer->cancel_handle(job);
		latencies[i] = meter_now() - start;
	}
	after = meter_read();
	peer->finish();
	meter_report(&before, &after);
	meter_report_latencies(latencies, task->jobs);
	free(latencies);
}
