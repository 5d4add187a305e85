/* The ways in which a job of the accounting stress test is begun, and asked for.

   All of these may be called by a thread that is cancelled in them: what it holds is given back,
   and the item of a spawn that did not return is one of a job that never was.

   SPDX-License-Identifier: Apache-2.0 */

#ifndef PTJOBS_TESTS_STRESS_START_H
#define PTJOBS_TESTS_STRESS_START_H

#include "stress_venue.h"

/* How a job is spawned. */
struct start {
	enum how how; /* not SHIELDED */
	int64_t timeout_ms;
	ptj_completions *queue; /* NULL: none */
	int orphaned;           /* the queue may be freed before the job has ended */
	int children;           /* it may spawn others */
};

/* Returns what the spawn did; *job becomes the handle, where job is not NULL. */
int start(struct venue *v, const struct start *how, uint64_t *random, ptj_job **job);

/* Of these a job may be the caller, too. */
void start_detached(struct venue *v, uint64_t *random);
void start_and_wait(struct venue *v, uint64_t *random);
void start_shield(struct venue *v, uint64_t *random);

/* Waits for job, or polls it, and writes down the answer. */
void start_ask(ptj_job *job, int wait, int64_t timeout_ms);

/* Closes job. */
void start_close(ptj_job *job, int64_t timeout_ms);

#endif
