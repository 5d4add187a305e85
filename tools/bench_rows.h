/* What is measured: workloads, each in one or more rows, which differ in their numbers.

   SPDX-License-Identifier: Apache-2.0 */

#ifndef BENCH_ROWS_H
#define BENCH_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct row {
	const char *workload; /* as -w names it */
	const char *protocol; /* as the programs know it (tools/bench/peer.h) */
	const char *title;
	size_t jobs, short_jobs; /* a row with no short_jobs is not in the short form */
	size_t workers, producers;
	int64_t time_ns;
	size_t pending_limit; /* 0 for none */
};

extern const struct row bench_rows[];
extern const size_t bench_rows_count;

/* How often the row is measured where so many runs are wanted. */
size_t bench_row_runs(const struct row *row, size_t wanted);

/* Whether the slow peers do only their share of the jobs: the row's figures are for one job. */
bool bench_row_is_divisible(const struct row *row);

#endif
