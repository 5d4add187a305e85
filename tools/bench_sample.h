/* One measurement: a program is run and its figures are read.

   SPDX-License-Identifier: Apache-2.0 */

#ifndef BENCH_SAMPLE_H
#define BENCH_SAMPLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The figures of the protocol that are one number each, and what the kernel counted besides. */
enum raw {
	RAW_WALL,
	RAW_CPU,
	RAW_VOLUNTARY,
	RAW_INVOLUNTARY,
	RAW_BYTES,
	RAW_RETURNED,
	RAW_FUTEX,
	RAW_COUNT
};

struct sample {
	double raw[RAW_COUNT];
	bool has[RAW_COUNT];
	double *latencies; /* nanoseconds, ascending */
	size_t latencies_count;
	char version[64];
};

enum sample_answer {
	SAMPLE_TAKEN,
	SAMPLE_CANNOT, /* the peer has no such thing */
	SAMPLE_FAILED  /* and reason says how */
};

/* Runs the program args[0], and kills it once timeout_ms have passed.  A sample that was taken is
   for sample_destroy(). */
enum sample_answer sample_take(char **args, int64_t timeout_ms, struct sample *sample, char *reason,
                               size_t size);
void sample_destroy(struct sample *sample);

/* The latency that the given share of all is not above. */
double sample_percentile(const struct sample *sample, double share);

#endif
