/* What became of the jobs: the counts that the progress line, the summary and the exit status
   are made of.

   SPDX-License-Identifier: Apache-2.0 */

#ifndef RUN_TALLY_H
#define RUN_TALLY_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

struct counts {
	uint64_t done; /* commands that have ended, the failed ones included */
	uint64_t failed;
	uint64_t dropped; /* closed before their commands had ended, or started */
	uint64_t total;   /* how many jobs there will be; 0 while that is not known */
	size_t running;
	size_t peak;      /* the most that ran at once */
	int output_error; /* how standard output failed; 0 or an errno value */
};

struct tally {
	int64_t start; /* read-only after tally_init() */
	pthread_mutex_t mu;
	struct counts n; /* guarded by mu */
};

enum tally_end { TALLY_SUCCEEDED, TALLY_FAILED, TALLY_DROPPED };

void tally_init(struct tally *t);
void tally_destroy(struct tally *t);

/* A command starts, and how it ends. */
void tally_start(struct tally *t);
void tally_end(struct tally *t, enum tally_end end);

/* A job is dropped that never started. */
void tally_drop(struct tally *t);

void tally_set_total(struct tally *t, uint64_t total);
void tally_set_output_error(struct tally *t, int error);

struct counts tally_counts(struct tally *t);

/* Commands ended per second since the start, as of now. */
double tally_rate(const struct tally *t, const struct counts *n);

/* Writes the summary: "3 jobs, 1 failed, 0.52 s, 5.8 jobs/s, at most 2 at once". */
void tally_describe(struct tally *t, char *buf, size_t size);

#endif
