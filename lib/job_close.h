/* Closing one job.

   SPDX-License-Identifier: Apache-2.0 */

#ifndef JOB_CLOSE_H
#define JOB_CLOSE_H

#include "scheduler.h"

/* Begins a close of job, and waits for its end until the deadline.  As ptj_job_close().  No locks
   held; not a cancellation point. */
int close_job(ptj_job *job, deadline until);

#endif
