/* main() of the peers' programs in C and C++: reads the arguments and runs the workload.

   SPDX-License-Identifier: Apache-2.0 */

#include "peer.h"
#include "workload.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EXIT_CANNOT = 3 };

struct workload {
	const char *name;
	unsigned needs;
	void (*run)(const struct peer *peer, const struct task *task);
};

static const struct workload workloads[] = {
	{"jobs", CAN_JOBS, workload_jobs},
	{"sleep", CAN_JOBS, workload_sleep},
	{"handles", CAN_HANDLES, workload_handles},
	{"roundtrip", CAN_ROUNDTRIP, workload_roundtrip},
	{"start", CAN_START, workload_start},
	{"memory", CAN_MEMORY, workload_memory},
	{"close", CAN_CLOSE, workload_close},
	{"cancel", CAN_CANCEL, workload_cancel},
	{"idle", CAN_IDLE, workload_idle},
};

static const struct peer *find_peer(const char *name)
{
	for (size_t i = 0; peers[i]; i++) {
		if (strcmp(peers[i]->name, name) == 0)
			return peers[i];
	}
	peer_fail("there is no such peer in this program");
}

static const struct workload *find_workload(const char *name)
{
	for (size_t i = 0; i < sizeof(workloads) / sizeof(workloads[0]); i++) {
		if (strcmp(workloads[i].name, name) == 0)
			return &workloads[i];
	}
	peer_fail("there is no such workload");
}

static size_t number(const char *text)
{
	char *end;
	unsigned long long n;

	errno = 0;
	n = strtoull(text, &end, 10);
	if (end == text || *end || errno || n > INT64_MAX)
		peer_fail("an argument is not a number");
	return (size_t)n;
}

int main(int argc, char **argv)
{
	const struct workload *workload;
	const struct peer *peer;
	struct task task;
	unsigned needs;

	if (argc != 8)
		peer_fail("wanted: PEER WORKLOAD JOBS WORKERS PRODUCERS TIME PENDING_LIMIT");
	peer = find_peer(argv[1]);
	workload = find_workload(argv[2]);
	task = (struct task){
		.jobs = number(argv[3]),
		.workers = number(argv[4]),
		.producers = number(argv[5]),
		.time_ns = (int64_t)number(argv[6]),
		.pending_limit = number(argv[7]),
	};
	needs = workload->needs | (task.pending_limit ? CAN_BOUND : 0);
	if ((peer->abilities & needs) != needs)
		return EXIT_CANNOT;
	if (peer->version)
		printf("version %s\n", peer->version());
	workload->run(peer, &task);
	return fflush(stdout) ? EXIT_FAILURE : EXIT_SUCCESS;
}
