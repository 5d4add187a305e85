/* A program that `ptjobs bench` runs, and the pools in it, which are called peers.

   The programs are many, so that what one peer does to its process, its memory above all, is no
   other's concern, and ptjobs need not be linked with any of them.  All speak one protocol:

	PROGRAM PEER WORKLOAD JOBS WORKERS PRODUCERS TIME PENDING_LIMIT

   runs a workload once and writes figures, one a line, as a word and numbers:

	version GLib 2.74.6        what was measured
	wall_ns 51234567           from the first spawn until all jobs have ended
	cpu_ns 98765432            CPU time of the process meanwhile
	voluntary 12               context switches of the process meanwhile: it slept
	involuntary 3              and was preempted
	bytes 64.2                 memory: what one pending job takes, of the process's memory, in
	                           Java of the heap
	returned 0.93              memory: the share given back once all jobs have ended
	latency_ns 7100 6900 ...   one number for each job, where a workload has latencies

   Lines may be left out.  Exit status 3 says that the peer cannot do what was asked, such as a
   pending limit; any other but 0 is a failure.

   The workloads, of JOBS jobs each:

	jobs       PRODUCERS threads spawn their share of jobs that take TIME nanoseconds of
	           computing, and forget them
	sleep      the same with jobs that sleep for TIME
	handles    the same as jobs, with a handle for each job: a producer spawns up to 1,000 jobs
	           and waits for each of them, and goes on
	roundtrip  one thread spawns an empty job, waits for it, pauses for TIME, and goes on;
	           latencies are from before the spawn until after the wait
	start      one thread spawns a job every TIME; latencies are from before the spawn until
	           the job runs
	memory     all workers are blocked while JOBS empty jobs are spawned
	close      WORKERS jobs are blocked and JOBS more are pending when the pool is closed
	cancel     one job after another blocks and is cancelled; latencies are of the
	           cancellation until the job has ended
	idle       after each of WORKERS threads had a job, nothing happens for TIME

   In jobs, sleep and handles the closing of the pool is part of wall_ns, since with some peers it
   is the only way to wait for all jobs.  A runtime that compiles while it runs, such as Java's,
   does the workload once or more before it measures.

   program.c is main() of the programs in C and C++, which have peers[].

   SPDX-License-Identifier: Apache-2.0 */

#ifndef PEER_H
#define PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct task {
	size_t jobs, workers, producers;
	int64_t time_ns;
	size_t pending_limit; /* 0 for none */
	bool sleeps;          /* the jobs sleep for the time, and do not compute */
};

enum ability {
	CAN_JOBS = 1, /* and sleep */
	CAN_HANDLES = 2,
	CAN_ROUNDTRIP = 4,
	CAN_START = 8,
	CAN_MEMORY = 16,
	CAN_CLOSE = 32,
	CAN_CANCEL = 64,
	CAN_IDLE = 128,
	CAN_BOUND = 256, /* spawn blocks at the pending limit */
	/* What any pool can that runs the jobs it is given on threads of its own. */
	CAN_POOL = CAN_JOBS | CAN_ROUNDTRIP | CAN_START | CAN_MEMORY | CAN_IDLE
};

typedef void *(*work_fn)(void *arg);

/* A process runs one workload, so a pool may live in static variables.  What a peer cannot do
   is NULL. */
struct peer {
	const char *name;
	const char *(*version)(void);
	unsigned abilities;

	/* A pool that calls work(arg) for each spawn(arg), arg not being NULL.  jobs is how many
	   there will be in all. */
	void (*open)(const struct task *task, size_t jobs, work_fn work);
	void (*spawn)(void *arg);
	/* Called by each producer after its last spawn. */
	void (*end_producer)(void);
	/* Waits until all jobs have ended, and closes the pool. */
	void (*finish)(void);

	/* wait_handle() also gives the handle back. */
	void *(*spawn_handle)(void *arg);
	void (*wait_handle)(void *handle);
	/* Cancels the running job, waits for its end and gives the handle back. */
	void (*cancel_handle)(void *handle);

	/* Drops the pending jobs, ends the active ones, and closes the pool.  Where active jobs
	   cannot be cancelled it calls gate_open(). */
	void (*close)(void);

	/* Does a whole workload of jobs in place of the functions above, where threads of our own
	   cannot spawn: work(arg) for each job. */
	void (*run_all)(const struct task *task, work_fn work, void *arg);
};

/* The peers of the program, and NULL. */
extern const struct peer *const peers[];

/* Ends the program, since what failed is needed. */
void peer_fail(const char *what) __attribute__((noreturn));

#ifdef __cplusplus
}
#endif

#endif
