/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>

#include "bench_rows.h"

#include <string.h>

#define US INT64_C(1000)
#define MS INT64_C(1000000)
#define IDLE_RUNS 2 /* they take as long as they are to take, and vary little */
#define BOUND 10000 /* ptjobs' own pending limit, unless set */

/* In the order: name, protocol, title, jobs, jobs of the short form, workers, producers, time,
   pending limit. */
const struct row bench_rows[] = {
	{"empty", "jobs", "1 producer, 2 workers", 1000000, 100000, 2, 1, 0, 0},
	{"empty", "jobs", "1 producer, 4 workers", 1000000, 0, 4, 1, 0, 0},
	{"empty", "jobs", "4 producers, 2 workers", 1000000, 100000, 2, 4, 0, 0},
	{"empty", "jobs", "4 producers, 4 workers", 1000000, 0, 4, 4, 0, 0},
	{"handles", "handles", "1 producer, 2 workers", 500000, 50000, 2, 1, 0, 0},
	{"handles", "handles", "1 producer, 4 workers", 500000, 0, 4, 1, 0, 0},
	{"handles", "handles", "4 producers, 2 workers", 500000, 0, 2, 4, 0, 0},
	{"handles", "handles", "4 producers, 4 workers", 500000, 0, 4, 4, 0, 0},
	{"bounded", "jobs", "1 producer, 2 workers, 10,000 pending", 1000000, 100000, 2, 1, 0,
         BOUND},
	{"bounded", "jobs", "1 producer, 2 workers, no limit", 1000000, 0, 2, 1, 0, 0},
	{"bounded", "jobs", "4 producers, 2 workers, 10,000 pending", 1000000, 0, 2, 4, 0, BOUND},
	{"bounded", "jobs", "4 producers, 2 workers, no limit", 1000000, 0, 2, 4, 0, 0},
	{"roundtrip", "roundtrip", "one after another, 2 workers", 20000, 1000, 2, 1, 0, 0},
	{"roundtrip", "roundtrip", "one each millisecond, 2 workers", 500, 0, 2, 1, MS, 0},
	{"start", "start", "one each 200 µs, 2 workers", 2500, 300, 2, 1, 200 * US, 0},
	{"sleep", "sleep", "1 ms each, 100 workers", 20000, 2000, 100, 1, MS, 0},
	{"memory", "memory", "pending behind 2 blocked workers", 1000000, 100000, 2, 1, 0, 0},
	{"growth", "jobs", "a hundred thousand, 10,000 pending", 100000, 0, 2, 1, 0, BOUND},
	{"growth", "jobs", "ten million, 10,000 pending", 10000000, 0, 2, 1, 0, BOUND},
	{"length", "jobs", "0 µs, 2 workers", 500000, 0, 2, 1, 0, 0},
	{"length", "jobs", "1 µs, 2 workers", 200000, 0, 2, 1, US, 0},
	{"length", "jobs", "10 µs, 2 workers", 40000, 0, 2, 1, 10 * US, 0},
	{"length", "jobs", "100 µs, 2 workers", 4000, 0, 2, 1, 100 * US, 0},
	{"close", "close", "100 active jobs, and so many pending", 100000, 100000, 100, 1, 0, 0},
	{"cancel", "cancel", "one blocked job after another", 1000, 100, 2, 1, 0, 0},
	{"idle", "idle", "100 workers, 3 s", 100, 0, 100, 1, 3000 * MS, 0},
	{"idle", "idle", "100 workers, 0.1 s", 0, 100, 100, 1, 100 * MS, 0},
	{"scaling", "jobs", "1 producer, 1 worker", 300000, 0, 1, 1, 0, 0},
	{"scaling", "jobs", "1 producer, 8 workers", 300000, 0, 8, 1, 0, 0},
	{"scaling", "jobs", "1 producer, 16 workers", 300000, 0, 16, 1, 0, 0},
	{"scaling", "jobs", "2 producers, 2 workers", 300000, 0, 2, 2, 0, 0},
	{"scaling", "jobs", "8 producers, 2 workers", 300000, 0, 2, 8, 0, 0},
	{"scaling", "jobs", "16 producers, 2 workers", 300000, 0, 2, 16, 0, 0},
};

const size_t bench_rows_count = sizeof(bench_rows) / sizeof(bench_rows[0]);

size_t bench_row_runs(const struct row *row, size_t wanted)
{
	bool idles = strcmp(row->protocol, "idle") == 0;

	return idles && wanted > IDLE_RUNS ? IDLE_RUNS : wanted;
}

bool bench_row_is_divisible(const struct row *row)
{
	return strcmp(row->protocol, "jobs") == 0 || strcmp(row->protocol, "handles") == 0 ||
	       strcmp(row->protocol, "memory") == 0;
}
