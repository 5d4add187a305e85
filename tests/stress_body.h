/* What the jobs of the accounting stress test do.

   SPDX-License-Identifier: Apache-2.0 */

#ifndef PTJOBS_TESTS_STRESS_BODY_H
#define PTJOBS_TESTS_STRESS_BODY_H

#include "stress_venue.h"

/* The function of all jobs, and of all shielded functions; its argument is its item. */
void *body_main(void *item);

/* A kind for a job of v's; the short ones are many. */
enum kind body_kind(uint64_t *random);

/* Takes from c what is there within timeout_ms, and writes it down. */
void body_take(ptj_completions *c, int64_t timeout_ms);

/* The queue that all share. */
extern ptj_completions *shared_queue;

#endif
