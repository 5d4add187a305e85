/* Waiting for a job, and for the scheduler as a whole.

   SPDX-License-Identifier: Apache-2.0 */

#ifndef WAIT_H
#define WAIT_H

#include "block.h"
#include "scheduler.h"

/* Waits for job to end, as one who hears of its failure: 0, ETIMEDOUT, EINTR.  obliging: as for
   block_init().  No locks held. */
int await_job(ptj_job *job, deadline until, bool obliging);

/* ptj_job_poll(), its arguments checked. */
int poll_job(ptj_job *job, deadline until, void **result);

/* ptj_scheduler_wait(), its arguments checked. */
int await_quiet(struct ptj_scheduler *s, deadline until);

#endif
